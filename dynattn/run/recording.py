"""Integrating a system and keeping what is asked for, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynattn.diagnostics.report import NumericalError
from dynattn.lower.edge_states import on_edges_alone, rank_of_state
from dynattn.lower.module import System
from dynattn.model.laws import type_of
from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.model.terms import Place, Term
from dynattn.network.build import Network
from dynattn.run.ending import ended
from dynattn.run.gathering import Ends, Gatherer
from dynattn.run.stopping import INTERVALS, Stopping
from dynattn.solve.compiler import Compiler
from dynattn.solve.history import History, new_history
from dynattn.solve.methods import find_method
from dynattn.solve.noise import Wiener
from dynattn.solve.point_history import PointHistory
from dynattn.solve.solve import Solution, solve

Array = NDArray[Any]
"""float64, or complex128 for complex states and records."""

States = Mapping[str, torch.Tensor]

MEMORY = 2**23
"""Numbers that one solve may keep (64 MiB): longer ones are solved piece by piece."""

BLOCK = 2**18
"""Numbers whose records are computed at once; larger blocks fall out of the processor's cache."""


@dataclass(frozen=True)
class Integration:
    """What one solve gave."""

    results: Mapping[str, Array]
    """By label: [time (series only), batch..., own axes...]; series hold NaN after the end."""
    statistics: Mapping[str, Any]
    stopped: Array
    """[batch...]: when ``until`` ended each point; NaN where it did not."""
    states: States = field(repr=False)
    """At the last time that was solved."""
    solved: int
    """How many of the times were; of a solve that failed, fewer than all."""


def integrate(
    system: System,
    simulation: Simulation,
    times: Array,
    records: Sequence[Record],
    *,
    batch: tuple[int, ...] = (),
    keep_states: bool = False,
    initial: States | None = None,
    describe: Callable[[tuple[int, ...]], str] | None = None,
    progress: Callable[[float], None] | None = None,
    compiled: bool | Compiler = False,
) -> Integration:
    """Solve from ``initial`` (None: the system's initial states) and keep the records (and the
    states as series). NumericalError where the numbers fail: ``partial`` is the Integration so far.
    """
    states = {
        name: x.expand(*batch, *x.shape[-rank_of_state(system, name) :])
        for name, x in (initial or system.initial_states()).items()
    }
    gatherers = {r.label: Gatherer(r.kind, r.after, r.margin) for r in records}
    gatherers |= {name: Gatherer("series") for name in states} if keep_states else {}
    counts: dict[str, Any] = {"evaluations": 0, "steps": 0, "seconds": 0.0}
    stiff: dict[str, Any] = {}
    wiener = Wiener(system) if system.noisy else None
    history = _history(system, simulation, float(times[0]))
    stopping = Stopping(system, simulation, batch)
    most = INTERVALS + 1 if simulation.until else len(times)
    standing = stopping.standing(times[:1], states)
    pieces = list(_pieces(len(times), sum(x.numel() for x in states.values()), most))
    failure: NumericalError | None = None
    solved = 1
    with torch.inference_mode():
        for start, stop in pieces if standing is None else [(0, 1)]:
            part = times[start:stop]
            report = _within(progress, start / (len(times) - 1), (stop - 1) / (len(times) - 1))
            solution, failure = (standing, None) if standing is not None else _solved(
                system, simulation, states, part.tolist(), batch=len(batch), progress=report,
                wiener=wiener, history=history, describe=describe, compiled=compiled,
            )  # fmt: skip
            part = part[: len(solution.times)]
            solved = start + len(part)
            ends = stopping.ends(part, solution.states)
            _gather(system, part, solution.states, records, ends, gatherers)
            states = _at_ends(states, solution.states, ends)
            _count(counts, solution.statistics, bool(compiled))
            stiff = stiff or {n: x for n, x in solution.statistics.items() if n == "stiff"}
            if failure is not None or stopping.all_stopped:
                break
    results = {label: gatherer.result_over(len(times)) for label, gatherer in gatherers.items()}
    statistics = counts | stiff | {"method": simulation.method}
    if standing is not None:
        statistics["equilibrium"] = {"points": int(np.prod(batch)), "moved": 0.0, "kept": 0}
    elif stopping.rests and (failure is None or stopping.all_stopped):
        states = _at_rest(system, stopping, states, records, times, gatherers, results, statistics)
    found = Integration(results, statistics, stopping.times, states, solved)
    if failure is not None and not stopping.all_stopped:
        failure.partial = found
        raise failure
    return found


