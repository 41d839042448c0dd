"""A measurement at every point of a grid, divided, shared out and kept as the points of a sweep."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.model.plans import Measurement, Simulation
from dynattn.run.chunks import Progress, Solved, Solver, fitted, ragged
from dynattn.run.collection import Collection
from dynattn.run.division import Chunk, Grid, Index, Part, divide_measured
from dynattn.run.labelled import Labelled, Variable, numbered
from dynattn.run.measurements import MeasurementResult, Task, measure_of
from dynattn.run.provenance import origin_of, versions
from dynattn.run.starting import states_at_rest
from dynattn.run.systems import build_for, state_numbers
from dynattn.vocabulary.measurements import MEASUREMENTS

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

Array = NDArray[Any]


@dataclass(frozen=True)
class Points(Grid):
    """A grid without repeats."""

    def words(self, point: Index) -> str:
        """``K = 2``; nothing where there is one point alone."""
        return ", ".join(f"{name} = {value:g}" for name, value in self.settings(point).items())


def points_of(plan: Measurement) -> Simulation:
    """The clock of a measurement with the settings that make points of their own."""
    return replace(plan.clock, settings=()) if MEASUREMENTS[plan.kind].moves else plan.clock


class Measurer(Solver):
    """Measures chunks of one grid, in whatever process, in whatever order."""

    def __init__(
        self, compilation: Compilation, plan: Measurement, *, seed: int, device: str
    ) -> None:
        super().__init__(
            compilation, points_of(plan), seed=seed, device=device, signals=None, compiled=False
        )
        self.plan = plan
        self.grid = Points(dict(self.simulation.settings), 1)

    def _side_by_side(self, part: Part, found: Solved, progress: Progress | None) -> None:
        began = time.perf_counter()
        compilation, count = self._compilation(part.fixed), len(part.points)
        values = self._batched(compilation.model, part)
        system = build_for(compilation, seed=self.seed, values=values, device=self.device)
        settings = tuple(self.grid.settings(point) for point in part.points)
        task = Task(compilation, self.plan, system, {}, settings, progress)
        rest = states_at_rest(
            compilation, self.plan.clock, system, seed=self.seed, values=values,
            device=self.device, describe=task.describe,
        )  # fmt: skip
        task = replace(task, states=_begun(system, rest, count))
        for name, variable in measure_of(self.plan.kind)(task).items():
            self._keep(name, variable, part, found)
        found.points += part.points
        found.counts["seconds"] = found.counts.get("seconds", 0.0) + time.perf_counter() - began

    def _keep(self, name: str, variable: Variable, part: Part, found: Solved) -> None:
        values = np.asarray(variable.values)
        values = values.astype(float) if values.dtype.kind in "iub" else values
        found.axes.setdefault(name, variable.axes)
        if name in found.arrays:
            pair = fitted(found.arrays[name], values, 1, variable.axes)
            if pair is None:
                raise ragged(self.simulation, name, part)
            values = np.concatenate(pair)
        found.arrays[name] = values


def _begun(
    system: System, found: Mapping[str, torch.Tensor] | None, count: int
) -> dict[str, torch.Tensor]:
    """[points, nodes, ...] of every state."""
    fresh = system.initial_states()
    rank = len(system.batch_shape)
    own = {name: x.dim() - rank for name, x in fresh.items()}
    states = fresh if found is None else found
    return {n: x.expand(count, *x.shape[x.dim() - own[n] :]).clone() for n, x in states.items()}


class MeasuredCollection(Collection):
    """What a measurement has to measure, and what it has."""

    def __init__(
        self, compilation: Compilation, plan: Measurement, *, seed: int | None, device: str
    ) -> None:
        self.plan = plan
        self.axes: dict[str, tuple[str, ...]] = {}
        super().__init__(
            compilation, plan.clock, seed=seed, device=device, signals=None, compiled=False
        )
        self.counts = {"seconds": 0.0}

    def _solver(self) -> Solver:
        return Measurer(self.compilation, self.plan, seed=self.seed, device=self.device)

    def _divided(self) -> tuple[Chunk, ...]:
        kind = MEASUREMENTS[self.plan.kind]
        numbers = state_numbers(self.compilation) * (1 if kind.singly else _copies(self.plan))
        return divide_measured(self.compilation, points_of(self.plan), numbers, kind.singly)

    @property
    def settings(self) -> dict[str, Any]:
        """What fixes the numbers."""
        grid, plan = self.solver.grid.values, self.plan
        return {
            **super().settings, "kind": plan.kind,
            "moved": {n: list(values) for n, values in plan.settings if n not in grid},
            **{n: v for n, v in plan.options.items() if v is not None},
        }  # fmt: skip

    def _take(self, chunk: Chunk, found: Solved) -> None:
        for name, axes in found.axes.items():
            self.axes.setdefault(name, axes)
        super()._take(chunk, found)

    def _labelled(self) -> Labelled:
        grid = self.solver.grid.values
        values = {name: np.array(row) for name, row in grid.items()}
        first = tuple(np.argwhere(self.done)[0]) if self.done.any() else ()
        variables = {}
        for name, array in self.arrays.items():
            axes = self.axes[name]
            if axes == (name,):
                values[name] = array[first]
            else:
                own = array[(slice(None),) * len(grid) + (0,)]
                variables[name] = Variable((*grid, *axes), own)
        return Labelled(numbered(values, variables), variables)

    def _result(
        self, labelled: Labelled, statistics: Mapping[str, Any], status: str
    ) -> MeasurementResult:
        return MeasurementResult(
            name=self.plan.name, kind=self.plan.kind, labelled=labelled, settings=self.settings,
            seed=self.seed, versions=versions(), origin=origin_of(self.compilation),
            statistics=statistics, status=status, done=self.done[..., 0].copy(),
            failures=tuple(self.failures),
        )  # fmt: skip


def _copies(plan: Measurement) -> int:
    """About as many numbers are carried for each number of a point's states."""
    return max(1, plan.options.get("starts") or plan.options.get("exponents") or 8)
