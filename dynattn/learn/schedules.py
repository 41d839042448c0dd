"""Schedules of the learning rate: a factor for every step of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dynattn.diagnostics.report import Collector
from dynattn.learn.options import Option, find_entry, read_options
from dynattn.model.plans import Choice


@dataclass(frozen=True)
class Schedule:
    """One schedule. ``factor(progress, floor)``: progress runs from 0 (after warm-up) to 1."""

    name: str
    options: tuple[Option, ...]
    factor: Callable[[float, float], float]


_WARMUP = Option("warmup", "number", 0.0, low=0)
_FLOOR = Option("floor", "number", 0.0, low=0, high=1)

_ENTRIES = (
    Schedule("constant", (_WARMUP,), lambda progress, floor: 1.0),
    Schedule(
        "cosine", (_WARMUP, _FLOOR),
        lambda progress, floor: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)),
    ),
    Schedule("linear", (_WARMUP, _FLOOR), lambda progress, floor: 1 - (1 - floor) * progress),
)  # fmt: skip

SCHEDULES: dict[str, Schedule] = {entry.name: entry for entry in _ENTRIES}


@dataclass(frozen=True)
class Pace:
    """A schedule with its options and the length of the run filled in."""

    schedule: Schedule
    warmup: int
    """Steps over which the factor rises in equal parts to 1."""
    floor: float
    steps: int

    def factor(self, step: int) -> float:
        """The factor on the learning rate at ``step``, counted from 0."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.schedule.factor(min(1.0, progress), self.floor)


def read_schedule(choice: Choice | None, steps: int, found: Collector) -> Pace:
    """The pace of a run of ``steps`` steps; without a choice the rate is constant.

    ``warmup`` below 1 is a fraction of the run, from 1 on a number of steps.
    """
    entry: Schedule | None = SCHEDULES["constant"]
    values: Mapping[str, Any] = {}
    if choice is not None:
        entry = find_entry(SCHEDULES, choice, "schedule", "E521", found)
        values = read_options(choice, entry.options, found) if entry else {}
    warmup = values.get("warmup", 0.0)
    warmup = warmup if isinstance(warmup, (int, float)) else 0.0
    count = round(warmup * steps) if warmup < 1 else int(warmup)
    floor = values.get("floor", 0.0)
    return Pace(entry or SCHEDULES["constant"], count, floor, steps)