def _count(counts: dict[str, Any], more: Mapping[str, Any], compiled: bool) -> None:
    """Add what a piece took; what is not known of one is not known of all."""
    for name in (*counts, *(["compiling"] if compiled and "compiling" not in counts else [])):
        known = counts.get(name, 0.0)
        counts[name] = None if more[name] is None or known is None else known + more[name]


def _solved(
    system: System, simulation: Simulation, states: States, times: list[float], **options: Any
) -> tuple[Solution, NumericalError | None]:
    """A stretch of time, or how far it came and why not further."""
    try:
        solution = solve(
            system, states, times, method=simulation.method, step=simulation.step,
            rtol=simulation.rtol, atol=simulation.atol, span=simulation.span, **options,
        )  # fmt: skip
    except NumericalError as error:
        if error.partial is None:
            raise
        return error.partial, error
    return solution, None


def _at_ends(before: States, solved: States, ends: Ends) -> dict[str, torch.Tensor]:
    """The states that the next piece goes on from: those of stopped points stay where they are."""
    found = {}
    for name, x in solved.items():
        index = torch.as_tensor(np.maximum(ends, 0), device=x.device)
        wide = index.reshape(*index.shape, *[1] * (x.dim() - 1 - index.dim()))
        last = x.gather(0, wide.expand(x.shape[1:])[None])[0]
        going = torch.as_tensor(ends >= 0, device=x.device).reshape(wide.shape)
        found[name] = torch.where(going, last, before[name])
    return found


def _at_rest(
    system: System,
    stopping: Stopping,
    states: States,
    records: Sequence[Record],
    times: Array,
    gatherers: Mapping[str, Gatherer],
    results: Mapping[str, Array],
    statistics: dict[str, Any],
) -> States:
    """The last states after Newton's last steps, put into the results; facts into statistics."""
    stopped = ~np.isnan(stopping.times)
    if not stopped.any():
        return states
    ending = ended(stopping.problem(states), states, stopped)
    if ending.reached.any():
        places = np.searchsorted(times, np.where(ending.reached, stopping.times, times[0]))
        places = np.where(ending.reached, places, -1)
        last = {name: x[None] for name, x in ending.states.items()}
        moments = np.where(stopped, stopping.times, times[-1])[None]
        values = _values(system, moments, last, records, stopped.ndim)
        names = {r.label for r in records}
        values |= {n: in_double(on_edges_alone(system, n, x))
                   for n, x in last.items() if n not in names}  # fmt: skip
        for label, gatherer in gatherers.items():
            gatherer.put_last(results[label], values[label][0], places)
    statistics["equilibrium"] = ending.facts
    return ending.states


def _history(system: System, simulation: Simulation, start: float) -> History | PointHistory | None:
    """What the pieces of a solve remember together, where there are delays."""
    if not system.late:
        return None
    return new_history(system, find_method(simulation.method), start, simulation.step)


def everything(model: Model) -> tuple[Record, ...]:
    """Every observable as a series: what is recorded where an experiment does not say."""
    return tuple(Record("series", item.name, item.value) for item in model.observables)


def every_state(model: Model) -> tuple[Record, ...]:
    """Every state as a series: what is recorded of many points where nothing else is."""
    states = [state for state in model.states.values() if state.velocity_of is None]
    return tuple(
        Record("series", state.name, Term("state", (), type_of(state), state.span, state.name))
        for state in states
    )


