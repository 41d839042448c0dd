"""A fold, a branch point or a Hopf point as a function of every parameter: located anew, and with
its gradients by the implicit function theorem.

E(xi, c, lambda, p) = 0 are the equations of an equilibrium (``charts``), and the conditions are

    fold          left.E'[right] = 0
    branch point  left.E'[right] = 0 for two of them, with E + beta left in the place of E
    Hopf point    left*.(E'[right] - i omega right) = 0

for null vectors that stay as they are: what the point's own null vectors change by is of second
order (Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, 2000, chapters 3 to 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dynattn.solve.charts import Chart
from dynattn.solve.jacobians import along
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.sheets import Directions, Linearization, Point, Sheet
from dynattn.solve.steps_to_rest import solve_dense

TRANSVERSE = 1e-8
"""left.E_lambda below this part of E_lambda is 0."""

SLOW = 1e-6
"""A frequency below this is none."""

STEPS = 30
"""Of Newton's method."""

TOLERANCE = 1e-10
"""Nothing that is left of the equations is larger, relative to what rounding leaves."""


@dataclass(frozen=True, eq=False)
class Singularity:
    """Where an equilibrium branches, folds, or begins to oscillate, as one parameter moves."""

    kind: str
    """``fold``, ``branch_point`` or ``hopf``."""
    here: Linearization
    left: Tensor
    """[m + k]: the left null vector of the bordered Jacobian; complex [m], of J - i omega."""
    right: Tensor
    """[1, m + k], [1, m]: the right one; of a branch point [2, m + k + 1], in all directions in
    which a branch goes on.
    """
    frequency: float | None
    """Of a Hopf point."""

    @property
    def parameter(self) -> str:
        """The one that moves along the branch."""
        return self.here.sheet.names[0]

    @property
    def value(self) -> float:
        """Of that parameter."""
        return float(self.here.point.values[0])

    @property
    def y(self) -> Tensor:
        """[n]: packed states."""
        return self.here.point.y

    @property
    def residual(self) -> float:
        """The largest rate that is left."""
        return float(self.here.rates.abs().max())


def locate_singularity(
    problem: RestProblem,
    kind: str,
    parameter: str,
    y: Tensor,
    value: float,
    frequency: float | None = None,
    width: float = 1.0,
) -> Singularity | None:
    """The one of a kind near states y [n] and a value of the parameter, of which ``width`` counts
    as 1, by Newton's method on the equations with the null vectors of each point; None where that
    leads to none.
    """
    problem, y = problem.alone(()), y.detach()
    size = float(y.numel() ** 0.5 * max(1.0, float(y.square().mean().sqrt())))
    sheet = Sheet(problem, (parameter,), y.new_tensor([width]), size)
    point = Point(y, y.new_tensor([value]), y.new_zeros(0))
    for number in range(STEPS):
        here = sheet.at(point)
        if not bool(torch.isfinite(here.top).all() & torch.isfinite(here.rates).all()):
            return None
        found = _near(kind, here, frequency)
        equations = _Equations(found)
        if number and equations.hold:  # one step at least, which gives the last digits
            return found if _is_one(found) else None
        step = equations.newton_step()
        if not bool(torch.isfinite(step).all()):
            return None
        step = step / max(1.0, float(_length(here, step)))
        direction = here.local.bases.lift(step[: here.m]) / size
        others = step[equations.size] / width
        point = sheet.moved(point, Directions(direction[None], others[None, None]))
        frequency = None if frequency is None else frequency + float(step[-1])
    return None


def _length(here: Linearization, step: Tensor) -> Tensor:
    """Of a step, in scaled coordinates, so that none is longer than 1."""
    value = step[len(here.bordered)] / here.sheet.widths[0]
    return torch.cat([step[: here.m] / here.sheet.size, value[None]]).norm()


def _near(kind: str, here: Linearization, frequency: float | None) -> Singularity:
    """The null vectors that a point would have."""
    if kind == "hopf":
        assert frequency is not None
        shift = 1j * frequency * torch.eye(here.m).to(here.matrix)
        u, _, v = torch.linalg.svd(here.matrix - shift)
        return Singularity(kind, here, u[:, -1], v[-1:].conj(), frequency)
    if kind == "fold":
        u, _, v = torch.linalg.svd(here.bordered)
        return Singularity(kind, here, u[:, -1], v[-1:], None)
    beside = here.slopes.new_zeros(len(here.bordered), 1)
    beside[: here.m, 0] = here.slopes[0] * here.sheet.widths[0]
    u, _, v = torch.linalg.svd(torch.cat([here.bordered, beside], -1))
    v[:, -1] *= here.sheet.widths[0]
    return Singularity(kind, here, u[:, -1], v[-2:], None)


