"""``passage``: when a condition first holds, from many starts, located within the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task
from dynattn.solve.passages import Clock, first_passages


def measure_passages(task: Task) -> Mapping[str, Variable]:
    """[points, start]: the times, infinite where nothing passed; how many did, and their mean."""
    plan = task.plan
    (record,) = plan.records
    states = task.starts()
    count = len(next(iter(states.values())))

    def margin(t: torch.Tensor, there: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return task.system.record(t, there)[record.label]

    clock = plan.clock
    assert clock.stop is not None
    times = first_passages(
        task.system, states, margin,
        Clock(clock.start, clock.stop, clock.method, clock.step, clock.rtol, clock.atol),
        batch=2, seed=task.system.seed, strict=record.margin == ">", describe=task.describe,
        span=plan.span, progress=task.progress,
    ).T - clock.start  # fmt: skip
    passed = np.isfinite(times)
    number = passed.sum(1)
    share = number / count
    with np.errstate(all="ignore"):
        sums = np.where(passed, times, 0.0).sum(1)
        mean = np.where(number > 0, sums / number, np.nan)
        squares = np.where(passed, (times - mean[:, None]) ** 2, 0.0).sum(1)
        error = np.sqrt(squares / (number - 1) / number)
    values: dict[str, Any] = {
        "share": share, "share error": np.sqrt(share * (1 - share) / count), "mean": mean,
        "error": error,
    }  # fmt: skip
    return {
        "times": Variable(("start",), times),
        **{name: Variable((), found) for name, found in values.items()},
    }
