"""Branches of equilibria in one parameter: followed by pseudo-arclength, with what happens on them.

Keller, in Applications of Bifurcation Theory (1977) 359. Steps grow and shrink with the curvature
of the branch and with the number of Newton steps. Where eigenvalues cross, or the parameter turns
round, the place is bracketed by halving, and then located by an augmented system (``events``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.analyse.stability import Stability, stability_of
from dynattn.solve.sheets import Directions, Linearization, Point, Sheet
from dynattn.vocabulary.manifolds import MANIFOLDS

Array = NDArray[Any]

FIRST, LARGEST, SMALLEST = 0.01, 0.04, 1e-7
"""Steps in scaled coordinates: the whole range of the parameter is 1."""

TURN = 0.25
"""Radians by which a branch may turn in one step."""

EASY, HARD = 3, 5
"""Newton steps up to which the next step is longer, and from which it is shorter."""

POINTS = 500
"""Of one branch at most."""

SINGULAR = 1e-9
"""A start that is held less than this, in a second direction, is singular."""


@dataclass(frozen=True, eq=False)
class Step:
    """A point of a branch."""

    here: Linearization
    tangent: Directions
    arclength: float
    stability: Stability = field(repr=False)

    @property
    def value(self) -> float:
        """Of the parameter."""
        return float(self.here.point.values[0])

    @property
    def y(self) -> Tensor:
        """The state, packed."""
        return self.here.point.y

    @property
    def turn(self) -> float:
        """How fast the parameter grows along the branch, which a fold makes 0."""
        return float(self.tangent.others[0, 0])

    @property
    def unstable(self) -> int:
        """How many eigenvalues are right of the axis, by however little."""
        return int((_growth(self) > 0).sum())


def _growth(step: Step) -> Array:
    values = step.stability.eigenvalues
    if step.here.local.problem.discrete:
        return np.abs(values) - 1
    return np.real(values)


@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """A fold, a branch point or a Hopf point."""

    kind: str
    """``fold``, ``branch_point`` or ``hopf``."""
    step: Step
    residual: float
    """What is left of the condition that defines it."""
    null: Array
    """[n]: the unit vector that the Jacobian takes to 0; complex, the eigenvector, of a Hopf
    point."""
    frequency: float | None = None
    """Of the oscillations that a Hopf point begins."""
    lyapunov: float | None = None
    """Of a Hopf point the first Lyapunov coefficient: the oscillations that begin there are stable
    where it is below 0 (supercritical), unstable above (subcritical).
    """
    multiplicity: int = 1
    """How many directions a branch point frees at once."""
    left: Array | None = field(default=None, repr=False)
    """[n]: the left null vector, in tangent space."""

    @property
    def value(self) -> float:
        """Of the parameter."""
        return self.step.value


@dataclass(frozen=True, eq=False)
class Branch:
    """Points in order of arclength, the start at 0, special ones among them."""

    steps: tuple[Step, ...]
    special: tuple[SpecialPoint, ...]
    ends: tuple[str, str]
    """Why it ends before its first point and after its last: ``range``, ``closed``, ``lost``,
    ``points``, ``joined``."""
    origin: SpecialPoint | None = None
    """The branch point of an earlier branch that it leaves from."""

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest value of the parameter."""
        values = [step.value for step in self.steps]
        return min(values), max(values)


