"""Equilibria as a curve or a surface in the space of states and parameters.

A point has a state y, p parameters, and up to one slack beta that is added to the rates along a
fixed direction b: F(y, parameters) + beta b = 0. Steps are taken in scaled coordinates
(tangent coordinates / size, parameters / width, slack), orthogonal to given directions:

    [ J size   F_p width   b | B ] [ step ]     [ F + beta b ]
    [ R size   0           0 | C ] [      ] = - [ 0          ]
    [ T                      | 0 ] [ u    ]     [ 0          ]

with the border B, R, C that takes symmetries and conserved quantities away (``rest_problem``), and
the directions T, as many as there are parameters and slacks. Keller, in Applications of Bifurcation
Theory (1977) 359; Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria (2000).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from dynattn.solve.parameters import parameters_set, slopes_at
from dynattn.solve.rest_problem import Local, RestProblem

ITERATIONS = 8
"""Of Newton's method from a predicted point; what needs more is predicted too far away."""

CHORDS, EACH, CONTRACTION = 12, 4, 0.3
"""Steps with the matrix of another point at most, how many count as one, and the part of the rates
that each may leave."""

LONGEST = 0.5
"""No Newton step is longer, in scaled coordinates."""


@dataclass(frozen=True)
class Point:
    """A state with the parameters at which it is at rest."""

    y: Tensor
    """[n], packed."""
    values: Tensor
    """[p]."""
    slack: Tensor
    """[0] or [1]."""


@dataclass(frozen=True)
class Directions:
    """Directions at points, which stay the same from one tangent space to the next."""

    lifted: Tensor
    """[d, n]: ambient tangent vectors, scaled."""
    others: Tensor
    """[d, p + q]: of the parameters and the slack, scaled."""

    def combined(self, weights: Tensor) -> Directions:
        """Combinations of them, with weights [k, d]."""
        return Directions(weights @ self.lifted, weights @ self.others)

    def beside(self, other: Directions) -> Directions:
        """These and then those."""
        return Directions(
            torch.cat([self.lifted, other.lifted]), torch.cat([self.others, other.others])
        )


@dataclass(frozen=True)
class Sheet:
    """The set of all such points, with the scales of its coordinates."""

    problem: RestProblem
    """Of single points, without a batch."""
    names: tuple[str, ...]
    """The parameters."""
    widths: Tensor
    """[p]: how much of each counts as 1."""
    size: float
    """How much of a state's length does."""
    push: Tensor | None = None
    """[n]: b, an ambient vector; None without a slack."""
    atol: float = 1e-10
    """No rate that is left is larger."""
    rtol: float = 1e-8
    """Nor is the last step, in scaled coordinates."""

    def at(self, point: Point) -> Linearization:
        """The equations linearised at a point."""
        problem = self.problem
        with torch.no_grad():
            with parameters_set(problem.system, self.settings(point)):
                local = problem.at(point.y)
                field, rows, slopes = slopes_at(local, self.names, point.values)
            rates, part = local.residual(field)
            drift = local.drift(part)
            matrix = local.turning(local.bases.drop(rows), drift)
        if self.push is not None:
            rates = rates + point.slack[0] * local.bases.drop(self.push)
        return Linearization(self, point, local, rates, drift, matrix, slopes)

    def settings(self, point: Point) -> dict[str, float]:
        """The parameters of a point by name."""
        return dict(zip(self.names, point.values.tolist(), strict=True))

    def moved(self, point: Point, direction: Directions, length: float = 1.0) -> Point:
        """Where a direction [1, ...] leads."""
        step, others = length * direction.lifted[0], length * direction.others[0]
        p = len(self.names)
        y = self.problem.moved(point.y, self.size * step)
        return Point(y, point.values + self.widths * others[:p], point.slack + others[p:])

    def rates_at(self, point: Point) -> tuple[Local, Tensor]:
        """What is left of the equations at a point, [m], and its tangent space."""
        with torch.no_grad(), parameters_set(self.problem.system, self.settings(point)):
            local = self.problem.at(point.y)
            rates, _ = local.residual()
        if self.push is not None:
            rates = rates + point.slack[0] * local.bases.drop(self.push)
        return local, rates

    def _nearer(self, point: Point, across: Directions, near: Linearization) -> tuple[Point, int]:
        """As near to the sheet as the matrix of another point leads, and in how many steps."""
        before, steps = float("inf"), 0
        while steps < CHORDS:
            local, rates = self.rates_at(point)
            left = float(rates.abs().max()) if len(rates) else 0.0
            if left <= near.floor(self.atol) / 10 or not left < CONTRACTION * before:
                break
            # the matrix of another direction does too: it leads to a point near by
            at = across if near._factors is None else near._factors[0]
            step = near.newton_step(at, near.local.bases.drop(local.bases.lift(rates)))
            there = local.bases.lift(local.bases.drop(step.lifted))
            if not float(there.norm()) < LONGEST:
                break
            point = self.moved(point, Directions(there, step.others))
            before, steps = left, steps + 1
        return point, steps

    def settle(
        self, point: Point, across: Directions, near: Linearization | None = None
    ) -> tuple[Linearization, int] | None:
        """The point of the sheet near a predicted one, orthogonal to directions, and how many steps
        of Newton's method it took; None where it takes too many. The matrix of a point ``near``
        leads most of the way, where one is given.
        """
        chords = 0
        if near is not None:
            point, chords = self._nearer(point, across, near)
        for iteration in range(ITERATIONS + 1):
            here = self.at(point)
            if not bool(torch.isfinite(here.matrix).all() & torch.isfinite(here.rates).all()):
                return None
            step = here.newton_step(across)
            left = float(here.rates.abs().max()) if len(here.rates) else 0.0
            length = float(torch.cat([step.lifted[0], step.others[0]]).norm())
            if left <= here.floor(self.atol) and length <= self.rtol:
                return here, iteration + chords // EACH
            if not length < float("inf"):
                return None
            point = self.moved(point, step, min(1.0, LONGEST / max(length, 1e-300)))
        return None

    def with_slack(self, push: Tensor | None) -> Sheet:
        """The same with a slack along an ambient direction."""
        return replace(self, push=push)


