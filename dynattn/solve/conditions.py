"""What holds at a special point of equilibria, as smooth numbers that are 0 there.

Each is a corner of the inverse of a bordered matrix, which is regular where the Jacobian is not.
Together with the equations of the sheet they are the minimally augmented systems of folds, branch
points and Hopf points (Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, 2000,
chapters 3 to 5). They are solved by Newton's method; the equations of the sheet are eliminated, so
that only derivatives along the sheet are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dynattn.solve.sheets import Directions, Linearization, Sheet

STEPS = 12
"""Of Newton's method."""

DIFFERENCE = 1e-5
"""Half of the distance of central differences, in scaled coordinates."""

ENOUGH = 1e-10
"""The last step, in scaled coordinates."""

FAR = 0.2
"""A step that is longer leads elsewhere."""


class Condition(Protocol):
    """So many numbers at a point, and at so many further unknowns [e]."""

    def __call__(self, here: Linearization, extra: Tensor) -> Tensor:
        """[c]: 0 where the condition holds."""
        ...


@dataclass(frozen=True)
class Located:
    """A point where a condition holds."""

    here: Linearization
    extra: Tensor
    residual: float
    """What is left of the condition."""
    across: Directions
    """Directions of the sheet there."""


@dataclass(frozen=True)
class Singular:
    """The bordered Jacobian is singular: one number. ``left`` and ``right`` are [n], ambient."""

    left: Tensor
    right: Tensor

    @classmethod
    def near(cls, here: Linearization) -> Singular:
        """With the vectors that the Jacobian at a point nearly takes to 0."""
        u, _, v = torch.linalg.svd(here.bordered)
        sides = torch.stack([u[: here.m, -1], v[-1, : here.m]])
        left, right = here.local.bases.lift(sides)
        return cls(left / left.norm(), right / right.norm())

    def __call__(self, here: Linearization, extra: Tensor) -> Tensor:
        return self._solved(here, transposed=False)[1]

    def vectors(self, here: Linearization) -> tuple[Tensor, Tensor]:
        """(left, right): the null vectors at a point where the condition holds, unit [m]."""
        right, left = (self._solved(here, transposed=t)[0][: here.m] for t in (False, True))
        return left / left.norm(), right / right.norm()

    def _solved(self, here: Linearization, transposed: bool) -> tuple[Tensor, Tensor]:
        bases, size = here.local.bases, len(here.bordered)
        matrix = here.bordered.new_zeros(size + 1, size + 1)
        matrix[:size, :size] = here.bordered
        matrix[: here.m, size] = bases.drop(self.left)
        matrix[size, : here.m] = bases.drop(self.right)
        unit = matrix.new_zeros(size + 1)
        unit[-1] = 1.0
        found = torch.linalg.solve(matrix.mT if transposed else matrix, unit)
        return found[:-1], found[-1:]


@dataclass(frozen=True)
class Crossing:
    """Two branches cross: all derivatives together lose a rank; two numbers.

    The sheet has a slack, which is 0 at such a point, and two directions ``across``.
    """

    across: Directions

    def __call__(self, here: Linearization, extra: Tensor) -> Tensor:
        matrix = here.around(self.across)
        unit = matrix.new_zeros(len(matrix))
        unit[here.m + len(here.sheet.names)] = 1.0
        return torch.linalg.solve(matrix.mT, unit)[-2:]


@dataclass(frozen=True)
class Oscillating:
    """i omega is an eigenvalue: two numbers, with omega as a further unknown."""

    left: Tensor
    """complex [n], ambient."""
    right: Tensor

    @classmethod
    def near(cls, here: Linearization, omega: float) -> Oscillating:
        """With the vectors that J - i omega nearly takes to 0."""
        u, _, v = torch.linalg.svd(_turning(here, omega))
        return cls(_lifted(here, u[:, -1]), _lifted(here, v[-1].conj()))

    def __call__(self, here: Linearization, extra: Tensor) -> Tensor:
        return torch.view_as_real(self._solved(here, float(extra[0]))[-1])

    def vectors(self, here: Linearization, omega: float) -> tuple[Tensor, Tensor]:
        """complex unit [m], (left, right): the eigenvectors at a point where the condition
        holds.
        """
        right, left = (self._solved(here, omega, adjoint=a)[:-1] for a in (False, True))
        return left / left.norm(), right / right.norm()

    def _solved(self, here: Linearization, omega: float, adjoint: bool = False) -> Tensor:
        m, turning = here.m, _turning(here, omega)
        matrix = turning.new_zeros(m + 1, m + 1)
        matrix[:m, :m] = turning
        matrix[:m, m] = _dropped(here, self.left)
        matrix[m, :m] = _dropped(here, self.right).conj()
        unit = matrix.new_zeros(m + 1)
        unit[-1] = 1.0
        return torch.linalg.solve(matrix.mH if adjoint else matrix, unit)


