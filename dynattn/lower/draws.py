"""Draws of one repeat, or of the points of a batch that have repeats of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

Repeat = int | tuple[int, ...]
"""Whose draws a module has: of one repeat, shared by all points of a batch, or of one for each
point, [points]."""


def points_of(repeat: Repeat) -> dict[int, list[int]]:
    """The points of a batch by repeat, where each has its own."""
    found: dict[int, list[int]] = {}
    for point, number in enumerate(repeat if isinstance(repeat, tuple) else ()):
        found.setdefault(number, []).append(point)
    return found


def sampled_for(
    repeat: Repeat, make: Callable[[int], Any], sample: Callable[..., Any], shape: tuple[int, ...],
    arguments: Sequence[Any],
) -> Any:  # fmt: skip
    """``sample(rng, shape, *arguments)`` of one repeat; [points, *shape] where points have their
    own, each the same numbers as alone. ``make`` gives the stream of a repeat.

    Arguments with an axis more than ``shape`` have a value for each point.
    """
    if isinstance(repeat, int):
        return sample(make(repeat), shape, *arguments)
    found: Any = None
    for number, points in points_of(repeat).items():
        own = [value[points] if numpy.ndim(value) > len(shape) else value for value in arguments]
        numbers = numpy.asarray(sample(make(number), shape, *own))
        if found is None:
            found = numpy.empty((len(repeat), *shape), numbers.dtype)
        found[points] = numbers
    return found
