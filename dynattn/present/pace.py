"""How far some work is, as plain lines with the time left, where no person watches a bar."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

SECONDS_BETWEEN_LINES = 10.0
ENOUGH = 0.005
"""The part that has to be done before a pace says anything of the rest."""


class PaceLines:
    """A line every few seconds from the first report on, with the time left at the pace since then:
    what was done before took no time of this process.
    """

    def __init__(
        self, what: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._stream, self._clock = what, stream, clock
        self._began = self._said = 0.0
        self._first: float | None = None

    def __call__(self, done: float) -> None:
        """Says that this part is done, 0 .. 1, where the last line is some seconds old."""
        now = self._clock()
        if self._first is None:
            self._first, self._began, self._said = done, now, now
        if now - self._said < SECONDS_BETWEEN_LINES:
            return
        self._said, left = now, ""
        if self._first + ENOUGH <= done < 1:
            seconds = (now - self._began) * (1 - done) / (done - self._first)
            left = f", about {duration(seconds)} left"
        print(f"{self._what}: {100 * done:.0f} %{left}", file=self._stream, flush=True)


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
