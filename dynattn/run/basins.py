"""``basins``: the share of starts that ends in each attractor.

Where the model comes to rest, or only drifts along a symmetry, Newton's method goes the rest of the
way, and equilibria are told apart by numbers that symmetries leave as they are. What still moves is
told apart by what is recorded, averaged over the second half of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.model.plans import Record
from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task
from dynattn.run.recording import everything, integrate, state_axes
from dynattn.solve.equilibria import newton
from dynattn.solve.orbits import blocks_of, features
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import RestProblem, rest_problem
from dynattn.solve.settling import check_rests

Array = NDArray[Any]

SAME = 1e-4
"""Equilibria closer than this, in parts of their size, are one."""

ALIKE = 0.02
"""And so are averages, of what still moves."""

NEAR = 0.05
"""How far Newton's method may go from where a start has led, in parts of the size of the states."""

JACOBIANS = 2**24
"""Numbers of Jacobians side by side."""


@dataclass(frozen=True)
class _Ends:
    """Where each start has led: the last states [start, 1, n], the averages [start, records]."""

    y: Tensor
    averages: Array
    rests: NDArray[np.bool_]
    keys: Array
    """[start, numbers]: the same for all that came to rest at one equilibrium."""


def measure_basins(task: Task) -> Mapping[str, Variable]:
    """[1, attractor] of shares, the most frequent first, and [1, start] of what each led to."""
    records = [r for r in _records(task) if r.value.type.place.kind == "global"
               and not r.value.type.shape]  # fmt: skip
    check_rests(task.system, task.plan.span)
    got = integrate(
        task.system, task.plan.clock, task.times, records, batch=_batch(task),
        initial=task.starts(), describe=task.describe, progress=task.progress,
    )  # fmt: skip
    with torch.no_grad():
        ends = _ends(task, got.states, np.stack(
            [np.real(got.results[r.label][:, 0]) for r in records], -1
        ) if records else np.zeros((_batch(task)[0], 0)))  # fmt: skip
    numbers = _ranked(_numbers(ends))
    return _variables(task, records, ends, numbers)


def _records(task: Task) -> list[Record]:
    clock = task.plan.clock
    assert clock.stop is not None
    half = (clock.start + clock.stop) / 2
    chosen = task.plan.records or everything(task.compilation.model)
    return [replace(item, kind="average", after=half) for item in chosen]


def _batch(task: Task) -> tuple[int, int]:
    return task.count, 1


def _ends(task: Task, states: Mapping[str, Tensor], averages: Array) -> _Ends:
    """Newton's last steps from where each start has led, a part of the starts at a time."""
    packing = packing_of(states, 2)
    problem = rest_problem(task.system, replace(packing, batch=(1, 1)))
    y = packing.pack(states)
    most = max(1, JACOBIANS // y.shape[-1] ** 2)
    found = [_rested(problem, part) for part in y.split(most)]
    rested, keys = (torch.cat([pair[k] for pair in found]) for k in (0, 1))
    near = torch.isfinite(keys[:, 0]).cpu().numpy()
    return _Ends(
        torch.where(torch.as_tensor(near, device=y.device)[:, None, None], rested, y), averages,
        near, keys.cpu().numpy(),
    )  # fmt: skip


def _rested(problem: RestProblem, y: Tensor) -> tuple[Tensor, Tensor]:
    """(rest [part, 1, n], numbers that tell them apart [part, k]: NaN where there is none)."""
    alone = problem.alone(tuple(y.shape[:-1]))
    rest = newton(alone, y)
    moved = (rest.y - y).abs().amax(-1)
    near = rest.found & (moved <= NEAR * y.abs().amax(-1).clamp(min=1.0))
    keys = features(alone, rest.y, blocks_of(alone))[:, 0]
    return rest.y, torch.where(near, keys, torch.nan)


def _numbers(ends: _Ends) -> NDArray[np.int64]:
    """[start]: the number of its attractor, in the order in which they were found."""
    known: list[tuple[bool, Array]] = []
    numbers = np.empty(len(ends.rests), dtype=np.int64)
    for k, rests in enumerate(ends.rests):
        own, bound = (ends.keys[k], SAME) if rests else (ends.averages[k], ALIKE)
        for number, (kind, other) in enumerate(known):
            scale = max(1.0, float(np.linalg.norm(other)))
            if kind == rests and np.linalg.norm(own - other) <= bound * scale:
                numbers[k] = number
                break
        else:
            numbers[k] = len(known)
            known.append((bool(rests), own))
    return numbers


def _ranked(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same, the most frequent numbered 0."""
    counts = np.bincount(numbers)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return rank[numbers]


def _variables(
    task: Task, records: list[Record], ends: _Ends, numbers: NDArray[np.int64]
) -> dict[str, Variable]:
    counts = np.bincount(numbers)
    first = np.array([int(np.argmax(numbers == k)) for k in range(len(counts))])
    share = counts / len(numbers)
    found: dict[str, tuple[tuple[str, ...], Array]] = {
        "share": ((), share),
        "share error": ((), np.sqrt(share * (1 - share) / len(numbers))),
        "at rest": ((), ends.rests[first].astype(float)),
    }
    for place, record in enumerate(records):
        means = [ends.averages[numbers == k, place].mean() for k in range(len(counts))]
        found[record.label] = ((), np.array(means))
    states = replace(
        packing_of({n: x[:, None] for n, x in task.states.items()}, 2), batch=(len(first), 1)
    ).unpack(ends.y[torch.as_tensor(first)])  # fmt: skip
    for name in task.compilation.model.states:
        if name in states:
            axes = state_axes(task.compilation.network, name)
            found[name] = (axes, states[name][:, 0].cpu().numpy())
    whole = {
        name: Variable(("attractor", *axes), np.asarray(values)[None])
        for name, (axes, values) in found.items()
    }
    return {**whole, "attractor of": Variable(("start",), numbers[None])}
