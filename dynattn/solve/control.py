"""Step sizes of every point of a batch, each its own. All on the host, in double precision.

A PI controller as in Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I (1993),
section II.4, and Hairer & Wanner, II (1996), section IV.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = Any
"""A float, or float64 [points] in a batch: arrays of one number take ten times as long."""

Flags = Any
"""A bool, or bool [points]."""

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
"""A step is so much smaller than seems right, and changes by no less and no more than this."""

MEMORY = 0.04
"""How much the error of the step before counts."""

LANDS = 1.01
"""A step that would end so near to where one must end is made to end there."""

LEAST = 4 * float(np.finfo(np.float64).eps)
"""Of the time: a step below it changes nothing."""


class One:
    """Choices between numbers."""

    smaller, larger, some, every = min, max, bool, bool

    @staticmethod
    def where(flag: bool, one: float, other: float) -> float:
        """``one`` where the flag is up."""
        return one if flag else other


class Many:
    """The same between arrays."""

    smaller, larger, where, some, every = np.minimum, np.maximum, np.where, np.any, np.all


class Controller:
    """Where each point is, and how far it goes next. Time runs forwards."""

    def __init__(
        self, start: float, stops: Sequence[float], points: int | None, order: int, longest: float
    ) -> None:
        """``points`` None: there is no batch. Steps must end at the stops, and all at the last."""
        self.host: Any = One if points is None else Many
        zero = 0.0 if points is None else np.zeros(points)
        whole = 0 if points is None else np.zeros(points, dtype=np.int64)
        self.stops: Any = (*stops, stops[-1]) if points is None else np.array([*stops, stops[-1]])
        self.last: Any = len(stops)
        self.time = zero + start
        self.goal: Any = whole
        """Which of the stops is next."""
        self.wanted = zero
        """The size that the next step should have."""
        self.size = zero
        """That it has: 0 where the end is reached."""
        self.arrival = self.time
        """Where it leads."""
        self.steps = whole
        self.landing = self.going = whole == 0
        self.exponent = 1 / order - 0.75 * MEMORY
        self.longest: Numbers = longest
        self._before = zero + 1e-4
        self._again = whole != 0

    def stop_apart(self, stops: Numbers, counts: Numbers, longest: Numbers) -> None:
        """Each point has stops of its own [points, ..], so many and then the last again and again,
        and a longest step of its own.
        """
        self.stops, self.last, self.longest = stops, counts, longest

    def _stop(self) -> Numbers:
        """Where each point stops next."""
        if self.host is Many and self.stops.ndim == 2:
            return np.take_along_axis(self.stops, self.goal[:, None], 1)[:, 0]
        return self.stops[self.goal]

    @property
    def done(self) -> bool:
        """Whether every point is at the end."""
        return bool(self.host.every(self.goal == self.last))

    def propose(self) -> None:
        """Choose ``size``."""
        where, stop = self.host.where, self._stop()
        gap = stop - self.time
        self.wanted = self.host.smaller(self.wanted, self.longest)
        self.landing = gap <= LANDS * self.wanted
        self.going = self.goal < self.last
        self.size = where(self.landing, gap, self.wanted)
        self.arrival = where(self.landing, stop, self.time + self.size)

    def judge(self, errors: Numbers) -> Flags:
        """Go on where the error of a step, in parts of what is allowed, is at most 1; gives where.

        The others try a smaller step.
        """
        where, larger, smaller = self.host.where, self.host.larger, self.host.smaller
        known = larger(where(errors < math.inf, errors, math.inf), 1e-10)
        accepted = self.going & (known <= 1)
        factor = SAFETY * known**-self.exponent
        most = where(self._again, 1.0, GROW)
        growth = larger(SHRINK, smaller(factor * self._before**MEMORY, most))
        # A step cut short by a stop says nothing against the size that was wanted.
        on = larger(self.size * growth, where(self.landing, self.wanted, 0.0))
        back = self.size * larger(SHRINK, smaller(factor, 1.0))
        self._again = self.going & (known > 1)
        self.wanted = where(accepted, on, where(self._again, back, self.wanted))
        self.time = where(accepted, self.arrival, self.time)
        self.goal = self.goal + (accepted & self.landing)
        self.steps = self.steps + accepted
        self._before = where(accepted, larger(known, 1e-4), self._before)
        return accepted

    def known(self, accepted: Flags) -> Numbers:
        """Up to when each point's solution became known with this step; -infinity: it did not."""
        return self.host.where(accepted, self.time, -math.inf)

    def stay(self, accepted: Flags, before: Numbers) -> None:
        """The last step once more, of length 0 where it was not accepted."""
        self.size = self.host.where(accepted, self.size, 0.0)
        self.arrival = self.host.where(accepted, self.arrival, before)
        self.landing = self.landing & accepted

    @property
    def stuck(self) -> Flags:
        """Where the next step, smaller than the last, would be too small to change the time."""
        tiny = self.wanted <= LEAST * self.host.larger(abs(self.time), LEAST)
        shrinks = (self.goal < self.last) & (self.wanted < self.size)
        return tiny & (self._again | shrinks)


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
        self._count = np.zeros(points, dtype=np.int64)
        self._calm = np.zeros(points, dtype=np.int64)

    def wants(self, step: int) -> bool:
        """Whether to look at this step."""
        due = step >= self.FROM and (step % self.EVERY == 0 or bool(self._count.any()))
        return due and self.since is None

    def look(self, scaled: Numbers, accepted: Flags, time: Numbers) -> None:
        """Take in h |lambda| of a step."""
        scaled, accepted, time = map(np.atleast_1d, (scaled, accepted, time))
        near = accepted & (scaled > self.edge)
        self._calm = np.where(near, 0, self._calm + accepted)
        self._count = np.where(self._calm >= self.FEW, 0, self._count + near)
        if bool((self._count >= self.MANY).any()):
            self.since = float(time[self._count.argmax()])
