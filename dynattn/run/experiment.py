"""Run an experiment of a spec by name, and write its results where asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic, NumericalError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Continuation, Fit, Measurement, Placement, Plan, Search, Simulation

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.run.branches import Followed
    from dynattn.run.measurements import MeasurementResult
    from dynattn.run.results import ResultFolder
    from dynattn.run.searches import SearchResult
    from dynattn.run.signals import Given
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep
    from dynattn.solve.compiler import Compiler


def find_experiment(model: Model, name: str | None = None) -> Plan:
    """The experiment called ``name``; for None the first, a simulation or a sweep if there is any.
    UsageError E706 where there is none.
    """
    by_name: dict[str, Plan] = {}
    for item in model.plans:
        by_name.setdefault(item.name, item)
    if name is None and by_name:
        return next(iter(by_name.values()))
    if name is not None and name in by_name:
        return by_name[name]
    if not by_name:
        message = f"the model '{model.name}' has no experiment"
        fix = "add one to the spec: simulate { t 0 .. 100 every 0.1 }"
        raise UsageError(Diagnostic("E706", message, fix=fix))
    names = [*by_name]
    there = f"there are {', '.join(names)}" if len(names) > 1 else f"there is {names[0]}"
    message = f"the model '{model.name}' has no experiment '{name}'"
    raise UsageError(Diagnostic("E706", message, fix=did_you_mean(name or "", names, there)))


def check_plan(compilation: Compilation, plan: Plan) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    from dynattn.run.branches import check_continuation
    from dynattn.run.clock import check_experiment
    from dynattn.run.measurements import check_measurement
    from dynattn.run.searches import check_search

    if isinstance(plan, Continuation):
        check_continuation(compilation, plan)
    elif isinstance(plan, Search):
        check_search(compilation, plan)
    elif isinstance(plan, Measurement):
        check_measurement(compilation, plan)
    elif isinstance(plan, Placement | Fit):
        text = f"'{plan.name}' trains, and is no experiment that only runs"
        fix = f"run it as a whole: dynattn.load(PATH).run('{plan.name}'), or dynattn run"
        raise UsageError(Diagnostic("E706", text, plan.span, fix))
    else:
        check_experiment(compilation.model, plan)


def run_experiment(
    compilation: Compilation,
    name: str | None = None,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
    folder: str | Path | None = None,
    signals: Given | None = None,
    compiled: bool | Compiler = False,
    workers: int | None = None,
    cluster: str | None = None,
) -> Trajectory | Sweep | Followed | SearchResult | MeasurementResult:
    """Run one experiment: a Trajectory, a Sweep where it has several points, what ``continue``
    follows, a SearchResult or a MeasurementResult. What trains is run by
    ``learn.experiments.run_any``.

    With ``folder`` everything is written there: of a sweep every finished chunk, so that the same
    call goes on with one that was killed. ``workers`` and ``cluster`` solve the points of a sweep,
    as in ``sweep``, and of a grid of measurements. ``signals`` gives samples by input, {"drive":
    (times, values)}, in place of the experiment's data. ``compiled``: as in ``solve``. The errors
    are those of ``simulate``, ``sweep``, ``run_continuation``, ``run_search`` and
    ``run_measurement``, and UsageError E742 where there is nothing to share out; what was computed
    before the numbers failed is written too.
    What it names of other experiments is found first.
    """
    from dynattn.run.branches import run_continuation
    from dynattn.run.measurements import run_measurement
    from dynattn.run.results import ResultFolder
    from dynattn.run.searches import run_search
    from dynattn.run.sweep import as_sweep, sweep
    from dynattn.run.teams import check_team

    experiment = find_experiment(compilation.model, name)
    check_plan(compilation, experiment)
    assert not isinstance(experiment, Placement | Fit), "check_plan refuses it"
    shared = as_sweep(experiment)
    check_team(None if shared else experiment.name, workers, cluster)
    make = ResultFolder.open if shared else ResultFolder.make
    place = None if folder is None else make(Path(folder), compilation.tree.source.text)
    options: dict[str, Any] = {"seed": seed, "device": device, "progress": progress}
    if not isinstance(experiment, Simulation):
        if isinstance(experiment, Continuation):
            found = run_continuation(compilation, experiment, **options)
        elif isinstance(experiment, Measurement):
            kept = {"folder": place, "workers": workers, "cluster": cluster} if shared else {}
            found = run_measurement(compilation, experiment, **options, **kept)
        else:
            found = run_search(compilation, experiment, **options)
        if place is not None and not shared:
            place.write(found)
        return found
    options |= {"signals": signals, "compiled": compiled}
    if shared:
        options |= {"workers": workers, "cluster": cluster}
        return sweep(compilation, experiment, **options, folder=place)
    return _simulated(compilation, experiment, place, options)


def _simulated(
    compilation: Compilation,
    simulation: Simulation,
    place: ResultFolder | None,
    options: Mapping[str, Any],
) -> Trajectory:
    """One simulation, written as far as it came."""
    from dynattn.run.simulate import simulate

    try:
        trajectory = simulate(compilation, simulation, **options)
    except NumericalError as error:
        if place is not None and error.partial is not None:
            place.write(error.partial)
        raise
    if place is not None:
        place.write(trajectory)
    return trajectory
