"""Own integration of stiff systems: a Rosenbrock method, each point of a batch with its own steps.

A step takes one exact Jacobian and one factorization, and no iteration: nothing can fail to
converge, and gradients are those of the very numbers computed. Steps, saved times and jumps are
those of ``solve.adaptive``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.solve.adaptive import Demand, Progress, Run, finish
from dynattn.solve.copies import copies_of
from dynattn.solve.failures import Scene, no_slope
from dynattn.solve.fixed import States
from dynattn.solve.jacobians import bytes_of, edges_of, linearized
from dynattn.solve.packed import PackedField
from dynattn.solve.slopes import Slopes
from dynattn.vocabulary.rosenbrock import Rosenbrock

Numbers = Any
Flags = Any

MOST = 2**30
"""Bytes that the Jacobians of all points may take; a step holds about four times as many."""

Linear = tuple[Tensor, Tensor, Tensor]
"""Rates, their Jacobian, and their derivative by time, where a step begins."""


class Increments(Slopes):
    """What the stages of a Rosenbrock step add to the state: the size of the step is in them."""

    def __init__(self, y: Tensor, tableau: Rosenbrock) -> None:
        super().__init__(y, tableau)
        self.nodes = tableau.nodes
        self.begun = torch.zeros_like(y)
        kind = {"dtype": y.dtype, "device": y.device}
        self.mixing = [torch.tensor(row, **kind) for row in tableau.mixing]

    @property
    def first(self) -> Tensor:
        """The rates where the step begins."""
        return self.begun

    def restart(self, rates: Tensor) -> None:
        """Those where a step begins."""
        self.begun = rates

    def shift(self, where: Tensor | None = None) -> None:
        """The next step begins with rates of its own."""

    def moved_by(self, y: Tensor, stage: int, h: Tensor | float) -> Tensor:
        """Where the sum of a stage leads from y."""
        return y + (self.rows[stage] @ self.upto(stage)).view(y.shape) if stage else y

    def mixed(self, stage: int) -> Tensor:
        """What the stages before put into the equations of a stage."""
        return (self.mixing[stage] @ self.upto(stage)).view(self.shape)

    def error(self, h: Tensor | float) -> Tensor:
        """The estimated error of the step."""
        return (self.errors @ self.upto(len(self.errors))).view(self.shape)

    def between(self, y: Tensor, parts: Numbers, sizes: Numbers) -> Tensor:
        """The states [points, parts, coordinates] after parts [points, parts] of the step."""
        return super().between(y, parts, np.ones_like(sizes))


def integrate_implicitly(
    scene: Scene,
    states: States,
    times: Sequence[float],
    demand: Demand,
    progress: Progress | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As ``integrate_adaptively``, by a Rosenbrock method; SpecError E632 where it is too large.

    Where couplings have few edges the Jacobian is a sparse matrix.
    Out of inference mode: what it computes once of the parameters is to be differentiated through.
    """
    from dynattn.solve.sparse_rosenbrock import MissingEntries, SparseRun, patterns_for

    recording = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(recording):
        usable = {n: x.clone() if x.is_inference() else x for n, x in states.items()}
        field = PackedField(scene)
        for pattern in patterns_for(field, usable):
            with suppress(MissingEntries):
                return finish(SparseRun(field, usable, times, demand, pattern), progress)
        return finish(RosenbrockRun(field, usable, times, demand), progress)


