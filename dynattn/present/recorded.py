"""What was measured: over time, over parameters, of many repeats; and why there may be nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.model.plans import Simulation
from dynattn.model.terms import Term
from dynattn.present.ensembles import ensemble_figure
from dynattn.present.plots import series_figure, sweep_figure, sweeps_figure
from dynattn.present.scene import Scene

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

FEW_VALUES = 4
"""Values of one of two swept parameters up to which each has a line instead of a row of cells."""


def series_of(scene: Scene) -> Any:
    """Numbers over time; of a repeated simulation each of its repeats."""
    from dynattn.run.sweep import Sweep

    result, series = scene.result, scene.among(scene.result.series)
    if isinstance(result, Sweep):
        series = {name: values.T for name, values in series.items()}
    title = scene.plain_title
    return series_figure(list(result.labelled.times), series, title=title, below=scene.below)


def lacking_series(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    if series_labels(compilation, simulation):
        return None
    what = f"'{simulation.name}' keeps no number of the whole model over time"
    fix = "observe one, such as r = order(theta), and record it"
    return Diagnostic("E714", what, simulation.span, fix)


def series_labels(compilation: Compilation, simulation: Simulation) -> list[str]:
    """Of the numbers of the whole model that are kept over time."""
    kept = [(item.name, item.value) for item in compilation.model.observables]
    if simulation.records:
        kept = [(r.label, r.value) for r in simulation.records if r.kind == "series"]
    return [label for label, value in kept if _is_number(value)]


def ensemble_of(scene: Scene) -> Any:
    """Of a repeated simulation over time, of a sweep over its parameter."""
    result: Any = scene.result
    if not result.swept:
        series = {name: values.T for name, values in scene.among(result.series).items()}
        times = list(result.labelled.times)
        return ensemble_figure(times, series, below=scene.below, title=scene.plain_title)
    (parameter,) = result.swept
    return ensemble_figure(
        result.axes[parameter].tolist(), scene.among(result.measured),
        below=scene.described(parameter), title=scene.plain_title,
    )  # fmt: skip


def ensemble_labels(compilation: Compilation, simulation: Simulation) -> list[str]:
    swept = simulation.settings or simulation.awaited
    return (sweep_labels if swept else series_labels)(compilation, simulation)


def lacking_ensemble(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    count = len(simulation.settings) + len(simulation.awaited)
    if simulation.repeat < 2 or count > 1:
        why = f"sweeps {count} parameters" if count > 1 else "is not repeated"
        fact = f"'{simulation.name}' {why}"
        fix = "write repeat 20, and sweep one parameter at most"
        return Diagnostic("E714", fact, simulation.span, fix)
    return (lacking_sweep if count else lacking_series)(compilation, simulation)


def _is_number(value: Term) -> bool:
    return value.type.place.kind == "global" and not value.type.shape


def sweep_of(scene: Scene) -> Any:
    """Measures over one parameter or two."""
    from dynattn.present.maps import heat_figure

    result: Any = scene.result
    grid = {name: result.axes[name].tolist() for name in result.swept}
    texts = {name: scene.described(name, 44) for name in grid}
    measured, title = scene.among(result.measured), scene.plain_title
    if len(grid) == 2 and min(map(len, grid.values())) > FEW_VALUES:
        named = {texts[name]: points for name, points in grid.items()}
        return heat_figure(named, measured, title=title)
    if len(grid) == 2:
        return _families(grid, measured, texts, title)
    ((parameter, values),) = grid.items()
    return sweep_figure(values, measured, parameter=texts[parameter], title=title)


def _families(
    grid: Mapping[str, Sequence[float]],
    measured: Mapping[str, Any],
    texts: Mapping[str, str],
    title: str,
) -> Any:
    """A line for each value of the parameter that has the fewer."""
    import numpy

    few = min(grid, key=lambda name: len(grid[name]))
    ((parameter, points),) = ((name, grid[name]) for name in grid if name != few)
    axis = [*grid].index(few)
    lines = {
        f"{few} = {value:g}": (points, {n: numpy.take(v, k, axis) for n, v in measured.items()})
        for k, value in enumerate(grid[few])
    }
    return sweeps_figure(lines, parameter=texts[parameter], title=title)


def lacking_sweep(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    count = len(simulation.settings) + len(simulation.awaited)
    if count > 2:
        fact = f"'{simulation.name}' sweeps {count} parameters, and a picture shows two at most"
        fix = "results.nc has the numbers"
        return Diagnostic("E714", fact, simulation.span, fix)
    if sweep_labels(compilation, simulation):
        return None
    fact = f"'{simulation.name}' records no single number at each of its points"
    return Diagnostic("E714", fact, simulation.span, "record average(r), or final(r)")


def sweep_labels(compilation: Compilation, simulation: Simulation) -> list[str]:
    """Of the single numbers that are recorded at every point."""
    return [r.label for r in simulation.records if r.kind != "series" and _is_number(r.value)]


def measure_labels(compilation: Compilation, plan: Any) -> list[str]:
    """Of the numbers that are recorded of equilibria, else of those observed."""
    kept = [(item.name, item.value) for item in compilation.model.observables]
    kept = [(record.label, record.value) for record in plan.records] or kept
    return [label for label, value in kept if _is_number(value)]


def training_of(scene: Scene) -> Any:
    """Numbers over the steps of an optimiser."""
    series = scene.result.series
    steps = list(range(len(series["loss"])))
    return series_figure(steps, scene.among(series), title=scene.plain_title, below="step")


def lacking_search(compilation: Compilation, plan: Any) -> Diagnostic | None:
    if len(plan.settings) < 2:
        return None
    fact = f"'{plan.name}' sets {len(plan.settings)} parameters, and a picture has one axis"
    return Diagnostic("E714", fact, plan.span, "results.nc has the numbers")
