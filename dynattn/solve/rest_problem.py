"""An equilibrium as a problem in local coordinates: the residual, its Jacobian, and its border.

At a relative equilibrium the states drift along the symmetries of the system, all phases together
for one: f(y) = sum_a drift_a g_a(y). The unknowns are tangent coordinates at a point y, and the
drift. The border of the Jacobian takes away what symmetries and conserved quantities leave free:

    [ J  -G  w ] [ xi    ]     [ f - G drift ]
    [ g'  0  0 ] [ drift ] = - [ 0           ]
    [ W'  0  0 ] [ 0     ]     [ 0           ]

with orthonormal G along the orbit of y and W along the conserved quantities; w are those of W that
no symmetry changes, and g the directions of G that change none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dynattn.solve.jacobians import along, pulled_back
from dynattn.solve.packing import Packing
from dynattn.solve.symmetries import Symmetries, find_symmetries
from dynattn.solve.tangents import Bases, tangent_bases
from dynattn.vocabulary.manifolds import MANIFOLDS

SMALL = 1e-6
"""A generator that moves a point by less than this part of its largest does not move it."""


@dataclass(frozen=True)
class RestProblem:
    """Where a system of states [batch..., nodes, ...] is at rest, or only drifts."""

    system: Any
    packing: Packing
    symmetries: Symmetries
    discrete: bool
    """Whether the laws are maps: at rest where an update changes nothing."""
    time: float = 0.0

    def field(self, y: Tensor) -> Tensor:
        """[batch..., n]: the rates at points of that shape; of maps the change by one update."""
        states = self.packing.unpack(y)
        t = torch.as_tensor(self.time, dtype=y.dtype, device=y.device)
        rates = self.system.rates(t, states)
        if self.discrete:
            rates = {name: rate - states[name] for name, rate in rates.items()}
        return self.packing.pack({name: rates[name] for name in states})

    def moved(self, y: Tensor, step: Tensor) -> Tensor:
        """Where tangent vectors lead from the points; maps live on flat spaces."""
        if self.discrete:
            return y + step
        states, steps = self.packing.unpack(y), self.packing.unpack(step)
        return self.packing.pack(self.system.retract(states, steps))

    def at(self, y: Tensor) -> Local:
        """The problem in tangent coordinates at points y [batch..., n]."""
        bases = tangent_bases(self.system, self.packing, y)
        generators = self.symmetries.generators(y)
        orbit, drifting = _orbit(bases.drop(generators).movedim(0, -1))
        return Local(self, y, bases, generators, orbit, drifting)

    def alone(self, batch: tuple[int, ...]) -> RestProblem:
        """The same for another batch of points."""
        packing = replace(self.packing, batch=batch)
        return replace(
            self, packing=packing, symmetries=replace(self.symmetries, packing=packing)
        )  # fmt: skip


def rest_problem(system: Any, packing: Packing, *, time: float = 0.0) -> RestProblem:
    """The problem of a system, its symmetries found."""
    laws = [law for law in system.model.laws if not system.model.states[law.state].averaged]
    discrete = any(law.discrete for law in laws)
    bare = RestProblem(system, packing, Symmetries(packing), discrete, time)
    with torch.no_grad():
        found = find_symmetries(system, packing, bare.field, discrete)
    return replace(bare, symmetries=found)


def _orbit(generators: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal [..., m, s] along generators [..., m, s], with columns of 0 where they are fewer,
    and what multiples [..., s, s] of the generators they are.
    """
    if not generators.shape[-1]:
        return generators, generators.new_zeros(*generators.shape[:-2], 0, 0)
    if generators.shape[-1] == 1:
        size = generators.square().sum(-2, keepdim=True).sqrt()
        scale = (size > SMALL) / torch.where(size > SMALL, size, 1.0)
        return generators * scale, scale
    if generators.shape[-2] < generators.shape[-1]:
        pad = generators.shape[-1] - generators.shape[-2]
        generators = torch.cat([generators, torch.zeros_like(generators[..., :1, :]).expand(
            *generators.shape[:-2], pad, generators.shape[-1])], -2)  # fmt: skip
        orbit, multiples = _orbit(generators)
        return orbit[..., :-pad, :], multiples
    u, sizes, v = torch.linalg.svd(generators, full_matrices=False)
    moved = sizes > SMALL * sizes[..., :1].clamp(min=1e-300)
    moved = moved & (sizes > SMALL)
    kept = moved.to(u.dtype)
    scale = kept / torch.where(moved, sizes, 1.0)
    return u * kept[..., None, :], v.mT * scale[..., None, :]


