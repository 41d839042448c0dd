"""Symplectic steps of states with inertia: drifts x + h v and kicks of v, one after another.

A kick is the exact flow of v' = F(x)/m - c v at fixed x, c = dissipation/inertia: without
dissipation a step is symplectic, with one and the same c everywhere it shrinks the symplectic form
by exactly exp(-c h) (McLachlan and Perlmutter, Journal of Geometry and Physics 39 (2001) 276).
Time goes on with the drifts. States without inertia move in the middle of a kick.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.lower.parts import Part, rates_of, retraction_of
from dynattn.model.structure import first_order, is_constant, velocities
from dynattn.program.splitting import damping
from dynattn.solve.failures import Scene
from dynattn.solve.fixed import States, instant
from dynattn.solve.methods import Method

if TYPE_CHECKING:
    from dynattn.lower.module import System

STRONGEST = 8.0
"""Velocities may grow by exp of this in a kick backwards in time: rounding grows as much."""


class Symplectic:
    """The steps of one system by one splitting."""

    def __init__(self, scene: Scene, system: System, method: Method) -> None:
        assert method.splitting is not None
        self.scene, self.method, self.splitting = scene, method, method.splitting
        model = system.model
        self.positions = {name: str(s.velocity_of) for name, s in velocities(model).items()}
        self.forces = rates_of(system, self.positions)
        rest = first_order(model)
        self.rest = rates_of(system, rest) if rest else None
        self.landing = retraction_of(system, rest) if rest else None
        friction = Part(system, damping(model, system.network))
        self.friction = friction if friction.names else None
        clauses = [model.clauses[position] for position in self.positions.values()]
        self.constant = all(
            is_constant(c.get(word)) for c in clauses for word in ("inertia", "dissipation")
        )
        self.factors: dict[float, dict[str, tuple[Tensor, Tensor]]] = {}

    @property
    def evaluations(self) -> int:
        """How often a step asks for the forces."""
        return len(self.splitting.kicks) * (1 if self.rest is None else 2)

    def __call__(
        self, t: float, states: States, h: float, end: float | None = None
    ) -> dict[str, Tensor]:
        """The states after a step of size h; ``end`` as in ``advance``: no kick is at the end."""
        point = dict(states)
        *drifts, last = self.splitting.drifts
        for drift, kick in zip(drifts, self.splitting.kicks, strict=True):
            self._drift(point, drift * h)
            t += drift * h
            when = instant(t, states)
            if self.rest is None:
                self._kick(when, point, kick * h)
            else:
                self._kick(when, point, 0.5 * kick * h)
                self._move_rest(when, point, kick * h)
                self._kick(when, point, 0.5 * kick * h)
        self._drift(point, last * h)
        return point

    def _drift(self, point: dict[str, Tensor], h: float) -> None:
        for velocity, position in self.positions.items():
            point[position] = torch.add(point[position], point[velocity], alpha=h)

    def _kick(self, t: Tensor, point: dict[str, Tensor], h: float) -> None:
        still = {name: torch.zeros_like(point[name]) for name in self.positions}
        forces = self.forces(t, {**point, **still})
        damped = {} if self.friction is None else self._damped(t, point, h)
        for name, force in forces.items():
            if name in damped:
                kept, pushed = damped[name]
                point[name] = kept * point[name] + pushed * force
            else:
                point[name] = torch.add(point[name], force, alpha=h)

    def _damped(self, t: Tensor, point: States, h: float) -> dict[str, tuple[Tensor, Tensor]]:
        """By velocity exp(-c h), what is kept of it, and the integral of that from 0 to h."""
        if h in self.factors:
            return self.factors[h]
        assert self.friction is not None
        found = {}
        for name, c in self.friction(t, point).items():
            found[name] = (torch.exp(-c * h), h * decay_mean(c * h))
            if self.splitting.goes_back:
                self._refuse_growth(float(t), c, h)
        if self.constant:
            self.factors[h] = found
        return found

    def _refuse_growth(self, t: float, c: Tensor, h: float) -> None:
        """E629 where a kick backwards in time undoes more friction than rounding allows."""
        growth = float((-c.detach() * h).amax())
        if growth > STRONGEST:
            raise NumericalError(too_strong(self.scene, self.method, t, growth))

    def _move_rest(self, t: Tensor, point: dict[str, Tensor], h: float) -> None:
        """States without inertia by the midpoint rule, all else and time standing still."""
        assert self.rest is not None and self.landing is not None
        slope = self.rest(t, point)
        middle = self.landing.moved(point, {name: 0.5 * h * k for name, k in slope.items()})
        slope = self.rest(t, {**point, **middle})
        point.update(self.landing.moved(point, {name: h * k for name, k in slope.items()}))


def decay_mean(z: Tensor) -> Tensor:
    """(1 - exp(-z)) / z, with its gradient at 0: the mean of exp(-s) for s from 0 to z."""
    small = z.abs() < 1e-3
    some = torch.where(small, torch.ones_like(z), z)
    series = 1 - z / 2 * (1 - z / 3 * (1 - z / 4 * (1 - z / 5)))
    return torch.where(small, series, -torch.expm1(-some) / some)


def too_strong(scene: Scene, method: Method, t: float, growth: float) -> Diagnostic:
    """E629: ``growth`` is the logarithm of what a kick backwards multiplies velocities by."""
    message = (
        f"the friction at t = {t:.6g} is too strong for the steps of '{method.name}': those "
        f"backwards in time multiply velocities by {math.exp(growth):.2g}"
    )
    fix = "use 'method leapfrog', whose steps all go forwards, or take smaller steps"
    return Diagnostic("E629", message, scene.span, fix)
