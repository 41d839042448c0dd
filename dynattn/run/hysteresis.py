"""``hysteresis``: a parameter goes slowly up and down again, and the states go along.

Jumps are where what is recorded changes by more than a share of all that is seen between two
values; these are halved, from the states before, until they are close, and still so far apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.model.plans import Record
from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task
from dynattn.run.recording import every_state, everything, integrate, own_axes
from dynattn.solve.parameters import parameters_set

Array = NDArray[Any]
States = Mapping[str, torch.Tensor]

HALVINGS = 12
"""Of the values between which a jump happens."""

SHARE = 0.1
"""A jump is more than this part of all that is seen."""


def measure_hysteresis(task: Task) -> Mapping[str, Variable]:
    """[1, direction, value, ...] of what is recorded, and the jumps."""
    records = _records(task)
    ((name, values),) = task.plan.clock.settings
    walk = _Walk(task, name, records)
    there = np.array(values)
    ways, jumps = [], []
    for number, order in enumerate((there, there[::-1])):
        rows = [walk.go(float(value), number * len(there) + k) for k, value in enumerate(order)]
        ways.append(rows)
        jumps += [(number, *jump) for jump in walk.jumps(order, rows)]
    found: dict[str, Variable] = {}
    for place, record in enumerate(records):
        up = np.stack([row[0][place] for row in ways[0]])
        down = np.stack([row[0][place] for row in ways[1]])[::-1]
        axes = ("direction", name, *own_axes(task.compilation.network, record.value))
        found[record.label] = Variable(axes, np.stack([up, down])[None])
    columns = list(zip(*jumps, strict=True)) if jumps else [()] * 5
    for title, column in zip(
        ("jump direction", "jump at", "jump error", "jump from", "jump to"), columns, strict=True
    ):
        found[title] = Variable(("jump",), np.array(column, dtype=float)[None])
    found[name] = Variable((name,), there[None])
    return found


def _records(task: Task) -> tuple[Record, ...]:
    """What is recorded, at the end of each stay where nothing else is asked."""
    model = task.compilation.model
    chosen = task.plan.records or everything(model) or every_state(model)
    return tuple(replace(r, kind="final") if r.kind == "series" else r for r in chosen)


class _Walk:
    """The states as they go along."""

    def __init__(self, task: Task, name: str, records: tuple[Record, ...]) -> None:
        self.task, self.name, self.records = task, name, records
        self.states: States = {n: x[0] for n, x in task.states.items()}
        self.total = 2 * len(task.plan.clock.settings[0][1])

    def go(self, value: float, number: int) -> tuple[list[Array], States]:
        """What is recorded at a value, and the states there, from those before."""
        found = self._stay(value, self.states)
        self.states = found[1]
        if self.task.progress is not None:
            self.task.progress((number + 1) / self.total)
        return found

    def _stay(self, value: float, states: States) -> tuple[list[Array], States]:
        with parameters_set(self.task.system, {self.name: value}):
            try:
                got = integrate(
                    self.task.system, self.task.plan.clock, self.task.times, self.records,
                    initial=states,
                )  # fmt: skip
            except NumericalError as error:
                raise _at(error, f"{self.name} = {value:g}") from None
        return [got.results[record.label] for record in self.records], got.states

    def jumps(
        self, order: Array, rows: list[tuple[list[Array], States]]
    ) -> list[tuple[float, float, float, float]]:
        """(value, half of the bracket, number before, number after) of the first record that is one
        number.
        """
        place = next((k for k, v in enumerate(rows[0][0]) if np.ndim(v) == 0), None)
        if place is None:
            return []
        seen = np.array([abs(row[0][place]) if np.iscomplexobj(row[0][place]) else row[0][place]
                         for row in rows], dtype=float)  # fmt: skip
        changes = np.abs(np.diff(seen))
        rounding = 100 * self.task.plan.clock.rtol * max(1.0, float(np.abs(seen).max()))
        least = max(SHARE * float(np.ptp(seen)), rounding)
        large = np.flatnonzero(changes > least)
        found = [self._locate(order, seen, rows, place, int(k)) for k in large]
        return [jump for jump in found if abs(jump[3] - jump[2]) > least]

    def _locate(
        self, order: Array, seen: Array, rows: list[tuple[list[Array], States]], place: int, k: int
    ) -> tuple[float, float, float, float]:
        low, high, states = float(order[k]), float(order[k + 1]), rows[k][1]
        before, after = float(seen[k]), float(seen[k + 1])
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            values, there = self._stay(middle, states)
            now = float(abs(values[place]) if np.iscomplexobj(values[place]) else values[place])
            if abs(now - before) < abs(now - after):
                low, before, states = middle, now, there
            else:
                high, after = middle, now
        return (low + high) / 2, abs(high - low) / 2, before, after


def _at(error: NumericalError, where: str) -> NumericalError:
    """The same with the value that it happened at."""
    item: Diagnostic = error.diagnostics[0]
    return NumericalError(replace(item, message=f"{item.message}, at {where}"))