@dataclass(frozen=True)
class Local:
    """The problem near points y, in coordinates xi [batch..., m] of the tangent space there."""

    problem: RestProblem
    y: Tensor
    bases: Bases
    generators: Tensor
    """[s, batch..., n]."""
    orbit: Tensor
    """[batch..., m, s]: an orthonormal basis of the directions that symmetries lead into."""
    multiples: Tensor
    """[batch..., s, s]: what multiples of the generators these are."""

    def residual(self, rates: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(rates without their part along the orbit [batch..., m], that part [batch..., s]) of the
        field [batch..., n], which is computed where it is not given.
        """
        rates = self.bases.drop(self.problem.field(self.y) if rates is None else rates)
        part = (self.orbit.mT @ rates[..., None])[..., 0]
        return rates - (self.orbit @ part[..., None])[..., 0], part

    def drift(self, part: Tensor) -> Tensor:
        """The drift along each generator [batch..., s] of a part along the orbit."""
        return (self.multiples @ part[..., None])[..., 0]

    def slopes(self, directions: Tensor, drift: Tensor) -> Tensor:
        """[k, batch..., m]: (Df - drift Dg) along ambient directions [k, batch..., n]."""
        found = along(self.problem.field, self.y, directions)
        if drift.shape[-1]:
            turned = self.problem.symmetries.turned(directions)
            found = found - (turned * drift.movedim(-1, 0)[:, None, ..., None]).sum(0)
        return self.bases.drop(found)

    def jacobian(self, drift: Tensor) -> Tensor:
        """[batch..., m, m]: of the rates in the frame that drifts."""
        _, (rows,) = pulled_back(self.problem.field, (self.y,), self.covectors())
        return self.turning(self.bases.drop(rows).movedim(0, -2), drift)

    def covectors(self) -> Tensor:
        """[m, batch..., n]: the basis of the tangent space at every point."""
        lifts = self.bases.lifts()
        lifts = lifts.reshape(lifts.shape[0], *[1] * (self.y.dim() + 1 - lifts.dim()),
                              *lifts.shape[1:]).to(self.y)  # fmt: skip
        return lifts.expand(lifts.shape[0], *self.y.shape)

    def turning(self, matrix: Tensor, drift: Tensor) -> Tensor:
        """The Jacobian [batch..., m, m] of the rates, seen from the frame that drifts."""
        if not drift.shape[-1]:
            return matrix
        turned = self.problem.symmetries.turned(self.covectors())
        turned = (turned * drift.movedim(-1, 0)[:, None, ..., None]).sum(0)
        return matrix - self.bases.drop(turned).movedim(0, -1)

    def sums(self) -> Tensor:
        """[batch..., m, w]: the slopes of conserved quantities, orthonormal."""
        rows = self.problem.symmetries.conserved
        front = self.y.shape[:-1]
        if rows is None or not len(rows):
            return self.y.new_zeros(*front, self.bases.count, 0)
        wide = torch.as_tensor(rows, dtype=self.y.dtype, device=self.y.device)
        wide = wide.reshape(len(rows), *[1] * len(front), -1).expand(len(rows), *self.y.shape)
        return _orbit(self.bases.drop(wide).movedim(0, -1))[0]

    def border(self) -> Border:
        """What takes away the directions that are free."""
        sums = self.sums()
        return Border(
            torch.cat([-self.orbit, _beside(sums, self.orbit)], dim=-1),
            torch.cat([_beside(self.orbit, sums), sums], dim=-1).mT,
        )

    def neutral(self) -> Tensor:
        """[batch..., m, s + w]: directions that are neutral by symmetry or by what is conserved,
        orthonormal, with columns of 0 where they are fewer.
        """
        return torch.cat([self.orbit, _beside(self.sums(), self.orbit)], dim=-1)


def _beside(columns: Tensor, others: Tensor) -> Tensor:
    """[..., m, k]: the span of those combinations of ``columns`` that are orthogonal to others."""
    if not columns.shape[-1] or not others.shape[-1]:
        return columns
    _, sizes, v = torch.linalg.svd(others.mT @ columns, full_matrices=True)
    full = sizes.new_zeros(*sizes.shape[:-1], v.shape[-1])
    full[..., : sizes.shape[-1]] = sizes
    free = (full < SMALL).to(v.dtype)
    return _orbit(columns @ (v.mT * free[..., None, :]))[0]


@dataclass(frozen=True)
class Border:
    """What stands beside and below a Jacobian, and what it leaves at 0 in the corner."""

    columns: Tensor
    """[batch..., m, s + w]."""
    rows: Tensor
    """[batch..., s + w, m]."""

    def corner(self) -> Tensor:
        """[batch..., s + w, s + w]: ones that pair each row of 0 with a column of 0."""
        empty = self.rows.square().sum(-1) < 0.5, self.columns.square().sum(-2) < 0.5
        first, second = (e.cumsum(-1) * e for e in empty)
        paired = (first[..., :, None] == second[..., None, :]) & empty[0][..., :, None]
        return paired.to(self.rows.dtype)

    def around(self, matrix: Tensor) -> Tensor:
        """[batch..., m + s + w, m + s + w]: the matrix of a Newton step."""
        top = torch.cat([matrix, self.columns], dim=-1)
        return torch.cat([top, torch.cat([self.rows, self.corner()], dim=-1)], dim=-2)


def is_logarithmic(problem: RestProblem) -> dict[str, bool]:
    """By state: whether its coordinates are shares or numbers that stay above 0."""
    model = problem.system.model
    return {
        name: MANIFOLDS[model.states[name].manifold.name].logarithmic
        for name in problem.packing.shapes
    }
