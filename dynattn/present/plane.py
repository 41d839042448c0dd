"""Folds and Hopf points in the plane of two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, entitle, new_figure, style
from dynattn.present.labels import add_label, settle_labels
from dynattn.present.palette import TEXT, series_colour

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MARKS = {
    "cusp": ("^", "cusp"), "bogdanov_takens": ("v", "Bogdanov-Takens"),
    "bautin": ("D", "Bautin"),
}  # fmt: skip


def plane_figure(scene: Scene) -> Any:
    """The curve with its events, and the point where it was begun."""
    from dynattn.present.bifurcation import short

    result: Any = scene.result
    first, second = result.names
    x, y = result[first], result[second]
    with style():
        figure = new_figure(7.0, 5.2)
        axes = figure.subplots()
        axes.plot(x, y, color=series_colour(0), linewidth=2.0)
        start = abs(result["arclength"]).argmin()
        word = {"fold": "fold", "hopf": "Hopf point"}[result.continuation.kind]
        axes.plot(x[start], y[start], "o", color=TEXT, markersize=6, zorder=5)
        add_label(axes, f"{word} '{result.settings['follows']}'", x[start], y[start])
        for kind, (mark, name) in MARKS.items():
            if kind in result.labelled:
                for row in (result[kind] > 0).nonzero()[0]:
                    axes.plot(x[row], y[row], mark, color=TEXT, markersize=7, zorder=5)
                    add_label(axes, f"{name} ({short(x[row])}, {short(y[row])})", x[row], y[row])
        axes.set_xlabel(scene.described(first), parse_math=False)
        axes.set_ylabel(scene.described(second, 44), parse_math=False)
        axes.grid(**GRID)
        axes.margins(x=0.08, y=0.1)
        entitle(figure, scene.plain_title)
        settle_labels(figure)
        return figure
