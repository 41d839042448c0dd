"""The coupling graph drawn by networkx and matplotlib, for a machine without any Graphviz."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.present.diagram import (
    acts,
    coupling_facts,
    edge_name,
    is_coupling,
    kind_of,
    node_facts,
    wrapped,
)
from dynattn.present.figure import new_figure, save_figure, style
from dynattn.present.palette import CARD, STROKE, TEXT, node_colours, series_colour

if TYPE_CHECKING:
    import networkx

Point = tuple[float, float]

COLUMN, ROW = 4.4, 2.1
"""Inches between nodes."""
BOX = (1.8, 0.9)
"""Inches of a node's box, wide and high."""
LEGEND, LINE_HEIGHT = 5.0, 0.17
"""Inches: the width of the cards at the right, and the height of one of their lines."""


def sketch_diagram(diagram: networkx.MultiDiGraph, name: str, path: Path) -> Path:
    """Draw the diagram to ``path`` (svg, png or pdf): names at the lines, cards at the right."""
    cards = _cards(diagram)
    places = layered_places(diagram)
    right = max(x for x, _ in places.values()) + COLUMN / 2 + 0.5
    top = max(y for _, y in places.values()) + ROW / 2 + 0.3
    bottom = min(-ROW / 2, top - sum(_height(card) for card in cards))
    with style():
        figure = new_figure(right + COLUMN / 2 + LEGEND, top - bottom + 0.4)
        axes = figure.subplots()
        axes.set(xlim=(-COLUMN / 2, right + LEGEND), ylim=(bottom, top), aspect="equal")
        axes.set_title(name, loc="left", fontweight="bold", parse_math=False)
        axes.axis("off")
        for node, facts in diagram.nodes(data=True):
            _draw_node(axes, str(node), facts, places[node])
        _draw_edges(axes, diagram, places)
        _draw_cards(axes, cards, right, top)
        return save_figure(figure, path)


def layered_places(diagram: networkx.MultiDiGraph) -> dict[Any, tuple[float, float]]:
    """A column for each step along the flow, nodes of a cycle one above the other."""
    import networkx

    flow = networkx.condensation(networkx.DiGraph(diagram))
    places: dict[Any, tuple[float, float]] = {}
    for column, parts in enumerate(networkx.topological_generations(flow)):
        members = [
            node for part in sorted(parts) for node in sorted(flow.nodes[part]["members"], key=str)
        ]
        for row, node in enumerate(members):
            # Odd columns are lifted a little: a line over two columns then misses the one between.
            places[node] = (column * COLUMN, row * ROW + (column % 2) * 0.4)
    return places


def _draw_node(axes: Any, name: str, facts: dict[str, Any], place: tuple[float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    colours = node_colours(kind_of(facts))
    x, y = place
    corner = (x - BOX[0] / 2, y - BOX[1] / 2)
    axes.add_patch(
        FancyBboxPatch(corner, *BOX, boxstyle="round,pad=0.05,rounding_size=0.15",
                       facecolor=colours.fill, edgecolor=colours.border, linewidth=1.4, zorder=3)
    )  # fmt: skip
    facts_below = [line for fact in node_facts(facts) for line in wrapped(fact, 22)]
    axes.text(x, y + 0.1 * len(facts_below), name, ha="center", va="center", zorder=4,
              fontsize=11, fontweight="bold", color=TEXT, parse_math=False)  # fmt: skip
    axes.text(x, y - 0.1, "\n".join(facts_below), ha="center", va="center", zorder=4,
              fontsize=8.5, color=TEXT, parse_math=False)  # fmt: skip


def _draw_edges(axes: Any, diagram: networkx.MultiDiGraph, places: dict[Any, Any]) -> None:
    bundles: dict[frozenset[Any], int] = {}
    for number, (source, target, key, facts) in enumerate(diagram.edges(keys=True, data=True)):
        pair = frozenset((source, target))
        earlier = bundles.setdefault(pair, 0)
        bundles[pair] += 1
        if source == target:
            start, middle, end = _loop(places[source], earlier)
        else:
            start, middle, end = _bow(places[source], places[target], earlier)
        colour = _colour(number, facts)
        _draw_curve(axes, start, middle, end, colour, "-" if acts(facts) else "--")
        if name := edge_name(key, facts):
            spot = [
                0.25 * a + 0.5 * b + 0.25 * c for a, b, c in zip(start, middle, end, strict=True)
            ]
            label = "\n".join(wrapped(name, 22))
            axes.text(*spot, label, ha="center", va="center", zorder=5, fontsize=9, color=TEXT,
                      parse_math=False, bbox=_frame(colour))  # fmt: skip


def _loop(place: Point, earlier: int) -> tuple[Point, Point, Point]:
    """Start, control point and end of a loop above the node; further ones around the earlier."""
    x, y = place[0], place[1] + BOX[1] / 2 + 0.08
    wide = 0.3 + 0.25 * earlier
    return (x - wide, y), (x, y + 1.1 + 0.7 * earlier), (x + wide, y)


def _bow(start: Point, end: Point, earlier: int) -> tuple[Point, Point, Point]:
    """An arrow from rim to rim, bowed to its left; further ones between the same two bow more."""
    import math

    dx, dy = end[0] - start[0], end[1] - start[1]
    bow = (0.5 + 0.9 * earlier) / math.hypot(dx, dy)
    middle = ((start[0] + end[0]) / 2 - bow * dy, (start[1] + end[1]) / 2 + bow * dx)
    return _rim(start, middle), middle, _rim(end, middle)


def _rim(place: Point, towards: Point) -> Point:
    """Where the line from a box's centre crosses its border."""
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    scale = max(abs(dx) / (BOX[0] / 2 + 0.1), abs(dy) / (BOX[1] / 2 + 0.1))
    return place[0] + dx / scale, place[1] + dy / scale


def _draw_curve(axes: Any, start: Point, middle: Point, end: Point, colour: str, line: str) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    curve = Curve([start, middle, end], [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3])
    axes.add_patch(
        FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=14, color=colour,
                        linewidth=1.7, linestyle=line, zorder=2)
    )  # fmt: skip


def _cards(diagram: networkx.MultiDiGraph) -> list[tuple[str, str]]:
    """(text, colour) of what is to be told about each coupling."""
    cards = []
    for number, (source, target, key, facts) in enumerate(diagram.edges(keys=True, data=True)):
        lines = [f"{word if n == 0 else '':<11} {line}"
                 for word, text in coupling_facts(facts)
                 for n, line in enumerate(wrapped(text))]  # fmt: skip
        if lines:
            title = f"{edge_name(key, facts)}: {source} -> {target}"
            cards.append(("\n".join([title, *lines]), _colour(number, facts)))
    return cards


def _draw_cards(axes: Any, cards: list[tuple[str, str]], left: float, top: float) -> None:
    for text, colour in cards:
        axes.text(left, top - 0.15, text, ha="left", va="top", fontsize=8.5, color=TEXT,
                  family="DejaVu Sans Mono", parse_math=False, bbox=_frame(colour))  # fmt: skip
        top -= _height((text, colour))


def _height(card: tuple[str, str]) -> float:
    return LINE_HEIGHT * (card[0].count("\n") + 1) + 0.3


def _colour(number: int, facts: dict[str, Any]) -> str:
    return series_colour(number) if is_coupling(facts) else STROKE


def _frame(colour: str) -> dict[str, str]:
    return {"boxstyle": "round,pad=0.35", "facecolor": CARD, "edgecolor": colour}
