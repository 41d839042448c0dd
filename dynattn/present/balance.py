"""The picture of an energy balance: the energy, what it gains and loses, what is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, add_legend, entitle, new_figure, style
from dynattn.present.measured import heat
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.plots import TIME

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MOST_PARTS = 7
"""Parts that are drawn, those that did the most."""

SIDES = (("dissipated", "supplied"), ("fallen", "risen"))
"""What is lost and gained: by forces, or by what is seen of the energy alone."""


def balance_figure(scene: Scene) -> Any:
    """The energy, its gains and losses and the discrepancy over time; in all over one parameter;
    its change over two.
    """
    result: Any = scene.result
    if len(result.swept) == 2:
        return heat(scene, {"change of the energy": result["change"]})
    with style():
        figure = _over_parameter(scene) if result.swept else _over_time(result)
        entitle(figure, scene.plain_title)
        return figure


def _over_parameter(scene: Scene) -> Any:
    result: Any = scene.result
    (below,) = result.swept
    figure = new_figure(7.6, 4.2)
    axes = figure.subplots()
    lost, gained = _sides(result)
    shown = (("change", "change of the energy"), (f"{lost} in all", lost),
             (f"{gained} in all", gained))  # fmt: skip
    axes.axhline(0.0, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)))
    for k, (name, label) in enumerate(shown):
        axes.plot(result.axes[below], result[name], marker="o", markersize=4,
                  color=series_colour(k), label=label)  # fmt: skip
    axes.set_xlabel(scene.described(below), parse_math=False)
    axes.set_ylabel("energy, in all")
    axes.grid(**GRID)
    add_legend(axes)
    return figure


def _sides(result: Any) -> tuple[str, str]:
    return next(pair for pair in SIDES if pair[0] in result.labelled)


def _over_time(result: Any) -> Any:
    figure = new_figure(7.6, 7.6)
    panels = list(figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2)))
    times = result.axes["time"]
    panels[0].plot(times, result["energy"], color=series_colour(0))
    panels[0].set_ylabel("energy")
    panels[1].axhline(0.0, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)))
    for k, (name, values) in enumerate(_parts(result).items()):
        panels[1].plot(times, values, color=series_colour(k), label=name)
    panels[1].set_ylabel("up to then")
    panels[1].legend(loc="best", fontsize="small")
    panels[2].plot(times, result["discrepancy"], color=series_colour(3))
    panels[2].set_ylabel("discrepancy")
    panels[2].set_xlabel(TIME)
    for axes in panels:
        axes.grid(**GRID)
        axes.margins(x=0.02)
    return figure


def _parts(result: Any) -> dict[str, Any]:
    """Losses downwards, gains upwards; those that did the most."""
    signs = (("dissipated by ", -1), ("supplied by ", 1), ("fallen", -1), ("risen", 1))
    found = {
        name: sign * variable.values
        for word, sign in signs
        for name, variable in result.labelled.variables.items()
        if name.startswith(word) and variable.axes == ("time",)
    }
    largest = sorted(found, key=lambda name: -float(abs(found[name]).max()))[:MOST_PARTS]
    return {name: found[name] for name in found if name in largest}
