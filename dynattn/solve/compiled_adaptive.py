"""Adaptive steps as one compiled graph: all stages, and the size of the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dynattn.solve.adaptive import Demand, Run
from dynattn.solve.compiler import Compiler, Step, asking_alike
from dynattn.solve.control import Numbers
from dynattn.solve.fixed import States
from dynattn.solve.packed import PackedField
from dynattn.solve.slopes import Slopes


class CompiledRun(Run):
    """One solve on its way whose steps are compiled; the first rates, and those after a jump, and
    what is between steps, are not.
    """

    def __init__(
        self,
        field: PackedField,
        states: States,
        times: Sequence[float],
        demand: Demand,
        *,
        compiler: Compiler,
    ) -> None:
        super().__init__(field, states, times, demand)
        self.slopes = StackedSlopes(self.y, self.tableau)
        y, system = self.y, field.system
        shapes = tuple(field.packing.shapes.items())
        key = ("adaptive", id(system), demand.name, demand.rtol, demand.atol, self.sign,
               self.batch, shapes, y.dtype, y.device)  # fmt: skip
        what = f"the step of {demand.name}"
        self.attempt = compiler.compiled(key, self._graph(), what, field.scene.span)

    def _attempt(self, h: Tensor | float) -> tuple[Tensor, Tensor, Numbers]:
        size = h if isinstance(h, Tensor) else torch.full_like(self.y[0], h)
        start = asking_alike(self.field.system, (self.y, self.slopes.first))
        y, level, slopes, errors = self.attempt(*start, size, self._when())
        self.slopes.take(slopes)
        self.evaluations += len(self.nodes) - 1
        return y, level, self.host(errors)

    def _graph(self) -> Step:
        """(y, first rates, h, times of the stages) to (y, the stage before it, rates, errors)."""
        field, tableau, batch, scales = self.field, self.tableau, self.batch, self.scales
        rows, sign = (*tableau.stages, tableau.weights), self.sign

        def rates(t: Tensor, y: Tensor) -> Tensor:
            wide = y.reshape(*batch, -1) if len(batch) > 1 else y
            found = field.rates(t, wide).reshape(y.shape)
            return found if sign > 0 else -found

        def attempt(y: Tensor, first: Tensor, h: Tensor, when: Tensor) -> tuple[Tensor, ...]:
            slopes, point, level = [first], y, y
            for i in range(1, len(rows)):
                level, point = point, y + h * weighted(rows[i], slopes)
                if i == len(rows) - 1 and not field.straight:
                    point = field.landed(point.reshape(*batch, -1)).reshape(y.shape)
                slopes.append(rates(when[i], point))
            error = h * weighted(tableau.error, slopes)
            return point, level, torch.stack(slopes), scales.norm(y, point)(error)

        return attempt


def weighted(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    """sum_i weights_i slopes_i, without the stages that do not count."""
    used = [w * slope for w, slope in zip(weights, slopes, strict=True) if w]
    return sum(used[1:], used[0])


class StackedSlopes(Slopes):
    """Rates of the stages as one array that every step makes anew."""

    def __init__(self, y: Tensor, tableau: Any) -> None:
        super().__init__(y, tableau)
        self._first, self.stacked = y, y[None]
        self.buffer = None

    @property
    def first(self) -> Tensor:
        """Where the step begins."""
        return self._first

    def take(self, stacked: Tensor) -> None:
        """Those of a step, [stages, points..., coordinates]."""
        self.stacked = stacked

    def restart(self, rates: Tensor) -> None:
        """Those where a step begins."""
        self._first = rates

    def shift(self, where: Tensor | None = None) -> None:
        """The next step begins where this one ends; ``where`` [points, 1]: of which points."""
        last = self.stacked[-1]
        self._first = last if where is None else torch.where(where, last, self._first)

    def upto(self, count: int) -> Tensor:
        """The first so many."""
        return self.stacked[:count].flatten(1)

    def stretch(self, h: Tensor | float, y: Tensor, level: Tensor) -> Tensor:
        """[points]: h |lambda|, from two stages at the end of the step, at y and at ``level``."""
        self.apart = [self.stacked[-2], self.stacked[-1]]
        return super().stretch(h, y, level)
