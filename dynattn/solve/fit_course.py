"""A fit from its first guess until nothing becomes better, in steps that can be gone on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from dynattn.solve.multiple_shooting import GAIN, ROUGH, Fitting

LOOSE = (1.0, 1e2, 1e4)
"""What the square of an open joint weighs, one after the other."""

LOOSE_STEPS = 30
"""The most with each of them."""

OPENING = 0.3
"""The part of the way, as it is told, that open joints take at most."""


@dataclass
class Course:
    """How far a fit is."""

    stage: int = 0
    """Which of ``LOOSE`` an open joint weighs; behind the last one joints are constraints."""
    here: int = 0
    """Steps of this stage."""
    taken: int = 0
    """Steps of all of them."""
    ended: str = ""
    """``settled``, ``stuck`` or ``spent``, once it has."""

    def part(self, steps: int) -> float:
        """How far it is at least, 0 .. 1, as most fits need fewer steps than they may have."""
        if self.stage < len(LOOSE):
            return OPENING * (self.stage + self.here / LOOSE_STEPS) / len(LOOSE)
        return OPENING + (1 - OPENING) * min(1.0, self.here / steps)


def settle(fitting: Fitting, course: Course, steps: int, told: Callable[[], None]) -> None:
    """Step until nothing becomes better, or so many times with joints closed; ``told`` after each.

    Where several quantities were measured, the error of each is estimated from its residuals, and
    they are weighed anew.
    """
    if len(fitting.y) == 1:
        course.stage = len(LOOSE)
    while not course.ended:
        if course.stage < len(LOOSE):
            _loosely(fitting, course)
        else:
            _joined(fitting, course, steps)
        told()


def _loosely(fitting: Fitting, course: Course) -> None:
    fitting.loose = LOOSE[course.stage]
    gain = fitting.advance()
    course.taken += 1
    course.here += 1
    if gain is None or gain < ROUGH or course.here == LOOSE_STEPS:
        course.stage, course.here = course.stage + 1, 0
    if course.stage == len(LOOSE):
        fitting.loose = None
        fitting.known.clear()


def _joined(fitting: Fitting, course: Course, steps: int) -> None:
    gain = fitting.advance()
    course.taken += 1
    course.here += 1
    if gain is None or gain < GAIN:
        if gain is None and fitting.height(fitting.shot, fitting.y, fitting.q)[1]:
            course.ended = "stuck"
        elif not _weigh(fitting):
            course.ended = "settled"
    if not course.ended and course.here >= steps:
        course.ended = "spent"


def _weigh(fitting: Fitting) -> bool:
    """Set the errors of measurements to what residuals say; whether that changes the weights."""
    squares, record = fitting.residuals(fitting.shot).square().sum((0, 1)), fitting.record
    counts = record.seen.sum((0, 1)).to(squares)
    blank = squares.new_zeros(len(fitting.sigma))
    total = blank.index_add(0, record.kinds, squares)
    number = blank.index_add(0, record.kinds, counts)
    factor = (total / number).sqrt().clamp(min=1e-12)
    fitting.sigma = fitting.sigma * factor
    fitting.ridge = fitting.ridge / factor.max()
    fitting.known.clear()
    fitting.slow = 0
    return bool((factor < 0.99 * factor.max()).any())


# ── going on ───────────────────────────────────────────────────────────────────────────────────

ARRAYS = ("y", "q", "sigma", "ridge")

NUMBERS = ("loose", "damping", "slow", "known")


def kept(fitting: Fitting, course: Course) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """(arrays, the rest as JSON) from which it goes on as if nothing had been."""
    arrays = {name: getattr(fitting, name) for name in ARRAYS}
    return arrays, {"course": asdict(course), **{n: getattr(fitting, n) for n in NUMBERS}}


def restore(
    fitting: Fitting, arrays: Mapping[str, torch.Tensor], rest: Mapping[str, Any]
) -> Course:
    """Set a fit that stands at its first guess to where it was."""
    for name in ARRAYS:
        own = getattr(fitting, name)
        setattr(fitting, name, arrays[name].to(own))
    for name in NUMBERS:
        setattr(fitting, name, rest[name])
    fitting.known = [(float(a), float(b)) for a, b in rest["known"]]
    fitting.shot = fitting.shots.predict(fitting.y, fitting.q)
    return Course(**rest["course"])
