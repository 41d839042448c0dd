"""Losses and records of training: each mean is one over all samples, whatever their lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.context import rank_of
from dynattn.lower.routine import Routine
from dynattn.program.means import in_stages
from dynattn.program.nodes import Block

Environment = Mapping[str, Any]
"""What the network has made of samples of one length."""
Parts = dict[str, list[tuple[Tensor, int]]]
"""Of every mean: that of each group, and of how many numbers it was taken."""


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
        self,
        groups: Callable[[], Iterable[Environment]],
        training: bool,
        gathered: Callable[[Parts], Parts] = lambda parts: parts,
    ) -> dict[str, Tensor]:
        """Scalars by label. ``groups`` is called once a stage: mostly there is one.

        ``gathered`` adds what other processes have found in their groups.
        """
        known: dict[str, Any] = {"training": training}
        for stage in self._stages:
            known |= stage.means(groups(), known, gathered)
        return self._last(known)

    # ── the same, of samples that come in portions ─────────────────────────────────────────────

    @property
    def means(self) -> tuple[tuple[str, ...], ...]:
        """The keys of the means that each stage takes."""
        return tuple(stage.keys for stage in self._stages)

    def sums(
        self, stage: int, groups: Iterable[Environment], known: Mapping[str, Any], training: bool
    ) -> tuple[Tensor, tuple[int, ...]]:
        """Each mean of a stage times the count of numbers it is taken of, and these counts.

        ``known``: the means of the stages before, of all samples, by their keys.
        """
        return self._stages[stage].sums(groups, {"training": training, **known})

    def of_means(self, known: Mapping[str, Tensor], training: bool) -> dict[str, Tensor]:
        """Scalars by label, computed with all means."""
        return self._last({"training": training, **known})


def losses_of(
    block: Block | None, routine: Callable[[Block], Routine]
) -> tuple[Losses | None, Losses | None]:
    """The loss and what is recorded beside it, and the loss alone; None of a model without."""
    if block is None:
        return None, None
    alone = tuple((label, node) for label, node in block.outputs if label == "loss")
    return Losses(block, routine), Losses(replace(block, outputs=alone), routine)


class _Stage:
    """Means that need no others than those already known."""

    def __init__(self, block: Block, routine: Routine) -> None:
        self._routine = routine
        ranks = {name: rank_of(node) for name, node in block.outputs}
        self._means = {name: ranks[f"of {name}"] for name in ranks if f"of {name}" in ranks}
        self._named = [(name, f"placeholder mean {name}") for name in self._means]
        self.keys = tuple(key for _, key in self._named)

    def means(
        self,
        groups: Iterable[Environment],
        known: Mapping[str, Any],
        gathered: Callable[[Parts], Parts],
    ) -> dict[str, Tensor]:
        """The means over all groups, under the keys by which later stages read them."""
        parts = gathered(self._parts(groups, known))
        return {key: weighted_mean(parts[name]) for name, key in self._named}

    def sums(
        self, groups: Iterable[Environment], known: Mapping[str, Any]
    ) -> tuple[Tensor, tuple[int, ...]]:
        """Sums over all groups in the order of ``keys``, [means], and the counts."""
        parts = self._parts(groups, known)
        counts = tuple(sum(n for _, n in parts[name]) for name, _ in self._named)
        sums = [_sum(parts[name]) for name, _ in self._named]
        return torch.stack(sums), counts

    def _parts(self, groups: Iterable[Environment], known: Mapping[str, Any]) -> Parts:
        """Of every mean: that of each group, and of how many numbers it was taken."""
        parts: Parts = {name: [] for name in self._means}
        for environment in groups:
            found = self._routine({**environment, **known})
            samples = math.prod(environment.get("batch", ()))
            for name, rank in self._means.items():
                array = found[f"of {name}"]
                own = array.shape[array.dim() - rank :]
                parts[name].append((found[name], samples * math.prod(own)))
        return parts


def _sum(parts: Sequence[tuple[Tensor, int]]) -> Tensor:
    """The sum of scalars times their counts; one of count 0 is no number, and has no part."""
    there = [value * count for value, count in parts if count]
    return torch.stack(there).sum() if there else torch.zeros_like(parts[0][0])


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
