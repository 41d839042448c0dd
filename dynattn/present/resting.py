"""Equilibria in pictures: measures over a parameter, and eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, add_legend, entitle, level, new_figure, style
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.spectrum import spectra_figure

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MOST = 4
"""Measures that are drawn, the first ones."""

LOOKS: dict[bool, dict[str, Any]] = {
    True: {"marker": "o", "markersize": 5},
    False: {"marker": "o", "markersize": 5, "markerfacecolor": "none"},
}
"""Of what is stable, and of what is not."""


def rest_figure(scene: Scene) -> Any:
    """Eigenvalues at one point of the parameters; over one parameter a panel for each measure."""
    result: Any = scene.result
    if not result.swept:
        return spectra_figure(result)
    (parameter,) = result.swept
    measures = _measures(result, scene)
    with style():
        figure = new_figure(7.6, 0.7 + 3.4 * len(measures))
        panels = figure.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, values) in zip(panels, measures.items(), strict=True):
            for stable, look in LOOKS.items():
                chosen = (result["stable"] > 0) == stable
                for row, at in enumerate(result.axes[parameter]):
                    shown = values[row][chosen[row]]
                    axes.plot([at] * len(shown), shown, linestyle="", color=series_colour(0),
                              **look)  # fmt: skip
            axes.set_ylabel(name, parse_math=False)
            axes.grid(**GRID)
            axes.margins(x=0.02, y=0.08)
            level(axes, values)
        panels[-1].set_xlabel(scene.described(parameter), parse_math=False)
        _legend(panels[0])
        entitle(figure, scene.plain_title)
        return figure


def _measures(result: Any, scene: Scene) -> dict[str, Any]:
    """[point, equilibrium] by name: what was observed or recorded, else how long a state is."""
    import numpy

    found = scene.among(result.measured)
    if found:
        return dict(list(found.items())[:MOST])
    name = next(iter(scene.compilation.model.states))
    values = result[name]
    flat = numpy.abs(values).reshape(*values.shape[:2], -1)
    return {f"rms of {name}": numpy.sqrt((flat**2).mean(-1))}


def _legend(axes: Any) -> None:
    from matplotlib.lines import Line2D

    words = {True: "stable", False: "not stable"}
    lines = [Line2D([], [], linestyle="", color=MUTED_TEXT, label=words[kind], **look)
             for kind, look in LOOKS.items()]  # fmt: skip
    add_legend(axes, lines)
