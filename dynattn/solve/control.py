"""Step sizes of every point of a batch, each its own. All on the host, in double precision.

A PI controller as in Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I (1993),
section II.4, and Hairer & Wanner, II (1996), section IV.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
"""A step is so much smaller than seems right, and changes by no less and no more than this."""

MEMORY = 0.04
"""How much the error of the step before counts."""

LANDS = 1.01
"""A step that would end so near to where one must end is made to end there."""

LEAST = 4 * float(np.finfo(np.float64).eps)
"""Of the time: a step below it changes nothing."""


class Controller:
    """Where each point [points] is, and how far it goes next. Time runs forwards."""

    def __init__(
        self, start: float, stops: Sequence[float], points: int, order: int, longest: float
    ) -> None:
        self.stops = np.array(stops)
        """Where steps must end; the last is where all of it ends."""
        self.time = np.full(points, start)
        self.goal = np.zeros(points, dtype=np.int64)
        """Which of the stops is next."""
        self.wanted = np.zeros(points)
        """The size that the next step should have."""
        self.size = np.zeros(points)
        """That it has: 0 where the end is reached."""
        self.steps = np.zeros(points, dtype=np.int64)
        self.landing = self.going = np.ones(points, dtype=np.bool_)
        self.exponent = 1 / order - 0.75 * MEMORY
        self.longest = longest
        self._before = np.full(points, 1e-4)
        self._again = np.zeros(points, dtype=np.bool_)

    @property
    def done(self) -> bool:
        """Whether every point is at the end."""
        return bool((self.goal == len(self.stops)).all())

    def propose(self) -> None:
        """Choose ``size``."""
        self.going = self.goal < len(self.stops)
        gap = self.stops[np.minimum(self.goal, len(self.stops) - 1)] - self.time
        wanted = np.minimum(self.wanted, self.longest)
        self.landing = self.going & (LANDS * wanted >= gap)
        self.size = np.where(self.landing, gap, np.where(self.going, wanted, 0.0))

    def arrival(self) -> Numbers:
        """Where the steps lead."""
        stop = self.stops[np.minimum(self.goal, len(self.stops) - 1)]
        return np.where(self.landing, stop, self.time + self.size)

    def judge(self, errors: Numbers) -> Flags:
        """Go on where the error of a step, in parts of what is allowed, is at most 1; gives where.

        The others try a smaller step.
        """
        known = np.where(errors < math.inf, np.maximum(errors, 1e-10), math.inf)
        accepted = self.going & (known <= 1)
        refused = self.going & ~accepted
        factor = SAFETY * known**-self.exponent
        growth = np.clip(factor * self._before**MEMORY, SHRINK, np.where(self._again, 1.0, GROW))
        # A step cut short by a stop says nothing against the size that was wanted.
        on = np.where(self.landing, np.maximum(self.wanted, self.size * growth), self.size * growth)
        back = self.size * np.clip(factor, SHRINK, 1.0)
        self.time = np.where(accepted, self.arrival(), self.time)
        self.goal = self.goal + (accepted & self.landing)
        self.steps += accepted
        self.wanted = np.where(accepted, on, np.where(refused, back, self.wanted))
        self._before = np.where(accepted, np.maximum(known, 1e-4), self._before)
        self._again = refused
        return accepted

    def known(self, accepted: Flags) -> Numbers:
        """Up to when each point's solution became known with this step; -infinity: it did not."""
        return np.where(accepted, self.time, -math.inf)

    @property
    def stuck(self) -> Flags:
        """Where the next step would be too small to change the time."""
        return self._again & (self.wanted <= LEAST * np.maximum(np.abs(self.time), LEAST))


class StiffnessWatch:
    """Tells where stability, not accuracy, keeps the steps of an explicit method small.

    Looks at h |lambda|, as dopri5.f of Hairer & Wanner: a long run of steps at the edge of the
    region of stability. Every approach to rest has some, which only matters if they are many.
    """

    FROM, EVERY, MANY, FEW = 1000, 50, 15, 6

    def __init__(self, points: int, edge: float) -> None:
        self.edge = 0.95 * edge
        self.since: float | None = None
        """When a point was first found stiff."""
        self.point = 0
        self._count = np.zeros(points, dtype=np.int64)
        self._calm = np.zeros(points, dtype=np.int64)

    def wants(self, step: int) -> bool:
        """Whether to look at this step."""
        due = step >= self.FROM and (step % self.EVERY == 0 or bool(self._count.any()))
        return due and self.since is None

    def look(self, scaled: Numbers, accepted: Flags, time: Numbers) -> None:
        """Take in h |lambda| of a step."""
        near = accepted & (scaled > self.edge)
        self._calm = np.where(near, 0, self._calm + accepted)
        self._count = np.where(self._calm >= self.FEW, 0, self._count + near)
        if bool((self._count >= self.MANY).any()):
            self.point = int(self._count.argmax())
            self.since = float(time[self.point])
