"""``lyapunov``: exponents at points of the settings, with their errors and how they came about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dynattn.analyse.lyapunov import lyapunov
from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task


def measure_lyapunov(task: Task) -> Mapping[str, Variable]:
    """[points, exponent] and [points, time, exponent]; see ``analyse.lyapunov``."""
    asked = task.plan.options
    found = lyapunov(
        task.system, states=task.states, times=task.times.tolist(), exponents=asked["exponents"],
        after=asked["after"], progress=task.progress, **task.options,
    )  # fmt: skip
    count = len(task.points)
    times = np.broadcast_to(found.times, (count, len(found.times)))
    return {
        "exponents": Variable(("exponent",), found.exponents),
        "errors": Variable(("exponent",), found.errors),
        "zeros": Variable((), found.zeros),
        "dimension": Variable((), found.dimension),
        "time": Variable(("time",), times),
        "averages so far": Variable(("time", "exponent"), np.moveaxis(found.running, 0, 1)),
    }
