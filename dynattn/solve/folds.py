"""A fold of equilibria as a function of every parameter: located anew, and with its gradient.

At a fold (x, lambda) of f(x, lambda, p) = 0 with left null vector w of the Jacobian,
dlambda/dp = -(w.f_p) / (w.f_lambda): what moves along the branch changes lambda in second order
only (Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, 2000, 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dynattn.lower.binding import table_of
from dynattn.solve.jacobians import along
from dynattn.solve.parameters import parameters_set, slopes_by
from dynattn.solve.rest_problem import Local, RestProblem
from dynattn.solve.steps_to_rest import solve_dense

TOLERANCE = 1e-10
"""No rate that is left is larger, and no singular value, relative to the largest entry."""

STEPS = 30

TRANSVERSE = 1e-8
"""w.f_lambda below this part of f_lambda is 0: what is there is no fold."""


@dataclass(frozen=True)
class Fold:
    """Where two equilibria of a model meet as one parameter moves."""

    parameter: str
    value: float
    y: Tensor
    """[n]: packed states."""
    left: Tensor
    """[m]: w, in tangent coordinates."""
    right: Tensor
    """[m]: the direction in which the two meet."""
    slope: float
    """w.f_lambda."""
    residual: float
    """The largest rate that is left."""


def locate_fold(
    problem: RestProblem, parameter: str, y: Tensor, value: float, most: int = STEPS
) -> Fold | None:
    """The fold near states y [n] and a value of the parameter, by Newton's method on
    f = 0, sigma = 0, sigma the least singular value of the bordered Jacobian; None where it leads
    to none.
    """
    problem = problem.alone(())
    y = y.detach()
    for number in range(most):
        here = _Here(problem, parameter, y, value)
        if here.found and number:  # one step at least, which gives the last digits
            return here.fold()
        step = here.step()
        if step is None:
            return None
        y, value = problem.moved(y, step[0]), value + step[1]
    here = _Here(problem, parameter, y, value)
    return here.fold() if here.found else None


class _Here:
    """The equations of a fold at one point."""

    def __init__(self, problem: RestProblem, parameter: str, y: Tensor, value: float) -> None:
        self.problem, self.parameter, self.y, self.value = problem, parameter, y, value
        with torch.no_grad(), parameters_set(problem.system, {parameter: value}):
            self.local: Local = problem.at(y)
            self.rates, part = self.local.residual()
            self.drift = self.local.drift(part)
            self.matrix = self.local.border().around(self.local.jacobian(self.drift))
            self.by_value = self.local.bases.drop(slopes_by(problem, y, [parameter])[0])
        self.m = self.rates.shape[-1]
        self.finite = bool(torch.isfinite(self.matrix).all() and torch.isfinite(self.rates).all())
        if self.finite:
            u, sizes, v = torch.linalg.svd(self.matrix)
            self.left, self.right, self.sigma = u[:, -1], v[-1], float(sizes[-1])
            self.scale = float(sizes[0])

    @property
    def found(self) -> bool:
        if not self.finite:
            return False
        small = float(self.rates.abs().max()) <= TOLERANCE
        return small and self.sigma <= TOLERANCE * max(1.0, self.scale)

    def step(self) -> tuple[Tensor, float] | None:
        """(a tangent vector [n], a change of the parameter) of Newton's method."""
        if not self.finite:
            return None
        bend, by_value = self._slopes_of_sigma()
        size = len(self.matrix)
        whole = self.matrix.new_zeros(size + 1, size + 1)
        whole[:size, :size] = self.matrix
        whole[: self.m, size] = self.by_value
        whole[size, : self.m] = bend
        whole[size, size] = by_value
        right = self.matrix.new_zeros(size + 1)
        right[: self.m] = -self.rates
        right[size] = -self.sigma
        found = solve_dense(whole, right)
        if not bool(torch.isfinite(found).all()):
            return None
        step = self.local.bases.lift(found[: self.m])
        return step, float(found[size])

    def _slopes_of_sigma(self) -> tuple[Tensor, Tensor]:
        """How left.J.right changes with the tangent coordinates [m] and with the parameter."""
        system, problem = self.problem.system, self.problem
        table, key = table_of(system, self.parameter)
        direction = self.local.bases.lift(self.right[: self.m])
        with torch.enable_grad():
            y = self.y.detach().clone().requires_grad_()
            value = torch.tensor(self.value, dtype=y.dtype, device=y.device, requires_grad=True)
            with parameters_set(system, {self.parameter: value.expand_as(table[key])}):
                slope = along(problem.field, y, direction[None])[0]
                sigma = (self.left[: self.m] * self.local.bases.drop(slope)).sum()
            if not sigma.requires_grad:
                return torch.zeros_like(self.rates), self.rates.new_zeros(())
            found = torch.autograd.grad(sigma, (y, value), allow_unused=True)
        by_y = torch.zeros_like(y) if found[0] is None else found[0]
        by_value = torch.zeros_like(value) if found[1] is None else found[1]
        return self.local.bases.drop(by_y), by_value

    def fold(self) -> Fold | None:
        left = self.left[: self.m]
        slope = float((left * self.by_value).sum())
        if abs(slope) <= TRANSVERSE * float(self.by_value.norm()):
            return None
        residual = float(self.rates.abs().max())
        return Fold(self.parameter, self.value, self.y, left, self.right[: self.m], slope, residual)


def value_with_gradient(problem: RestProblem, fold: Fold) -> Tensor:
    """The parameter's value at a fold, a number with gradients in every parameter that requires
    one.
    """
    problem = problem.alone(())
    with torch.no_grad(), parameters_set(problem.system, {fold.parameter: fold.value}):
        bases = problem.at(fold.y).bases
    with torch.enable_grad(), parameters_set(problem.system, {fold.parameter: fold.value}):
        pushed = (fold.left * bases.drop(problem.field(fold.y))).sum()
    known = pushed.new_tensor(fold.value)
    return known - (pushed - pushed.detach()) / fold.slope
