"""Pictures of measurements: what is said of a point, or of the points of a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.present.figure import GRID, add_legend, entitle, new_figure, style
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.plots import TIME

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.present.scene import Scene

MOST = 8
"""Exponents that are drawn, the largest ones."""


def lyapunov_figure(scene: Scene) -> Any:
    """Averages so far over time; exponents over one parameter; the largest one over two."""
    result: Any = scene.result
    if len(result.swept) == 2:
        return heat(scene, {"largest exponent": result["exponents"][..., 0]})
    if not result.swept:
        below, over, values = TIME, result.axes["time"], result["averages so far"]
        errors = None
    else:
        (below,) = result.swept
        over, values, errors = result.axes[below], result["exponents"], result["errors"]
    with style():
        figure = new_figure(7.6, 4.2)
        axes = figure.subplots()
        axes.axhline(0.0, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)))
        for k in range(min(MOST, values.shape[-1])):
            look: dict[str, Any] = {"color": series_colour(k), "label": f"exponent {k + 1}"}
            if errors is None:
                axes.plot(over, values[:, k], linewidth=1.6, **look)
            else:
                axes.errorbar(over, values[:, k], errors[:, k], marker="o", markersize=3.5,
                              linewidth=1.2, capsize=2, **look)  # fmt: skip
        axes.set_xlabel(below if errors is None else scene.described(below), parse_math=False)
        axes.set_ylabel("averages so far" if errors is None else "Lyapunov exponents")
        axes.grid(**GRID)
        axes.margins(x=0.02)
        add_legend(axes)
        entitle(figure, scene.plain_title)
        return figure


def passage_figure(scene: Scene) -> Any:
    """How many had passed over time; mean times and shares over one parameter; means over two."""
    import numpy

    result: Any = scene.result
    if len(result.swept) == 2:
        return heat(scene, {"mean time": result["mean"]})
    with style():
        if not result.swept:
            figure = new_figure(7.6, 3.8)
            axes = figure.subplots()
            times = numpy.sort(result["times"])
            passed = times[numpy.isfinite(times)]
            share = numpy.arange(1, len(passed) + 1) / len(times)
            stop = result.settings["t"][1] - result.settings["t"][0]
            axes.step([0, *passed, stop], [0, *share, share[-1] if len(share) else 0],
                      where="post", color=series_colour(0))  # fmt: skip
            axes.set(xlabel=TIME, ylabel="share that has passed", ylim=(-0.03, 1.03))
            panels = [axes]
        else:
            (below,) = result.swept
            figure = new_figure(7.6, 5.6)
            panels = list(figure.subplots(2, 1, sharex=True))
            for axes, name, error, label in zip(
                panels, ("mean", "share"), ("error", "share error"),
                ("mean time of passage", "share that passes"), strict=True,
            ):  # fmt: skip
                axes.errorbar(result.axes[below], result[name], result[error], marker="o",
                              markersize=4, capsize=2, color=series_colour(0))  # fmt: skip
                axes.set_ylabel(label)
            panels[1].set_ylim(-0.03, 1.03)
            panels[-1].set_xlabel(scene.described(below), parse_math=False)
        for axes in panels:
            axes.grid(**GRID)
            axes.margins(x=0.02)
        entitle(figure, scene.plain_title)
        return figure


def heat(scene: Scene, measured: dict[str, Any]) -> Any:
    """Colours over two parameters."""
    from dynattn.present.maps import heat_figure

    result: Any = scene.result
    grid = {scene.described(name, 44): result.axes[name].tolist() for name in result.swept}
    return heat_figure(grid, measured, title=scene.plain_title)


MOST_PANELS = 4
"""Quantities of a loop that are drawn, the first ones."""


def hysteresis_figure(scene: Scene) -> Any:
    """What is one number on the way up and down, and where it jumps."""
    result: Any = scene.result
    moved = next(iter(result.settings["moved"]))
    names = [n for n, v in result.labelled.variables.items() if v.axes == ("direction", moved)]
    names = names[:MOST_PANELS]
    with style():
        figure = new_figure(7.6, 0.8 + 3.2 * len(names))
        panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        for axes, name in zip(panels, names, strict=True):
            for way, (label, mark) in enumerate((("there", ">"), ("back", "<"))):
                axes.plot(result.axes[moved], abs(result[name][way]) if result[name].dtype.kind
                          == "c" else result[name][way], marker=mark, markersize=4, linewidth=1.0,
                          color=series_colour(way), label=label)  # fmt: skip
                at = result["jump at"][result["jump direction"] == way]
                for value in at:
                    axes.axvline(value, color=series_colour(way), linewidth=0.8,
                                 linestyle=(0, (5, 4)))  # fmt: skip
            axes.set_ylabel(name, parse_math=False)
            axes.grid(**GRID)
            axes.margins(x=0.02)
        panels[-1].set_xlabel(scene.described(moved), parse_math=False)
        add_legend(panels[0])
        entitle(figure, scene.plain_title)
        return figure


MOST_BASINS = 30
"""Attractors that are drawn, the most frequent ones."""


def basins_figure(scene: Scene) -> Any:
    """Shares of the attractors; over one parameter as sizes of what is recorded of each."""
    result: Any = scene.result
    variables = result.labelled.variables.items()
    axis = (*result.swept, "attractor")
    own = ("share", "share error", "at rest")
    name = next((n for n, v in variables if v.axes == axis and n not in own), None)
    with style():
        figure = new_figure(7.6, 4.2)
        axes = figure.subplots()
        if not result.swept:
            count = min(MOST_BASINS, len(result["share"]))
            number = [*range(count)]
            axes.bar(number, result["share"][:count], yerr=result["share error"][:count],
                     color=series_colour(0), capsize=2)  # fmt: skip
            if name is not None:
                axes.set_xticks(number, [f"{round(x, 9):.3g}" for x in result[name][:count]])
            axes.set_xlabel(f"attractor, by {name}" if name else "attractor", parse_math=False)
            axes.set_ylabel("share of the starts")
        else:
            (below,) = result.swept
            shown = result["share"] if name is None else result[name]
            for k in range(min(MOST_BASINS, shown.shape[-1])):
                axes.scatter(result.axes[below], shown[:, k], color=series_colour(0), alpha=0.7,
                             s=4 + 120 * result["share"][:, k])  # fmt: skip
            axes.set_xlabel(scene.described(below), parse_math=False)
            axes.set_ylabel("share of the starts" if name is None else f"{name}, by share",
                            parse_math=False)  # fmt: skip
        axes.grid(axis="y", **GRID)
        axes.set_axisbelow(True)
        entitle(figure, scene.plain_title)
        return figure


def locking_figure(scene: Scene) -> Any:
    """Frequencies of the nodes in their order, by cluster; over one parameter all of them."""
    import numpy

    result: Any = scene.result
    omega = result["frequencies"]
    with style():
        figure = new_figure(7.6, 4.2)
        axes = figure.subplots()
        if result.swept:
            (below,) = result.swept
            axes.plot(result.axes[below], omega, color=series_colour(0), linewidth=0.8, marker=".",
                      markersize=3)  # fmt: skip
            axes.set_xlabel(scene.described(below), parse_math=False)
        else:
            order = numpy.argsort(omega)
            numbers, sizes = result["cluster"][order], numpy.bincount(result["cluster"].astype(int))
            alone = sizes[numbers.astype(int)] < 2
            places = numpy.arange(len(order))
            axes.plot(places[alone], omega[order][alone], ".", color=MUTED_TEXT, label="alone")
            for k in range(min(MOST, int((sizes > 1).sum()))):
                own = numbers == k
                axes.plot(places[own], omega[order][own], "o", markersize=4,
                          color=series_colour(k), label=f"{int(own.sum())} locked")  # fmt: skip
            axes.set_xlabel("nodes, by mean frequency")
            add_legend(axes)
        axes.set_ylabel("mean frequency")
        axes.grid(**GRID)
        entitle(figure, scene.plain_title)
        return figure


# ── what has no picture ────────────────────────────────────────────────────────────────────────


def lacking_axes(compilation: Compilation, plan: Any) -> Diagnostic | None:
    """Why a measurement has no picture (E714): of more than two parameters."""
    if len(plan.settings) < 3:
        return None
    fact = f"'{plan.name}' sets {len(plan.settings)} parameters, and a picture has two axes"
    return Diagnostic("E714", fact, plan.span, "results.nc has the numbers")


def lacking_loop(compilation: Compilation, plan: Any) -> Diagnostic | None:
    """Why a loop has no picture (E714): nothing is one number."""
    found = [r.value for r in plan.records] or [o.value for o in compilation.model.observables]
    if any(value.type.place.kind == "global" and not value.type.shape for value in found):
        return None
    fact = f"'{plan.name}' keeps no number of the whole model"
    fix = "record one, such as r = order(theta)"
    return Diagnostic("E714", fact, plan.span, fix)
