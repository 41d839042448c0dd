"""One record on its way: pieces of a series in, the result out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynattn.analyse.statistics import after_mask

Array = NDArray[np.float64]
Ends = NDArray[np.int64]
"""[batch...]: the last time of a piece that counts, for each point; -1 for none."""


@dataclass
class Gatherer:
    """One record. Pieces overlap by one time: the first of each is the last of the one before."""

    kind: str
    after: float | None = None
    margin: str | None = None
    pieces: list[Array] = field(default_factory=list)
    total: Any = 0.0
    span: Any = 0.0

    def add(self, times: Array, values: Array, ends: Ends) -> None:
        """Take in the values [times, batch..., own...] at these times, up to the ends."""
        counts = np.arange(len(times)).reshape(-1, *[1] * ends.ndim) <= ends
        if self.kind == "series":
            values = values.copy()
            values[~counts] = np.nan
            self.pieces.append(values[1:] if self.pieces else values)
        elif self.kind == "time":
            self._add_time(times, values, counts)
        else:
            self._add_last(values, ends)
        if self.kind == "average":
            self._add_integral(times, values, counts)

    def _add_last(self, values: Array, ends: Ends) -> None:
        index = np.maximum(ends, 0)[None]
        wide = index.reshape(*index.shape, *[1] * (values.ndim - index.ndim))
        last = np.take_along_axis(values, wide, axis=0)[0]
        if not self.pieces:
            self.pieces = [last]
        self.pieces[0] = np.where((ends >= 0).reshape(wide.shape[1:]), last, self.pieces[0])

    def _add_integral(self, times: Array, values: Array, counts: NDArray[np.bool_]) -> None:
        """By the trapezoidal rule, from ``after`` on."""
        late = counts & after_mask(times, self.after).reshape(-1, *[1] * (counts.ndim - 1))
        both = late[1:] & late[:-1]
        gaps = np.diff(times).reshape(-1, *[1] * (counts.ndim - 1)) * both
        wide = gaps.reshape(*gaps.shape, *[1] * (values.ndim - gaps.ndim))
        means = np.where(wide > 0, (values[1:] + values[:-1]) / 2, 0.0)
        self.total = self.total + (means * wide).sum(axis=0)
        self.span = self.span + wide.sum(axis=0)

    def _add_time(self, times: Array, values: Array, counts: NDArray[np.bool_]) -> None:
        """The first time at which the condition holds; between saved times on a straight line."""
        if not self.pieces:
            self.pieces = [np.full(values.shape[1:], np.inf)]
        above = {">": values > 0, ">=": values >= 0, None: values != 0}[self.margin]
        holds = above & counts
        first = holds.argmax(axis=0)[None]
        before = np.maximum(first - 1, 0)
        t, v = times[first[0]], np.take_along_axis(values, first, axis=0)[0]
        earlier, w = times[before[0]], np.take_along_axis(values, before, axis=0)[0]
        if self.margin:
            with np.errstate(all="ignore"):
                part = np.where(v > w, -w / (v - w), 1.0)
            t = np.where(first[0] > 0, earlier + (t - earlier) * np.clip(part, 0.0, 1.0), t)
        found = holds.any(axis=0) & np.isinf(self.pieces[0])
        self.pieces[0] = np.where(found, t, self.pieces[0])

    def put_last(self, result: Array, values: Array, places: NDArray[np.int64]) -> None:
        """The last values [batch..., own...] of some points of a result; ``places`` [batch...] are
        those in its series, -1 for points that stay as they are.
        """
        own = [1] * (values.ndim - places.ndim)
        chosen = np.reshape(places >= 0, (*places.shape, *own))
        if self.kind == "series":
            index = np.reshape(np.maximum(places, 0), (1, *places.shape, *own))
            before = np.take_along_axis(result, index, axis=0)
            np.put_along_axis(result, index, np.where(chosen, values, before), axis=0)
        elif self.kind == "final":
            result[...] = np.where(chosen, values, result)
        elif self.kind == "average":  # over no stretch of time it is the last value
            result[...] = np.where(chosen & (self.span <= 0), values, result)

    def result_over(self, count: int) -> Array:
        """series: [count, batch..., own...], NaN after the end; others: [batch..., own...].

        An average over no stretch of time is the last value; a time that never came is infinite.
        """
        if self.kind == "series":
            unsolved = count - sum(map(len, self.pieces))
            return np.concatenate([
                *self.pieces, np.full((unsolved, *self.pieces[0].shape[1:]), np.nan)
            ])  # fmt: skip
        if self.kind == "average":
            with np.errstate(all="ignore"):
                return np.where(self.span > 0, self.total / self.span, self.pieces[0])
        return self.pieces[0]