@dataclass(frozen=True)
class Rotating:
    """-kappa is twice an eigenvalue of J J, with kappa / scale as a further unknown: two numbers.

    i sqrt(kappa) and its conjugate are eigenvalues of J then. What J does on their plane,
    A A - trace(A) A + det(A) = 0, makes these numbers trace(A) and kappa - det(A) at first order,
    where kappa is 0 and below too: a Hopf curve goes on through its end, where two eigenvalues are
    0, as one of opposite real eigenvalues.
    """

    left: Tensor
    """[2, n], ambient: what J J + kappa nearly takes to 0 from the left."""
    right: Tensor
    plane: Tensor
    """[2, 2]: A, without its trace."""
    pairing: Tensor
    """[2, 2]: left times right."""
    scale: float

    @classmethod
    def near(cls, here: Linearization, kappa: float, scale: float) -> Rotating:
        """With borders made at a point."""
        u, _, v = torch.linalg.svd(_squared(here, kappa))
        left, right = u[:, -2:].mT, v[-2:]
        plane = right @ here.matrix @ right.mT
        plane = plane - plane.trace() / 2 * torch.eye(2).to(plane)
        lift = here.local.bases.lift
        pairing = left @ right.mT
        return cls(lift(left.contiguous()), lift(right.contiguous()), plane, pairing, scale)

    def __call__(self, here: Linearization, extra: Tensor) -> Tensor:
        drop, m = here.local.bases.drop, here.m
        matrix = here.matrix.new_zeros(m + 2, m + 2)
        matrix[:m, :m] = _squared(here, float(extra[0]) * self.scale)
        matrix[:m, m:], matrix[m:, :m] = drop(self.left).mT, drop(self.right)
        units = torch.eye(m + 2, 2).to(matrix).roll(m, 0)
        corner = torch.linalg.solve(matrix, units)[m:]
        found = -torch.linalg.solve(self.pairing, corner) / self.scale
        turned = (found * self.plane).sum() / self.plane.square().sum()
        return torch.stack([turned * self.scale**0.5, found.trace() / 2])


def _squared(here: Linearization, kappa: float) -> Tensor:
    return here.matrix @ here.matrix + kappa * torch.eye(here.m).to(here.matrix)


def _turning(here: Linearization, omega: float) -> Tensor:
    eye = torch.eye(here.m, dtype=here.matrix.dtype, device=here.matrix.device)
    return torch.complex(here.matrix, -omega * eye)


def _lifted(here: Linearization, vector: Tensor) -> Tensor:
    real, imaginary = here.local.bases.lift(torch.stack([vector.real, vector.imag]))
    return torch.complex(real, imaginary)


def _dropped(here: Linearization, vector: Tensor) -> Tensor:
    real, imaginary = here.local.bases.drop(torch.stack([vector.real, vector.imag]))
    return torch.complex(real, imaginary)


# ── where they hold ────────────────────────────────────────────────────────────────────────────


def slopes_along(
    sheet: Sheet, here: Linearization, across: Directions, condition: Condition, extra: Tensor
) -> Tensor:
    """[c, d + e]: how the numbers change along directions of the sheet at a point of it, and with
    the further unknowns.
    """
    columns = []
    for direction in _single(across):
        # beside the sheet by the square of the difference, on both sides alike
        sides = [
            condition(sheet.at(sheet.moved(here.point, direction, sign * DIFFERENCE)), extra)
            for sign in (1.0, -1.0)
        ]
        columns.append((sides[0] - sides[1]) / (2 * DIFFERENCE))
    for k in range(len(extra)):
        width = DIFFERENCE * max(1.0, float(extra[k].abs()))
        unit = torch.zeros_like(extra)
        unit[k] = width
        columns.append((condition(here, extra + unit) - condition(here, extra - unit))
                       / (2 * width))  # fmt: skip
    return torch.stack(columns, dim=-1)


def locate(
    sheet: Sheet, here: Linearization, across: Directions, condition: Condition, extra: Tensor
) -> Located | None:
    """The point near ``here`` where a condition holds, by Newton's method along the sheet, and
    along the shortest way where there are more unknowns than conditions; None where there is none.
    """
    try:
        return _located(sheet, here, across, condition, extra)
    except RuntimeError:  # torch's LinAlgError: more than one direction is free
        return None


def _located(
    sheet: Sheet, here: Linearization, across: Directions, condition: Condition, extra: Tensor
) -> Located | None:
    d = len(across.others)
    for _ in range(STEPS):
        value = condition(here, extra)
        slopes = slopes_along(sheet, here, across, condition, extra)
        if not bool(torch.isfinite(slopes).all() & torch.isfinite(value).all()):
            return None
        step = -(torch.linalg.pinv(slopes, rtol=1e-12) @ value)
        length = float(step[:d].norm())
        if not length < FAR:
            return None
        if length > 0:
            along = across.combined(step[None, :d])
            near = sheet.settle(sheet.moved(here.point, along), across, here)
            if near is None:
                return None
            here = near[0]
        extra = extra + step[d:]
        across = here.kernel(across)
        if float(step.norm()) <= ENOUGH * max(1.0, float(extra.norm()) if len(extra) else 1.0):
            break
    residual = float(condition(here, extra).abs().max())
    return Located(here, extra, residual, across) if residual <= 1e-8 else None


def _single(across: Directions) -> list[Directions]:
    return [
        Directions(lifted[None], other[None])
        for lifted, other in zip(across.lifted, across.others, strict=True)
    ]
