"""Whole-array functions of new rows of a sequence, which read those before: causal sums alone.

``first`` rows are known and ``count`` are new. Receivers are the new rows, senders all of them;
arrays of pairs are [.., count, first + count, *], and ``rank`` counts the axes *.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dynattn.lower import attention_kernels, edge_kernels, kernels
from dynattn.lower.decoding_memory import before


def allowed(values: Tensor, first: int, count: int, rank: int, include_self: bool) -> Tensor:
    """Which pairs are edges, as [count, first + count, 1...]."""
    mask = before(first, count, 0 if include_self else 1, values.device)
    return mask.view(count, first + count, *[1] * rank)


def sum_rows(values: Tensor, first: int, count: int, rank: int, include_self: bool) -> Tensor:
    """[.., count, *]: the sum over the senders of each new row."""
    values = kernels.over_pairs(values, count, first + count, rank)
    mask = allowed(values, first, count, rank, include_self)
    return torch.where(mask, values, torch.zeros_like(values)).sum(-rank - 1)


def sum_product_rows(
    weights: Tensor, values: Tensor, first: int, count: int, rank: int, include_self: bool,
    mean: bool,
) -> Tensor:  # fmt: skip
    """[.., count, *]: the sum over the senders of each new row, of weights times values."""
    weights = kernels.over_pairs(weights, count, first + count, rank)
    matrix = weights.movedim(-1, -3) if rank else weights
    return edge_kernels.weigh_values(matrix.tril(first - (not include_self)), values, rank, mean)


def softmax_rows(values: Tensor, first: int, count: int, rank: int, include_self: bool) -> Tensor:
    """exp(values) over its sum over the senders of each new row; 0 at pairs that are no edge."""
    values = kernels.over_pairs(values, count, first + count, rank)
    mask = allowed(values, first, count, rank, include_self)
    # the lowest finite number, not -inf: the first row may have no senders
    share = values.masked_fill(~mask, torch.finfo(values.dtype).min).softmax(-rank - 1)
    return share.masked_fill(~mask, 0.0)


def normalize_rows(values: Tensor, first: int, count: int, rank: int, include_self: bool) -> Tensor:
    """values over their sum over the senders of each new row; 0 at pairs that are no edge."""
    values = kernels.over_pairs(values, count, first + count, rank)
    mask = allowed(values, first, count, rank, include_self)
    values = values.masked_fill(~mask, 0.0)
    total = values.sum(-rank - 1, keepdim=True)
    return values / total.masked_fill(~mask.any(-rank - 1, keepdim=True), 1.0)


def weighted_rows(
    features: tuple[Tensor, ...], weights: Tensor, first: int, ranks: tuple[int, ...],
    hidden: int | None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """sum_j weights[.., i, j] a_j of each feature a [.., all rows, *], for the new rows i.

    ``hidden``: weights of pairs less than so many rows apart count as 0; None: they are 0.
    """
    if hidden is not None:
        weights = weights.tril(first - hidden)
    return edge_kernels.weighted_sums(features, weights, ranks, False, True)


def reach_rows(
    values: Tensor, first: int, count: int, rank: int, include_self: bool, places: int
) -> Tensor:
    """The array at pairs (i, j) for which (i, j + places) is an edge too, 0 at the others."""
    values = kernels.over_pairs(values, count, first + count, rank)
    mask = before(first, count, places + (0 if include_self else 1), values.device)
    mask = mask.view(count, first + count, *[1] * rank)
    return torch.where(mask, values, torch.zeros_like(values))


def shares(q: Tensor, k: Tensor, first: int) -> Tensor:
    """softmax_j(q_i.k_j) over the rows up to i: [.., heads, count, first + count]."""
    scores = q.transpose(-3, -2) @ k.transpose(-3, -2).mT
    count = q.shape[-3]
    if count > 1:
        scores = scores.masked_fill(~before(first, count, 0, q.device), -torch.inf)
    return scores.softmax(-1)


def attend_rows(q: Tensor, k: Tensor, v: Tensor, first: int, one_head: bool) -> Tensor:
    """``attend`` for new queries; keys and values [.., first + count, heads, width]."""
    if one_head:
        q, k, v = (a.unsqueeze(-2) for a in (q, k, v))
    if first == 0:
        mixed = attention_kernels.attend(q, k, v, True)
    else:
        mixed = (shares(q, k, first) @ v.transpose(-3, -2)).transpose(-3, -2)
    return mixed.squeeze(-2) if one_head else mixed


def attend_successor_rows(
    q: Tensor, k: Tensor, values: Sequence[Tensor], first: int, places: Sequence[int],
    one_head: bool,
) -> Tensor:  # fmt: skip
    """``attend_successors`` for new queries."""
    if first == 0:
        return attention_kernels.attend_successors(q, k, values, True, places, one_head)
    if one_head:
        q, k, *values = (a.unsqueeze(-2) for a in (q, k, *values))
    share, length = shares(q, k, first), k.shape[-3]
    mixed = q.new_zeros(())
    for v, later in zip(values, places, strict=True):
        kept = max(0, length - later)
        following = v.narrow(-3, length - kept, kept).transpose(-3, -2)
        mixed = mixed + (share[..., :kept].tril(first - later) @ following).transpose(-3, -2)
    return mixed.squeeze(-2) if one_head else mixed


def sinusoidal_rows(width: int, origin: Tensor, first: int, count: int) -> Tensor:
    """[count, width]: sin and cos of n / 10000^(2k/width) in turn, of the new rows n."""
    numbers = torch.arange(width, device=origin.device)
    rates = 10000.0 ** (-2 * (numbers // 2).to(origin.dtype) / width)
    places = torch.arange(first, first + count, dtype=origin.dtype, device=origin.device)
    angles = places[:, None] * rates
    return torch.where(numbers % 2 == 0, angles.sin(), angles.cos())