def _is_one(found: Singularity) -> bool:
    """Whether Newton's method has not led to a point of another kind, that fulfils the equations
    too.
    """
    if found.frequency is not None:
        return abs(found.frequency) > SLOW
    slopes = found.here.slopes[0]
    slope = (slopes @ found.left[: found.here.m]).abs()
    return found.kind == "branch_point" or bool(slope > TRANSVERSE * slopes.norm())


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Solved:
    """A singularity as a function of every parameter that requires a gradient."""

    states: Mapping[str, Tensor]
    value: Tensor
    """Of the parameter that moves along the branch."""
    frequency: Tensor | None
    slack: Tensor | None
    """Of a branch point, 0: a parameter that it changes with tears the branches apart there."""


class _Equations(Chart):
    """Those of a singularity, near it: unknowns are xi [m], c [k], lambda, and one more: the slack
    of a branch point, how much a frequency changes.
    """

    def __init__(self, found: Singularity) -> None:
        super().__init__(found.here)
        self.found, here = found, found.here
        self.unknowns = self.size + 1 + (found.kind != "fold")
        rows = found.right
        if rows.is_complex():
            rows = torch.cat([rows.real, rows.imag])
        self.directions = torch.nn.functional.pad(rows, (0, self.size + 1 - rows.shape[-1]))
        self.top = self.y.new_zeros(self.size, self.unknowns)
        self.top[:, : self.size] = here.bordered
        self.top[: self.m, self.size] = here.slopes[0]
        if found.kind == "branch_point":
            self.top[:, -1] = found.left

    def conditions(self, z: Tensor) -> Tensor:
        """[1 or 2] at all unknowns."""
        slopes = along(self.rest, z[: self.size + 1], self.directions)
        if self.found.kind != "hopf":
            return slopes @ self.found.left
        left, (real, imaginary) = self.found.left, slopes[:, : self.m]
        found = torch.stack([
            left.real @ real + left.imag @ imaginary, left.real @ imaginary - left.imag @ real
        ])  # fmt: skip
        turn = 1j * (left.conj() @ self.found.right[0])
        assert self.found.frequency is not None
        return found - (self.found.frequency + z[-1]) * torch.stack([turn.real, turn.imag])

    @cached_property
    def left(self) -> Tensor:
        """[unknowns]: what is left of E and of the conditions."""
        with torch.no_grad():
            z = self.y.new_zeros(self.unknowns)
            return torch.cat([self.rest(z), self.conditions(z)])

    @property
    def hold(self) -> bool:
        """Whether nothing is left of them."""
        here, left = self.found.here, self.left.abs()
        scale = max(1.0, float(here.matrix.abs().max()))
        fine = left[: self.size].amax() <= here.floor(TOLERANCE)
        return bool(fine & (left[self.size :].amax() <= TOLERANCE * scale))

    def newton_step(self) -> Tensor:
        """[unknowns]."""
        return -solve_dense(self.matrix(), self.left)

    def matrix(self) -> Tensor:
        """[unknowns, unknowns]: the derivative of E and of the conditions."""
        with torch.enable_grad():
            z = self.y.new_zeros(self.unknowns).requires_grad_()
            rows = [torch.autograd.grad(c, z, retain_graph=True)[0] for c in self.conditions(z)]
        return torch.cat([self.top, torch.stack(rows)])


class _Implicit(torch.autograd.Function):
    """The unknowns, with the derivatives that the implicit function theorem gives them."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, matrix: Tensor) -> Tensor:
        ctx.matrix = matrix
        return torch.zeros_like(left)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _pulled(ctx, *grad_outputs), None


@once_differentiable
def _pulled(ctx: Any, above: Tensor) -> Tensor:
    return -solve_dense(ctx.matrix.mT, above)


def solved_with_gradients(found: Singularity) -> Solved:
    """Where it is, with the gradients of states, value and frequency: one adjoint linear system
    for all parameters.
    """
    equations = _Equations(found)
    matrix, size = equations.matrix(), equations.size
    with torch.enable_grad():
        at = equations.y.new_zeros(equations.unknowns)
        left = torch.cat([equations.rest(at), equations.conditions(at)])
        moved = _Implicit.apply(left, matrix)
        y = found.y + equations.local.bases.lift(moved[: equations.m])
        value = found.here.point.values[0] + moved[size]
    frequency = None if found.frequency is None else found.frequency + moved[-1]
    slack = moved[-1] if found.kind == "branch_point" else None
    return Solved(equations.problem.packing.unpack(y), value, frequency, slack)
