"""Pairs of sentences scored by a language model: which of the two is the likelier one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dynattn.learn.pairs import Pair

AT_ONCE = 64
"""Sentences of one length that are scored side by side."""

SAME = "differ in words that the run does not know alone"
LONG = "are longer than what the model reads"
SHORT = "have nothing to predict"
"""Why pairs are left out."""


@dataclass(frozen=True)
class PairScores:
    """``accuracy``: how often the good sentence is the likelier one, of ``count``; ``conditions``:
    the same by condition. ``margin`` is the mean of log p(good) - log p(bad), in nats.
    """

    count: int
    accuracy: float
    margin: float
    conditions: Mapping[str, tuple[float, int]]
    left_out: Mapping[str, int]
    """How many pairs have no score, by the reason."""


def score_pairs(
    system: Any, pairs: Sequence[Pair], encode: Callable[[str], Any], longest: int | None
) -> PairScores:
    """The scores of pairs by a system of one input and one output of logits; ``encode`` makes a
    sentence into symbols, of which the model reads at most ``longest``.
    """
    kept: list[Pair] = []
    rows: list[Any] = []
    left_out: dict[str, int] = {}
    for pair in pairs:
        both = [encode(pair.good), encode(pair.bad)]
        why = _unfit(both, longest)
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            kept.append(pair)
            rows += both
    scores = sentence_scores(system, rows)
    margins = scores[0::2] - scores[1::2]
    right = (margins > 0).tolist()
    return PairScores(
        len(kept), sum(right) / max(1, len(kept)), float(margins.mean()) if kept else 0.0,
        _by_condition(kept, right), left_out,
    )  # fmt: skip


def _unfit(both: Sequence[Any], longest: int | None) -> str:
    """Why a pair has no score; '' where it has one."""
    if len(both[0]) == len(both[1]) and bool((both[0] == both[1]).all()):
        return SAME
    if longest is not None and max(map(len, both)) > longest:
        return LONG
    return SHORT if min(map(len, both)) < 2 else ""


def _by_condition(pairs: Sequence[Pair], right: Sequence[bool]) -> dict[str, tuple[float, int]]:
    found: dict[str, list[bool]] = {}
    for pair, hit in zip(pairs, right, strict=True):
        found.setdefault(pair.condition, []).append(hit)
    return {name: (sum(hits) / len(hits), len(hits)) for name, hits in sorted(found.items())}


def sentence_scores(system: Any, rows: Sequence[Any]) -> torch.Tensor:
    """[sentences] in float64: the sum of log p of every symbol but the first, given those before.

    Sentences of one length are scored together, so that nothing is filled up.
    """
    (name,) = (use.name for use in system.model.inputs)
    alike: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault(len(row), []).append(place)
    scores = torch.zeros(len(rows), dtype=torch.float64)
    was_training = system.training
    system.eval()
    with torch.no_grad():
        for group in alike.values():
            for first in range(0, len(group), AT_ONCE):
                places = group[first : first + AT_ONCE]
                text = torch.tensor([rows[p].tolist() for p in places]).to(system.device)
                chances = torch.log_softmax(system(**{name: text})[:, :-1].double(), -1)
                found = chances.gather(-1, text[:, 1:, None])[..., 0].sum(-1)
                scores[places] = found.cpu()
    system.train(was_training)
    return scores