@dataclass(frozen=True)
class Walk:
    """How branches of a sheet of one parameter are followed."""

    sheet: Sheet
    low: float
    high: float
    largest: float = LARGEST
    most: int = POINTS
    report: Callable[[float], None] | None = None

    def begin(self, here: Linearization, tangent: Directions) -> Step:
        """A point with its stability."""
        return Step(here, tangent, 0.0, stability_of(here.local, here.matrix))

    def follow(self, start: Step, first: float = FIRST) -> tuple[list[Step], str]:
        """The points after ``start`` along its tangent, and why they end."""
        found, length = [start], min(first, self.largest)
        while len(found) < self.most:
            before = found[-1]
            step, newton = self.next(before, length)
            if step is None:
                length /= 2
                if length < SMALLEST:
                    return found, "lost"
                continue
            if not self.low <= step.value <= self.high:
                bound = self.low if step.value < self.low else self.high
                last = self._at_bound(before, bound)
                return ([*found, last] if last is not None else found), "range"
            found.append(step)
            before.here.forget()
            if self._closes(start, before, step):
                return found, "closed"
            angle = _angle(before, step)
            if newton <= EASY and angle < TURN / 2:
                length = min(1.4 * length, self.largest)
            elif newton >= HARD:
                length /= 1.5
            if self.report is not None:
                self.report((step.value - self.low) / (self.high - self.low))
        return found, "points"

    def next(self, before: Step, length: float, turn: float = TURN) -> tuple[Step | None, int]:
        """The point at a distance; None where there is none, or the branch turns too far."""
        sheet = self.sheet
        settled = sheet.settle(sheet.moved(before.here.point, before.tangent, length),
                               before.tangent, before.here)  # fmt: skip
        if settled is None:
            return None, 0
        here, count = settled
        tangent = here.kernel(before.tangent)
        if not bool(torch.isfinite(tangent.others).all()):
            return None, 0
        if (
            _angle_between(before.tangent, tangent) > turn
            or apart(sheet, before, here) > 2 * length
        ):
            return None, 0
        stability = stability_of(here.local, here.matrix)
        return Step(here, tangent, before.arclength + length, stability), count

    def next_free(self, before: Step, length: float) -> tuple[Step | None, int]:
        """The same from a branch point along a direction that the branch only begins near to."""
        for _ in range(6):
            step, count = self.next(before, length, turn=1.0)
            if step is not None:
                return step, count
            length /= 2
        return None, 0

    def _at_bound(self, before: Step, bound: float) -> Step | None:
        """The branch where the parameter has a value, beyond the last point inside."""
        gap = bound - before.value
        width = float(self.sheet.widths[0])
        if abs(gap) <= 1e-12 * width or before.turn == 0:
            return None
        length = gap / width / before.turn
        fixed = Directions(torch.zeros_like(before.tangent.lifted),
                           torch.ones_like(before.tangent.others))  # fmt: skip
        point = self.sheet.moved(before.here.point, before.tangent, length)
        point = replace(point, values=torch.full_like(point.values, bound))
        settled = self.sheet.settle(point, fixed)
        if settled is None:
            return None
        here = settled[0]
        tangent = here.kernel(before.tangent)
        stability = stability_of(here.local, here.matrix)
        return Step(here, tangent, before.arclength + abs(length), stability)

    def _closes(self, start: Step, before: Step, step: Step) -> bool:
        """Whether the branch came back to where it began, going the same way."""
        length = step.arclength - before.arclength
        if before is start or step.arclength < 4 * length:
            return False
        if apart(self.sheet, start, step.here) > length:
            return False
        return _angle_between(start.tangent, step.tangent) < TURN


def directions_at(here: Linearization, kernel: Directions) -> Directions:
    """The direction in which the parameter grows; the given one where it does not change."""
    sign = -1.0 if float(kernel.others[0, 0]) < 0 else 1.0
    return Directions(sign * kernel.lifted, sign * kernel.others)


def _angle(a: Step, b: Step) -> float:
    return _angle_between(a.tangent, b.tangent)


def _angle_between(a: Directions, b: Directions) -> float:
    """Radians; tangent spaces that turn count too."""
    product = float((a.lifted * b.lifted).sum() + (a.others * b.others).sum())
    return float(np.arccos(np.clip(product, -1.0, 1.0)))


def apart(sheet: Sheet, step: Step, here: Linearization) -> float:
    """How far two points are from each other, in scaled coordinates; phases to a whole turn."""
    gap = here.point.y - step.here.point.y
    turns = turns_of(sheet)
    gap = torch.where(turns > 0, gap - turns * torch.round(gap / turns.clamp(min=1e-9)), gap)
    others = (here.point.values - step.here.point.values) / sheet.widths
    return float(torch.cat([gap / sheet.size, others]).norm())


def turns_of(sheet: Sheet) -> Tensor:
    """[n]: after how much a coordinate is the same again; 0: never."""
    problem = sheet.problem
    states = problem.system.model.states
    whole = {
        n: 2 * np.pi * MANIFOLDS[states[n].manifold.name].phase for n in problem.packing.shapes
    }
    return problem.packing.spread(whole).to(sheet.widths)


def joined(back: Sequence[Step], onward: Sequence[Step]) -> tuple[Step, ...]:
    """Two ways from one start as one: arclengths below 0 first, tangents all along it."""
    turned = [
        replace(s, arclength=-s.arclength,
                tangent=Directions(-s.tangent.lifted, -s.tangent.others))
        for s in back[:0:-1]
    ]  # fmt: skip
    return (*turned, *onward)


def reversed_step(step: Step) -> Step:
    """The same point, looked at the other way."""
    return replace(step, tangent=Directions(-step.tangent.lifted, -step.tangent.others))


def point_of(sheet: Sheet, y: Tensor, value: float) -> Point:
    """A point of a sheet of one parameter."""
    return Point(y, y.new_tensor([value]), y.new_zeros(0))