class RosenbrockRun(Run):
    """One solve on its way."""

    tableau: Rosenbrock
    slopes: Increments
    linear: Linear | None = None
    """None where a step has been taken since it was computed."""
    jacobians = 0

    def __init__(self, field: PackedField, states: States, *rest: Any) -> None:
        super().__init__(field, states, *rest)
        self.edges = edges_of(field.system)
        self.copies = copies_of(field, states, self.edges)

    def _new_slopes(self) -> Increments:
        refuse_large(self.field.scene, math.prod(self.batch), self.y.shape[-1], self.y.dtype)
        return Increments(self.y, self.tableau)

    @property
    def costs(self) -> dict[str, Any]:
        """What the solve cost."""
        return super().costs | {"jacobians": self.jacobians}

    def _stages(self, h: Tensor | float) -> tuple[Tensor, Tensor]:
        tableau, slopes, times = self.tableau, self.slopes, self._when().unbind(0)
        first, jacobian, clock = self._linearized()
        solved = self._solver(jacobian, h)
        for i in range(len(tableau.weights)):
            rates = first if i == 0 else self.rates(times[i], slopes.moved_by(self.y, i, h))
            right = h * (rates + tableau.clock[i] * h * clock) if tableau.clock[i] else h * rates
            slopes.put(i, solved(right + slopes.mixed(i) if i else right))
        found = slopes.moved_by(self.y, len(tableau.weights), h)
        if not self.field.straight:
            found = self.field.landed(found.reshape(*self.batch, -1)).reshape(self.y.shape)
        return found, found

    def _solver(self, jacobian: Any, h: Tensor | float) -> Callable[[Tensor], Tensor]:
        return _solver(jacobian, h, self.tableau.gamma)

    def _linearized(self) -> Linear:
        if self.linear is None:
            before = self.evaluations
            times = self.now(self.control.time)
            rates, jacobian, clock = self._slopes_of(times)
            self.evaluations, self.jacobians = before + 1, self.jacobians + 1
            self.linear = rates, jacobian, self.sign * clock
            self.slopes.restart(rates)
        return self.linear

    def _slopes_of(self, times: Tensor) -> Linear:
        if self.copies is None:
            return linearized(self.rates, times, self.y, self.edges)
        n = self.y.shape[-1]
        found = self.copies.linearized(times, self.y.reshape(*self.batch, n))
        rates, jacobian, clock = (self.sign * x for x in found)
        shape = self.y.shape
        return rates.reshape(shape), jacobian.reshape(*shape, n), clock.reshape(shape)

    def _go_on(self, y: Tensor, accepted: Flags) -> None:
        super()._go_on(y, accepted)
        self.linear = None

    def _watch(self, h: Tensor | float, y: Tensor, level: Tensor, accepted: Flags) -> None:
        """Stability never keeps its steps small."""

    def _underflow(self, flags: Flags) -> Exception:
        """E603: no step is small enough, or there is no Jacobian to step with."""
        if self.linear is not None:
            point = int(np.atleast_1d(flags).argmax())
            n = self.y.shape[-1]
            bad = (~torch.isfinite(self.linear[1].reshape(-1, n, n)[point])).nonzero()
            if len(bad):
                t = self.sign * float(np.atleast_1d(self.control.time)[point])
                row, column = (point * n + int(k) for k in bad[0])
                return no_slope(self.field.scene, t, row, column)
        return super()._underflow(flags)


def _solver(jacobian: Tensor, h: Tensor | float, gamma: float) -> Callable[[Tensor], Tensor]:
    """u with (1 - h gamma J) u = gamma r: of length 0, a step adds 0."""
    size = h[..., None] if isinstance(h, Tensor) else h
    unit = torch.eye(jacobian.shape[-1], dtype=jacobian.dtype, device=jacobian.device)
    factors, pivots, _ = torch.linalg.lu_factor_ex(unit - gamma * size * jacobian)

    def solved(right: Tensor) -> Tensor:
        return torch.linalg.lu_solve(factors, pivots, (gamma * right)[..., None])[..., 0]

    return solved


def refuse_large(scene: Scene, points: int, n: int, dtype: torch.dtype) -> None:
    """SpecError E632 where the Jacobians do not fit, before anything of their size is made."""
    size = bytes_of(points, n, dtype)
    if size <= MOST:
        return
    each = f"{n:,} x {n:,} numbers" + (f" at each of {points} points" if points > 1 else "")
    message = (
        f"an implicit step solves with a Jacobian of {each}, {size / 2**30:.3g} GiB; "
        f"{MOST / 2**30:.3g} GiB is the most"
    )
    fix = "use an explicit method, 'method tsit5', or couple over graphs with few edges"
    fix = "solve fewer points at once, or " + fix if points > 1 else fix
    raise SpecError(Diagnostic("E632", message, scene.span, fix))
