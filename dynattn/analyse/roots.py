"""Where a number along a curve is 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Measured(Protocol):
    """A point of what is followed."""

    @property
    def arclength(self) -> float:
        """From where it began."""
        ...


Step = TypeVar("Step", bound=Measured)


@dataclass(frozen=True, eq=False)
class Event(Generic[Step]):
    """What happens at a point of a curve, or of a branch of orbits."""

    kind: str
    step: Step
    residual: float
    """What is left of the number that is 0 there."""


CLOSE = 1e-13
"""Of the bracket: what is left of it at the end."""

MOST = 60
"""Evaluations."""


def root_of(
    number: Callable[[float], float | None], a: float, at_a: float, b: float, at_b: float
) -> float | None:
    """A place between two where a number changes its sign, one at which it was asked for: by the
    Illinois rule (Dowell and Jarratt, BIT 11 (1971) 168). None where it cannot be told.
    """
    best, least = (a, abs(at_a)) if abs(at_a) < abs(at_b) else (b, abs(at_b))
    narrow = CLOSE * (abs(b - a))
    for _ in range(MOST):
        if least == 0 or abs(b - a) <= narrow:
            break
        c = (a * at_b - b * at_a) / (at_b - at_a)
        if not min(a, b) < c < max(a, b):
            break
        at_c = number(c)
        if at_c is None:
            return None
        gain = abs(at_c) < least
        moved = abs(c - best)
        if gain:
            best, least = c, abs(at_c)
        if (at_c > 0) == (at_b > 0):
            b, at_b, at_a = c, at_c, at_a / 2
        else:
            a, at_a, b, at_b = b, at_b, c, at_c
        if moved <= narrow:
            break
    return best


def point_between(
    follow: Callable[[Step, float], tuple[Step | None, int]],
    first: Step,
    last: Step,
    number: Callable[[Step], float],
) -> Step | None:
    """The point between two of a curve where a number is 0; ``follow`` finds the point at a
    distance from another. None where it cannot be told.
    """
    whole = last.arclength - first.arclength
    known = {0.0: first, whole: last}

    def at(length: float) -> float | None:
        step, _ = follow(first, length)
        if step is None:
            return None
        known[length] = step
        return number(step)

    length = root_of(at, 0.0, number(first), whole, number(last))
    return None if length is None else known.get(length)
