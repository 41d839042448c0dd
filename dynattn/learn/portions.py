"""A batch cut into portions of about as many samples each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from torch import Tensor

Groups = Sequence[Mapping[str, Tensor]]
"""A batch: inputs of samples of one length each."""


def portions(groups: Groups, count: int) -> list[Groups]:
    """The samples in ``count`` portions, in their order; sizes differ by one sample at most."""
    total = sum(map(size, groups))
    ends = [total * k // count for k in range(count + 1)]
    return [_between(groups, first, last) for first, last in pairwise(ends)]


def size(group: Mapping[str, Tensor]) -> int:
    """How many samples a group has."""
    return len(next(iter(group.values())))


def _between(groups: Groups, first: int, last: int) -> Groups:
    """The samples from the place ``first`` up to ``last``."""
    found, begins = [], 0
    for group in groups:
        low, high = max(first - begins, 0), min(last - begins, size(group))
        if low < high:
            found.append({name: value[low:high] for name, value in group.items()})
        begins += size(group)
    return found
