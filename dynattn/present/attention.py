"""The attention of a trained layer over one sentence: heat maps, and arcs over the text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import new_figure, save_figure, style
from dynattn.present.palette import MUTED_TEXT, TEXT, series_colour
from dynattn.present.parts import Attention

if TYPE_CHECKING:
    import networkx

VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
"""Signs for letters that leave no ink."""
MOST_LABELS = 96
"""Tokens up to which every one is written at the axes."""


def visible(token: str) -> str:
    """A token as it can be seen: ``↵`` for a new line, ``\\x07`` for a control character."""
    return "".join(
        VISIBLE.get(c, c if c.isprintable() else c.encode("unicode_escape").decode()) for c in token
    )


def text_tokens(data: bytes) -> tuple[str, ...]:
    """One label per byte; bytes that are no ASCII letter are shown as ``\\xe9``."""
    return tuple(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in data)


def attention_graph(attention: Attention, keep: float = 0.02) -> networkx.MultiDiGraph:
    """The attention as a weighted graph over token positions; edges below ``keep`` are left out.

    An edge runs from sender to receiver, with ``weight``, ``layer`` and ``head``.
    """
    import networkx

    graph = networkx.MultiDiGraph(name="attention")
    for position, token in enumerate(attention.tokens):
        graph.add_node(position, token=visible(token))
    for layer, head, i, j in zip(*(attention.weights >= keep).nonzero(), strict=True):
        weight = float(attention.weights[layer, head, i, j])
        graph.add_edge(
            int(j), int(i), weight=weight, layer=layer_name(attention, layer), head=int(head)
        )
    return graph


def layer_name(attention: Attention, layer: int) -> str:
    """The layer's name, or its number where it has none."""
    return attention.layers[layer] if attention.layers else f"layer {layer}"


def draw_heat_maps(attention: Attention, path: Path) -> Path:
    """One panel per layer (down) and head (across): row = receiver, column = sender.

    Pairs that never couple (weight exactly 0) stay empty. All panels share one scale.
    """
    from matplotlib.colors import PowerNorm

    layers, heads, length, _ = attention.weights.shape
    side = min(9.0 if layers * heads == 1 else 6.0, max(2.4, 0.135 * length + 0.7))
    # The square root lifts small weights; the scale at the right says what a colour stands for.
    scale = PowerNorm(0.5, vmin=0.0, vmax=float(attention.weights.max()))
    with style():
        figure = new_figure(side * heads + 1.1, side * layers + 0.5)
        panels = figure.subplots(layers, heads, squeeze=False)
        for (layer, head), axes in _indexed(panels):
            _draw_panel(axes, attention, layer, head, scale, side)
            if head:
                axes.set_ylabel("")
            if layer < layers - 1:
                axes.set_xlabel("")
        bar = figure.colorbar(panels[0, 0].images[0], ax=panels, shrink=0.6, aspect=30, pad=0.015)
        bar.set_label("attention weight")
        bar.outline.set_visible(False)
        return save_figure(figure, path)


def _indexed(panels: Any) -> Iterable[tuple[tuple[int, int], Any]]:
    import numpy

    return (((int(row), int(column)), axes) for (row, column), axes in numpy.ndenumerate(panels))


def _draw_panel(
    axes: Any, attention: Attention, layer: int, head: int, scale: Any, side: float
) -> None:
    import numpy

    weights = numpy.ma.masked_equal(attention.weights[layer, head], 0.0)
    axes.imshow(weights, cmap="YlGnBu", norm=scale, interpolation="nearest")
    axes.set_title(f"{layer_name(attention, layer)}, head {head}", fontsize=10, parse_math=False)
    axes.set_xlabel("sender j")
    axes.set_ylabel("receiver i")
    axes.spines[:].set_visible(False)
    length = len(attention.tokens)
    if length <= MOST_LABELS:
        size = min(9.0, 0.95 * 72 * (side - 0.6) / length)
        labels = [visible(token) for token in attention.tokens]
        for setter in (axes.set_xticks, axes.set_yticks):
            setter(range(length), labels, family="DejaVu Sans Mono", fontsize=size, color=TEXT,
                   parse_math=False)  # fmt: skip
        axes.tick_params(length=0, pad=2)
        if any(len(label) > 1 for label in labels):
            axes.tick_params("x", rotation=90)


def draw_arcs(attention: Attention, path: Path, strongest: int = 60) -> Path:
    """The text once per layer, with arcs from sender to receiver: the strongest of all heads.

    An arc's width is its weight, its colour the head; what a token gives itself is a dot below it.
    """
    layers, heads, length, _ = attention.weights.shape
    with style():
        longest = max(len(visible(token)) for token in attention.tokens)
        room = max(0.17, 0.085 * longest + 0.05)
        figure = new_figure(max(6.0, room * length + 1.0), 2.6 * layers + 0.5)
        for layer, axes in enumerate(figure.subplots(layers, 1, squeeze=False).flat):
            _draw_text(axes, attention, layer, strongest)
            _draw_layer_arcs(axes, attention.weights[layer], strongest)
        _add_legend(figure, heads)
        return save_figure(figure, path)


def _draw_text(axes: Any, attention: Attention, layer: int, strongest: int) -> None:
    for position, token in enumerate(attention.tokens):
        axes.text(position, 0, visible(token), ha="center", va="center", fontsize=10, color=TEXT,
                  family="DejaVu Sans Mono", parse_math=False)  # fmt: skip
    length = len(attention.tokens)
    axes.set(xlim=(-1, length))
    axes.set_title(f"{layer_name(attention, layer)}: the {strongest} strongest of all heads",
                   fontsize=10, parse_math=False)  # fmt: skip
    axes.axis("off")


def _draw_layer_arcs(axes: Any, weights: Any, strongest: int) -> None:
    import numpy
    from matplotlib.patches import Arc

    between = weights * (1 - numpy.eye(weights.shape[-1]))
    chosen = numpy.argsort(between, axis=None)[::-1][:strongest]
    places = zip(*numpy.unravel_index(chosen, weights.shape), strict=True)
    drawn = [place for place in places if between[place] > 0]
    for head, i, j in drawn:
        width = 0.4 + 3.6 * float(between[head, i, j])
        # Heads stand side by side: arcs between the same two letters do not hide one another.
        aside = 0.12 * (int(head) - (len(weights) - 1) / 2)
        axes.add_patch(
            Arc(((i + j) / 2 + aside, 0.7), abs(i - j), _rise(abs(i - j)), theta1=0, theta2=180,
                color=series_colour(head), linewidth=width, alpha=0.75)
        )  # fmt: skip
    highest = max((abs(int(i) - int(j)) for _, i, j in drawn), default=1)
    axes.set_ylim(-1.2 - 0.3 * len(weights), max(_rise(highest) / 2, 3.0) + 1.0)
    own = numpy.diagonal(weights, axis1=1, axis2=2)
    for head, row in enumerate(own):
        axes.scatter(numpy.arange(len(row)), numpy.full(len(row), -0.85 - 0.3 * head), s=26 * row,
                     color=series_colour(head), linewidths=0, clip_on=False)  # fmt: skip


def _rise(distance: float) -> float:
    """Height of an arc (twice what is seen): far pairs higher, but the page stays low."""
    return 2.2 * distance**0.62


def _add_legend(figure: Any, heads: int) -> None:
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=series_colour(head), label=f"head {head}") for head in range(heads)
    ]
    dot = Line2D(
        [], [], marker="o", linestyle="", color=MUTED_TEXT, markersize=4, label="to itself"
    )
    figure.legend(handles=[*lines, dot], loc="outside lower left", ncols=min(heads + 1, 9))
