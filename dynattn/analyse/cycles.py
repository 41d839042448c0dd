"""Periodic orbits that leave a Hopf point, followed in one parameter by pseudo-arclength.

The mesh follows the orbit: after some steps its intervals are laid anew, and there are more of them
where the polynomials do not fit well enough. Floquet multipliers tell the stability, and what
happens between two orbits; where it happens is found along the arclength.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.analyse.branches import EASY, HARD, SMALLEST, TURN
from dynattn.analyse.roots import Event, point_between
from dynattn.solve.collocation import Mesh
from dynattn.solve.periodic import Orbit, OrbitProblem, OrbitStep, Way
from dynattn.solve.rest_problem import SMALL, RestProblem

KINDS = ("fold", "branch_point", "period_doubling", "neimark_sacker")

FIRST, LARGEST = 0.01, 0.05
"""Steps in scaled coordinates: the whole range of the parameter is 1."""

ORBITS = 300
"""Of one branch, on either side."""

INTERVALS, MOST_INTERVALS = 20, 160
"""Of the mesh, at first and at most."""

EVERY = 3
"""Steps after which the mesh is laid anew."""

FINE = 1e-6
"""How far the polynomials may be from the orbit, relative to how far it goes."""

LONG = 30.0
"""Periods of the first orbit that an orbit may last."""

BARE = 1e-6
"""An orbit that goes no farther than this is that of a Hopf point, and has no phase."""

SHRUNK = 0.01
"""What is left of an orbit that shrinks to a point when it is the last: the point has no phase."""

LEVEL = 1e-7
"""Between two folds the parameter changes more than this along the arclength: near an orbit that
lasts for ever it hardly changes, and only rounding makes it turn."""

TRUSTED = 1e-3
"""Multipliers tell what happens where those that should be 1 are nearer to it than this."""

NEUTRAL = 1e-6
"""A multiplier that is nearer to the unit circle than this decides nothing."""

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Cycle:
    """An orbit of a branch."""

    orbit: Orbit
    here: OrbitStep = field(repr=False)
    way: Way
    """Where the branch goes on."""
    arclength: float
    multipliers: Array
    """complex [k], the largest first, without those that time, symmetries and sums make 1."""
    trivial: float
    """How far those are from 1: about the error of all of them."""

    @property
    def value(self) -> float:
        """Of the parameter."""
        return self.orbit.value

    @property
    def y(self) -> Tensor:
        """[n]: the state with which it begins, packed."""
        return self.orbit.values[0]

    @property
    def period(self) -> float:
        """Its time."""
        return self.orbit.period

    @property
    def turn(self) -> float:
        """How fast the parameter grows along the branch, which a fold makes 0."""
        return float(self.way.others[1])

    @property
    def unstable(self) -> int:
        """Directions that grow, by however little."""
        return int((np.abs(self.multipliers) > 1).sum())

    @property
    def growing(self) -> int:
        """Those that grow beyond doubt."""
        return int((np.abs(self.multipliers) > 1 + NEUTRAL).sum())

    @property
    def stable(self) -> bool:
        """Whether every disturbance decays."""
        return bool((np.abs(self.multipliers) < 1 - NEUTRAL).all())


@dataclass(frozen=True, eq=False)
class Cycles:
    """Orbits in order of arclength from the Hopf point, special ones among them."""

    parameter: str
    steps: tuple[Cycle, ...]
    special: tuple[Event[Cycle], ...]
    """Folds, branch points, period doublings, Neimark-Sacker points."""
    end: str
    """Why there are no further ones: ``range``, ``hopf``, ``period_doubling``, ``period``,
    ``lost``, ``points``.
    """
    which: OrbitProblem = field(repr=False)

    @property
    def problem(self) -> RestProblem:
        """That of the states."""
        return self.which.problem


@dataclass(frozen=True)
class Follower:
    """How orbits are followed."""

    which: OrbitProblem
    low: float
    high: float
    largest: float = LARGEST
    most: int = ORBITS
    report: Callable[[float], None] | None = None

    shrinks = "hopf"
    """What it is where the orbits come to an end at another one of their kind."""

    def begin(self, y: Tensor, value: float, drift: Tensor, vector: Tensor, turn: float) -> Cycle:
        """The Hopf point as an orbit of no size, with the way to those that leave it."""
        which, mesh = self.which, Mesh.even(INTERVALS, y)
        slack = which.problem.symmetries.conserved
        others = torch.cat([
            y.new_tensor([np.log(2 * np.pi / turn), value]), drift,
            y.new_zeros(0 if slack is None else len(slack)),
        ])  # fmt: skip
        angles = 2 * np.pi * mesh.nodes[:, None]
        swing = vector.real * angles.cos() - vector.imag * angles.sin()
        way = Way(swing, torch.zeros_like(others))
        way = way.times(1 / which.product(mesh, way, way) ** 0.5)
        orbit = Orbit(mesh, y.expand(len(angles), -1).clone(), others)
        here = which.at(orbit, orbit, way, way.values)
        return self._cycle(orbit, here, way, 0.0)

    def next(self, before: Cycle, length: float) -> tuple[Cycle | None, int]:
        """The orbit at a distance; None where there is none, or the branch turns too far."""
        which, mesh, orbit = self.which, before.orbit.mesh, before.orbit
        bare = float(orbit.swing.abs().max()) < BARE * which.size
        guess = which.moved(orbit, before.way, length)
        settled = which.settle(guess, before.way, before.way.values if bare else orbit.values)
        if settled is None:
            return None, 0
        orbit, here, count = settled
        way = here.kernel()
        way = way.times(1 / max(which.product(mesh, way, way) ** 0.5, 1e-300))
        if not which.product(mesh, before.way, way) > np.cos(TURN):
            return None, 0
        return self._cycle(orbit, here, way, before.arclength + length), count

    def _cycle(self, orbit: Orbit, here: OrbitStep, way: Way, arclength: float) -> Cycle:
        values = here.multipliers.cpu().numpy()
        trivial = min(len(values), len(orbit.others) - 1)
        order = np.argsort(np.abs(values - 1))
        left = values[order[trivial:]]
        left = left[np.lexsort((-np.imag(left), -np.round(np.abs(left), 12)))]
        gap = float(np.abs(values[order[:trivial]] - 1).max(initial=0.0))
        return Cycle(orbit, here, way, arclength, left, gap)

    # ── the mesh ────────────────────────────────────────────────────────────────────────────────

    def laid(self, cycle: Cycle) -> Cycle:
        """The same orbit on a mesh that fits it."""
        orbit, mesh = cycle.orbit, cycle.orbit.mesh
        reach = float(orbit.swing.abs().max())
        count, bad = (
            mesh.count,
            mesh.error(orbit.values) > FINE * max(reach, 1e-3 * self.which.size),
        )
        if bad and count < MOST_INTERVALS:
            count = min(MOST_INTERVALS, int(1.5 * count))
        new = mesh.fitted(orbit.values, count)
        guess, way = orbit.on(new), cycle.way.on(mesh, new)
        settled = self.which.settle(guess, way, guess.values)
        if settled is None:
            return cycle
        orbit, here, _ = settled
        return self._cycle(orbit, here, self._unit(here.kernel(), new), cycle.arclength)

    def _unit(self, way: Way, mesh: Mesh) -> Way:
        return way.times(1 / max(self.which.product(mesh, way, way) ** 0.5, 1e-300))

    # ── the way ─────────────────────────────────────────────────────────────────────────────────

    def follow(
        self, start: Cycle, kinds: Sequence[str]
    ) -> tuple[list[Cycle], list[Event[Cycle]], str]:
        """The orbits after ``start``, with those at which something happens, and why they end."""
        found, special, last = [start], list[Event[Cycle]](), start
        length = min(FIRST, self.largest)
        while len(found) < self.most:
            step, newton = self.next(last, length)
            if step is None:
                length /= 2
                if length < SMALLEST:
                    return found, special, "lost"
                continue
            end, final = self._end(start, last, step)
            # where orbits shrink to a point the parameter turns round, as a branch of the same
            # orbits goes back from there
            quiet = last is start or end == self.shrinks
            for event in () if quiet else self._events(last, step, kinds):
                if final is None or event.step.arclength < final.arclength:
                    special.append(event)
                    found.append(event.step)
            if end:
                return [*found, *([] if final is None else [final])], special, end
            found.append(step)
            last = self.laid(step) if len(found) % EVERY == 0 else step
            length = min(1.3 * length, self.largest) if newton <= EASY else length
            length = length / 1.5 if newton >= HARD else length
            if self.report is not None:
                self.report((step.value - self.low) / (self.high - self.low))
        return found, special, "points"

    def _end(self, start: Cycle, last: Cycle, step: Cycle) -> tuple[str, Cycle | None]:
        """Why the branch ends on the way to an orbit, and the last orbit then; '' where it does
        not.
        """
        if last is not start and self._likeness(last, step) < 0:
            left = SHRUNK * self._likeness(last, last)
            return self.shrinks, self._where(last, step, lambda c: self._likeness(last, c) - left)
        bound = self.low if step.value < self.low else self.high
        if not self.low <= step.value <= self.high:
            return "range", self._where(last, step, lambda c: c.value - bound)
        if step.period > LONG * start.period:
            return "period", step
        return "", None

    def _likeness(self, one: Cycle, other: Cycle) -> float:
        """Below 0 where an orbit has shrunk to a point and grown again, half a period later."""
        mesh = one.orbit.mesh
        return float(mesh.product(one.orbit.swing, other.orbit.swing))

    def _events(self, first: Cycle, last: Cycle, kinds: Sequence[str]) -> Iterator[Event[Cycle]]:
        found = []
        for kind, number in _between(first, last):
            if kind in kinds:
                step = self._where(first, last, number)
                if step is not None:
                    found.append(Event(kind, step, abs(number(step))))
        yield from sorted(found, key=lambda event: event.step.arclength)

    def _where(self, first: Cycle, last: Cycle, number: Callable[[Cycle], float]) -> Cycle | None:
        """The orbit between two where a number is 0."""
        return point_between(self.next, first, last, number)


def _between(first: Cycle, last: Cycle) -> list[tuple[str, Callable[[Cycle], float]]]:
    """What happens between two orbits, each with a number that is 0 where it does."""
    found: list[tuple[str, Callable[[Cycle], float]]] = []
    ones = _beyond(last, 1) - _beyond(first, 1)
    trusted = max(first.trivial, last.trivial) < TRUSTED
    if first.turn * last.turn < 0:
        found.append(("fold", lambda cycle: cycle.turn))
    elif ones % 2 and trusted:
        found.append(("branch_point", lambda cycle: _real_near(cycle, 1.0)))
    flips = _beyond(last, -1) - _beyond(first, -1)
    if flips % 2 and trusted:
        found.append(("period_doubling", lambda cycle: _real_near(cycle, -1.0)))
    change = last.unstable - first.unstable
    if not found and trusted and change % 2 == 0 and _turning(first) and _turning(last):
        found.append(("neimark_sacker", _round))
    return [(k, f) for k, f in found if f(first) * f(last) < 0]


def _reals(cycle: Cycle) -> Array:
    return np.real(cycle.multipliers[np.abs(np.imag(cycle.multipliers)) == 0])


def _beyond(cycle: Cycle, sign: int) -> int:
    """Real multipliers beyond 1, or beyond -1."""
    return int((sign * _reals(cycle) > 1).sum())


def _real_near(cycle: Cycle, place: float) -> float:
    """How far the nearest real multiplier is beyond a place."""
    values = _reals(cycle)
    return float((values - place)[np.abs(values - place).argmin()]) if len(values) else np.nan


def _turning(cycle: Cycle) -> bool:
    return bool((np.imag(cycle.multipliers) > 0).any())


def _round(cycle: Cycle) -> float:
    """How far the complex pair that is nearest to the unit circle is outside."""
    sizes = np.abs(cycle.multipliers[np.imag(cycle.multipliers) > 0]) - 1
    return float(sizes[np.abs(sizes).argmin()]) if len(sizes) else np.nan


def follow_cycles(
    problem: RestProblem,
    parameter: str,
    low: float,
    high: float,
    hopf: Any,
    *,
    kinds: Sequence[str] = KINDS,
    largest: float | None = None,
    most: int = ORBITS,
    report: Callable[[float], None] | None = None,
) -> Cycles:
    """The orbits that leave a Hopf point (``branches.SpecialPoint`` of a branch over the parameter)
    as far as the parameter is between ``low`` and ``high``. ``largest``: the longest step, as a
    part of that range.
    """
    y = hopf.step.y
    problem, drift = _broken(problem, y, hopf.step.here.drift)
    size = float(y.numel() ** 0.5 * max(1.0, float(y.square().mean().sqrt())))
    which = OrbitProblem(problem, parameter, high - low, size)
    follower = Follower(which, low, high, LARGEST if largest is None else largest, most, report)
    vector = torch.as_tensor(hopf.null).to(y.device)
    start = follower.begin(y, hopf.value, drift, vector, hopf.frequency)
    steps, special, end = follower.follow(start, kinds)
    clear = cleared(steps, special)
    return Cycles(parameter, tuple(steps), tuple(clear), end, which)


def _broken(problem: RestProblem, y: Tensor, drift: Tensor) -> tuple[RestProblem, Tensor]:
    """The problem with those symmetries alone that move an equilibrium, and the drift along them:
    along the others the orbits that leave it turn as they turn in time.
    """
    symmetries = problem.symmetries
    if not symmetries.count:
        return problem, drift
    u, sizes, _ = torch.linalg.svd(symmetries.generators(y), full_matrices=False)
    kept = u[:, sizes > SMALL * max(1.0, float(y.abs().max()))]
    combined = kept.mT.cpu().numpy() @ symmetries.combinations
    return replace(problem, symmetries=replace(symmetries, combinations=combined)), drift @ kept


def cleared(steps: Sequence[Cycle], special: Sequence[Event[Cycle]]) -> list[Event[Cycle]]:
    """Without the folds beside which the parameter hardly changes up to the next one."""
    folds = [event.step.arclength for event in special if event.kind == "fold"]
    ends = [-np.inf, *folds, np.inf]
    most = [
        max((abs(step.turn) for step in steps if a < step.arclength < b), default=0.0)
        for a, b in pairwise(ends)
    ]
    fine = {s for s, pair in zip(folds, pairwise(most), strict=True) if min(pair) > LEVEL}
    return [event for event in special if event.kind != "fold" or event.step.arclength in fine]
