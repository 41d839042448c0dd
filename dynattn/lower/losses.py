"""Losses and records of training: each mean is one over all samples, whatever their lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from dynattn.lower.context import rank_of
from dynattn.lower.routine import Routine
from dynattn.program.means import in_stages
from dynattn.program.nodes import Block

Environment = Mapping[str, Any]
"""What the network has made of samples of one length."""


class Losses:
    """The loss and the records of a model, of samples in groups of one length each.

    A mean of all is that of each group, weighted with how many numbers it was taken of; what is
    computed with means (``exp(loss)``) is computed with those of all.
    """

    def __init__(self, block: Block, routine: Callable[[Block], Routine]) -> None:
        *stages, last = in_stages(block)
        self._stages = [_Stage(stage, routine(stage)) for stage in stages]
        self._last = routine(last)

    def __call__(
        self, groups: Callable[[], Iterable[Environment]], training: bool
    ) -> dict[str, Tensor]:
        """Scalars by label. ``groups`` is called once a stage: mostly there is one."""
        known: dict[str, Any] = {"training": training}
        for stage in self._stages:
            known |= stage.means(groups(), known)
        return self._last(known)


class _Stage:
    """Means that need no others than those already known."""

    def __init__(self, block: Block, routine: Routine) -> None:
        self._routine = routine
        ranks = {name: rank_of(node) for name, node in block.outputs}
        self._means = {name: ranks[f"of {name}"] for name in ranks if f"of {name}" in ranks}

    def means(self, groups: Iterable[Environment], known: Mapping[str, Any]) -> dict[str, Tensor]:
        """The means over all groups, under the keys by which later stages read them."""
        parts: dict[str, list[tuple[Tensor, int]]] = {name: [] for name in self._means}
        for environment in groups:
            found = self._routine({**environment, **known})
            samples = math.prod(environment.get("batch", ()))
            for name, rank in self._means.items():
                array = found[f"of {name}"]
                own = array.shape[array.dim() - rank :]
                parts[name].append((found[name], samples * math.prod(own)))
        return {f"placeholder mean {name}": weighted_mean(p) for name, p in parts.items()}


def weighted_mean(parts: Sequence[tuple[Tensor, int]]) -> Tensor:
    """The mean of scalars with their weights; one of weight 0 is a mean of nothing: no number.

    That of a single group is its own, to the bit.
    """
    there = [part for part in parts if part[1]]
    if len(there) < 2:
        return (there or parts)[0][0]
    total = sum(weight for _, weight in there)
    if any(value.requires_grad for value, _ in there):
        return sum((value * (weight / total) for value, weight in there[1:]),
                   there[0][0] * (there[0][1] / total))  # fmt: skip
    exact = math.fsum(value.item() * weight for value, weight in there) / total
    return there[0][0].new_tensor(exact)
