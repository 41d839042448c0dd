"""What the rows of a sequence that came before left for those that come now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Memory:
    """A store for each time that an operation asks for one, in the order of one pass.

    Every pass over new rows runs the same operations in the same order, so the k-th request of
    each is by the same operation, of the same copy of its layer, at the same stage of its step.
    """

    stores: list[Any] = field(default_factory=list)
    asked: int = 0

    def begin(self) -> None:
        """A pass over new rows begins."""
        self.asked = 0

    def forget(self) -> None:
        """A new sequence begins."""
        self.stores.clear()

    def store(self, kind: type[Any]) -> Any:
        """What this request kept in the pass before; a new one in the first."""
        if self.asked == len(self.stores):
            self.stores.append(kind())
        self.asked += 1
        return self.stores[self.asked - 1]


@dataclass
class Rows:
    """An array [.., rows, *] that grows by rows; its memory doubles when it is full."""

    array: Tensor | None = None

    def with_new(self, values: Tensor, first: int, count: int, axis: int) -> Tensor:
        """All rows so far: those kept, and these, which are the rows from ``first`` on.

        A value that all ``count`` rows share may come as one row.
        """
        shape = list(values.shape)
        shape[axis] = count
        kept, stop = self.array, first + count
        if kept is None or kept.shape[axis] < stop:
            shape[axis] = max(2 * first, stop)
            self.array = values.new_empty(shape)
            if kept is not None:
                self.array.narrow(axis, 0, first).copy_(kept.narrow(axis, 0, first))
        assert self.array is not None
        self.array.narrow(axis, first, count).copy_(values)
        return self.array.narrow(axis, 0, stop)


@dataclass
class Total:
    """A running sum over rows."""

    sum: Tensor | None = None

    def with_new(self, values: Tensor, count: int, axis: int, include_self: bool) -> Tensor:
        """For each new row the sum over the rows before it, and its own where included."""
        shape = list(values.shape)
        shape[axis] = count
        values = values.expand(shape)
        sums = values.cumsum(axis)
        if self.sum is not None:
            sums = sums + self.sum
        self.sum = sums.narrow(axis, count - 1, 1).clone()
        return sums if include_self else sums - values


def before(first: int, count: int, reach: int, device: Any) -> Tensor:
    """[count, first + count]: whether row ``first + i`` is at least ``reach`` rows after row j."""
    ones = torch.ones(count, first + count, dtype=torch.bool, device=device)
    return ones.tril(first - reach)
