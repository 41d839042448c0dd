"""One simulation: the trajectory of a model from its initial states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import NumericalError
from dynattn.model.plans import Record, Simulation
from dynattn.run.clock import check_experiment, saved_times, settings_of
from dynattn.run.labelled import Labelled, Result, Variable, in_parts, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System
    from dynattn.network.build import Network
    from dynattn.run.recording import Integration
    from dynattn.run.signals import Given
    from dynattn.solve.compiler import Compiler

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory(Result):
    """A finished simulation. ``trajectory["r"]`` finds states, observables and records by name."""

    times: Array
    states: Mapping[str, Array] = field(repr=False)
    """[time, nodes, coordinates...]; empty where the experiment says what to ``record``."""
    observables: Mapping[str, Array] = field(repr=False)
    """[time, ...]; empty where the experiment says what to ``record``."""
    records: Mapping[str, Array] = field(repr=False)
    """By label; a series has time in front."""

    @property
    def series(self) -> dict[str, Array]:
        """What is one number over time, [time]; complex ones in two parts."""
        variables = self.labelled.variables.items()
        return in_parts({name: v.values for name, v in variables if v.axes == ("time",)})


def simulate(
    compilation: Compilation,
    simulation: Simulation,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
    signals: Given | None = None,
    compiled: bool | Compiler = False,
) -> Trajectory:
    """Integrate the model; ``seed`` None is the compilation's, else the experiment's own.

    ``signals`` are samples that go before those of the experiment's data: times and values by
    input. ``compiled``: as in ``solve``. ``progress`` is called with the fraction done. SpecError
    where the experiment cannot be run, NumericalError where the numbers fail: its
    ``partial`` is the Trajectory up to there.
    """
    model = compilation.model
    check_experiment(model, simulation)
    from dynattn.run.points import with_points
    from dynattn.run.recording import everything, integrate
    from dynattn.run.signals import signals_of
    from dynattn.run.starting import states_at_rest
    from dynattn.run.systems import build_for, seed_of

    simulation = with_points(compilation, simulation, seed=seed, device=device)
    chosen = seed_of(compilation, simulation, seed)
    times = saved_times(simulation)
    records = simulation.records or everything(model)
    all_of_it = not simulation.records
    samples = signals_of(model, simulation, signals)
    system = build_for(compilation, seed=chosen, device=device, signals=samples)
    initial = states_at_rest(compilation, simulation, system, seed=chosen, device=device)

    def told(found: Integration, status: str) -> Trajectory:
        return _trajectory(compilation, simulation, system, records, found, times, status)

    try:
        found = integrate(
            system, simulation, times, records,
            keep_states=all_of_it, initial=initial, progress=progress,
            compiled=compiled,
        )  # fmt: skip
    except NumericalError as error:
        if error.partial is not None:
            error.partial = told(error.partial, "failed")
        raise
    return told(found, "finished")


def _trajectory(
    compilation: Compilation,
    simulation: Simulation,
    system: System,
    records: tuple[Record, ...],
    found: Integration,
    times: Array,
    status: str,
) -> Trajectory:
    model, all_of_it = compilation.model, not simulation.records
    names = [item.name for item in model.observables]
    stopped, times = float(found.stopped), times[: found.solved]
    if stopped == stopped:  # nothing is solved after the end
        times = times[times <= stopped]
    series = {r.label for r in records if r.kind == "series"} | set(model.states)
    whole = status == "finished"
    results = {
        name: x[: len(times)] if name in series else x if whole else np.full_like(x, np.nan)
        for name, x in found.results.items()
    }
    said = {"model": model.name, "overrides": dict(compilation.overrides)}
    return Trajectory(
        name=simulation.name,
        labelled=_labelled(compilation.network, times, records, results),
        settings=said | settings_of(simulation),
        seed=system.seed,
        versions=versions(),
        origin=origin_of(compilation),
        statistics={
            **found.statistics,
            **({"stopped": stopped} if stopped == stopped else {}),
        },
        status=status,
        times=times,
        states={name: results[name] for name in model.states if all_of_it},
        observables={name: results[name] for name in names if all_of_it},
        records={} if all_of_it else dict(results),
        parameters=_node_parameters(system),
    )


def _node_parameters(system: System) -> dict[str, Array]:
    """The parameters of nodes that are one real number each."""
    import torch

    from dynattn.lower.binding import table_of

    found = {}
    for parameter in system.model.parameters:
        if parameter.place.kind == "nodes" and not parameter.layer and not parameter.shape:
            table, key = table_of(system, parameter.name)
            if not table[key].is_complex():
                found[parameter.name] = table[key].detach().cpu().to(torch.float64).numpy()
    return found


def _labelled(
    network: Network, times: Array, records: tuple[Record, ...], results: Mapping[str, Array]
) -> Labelled:
    from dynattn.run.recording import own_axes, state_axes

    variables = {}
    by_label = {record.label: record for record in records}
    for label, values in results.items():
        record = by_label.get(label)
        own = own_axes(network, record.value) if record else state_axes(network, label)
        front = ("time",) if record is None or record.kind == "series" else ()
        variables[label] = Variable(front + own, values)
    return Labelled(numbered({"time": times}, variables), variables)
