"""Periodic orbits as the solutions of a boundary value problem, with its Newton steps.

Over parts of the period an orbit solves u' = T (f(u, p) - drift g(u) - slack W), u(1) = u(0), where
g are the symmetries of the system, along which it may drift, and W the sums that never change: the
slack is 0. What leaves it free is taken away by integral conditions: of its phase, of its place
along the symmetries, of the sums (Doedel, Keller and Kernevez, Int. J. Bifurcation Chaos 1 (1991)
493 and 745). The unknowns inside an interval are eliminated first, all intervals side by side; what
maps one end of it to the other is there then, and the product of these maps has the Floquet
multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from dynattn.solve.collocation import DEGREE, Mesh
from dynattn.solve.jacobians import pulled_back
from dynattn.solve.parameters import parameters_set, slopes_by
from dynattn.solve.rest_problem import RestProblem

ITERATIONS = 8
"""Of Newton's method from a predicted orbit."""

LONGEST = 0.5
"""No Newton step is longer, in scaled coordinates."""


@dataclass(frozen=True)
class Orbit:
    """A periodic function with what else is unknown about it."""

    mesh: Mesh
    values: Tensor
    """[nodes, n], packed states."""
    others: Tensor
    """[2 + s + w]: log T, the parameter, the drift along each symmetry, the slack of each sum."""

    @property
    def period(self) -> float:
        """T."""
        return float(self.others[0].exp())

    @property
    def value(self) -> float:
        """Of the parameter."""
        return float(self.others[1])

    @property
    def swing(self) -> Tensor:
        """[nodes, n]: without its mean."""
        return self.values - self.mesh.mean(self.values)

    def on(self, mesh: Mesh) -> Orbit:
        """The same on another mesh."""
        return replace(self, mesh=mesh, values=self.mesh.at(self.values, mesh.nodes))


@dataclass(frozen=True)
class Way:
    """A direction in which orbits change, in scaled coordinates."""

    values: Tensor
    others: Tensor

    def times(self, factor: float) -> Way:
        """Longer, or the other way."""
        return Way(self.values * factor, self.others * factor)

    def on(self, mesh: Mesh, new: Mesh) -> Way:
        """The same on another mesh."""
        return replace(self, values=mesh.at(self.values, new.nodes))


@dataclass(frozen=True)
class OrbitProblem:
    """Orbits of a system over one parameter, with the scales of their coordinates."""

    problem: RestProblem
    """Of single points; all states on flat spaces."""
    name: str
    """The parameter."""
    width: float
    """How much of it counts as 1."""
    size: float
    """How much of a state's length does."""
    atol: float = 1e-9
    """No rate that is left is larger."""
    rtol: float = 1e-8
    """Nor is the last step, in scaled coordinates."""

    def moved(self, orbit: Orbit, way: Way, length: float = 1.0) -> Orbit:
        """Where a direction leads."""
        others = way.others.clone()
        others[1] *= self.width
        return replace(
            orbit, values=orbit.values + length * self.size * way.values,
            others=orbit.others + length * others,
        )  # fmt: skip

    def product(self, mesh: Mesh, one: Way, other: Way) -> float:
        """Of two directions; how drift and slack change does not count."""
        return float(mesh.product(one.values, other.values) + one.others[:2] @ other.others[:2])

    def at(self, orbit: Orbit, guess: Orbit, across: Way, like: Tensor) -> OrbitStep:
        """The equations near an orbit: in phase with a guess, as a function [nodes, n] tells, and
        orthogonal to a direction.
        """
        return _linearized(self, orbit, guess, across, like)

    def settle(
        self, guess: Orbit, across: Way, like: Tensor
    ) -> tuple[Orbit, OrbitStep, int] | None:
        """The orbit near a predicted one, orthogonal to a direction, with the equations there, and
        how many Newton steps it took; None where it takes too many.
        """
        orbit = guess
        for iteration in range(ITERATIONS + 1):
            here = self.at(orbit, guess, across, like)
            step = here.step()
            length = self.product(orbit.mesh, step, step) ** 0.5
            if not length < float("inf"):
                return None
            if length <= self.rtol and here.left <= self.atol * here.scale:
                return orbit, here, iteration
            orbit = self.moved(orbit, step, min(1.0, LONGEST / max(length, 1e-300)))
        return None


