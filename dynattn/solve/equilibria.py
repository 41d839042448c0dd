"""Where a system is at rest: damped Newton steps on its manifolds, and gradients there.

The Jacobian is exact, and all starts of a batch are sought side by side. Where Newton finds nothing
the system may be relaxed first, by letting it run; the result says which starts were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dynattn.solve.large_steps import adjoint_solve
from dynattn.solve.rest_problem import Local, RestProblem, is_logarithmic
from dynattn.solve.steps_to_rest import DENSE, newton_step, solve_dense
from dynattn.vocabulary.manifolds import MANIFOLDS

TOLERANCE = 1e-10
"""At rest: no rate, in the frame that drifts, is larger."""

ROUNDING = 1e-13
"""And no rate is asked to be smaller than this part of what it is the difference of."""

ITERATIONS = 40
HALVINGS = 8
NAMES = ("y", "drift", "residual", "iterations", "found", "relaxed")
"""Of what is known of every start."""

LONGEST = 1.0
"""No step of an angle or of a unit vector is longer."""

GONE = 1e-9
"""What is below this part of the largest, and is taken further down, is set to 0."""

RARE = 1e-3
"""Numbers above 0 are measured by no less than this."""

Deflation = Callable[[Tensor], Tensor]
"""log of the factor of the residual that keeps Newton away from what is known: [batch..., n] ->
[batch...]."""


@dataclass(frozen=True)
class Rest:
    """What was found from each start of a batch."""

    y: Tensor
    """[batch..., n]: packed points."""
    drift: Tensor
    """[batch..., generators]: how fast each symmetry carries them along."""
    residual: Tensor
    """[batch...]: the largest rate that is left."""
    iterations: Tensor
    """[batch...]: steps of Newton."""
    found: Tensor
    """[batch...]: whether they are at rest."""
    relaxed: Tensor
    """[batch...]: whether Newton began where the system had led by itself."""


def newton(
    problem: RestProblem,
    y: Tensor,
    *,
    tolerance: float = TOLERANCE,
    most: int = ITERATIONS,
    deflation: Deflation | None = None,
    only: Tensor | None = None,
) -> Rest:
    """Newton's method from points y [batch..., n]; what does not converge is not ``found``.

    ``only`` [batch...] says which points go on at all; the others stay where they are.
    """
    run = _Run(problem.alone(y.shape[:-1]), y, tolerance, deflation)
    if only is not None:
        run.going = run.going & only
    with torch.no_grad():
        for _ in range(most):
            if not run.step():
                break
        return run.result()


class _Run:
    """Newton on its way."""

    def __init__(
        self, problem: RestProblem, y: Tensor, tolerance: float, deflation: Deflation | None
    ) -> None:
        self.problem, self.tolerance, self.deflation = problem, tolerance, deflation
        self.y = y
        front = y.shape[:-1]
        self.going = torch.ones(front, dtype=torch.bool, device=y.device)
        self.iterations = torch.zeros(front, dtype=torch.long, device=y.device)
        self.floor = torch.zeros(front, dtype=y.dtype, device=y.device)
        self.compact = _entries(problem, _is_compact(problem), y)
        self.shares = _entries(problem, is_logarithmic(problem), y)

    def step(self) -> bool:
        """One step of all points that go on; whether there are any."""
        local = self.problem.at(self.y)
        rates, part = local.residual()
        xi, largest = newton_step(local, rates, local.drift(part), self.going)
        self.floor = ROUNDING * largest * self.y.abs().amax(-1).clamp(min=1.0)
        if self.deflation is not None:
            xi = self._deflected(local, xi)
        step = local.bases.lift(xi)
        length = (step.abs() * self.compact).amax(-1)
        step = step * (LONGEST / length.clamp(min=LONGEST))[..., None]
        finite = torch.isfinite(step).all(-1)
        self.going = self.going & finite & torch.isfinite(rates).all(-1)
        better, moved = self._search(rates, torch.nan_to_num(step))
        self.going = self.going & better
        self.iterations = self.iterations + self.going
        self.y = torch.where(self.going[..., None], self._without_rare(moved, step), self.y)
        return bool(self.going.any())

    def _deflected(self, local: Local, xi: Tensor) -> Tensor:
        """The step for the residual times the factor (Farrell, Birkisson and Funke 2015)."""
        assert self.deflation is not None
        with torch.enable_grad():
            y = self.y.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.deflation(y).sum(), y)
        gain = (slope * local.bases.lift(xi)).sum(-1, keepdim=True)
        rest = 1.0 - gain
        return xi / torch.where(rest.abs() < 1e-3, 1e-3 * rest.sign() + (rest == 0) * 1e-3, rest)

    def _merit(self, rates: Tensor, y: Tensor) -> Tensor:
        merit = rates.square().sum(-1).sqrt()
        merit = torch.where(torch.isfinite(merit), merit, torch.inf)
        return merit if self.deflation is None else merit * self.deflation(y).exp()

    def _search(self, rates: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        """(which points a fraction of the step makes better, where it leads): the largest one."""
        before = self._merit(rates, self.y)
        best = self.y
        open_ = self.going & (before > 0)
        accepted = torch.zeros_like(open_)
        fraction = 1.0
        for _ in range(HALVINGS):
            moved = self.problem.moved(self.y, fraction * step)
            after = self._merit(self.problem.at(moved).residual()[0], moved)
            better = open_ & (after <= (1 - 1e-4 * fraction) * before)
            best = torch.where(better[..., None], moved, best)
            accepted, open_ = accepted | better, open_ & ~better
            if not bool(open_.any()):
                break
            fraction /= 2
            if bool((before <= self.floor)[open_].all()):
                break  # nothing is left but rounding
        return accepted, best

    def _without_rare(self, y: Tensor, step: Tensor) -> Tensor:
        if not bool(self.shares.any()):
            return y
        largest = (y * self.shares).amax(-1, keepdim=True).clamp(RARE, 1.0)
        gone = self.shares.bool() & (y < GONE * largest) & (step < -0.5 * self.y)
        return self.problem.moved(torch.where(gone, 0.0, y), torch.zeros_like(y))

    def result(self) -> Rest:
        """What was reached."""
        local = self.problem.at(self.y)
        rates, part = local.residual()
        size = rates.abs().amax(-1)
        found = size <= self.floor.clamp(min=self.tolerance)
        return Rest(
            self.y, local.drift(part), size, self.iterations, found, torch.zeros_like(found)
        )


def _entries(problem: RestProblem, chosen: Mapping[str, bool], y: Tensor) -> Tensor:
    """[n]: 1 at the coordinates of the states chosen."""
    numbers = {name: float(flag) for name, flag in chosen.items()}
    return problem.packing.spread(numbers).to(y.device, y.dtype)


def _is_compact(problem: RestProblem) -> dict[str, bool]:
    model = problem.system.model
    entries = {n: MANIFOLDS[model.states[n].manifold.name] for n in problem.packing.shapes}
    return {n: e.phase or (e.retraction != "x + v" and not e.logarithmic)
            for n, e in entries.items()}  # fmt: skip


def seek(
    problem: RestProblem, y: Tensor, relax: Callable[[Tensor], Tensor] | None = None, **options: Any
) -> Rest:
    """Newton from y [starts, n]; where it fails, again from where ``relax`` leads the points."""
    rest = newton(problem, y, **options)
    lost = ~rest.found
    if relax is None or not bool(lost.any()):
        return rest
    again = newton(problem, relax(y[lost]), **options)
    parts = {name: getattr(rest, name).clone() for name in NAMES}
    for name in NAMES:
        parts[name][lost] = getattr(again, name)
    parts["relaxed"] = lost
    return Rest(**parts)


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


class _Implicit(torch.autograd.Function):
    """A solution, with the derivatives that the implicit function theorem gives it."""

    @staticmethod
    def forward(ctx: Any, rates: Tensor, y: Tensor, part: Tensor, adjoint: Any) -> Any:
        ctx.adjoint = adjoint
        return y.clone(), part.clone()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _once(ctx, *grad_outputs), None, None, None


@once_differentiable
def _once(ctx: Any, *gradients: Tensor) -> Tensor:
    return ctx.adjoint(*gradients)


def with_gradients(problem: RestProblem, rest: Rest) -> tuple[dict[str, Tensor], Tensor]:
    """(states, drift) at rest as functions of every parameter that requires a gradient.

    One adjoint linear system whatever the number of parameters. Directions that symmetries leave
    free get no gradient: the solution stays where it is along them.
    """
    problem = problem.alone(rest.y.shape[:-1])
    with torch.no_grad():
        local, drift = problem.at(rest.y.detach()), rest.drift.detach()
        transposed = _transposed(local, drift)
    m = local.bases.count

    def adjoint(by_y: Tensor, by_drift: Tensor) -> Tensor:
        by_part = (local.multiples.mT @ by_drift[..., None])[..., 0]
        sides = torch.cat([local.bases.drop(by_y), by_part], -1)
        return -transposed(sides)[..., :m]

    with torch.enable_grad():
        rates = local.bases.drop(problem.field(rest.y.detach()))
        y, moving = _Implicit.apply(rates, rest.y.detach(), drift, adjoint)
    return problem.packing.unpack(y), moving


def _transposed(local: Local, drift: Tensor) -> Callable[[Tensor], Tensor]:
    """What solves with the transposed matrix of a Newton step, for the first of its right sides."""
    if local.bases.count > DENSE:
        return lambda sides: _each(local, drift, sides)
    matrix = local.border().around(local.jacobian(drift))

    def solved(sides: Tensor) -> Tensor:
        missing = sides.new_zeros(*sides.shape[:-1], matrix.shape[-1] - sides.shape[-1])
        return solve_dense(matrix.mT, torch.cat([sides, missing], -1))

    return solved


def _each(local: Local, drift: Tensor, sides: Tensor) -> Tensor:
    found, m = [], local.bases.count
    size = local.border().rows.shape[-2] + m
    for index in np.ndindex(*local.y.shape[:-1]):
        alone = local.problem.alone(()).at(local.y[index])
        wide = torch.nn.functional.pad(sides[index], (0, size - sides.shape[-1]))
        found.append(adjoint_solve(alone, drift[index], wide))
    return torch.stack(found).reshape(*local.y.shape[:-1], m)
