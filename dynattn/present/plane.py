"""Folds and Hopf points in the plane of two parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, add_legend, entitle, new_figure, style
from dynattn.present.labels import add_label
from dynattn.present.palette import TEXT, series_colour

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MARKS = {
    "cusp": ("^", "cusp"), "bogdanov_takens": ("v", "Bogdanov-Takens"),
    "bautin": ("D", "Bautin"),
}  # fmt: skip


WORDS = {"fold": "fold", "hopf": "Hopf point"}
CURVES: dict[str, Any] = {"fold": "-", "hopf": (0, (7, 1.5))}
"""How lines look where several curves are drawn."""

SAME = 1e-3
"""Two curves have an event in common where their places differ by this part of the picture."""


def plane_figure(scene: Scene) -> Any:
    """The curve with its events, and the point where it was begun."""
    return planes_figure({scene.simulation.name: scene}, scene.plain_title)


def planes_figure(scenes: Mapping[str, Scene], title: str) -> Any:
    """Curves in one plane, a colour for each, with their events and where they were begun; with
    several a key. Axes are those of the first.
    """
    scene = next(iter(scenes.values()))
    result: Any = scene.result
    first, second = result.names
    several = len(scenes) > 1
    with style():
        figure = new_figure(7.0, 5.2)
        axes = figure.subplots()
        for number, (name, one) in enumerate(scenes.items()):
            own: Any = one.result
            kind = own.continuation.kind
            axes.plot(own[first], own[second], color=series_colour(number), linewidth=2.0,
                      linestyle=CURVES[kind] if several else "-",
                      label=f"{WORDS[kind]}s, {name}")  # fmt: skip
        for one in scenes.values():
            _mark_start(axes, one.result, (first, second))
        _mark_events(axes, [one.result for one in scenes.values()], (first, second))
        if several:
            add_legend(axes)
        axes.set_xlabel(scene.described(first), parse_math=False)
        axes.set_ylabel(scene.described(second, 44), parse_math=False)
        axes.grid(**GRID)
        axes.margins(x=0.08, y=0.1)
        entitle(figure, title)
        return figure


def _mark_start(axes: Any, result: Any, names: tuple[str, str]) -> None:
    """Where the curve was begun."""
    start = abs(result["arclength"]).argmin()
    x, y = (result[name][start] for name in names)
    axes.plot(x, y, "o", color=TEXT, markersize=6, zorder=5)
    add_label(axes, f"{WORDS[result.continuation.kind]} '{result.settings['follows']}'", x, y)


def _mark_events(axes: Any, results: list[Any], names: tuple[str, str]) -> None:
    """Cusps and the like; what two curves share has its words once."""
    from dynattn.present.bifurcation import short

    told: list[tuple[str, float, float]] = []
    sizes = [max(float(abs(r[name]).max()) for r in results) or 1.0 for name in names]
    for result in results:
        for kind, (mark, word) in MARKS.items():
            rows = (result[kind] > 0).nonzero()[0] if kind in result.labelled else ()
            for row in rows:
                x, y = (float(result[name][row]) for name in names)
                near = [abs(x - a) < SAME * sizes[0] and abs(y - b) < SAME * sizes[1]
                        for other, a, b in told if other == kind]  # fmt: skip
                if any(near):
                    continue
                told.append((kind, x, y))
                axes.plot(x, y, mark, color=TEXT, markersize=7, zorder=5)
                add_label(axes, f"{word} ({short(x, sizes[0])}, {short(y, sizes[1])})", x, y)