@dataclass(frozen=True)
class OrbitStep:
    """The equations near an orbit, with what is inside the intervals eliminated.

    The values at the nodes of interval k are inner[k] (its left end, the other unknowns, 1).
    """

    count: int
    """n."""
    inner: Tensor
    """[intervals, DEGREE n, n + q + 1]."""
    rows: Tensor
    """[conditions, intervals, DEGREE + 1, n]: of the values at the nodes; the last is that of the
    arclength."""
    corner: Tensor
    """[conditions, q]: of the other unknowns."""
    right: Tensor
    """[conditions]."""
    left: float
    """The largest rate that is left."""
    scale: float
    """What is large among rates."""

    @cached_property
    def transfers(self) -> Tensor:
        """[intervals, n, n]: from one end to the other."""
        return self.inner[:, -self.count :, : self.count]

    @cached_property
    def multipliers(self) -> Tensor:
        """complex [n]: of the whole period."""
        whole = torch.eye(self.count).to(self.inner)
        for transfer in self.transfers:
            whole = transfer @ whole
        if not bool(torch.isfinite(whole).all()):
            return torch.full((self.count,), torch.nan + 0j)
        return torch.linalg.eigvals(whole)

    @cached_property
    def matrix(self) -> Tensor:
        """Of the ends of all intervals and the other unknowns."""
        n, q, count = self.count, self.corner.shape[-1], len(self.inner)
        top = self.inner.new_zeros(count, n, count + 1, n)
        each = torch.arange(count)
        top[each, :, each] = -self.transfers
        after = (each + 1) % count
        top[each, :, after] = top[each, :, after] + torch.eye(n).to(top)
        top = top[:, :, :count].reshape(count * n, count * n)
        beside = -self.inner[:, -n:, n : n + q].reshape(count * n, q)
        ends = self.rows[:, :, 0] + self._inside[..., :n]
        others = self.corner + self._inside[..., n : n + q].sum(1)
        below = torch.cat([ends.reshape(len(ends), count * n), others], -1)
        return torch.cat([torch.cat([top, beside], -1), below])

    @cached_property
    def _inside(self) -> Tensor:
        """[conditions, intervals, n + q + 1]: what the eliminated values add to each condition."""
        flat = self.rows[:, :, 1:].flatten(2)
        return torch.einsum("cki,kij->ckj", flat, self.inner)

    def step(self) -> Way:
        """The Newton step."""
        given = self.inner[:, -self.count :, -1].flatten()
        below = self.right - self._inside[..., -1].sum(1)
        return self._solved(torch.cat([given, below]), 1.0)

    def kernel(self) -> Way:
        """The direction in which the orbits go on: 1 along the direction across."""
        right = self.matrix.new_zeros(len(self.matrix))
        right[-1] = 1.0
        return self._solved(right, 0.0)

    def _solved(self, right: Tensor, constant: float) -> Way:
        found, info = torch.linalg.solve_ex(self.matrix, right[:, None])
        if int(info):
            found = torch.full_like(found, torch.nan)
        n, count = self.count, len(self.inner)
        ends, others = found[: n * count, 0].reshape(count, n), found[n * count :, 0]
        known = torch.cat([ends, others.expand(count, -1), ends.new_full((count, 1), constant)], -1)
        inside = (self.inner @ known[..., None])[..., 0].reshape(count, DEGREE, n)[:, :-1]
        return Way(torch.cat([ends[:, None], inside], 1).reshape(count * DEGREE, n), others)


