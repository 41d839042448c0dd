"""Run an experiment of a spec by name, and write its results where asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.run.refusals import continuation_refusal

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.run.signals import Given
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep
    from dynattn.solve.compiler import Compiler


def find_experiment(model: Model, name: str | None = None) -> Simulation:
    """The experiment called ``name``, the first for None; UsageError E706 where there is none."""
    by_name = {item.name: item for item in model.simulations}
    followed = {item.name: item for item in model.continuations}
    if name in followed or (not by_name and followed):
        chosen = followed[name] if name else model.continuations[0]
        raise SpecError(continuation_refusal(model, chosen))
    if name is None and model.simulations:
        return model.simulations[0]
    if name is not None and name in by_name:
        return by_name[name]
    if not by_name:
        message = f"the model '{model.name}' has no experiment"
        fix = "add one to the spec: simulate { t 0 .. 100 every 0.1 }"
        raise UsageError(Diagnostic("E706", message, fix=fix))
    names = [*by_name, *followed]
    there = f"there are {', '.join(names)}" if len(names) > 1 else f"there is {names[0]}"
    message = f"the model '{model.name}' has no experiment '{name}'"
    raise UsageError(Diagnostic("E706", message, fix=did_you_mean(name or "", names, there)))


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
) -> Trajectory | Sweep:
    """Run one experiment: a Trajectory, or a Sweep where it has several points.

    With ``folder`` everything is written there: a sweep after every part, so that an interruption
    loses nothing that was finished. ``signals`` gives samples by input, {"drive": (times, values)},
    in place of the experiment's data. ``compiled``: as in ``solve``. The errors are those of
    ``simulate`` and ``sweep``; what was computed before the numbers failed is written too.
    """
    from dynattn.run.clock import check_experiment
    from dynattn.run.results import ResultFolder
    from dynattn.run.simulate import simulate
    from dynattn.run.sweep import as_sweep, sweep

    experiment = find_experiment(compilation.model, name)
    check_experiment(compilation.model, experiment)
    place = (
        None if folder is None else ResultFolder.make(Path(folder), compilation.tree.source.text)
    )
    options: dict[str, Any] = {
        "seed": seed, "device": device, "progress": progress, "signals": signals,
        "compiled": compiled,
    }  # fmt: skip
    if as_sweep(experiment):
        return sweep(
            compilation, experiment, **options, on_part=None if place is None else place.write
        )
    try:
        trajectory = simulate(compilation, experiment, **options)
    except NumericalError as error:
        if place is not None and error.partial is not None:
            place.write(error.partial)
        raise
    if place is not None:
        place.write(trajectory)
    return trajectory
