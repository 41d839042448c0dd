"""``locking``: mean frequencies of phases, who is locked to whom, and how firmly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynattn.analyse.locking import clusters, frequencies, locking_values
from dynattn.analyse.statistics import after_mask
from dynattn.model.laws import type_of
from dynattn.model.plans import Record
from dynattn.model.terms import Term
from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task
from dynattn.run.recording import integrate

Array = NDArray[Any]

MOST_PAIRS = 2**20
"""Pairs of nodes up to which the locking value of each is kept."""


def measure_locking(task: Task) -> Mapping[str, Variable]:
    """[1, nodes] of mean frequencies and clusters, and [1, nodes, nodes] of locking values."""
    plan, clock = task.plan, task.plan.clock
    state = task.compilation.model.states[plan.options["of"]]
    place = Term("state", (), type_of(state), state.span, state.name)
    record = Record("series", state.name, place)
    got = integrate(
        task.system, clock, task.times, (record,), batch=(1,), initial=task.states,
        describe=task.describe, progress=task.progress,
    )  # fmt: skip
    after = plan.options["after"]
    assert clock.stop is not None
    late = after_mask(task.times, (clock.start + clock.stop) / 2 if after is None else after)
    times, phases = task.times[late], got.results[state.name][late, 0]
    omega = frequencies(times, phases)
    numbers = clusters(omega, float(times[-1] - times[0]))
    sizes = np.bincount(numbers)
    nodes = state.population
    found = {
        "frequencies": Variable((nodes,), omega[None]),
        "cluster": Variable((nodes,), numbers[None].astype(float)),
        "clusters": Variable((), np.array([float(len(sizes))])),
        "largest share": Variable((), np.array([sizes[0] / len(numbers)])),
        "spread": Variable((), np.array([float(np.ptp(omega))])),
    }
    if len(omega) ** 2 <= MOST_PAIRS:
        values = locking_values(phases)
        count = len(omega)
        pairs = (values.sum() - count) / max(1, count * (count - 1))
        found["mean locking"] = Variable((), np.array([float(pairs)]))
        found["locking"] = Variable((nodes, f"other {nodes}"), values[None])
    return found