def _linearized(
    which: OrbitProblem, orbit: Orbit, guess: Orbit, across: Way, like: Tensor
) -> OrbitStep:
    mesh, symmetries = orbit.mesh, which.problem.symmetries
    there = mesh.values(orbit.values)
    count, _, n = there.shape
    y = there.reshape(-1, n)
    problem = which.problem.alone((len(y),))
    s = symmetries.count
    period, drift, slack = orbit.others[0].exp(), orbit.others[2 : 2 + s], orbit.others[2 + s :]
    with torch.no_grad(), parameters_set(problem.system, {which.name: orbit.value}):
        units = torch.eye(n).to(y)[:, None].expand(n, *y.shape)
        field, (rows,) = pulled_back(problem.field, (y,), units)
        slope = slopes_by(problem, y, (which.name,))[0]
        moved, turned = problem.symmetries.generators(y), problem.symmetries.turned(units)
    sums = _sums(which.problem, y)
    rates = field - torch.tensordot(drift, moved, 1) - (slack @ sums)
    jacobian = rows.movedim(0, -2) - torch.tensordot(drift, turned, 1).movedim(0, -1)
    columns = [period * rates, period * slope * which.width,
               *(-period * moved), *(-period * sums[:, None].expand(-1, *y.shape))]  # fmt: skip
    found = mesh.slopes(orbit.values).reshape(-1, n) - period * rates
    # equations of the unknowns of an interval: their slopes at Gauss's points less T J times them
    bare = mesh.matrix(4)[None] / mesh.widths[:, None, None]
    own = period * jacobian.reshape(count, DEGREE, n, n)
    eye = torch.eye(n).to(y)
    blocks = bare[:, :, None, :, None] * eye[:, None, :]
    blocks = blocks - own[:, :, :, None, :] * mesh.matrix(3)[:, None, :, None]
    whole = blocks.reshape(count, DEGREE * n, (DEGREE + 1) * n)
    # the sizes of states are scaled, those of the other unknowns are as they are
    rest = torch.stack([*columns, -found], -1).reshape(count, DEGREE * n, -1) / which.size
    right = torch.cat([-whole[..., :n], rest], -1)
    inner, info = torch.linalg.solve_ex(whole[..., n:], right)
    if bool(info.any()):
        inner = torch.full_like(inner, torch.nan)
    q = len(orbit.others)
    conditions, below = _conditions(which, orbit, guess, like, sums)
    last = mesh.functional(mesh.values(across.values))[None]
    corner = torch.zeros(len(conditions) + 1, q).to(y)
    corner[-1, :2] = across.others[:2]
    return OrbitStep(
        n, inner, torch.cat([conditions, last]), corner, torch.cat([below, below.new_zeros(1)]),
        float(found.abs().max() / period), max(1.0, float(field.abs().max())),
    )  # fmt: skip


def _sums(problem: RestProblem, like: Tensor) -> Tensor:
    """[w, n]: the sums that never change."""
    rows = problem.symmetries.conserved
    if rows is None or not len(rows):
        return like.new_zeros(0, like.shape[-1])
    return torch.as_tensor(rows, dtype=like.dtype, device=like.device)


def _conditions(
    which: OrbitProblem, orbit: Orbit, guess: Orbit, shape: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor]:
    """([1 + s + w, intervals, DEGREE + 1, n], [1 + s + w]): the orbit is not shifted in time, nor
    along symmetries, against the guess, and its sums are those of the guess.
    """
    mesh = orbit.mesh
    like = mesh.values(guess.values)
    flat = like.reshape(-1, like.shape[-1])
    problem = which.problem.alone((len(flat),))
    moved = problem.symmetries.generators(flat).reshape(-1, *like.shape)
    rows = [mesh.slopes(shape), *moved, *sums[:, None, None].expand(-1, *like.shape)]
    found = torch.stack([mesh.functional(row) for row in rows])
    gap = mesh.pieces((guess.values - orbit.values) / which.size)
    sizes = found.flatten(1).norm(dim=1).clamp(min=1e-300)
    found = found / sizes[:, None, None, None]
    return found, (found * gap).sum((1, 2, 3))