def own_axes(network: Network, term: Term) -> tuple[str, ...]:
    """Names of the axes that one value of a term has: its population, its coordinates.

    Quantities of edges have one axis along the edges, sorted by receiver, then sender, or two.
    """
    return place_axes(network, term.type.place) + _coordinates(len(term.type.shape))


def place_axes(network: Network, place: Place) -> tuple[str, ...]:
    """Names of the axes of a place."""
    if place.kind == "edges":
        listed = network.connections[place.name].kind == "edges"
        ends = ("edge",) if listed else ("receiver", "sender")
        return tuple(f"{place.name}.{end}" for end in ends)
    return (place.name,) if place.kind == "nodes" else ()


def state_axes(network: Network, name: str) -> tuple[str, ...]:
    """Names of the axes of a state."""
    state = network.model.states[name]
    return place_axes(network, state.place) + _coordinates(len(state.shape))


def _coordinates(count: int) -> tuple[str, ...]:
    return tuple("coordinate" if k == 0 else f"coordinate_{k + 1}" for k in range(count))


def _pieces(count: int, width: int, most: int) -> Iterator[tuple[int, int]]:
    """Stretches of the saved times, each starting where the one before ended."""
    length = min(most, max(2, MEMORY // max(1, width)))
    start = 0
    while start < count - 1:
        stop = min(count, start + length)
        yield start, stop
        start = stop - 1


def _within(
    progress: Callable[[float], None] | None, low: float, high: float
) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda fraction: progress(low + (high - low) * fraction)


def _gather(
    system: System,
    times: Array,
    states: States,
    records: Sequence[Record],
    ends: Ends,
    gatherers: Mapping[str, Gatherer],
) -> None:
    for label, values in _recorded(system, times, states, records, ends.ndim).items():
        gatherers[label].add(times, values, ends)
    labels = {record.label for record in records}
    for name in states:
        if name in gatherers and name not in labels:
            values = on_edges_alone(system, name, states[name])
            gatherers[name].add(times, in_double(values), ends)


def _recorded(
    system: System, times: Array, states: States, records: Sequence[Record], batch: int
) -> dict[str, Array]:
    """Each record at every time: [time, batch..., own axes...], a block of times after another."""
    if not records:
        return {}
    width = sum(prod(x.shape[1:]) for x in states.values())
    length = max(1, BLOCK // width)
    blocks: dict[str, list[Array]] = {record.label: [] for record in records}
    for start in range(0, len(times), length):
        block = {name: x[start : start + length] for name, x in states.items()}
        moments = times[start : start + length].reshape(-1, *[1] * batch)
        for label, values in _values(system, moments, block, records, batch).items():
            blocks[label].append(values)
    return {label: np.concatenate(parts) for label, parts in blocks.items()}


def _values(
    system: System, times: Array, states: States, records: Sequence[Record], batch: int
) -> dict[str, Array]:
    """Each record at states [time, batch..., nodes, ...] and times that go with them."""
    t = torch.as_tensor(times, dtype=system.dtype, device=system.device)
    found, values = _measure(system, t, states), {}
    front = tuple(next(iter(states.values())).shape[1 : 1 + batch])
    for record in records:
        name = record.label
        value = found[name] if name in found else on_edges_alone(system, name, states[name])
        rank = len(own_axes(system.network, record.value))
        shape = (len(t), *front, *value.shape[value.dim() - rank :])
        values[name] = in_double(value.expand(shape))
    return values


def in_double(values: torch.Tensor) -> Array:
    """As numpy in double precision; complex numbers stay whole."""
    kind = torch.complex128 if values.is_complex() else torch.float64
    return values.resolve_conj().cpu().to(kind).numpy()


def _measure(system: System, t: torch.Tensor, states: States) -> dict[str, torch.Tensor]:
    """Records and observables; a record is found by its label, an observable by its name."""
    return {**system.observe(t, states), **system.record(t, states)}