@dataclass(frozen=True)
class Linearization:
    """The equations near a point that may or may not be on the sheet."""

    sheet: Sheet
    point: Point
    local: Local
    rates: Tensor
    """[m]: what is left, without the part along the orbit of a symmetry."""
    drift: Tensor
    matrix: Tensor
    """[m, m]: the Jacobian in the frame that drifts."""
    slopes: Tensor
    """[p, m]: by the parameters."""

    @property
    def m(self) -> int:
        """Tangent coordinates."""
        return len(self.matrix)

    @cached_property
    def bordered(self) -> Tensor:
        """[m + k, m + k]: the Jacobian with its border; singular at folds and branch points."""
        return self.local.border().around(self.matrix)

    @cached_property
    def top(self) -> Tensor:
        """[m + k, m + p + q + k]: the equations in scaled coordinates."""
        sheet, whole = self.sheet, self.bordered
        columns = self.slopes.mT * sheet.widths
        if sheet.push is not None:
            columns = torch.cat([columns, self.local.bases.drop(sheet.push)[:, None]], -1)
        middle = whole.new_zeros(len(whole), columns.shape[-1])
        middle[: self.m] = columns
        return torch.cat([whole[:, : self.m] * sheet.size, middle, whole[:, self.m :]], -1)

    def floor(self, atol: float) -> float:
        """The tolerance, no smaller than what rounding leaves."""
        largest = float(self.matrix.abs().max()) if self.m else 0.0
        return max(atol, 1e-13 * largest * max(1.0, float(self.point.y.abs().max())))

    def forget(self) -> None:
        """Drop what can be computed again."""
        for name in ("bordered", "top"):
            self.__dict__.pop(name, None)
        object.__setattr__(self, "_factors", None)

    def rows(self, directions: Directions) -> Tensor:
        """[d, m + p + q + k]."""
        dropped = self.local.bases.drop(directions.lifted)
        rest = self.top.new_zeros(len(dropped), len(self.bordered) - self.m)
        return torch.cat([dropped, directions.others, rest], -1)

    def around(self, directions: Directions) -> Tensor:
        """The square matrix of a step orthogonal to directions."""
        return torch.cat([self.top, self.rows(directions)])

    def newton_step(self, across: Directions, rates: Tensor | None = None) -> Directions:
        """One direction [1, ...] whose whole length is the step, for what is left of the equations
        here or for other rates [m].
        """
        right = self.top.new_zeros(self.top.shape[-1])
        right[: self.m] = -(self.rates if rates is None else rates)
        return self.directions(self._solved(across, right[:, None]).mT)

    def _solved(self, across: Directions, right: Tensor) -> Tensor:
        """Where the matrix is singular to the last digit the numbers are not finite."""
        if self._factors is None or self._factors[0] is not across:
            found = torch.linalg.lu_factor_ex(self.around(across))
            object.__setattr__(self, "_factors", (across, *found))
        assert self._factors is not None
        _, factors, pivots, info = self._factors
        if int(info):
            return torch.full_like(right, torch.nan)
        return torch.linalg.lu_solve(factors, pivots, right)

    _factors: tuple[Directions, Tensor, Tensor, Tensor] | None = field(default=None, init=False)
    """Of the matrix of steps across the directions that were asked for last."""

    def directions(self, rows: Tensor) -> Directions:
        """Scaled coordinates [d, m + p + q (+ k)] as directions."""
        count = self.top.shape[-1] - (len(self.bordered) - self.m)
        lifted = self.local.bases.lift(rows[:, : self.m].contiguous())
        return Directions(lifted, rows[:, self.m : count])

    def kernel(self, before: Directions) -> Directions:
        """Orthonormal directions in which the sheet goes on, as near as can be to those before."""
        size, d = self.top.shape[-1], len(before.others)
        right = self.top.new_zeros(size, d)
        right[-d:] = torch.eye(d).to(right)
        count = size - (len(self.bordered) - self.m)
        found = self._solved(before, right)[:count]
        if d == 1:
            return self.directions((found / found.norm()).mT)
        u, _, v = torch.linalg.svd(found, full_matrices=False)
        rows = self.rows(before)[:, :count]
        nearest, _, other = torch.linalg.svd((u @ v).mT @ rows.mT)
        return self.directions(((u @ v) @ (nearest @ other)).mT)

    def null_directions(self, count: int) -> tuple[Directions, Tensor]:
        """(``count`` orthonormal directions that the equations leave most free, how much the one
        that is held least is, relative to the one that is held most).
        """
        k = len(self.bordered) - self.m
        used = self.top.shape[-1] - k
        _, sizes, v = torch.linalg.svd(self.top, full_matrices=True)
        free, _ = torch.linalg.qr(v[-count:, :used].mT)
        return self.directions(free.mT), sizes[-1] / sizes[0]
