"""Rosenbrock steps with sparse Jacobians: large stiff systems whose nodes hear few others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dynattn.lower.inspection import reads_time
from dynattn.solve.adaptive import Demand
from dynattn.solve.discrete import gradients_wanted
from dynattn.solve.failures import no_slope
from dynattn.solve.fixed import States
from dynattn.solve.jacobians import along
from dynattn.solve.packed import PackedField
from dynattn.solve.rosenbrock import Flags, Increments, RosenbrockRun
from dynattn.solve.sparse_solves import FILLED, band_of, solver_of
from dynattn.solve.sparsity import Pattern, pattern_of

POINTS = 2**26
"""Numbers that the slopes of all points along all directions may hold (512 MiB)."""


class MissingEntries(Exception):
    """Rates depend on more than the graphs say."""


def patterns_for(field: PackedField, states: States) -> Iterator[Pattern]:
    """What the Jacobian may look like where that is sparse, and no gradients of it are wanted."""
    if gradients_wanted(field.system, states):
        return
    packing = field.packing
    found = pattern_of(field.system, replace(packing, batch=()))
    points = int(np.prod(packing.batch, dtype=np.int64))
    for pattern in () if found is None else (found, found.wider()):
        if pattern.pays and points * pattern.count * pattern.size <= POINTS:
            yield pattern


class SparseRun(RosenbrockRun):
    """A solve with one sparse Jacobian for each point, made along few directions."""

    def __init__(
        self, field: PackedField, states: States, times: Sequence[float], demand: Demand,
        pattern: Pattern,
    ) -> None:  # fmt: skip
        self.pattern = pattern
        self.whole: bool | None = None
        super().__init__(field, states, times, demand)

    def _new_slopes(self) -> Increments:
        return Increments(self.y, self.tableau)

    def _slopes_of(self, times: Tensor) -> Any:
        followed = self.pattern.followed(self.y)
        followed = followed.reshape(len(followed), *[1] * (self.y.dim() - 1), -1)
        followed = followed.expand(len(followed), *self.y.shape)
        rates = self.rates(times, self.y)
        slopes = along(lambda y: self.rates(times, y), self.y, followed, self.edges)
        found = [self.pattern.assembled(point) for point in self._points(slopes)]
        if any(matrix is None for matrix in found):
            raise MissingEntries
        return rates, found, self._clock(times, rates)

    def _points(self, slopes: Tensor) -> Sequence[Tensor]:
        return slopes.reshape(len(slopes), -1, self.y.shape[-1]).unbind(1)

    def _clock(self, times: Tensor, rates: Tensor) -> Tensor:
        """The derivative by time."""
        if not reads_time(self.field.system):
            return torch.zeros_like(rates)
        shape, clock = times.shape, times.reshape(-1, 1)

        def moved(t: Tensor) -> Tensor:
            return self.rates(t.reshape(shape), self.y)

        return along(moved, clock, torch.ones_like(clock)[None])[0]

    def _solver(self, jacobian: Any, h: Tensor | float) -> Callable[[Tensor], Tensor]:
        gamma, count = self.tableau.gamma, len(jacobian)
        sizes = np.broadcast_to(np.asarray(torch.as_tensor(h).detach().cpu()).ravel(), (count,))
        unit = sparse.identity(self.y.shape[-1], format="csc")
        matrices = [
            sparse.csc_matrix(unit - float(size) * gamma * matrix)
            for size, matrix in zip(sizes, jacobian, strict=True)
        ]
        if self.whole is None:
            self.whole = band_of(matrices[0]) <= FILLED
        solvers = [solver_of(matrix, self.whole) for matrix in matrices]

        def solved(right: Tensor) -> Tensor:
            rows = (gamma * right).reshape(count, -1).detach().cpu().to(torch.float64).numpy()
            found = [solve(row) for solve, row in zip(solvers, rows, strict=True)]
            return torch.as_tensor(np.stack(found)).to(right).reshape(right.shape)

        return solved

    def _underflow(self, flags: Flags) -> Exception:
        """E603: no step is small enough, or there is no Jacobian to step with."""
        if self.linear is not None:
            point = int(np.atleast_1d(flags).argmax())
            matrices: Any = self.linear[1]
            matrix = sparse.coo_matrix(matrices[point])
            bad = np.flatnonzero(~np.isfinite(matrix.data))
            if len(bad):
                t = self.sign * float(np.atleast_1d(self.control.time)[point])
                row, column = (point * self.y.shape[-1] + int(k[bad[0]])
                               for k in (matrix.row, matrix.col))  # fmt: skip
                return no_slope(self.field.scene, t, row, column)
        return super(RosenbrockRun, self)._underflow(flags)
