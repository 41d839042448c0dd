"""What is computed among the pairs of some receivers: ``index`` has their numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dynattn.lower.edge_kernels import weigh_values, weighted_sums


def mask_of(index: Tensor, senders: int, rank: int, causal: bool, include_self: bool) -> Any:
    """Which pairs are edges, [rows, senders, 1...]; None where all are."""
    if include_self and not causal:
        return None
    i, j = index.unsqueeze(1), torch.arange(senders, device=index.device)
    mask = (j <= i if include_self else j < i) if causal else j != i
    return mask.view(*mask.shape, *[1] * rank)


def over_rows(values: Tensor, index: Tensor, senders: int, rank: int) -> Tensor:
    """The array at every pair: [.., rows, senders, *]."""
    shape = list(values.shape)
    shape[-rank - 2], shape[-rank - 1] = len(index), senders
    return values.expand(shape)


def sum_rows(
    values: Tensor, index: Tensor, senders: int, rank: int, causal: bool, include_self: bool
) -> Tensor:
    """The sum over each receiver's senders."""
    values = over_rows(values, index, senders, rank)
    mask = mask_of(index, senders, rank, causal, include_self)
    values = values if mask is None else torch.where(mask, values, torch.zeros_like(values))
    return values.sum(-rank - 1)


def sum_product_rows(
    weights: Tensor, values: Tensor, index: Tensor, senders: int, rank: int, causal: bool,
    include_self: bool, mean: bool,
) -> Tensor:  # fmt: skip
    """The sum over each receiver's senders of weights times values, as ``sum_products``."""
    weights = over_rows(weights, index, senders, rank)
    matrix = weights.movedim(-1, -3) if rank else weights
    mask = mask_of(index, senders, 0, causal, include_self)
    if mask is not None:
        matrix = matrix.masked_fill(~mask, 0.0)
    return weigh_values(matrix, values, rank, mean)


def softmax_rows(
    values: Tensor, index: Tensor, senders: int, rank: int, causal: bool, include_self: bool
) -> Tensor:
    """exp(values) over its sum over each receiver's senders; 0 at pairs that are no edge."""
    values = over_rows(values, index, senders, rank)
    mask = mask_of(index, senders, rank, causal, include_self)
    if mask is None:
        return values.softmax(-rank - 1)
    # the lowest finite number, not -inf: a receiver without senders must not give 0/0
    share = values.masked_fill(~mask, torch.finfo(values.dtype).min).softmax(-rank - 1)
    return share.masked_fill(~mask, 0.0)


def normalize_rows(
    values: Tensor, index: Tensor, senders: int, rank: int, causal: bool, include_self: bool
) -> Tensor:
    """values over their sum over each receiver's senders; 0 at pairs that are no edge."""
    values = over_rows(values, index, senders, rank)
    mask = mask_of(index, senders, rank, causal, include_self)
    if mask is None:
        return values / values.sum(-rank - 1, keepdim=True)
    values = values.masked_fill(~mask, 0.0)
    empty = ~mask.any(-rank - 1, keepdim=True)
    return values / values.sum(-rank - 1, keepdim=True).masked_fill(empty, 1.0)


def reach_rows(
    values: Tensor, index: Tensor, senders: int, rank: int, causal: bool, include_self: bool,
    places: int,
) -> Tensor:  # fmt: skip
    """The array at pairs (i, j) for which (i, j + places) is an edge too, 0 at the others."""
    values = over_rows(values, index, senders, rank)
    i, j = index.unsqueeze(1), torch.arange(senders, device=index.device) + places
    mask = j <= i if causal else (j < senders).expand(len(index), senders)
    mask = mask if include_self else mask & (j != i)
    return torch.where(mask.view(*mask.shape, *[1] * rank), values, torch.zeros_like(values))


def apart_rows(values: Tensor, index: Tensor, senders: int, rank: int) -> Tensor:
    """The array at every pair; where j is i it is that of the receiver before and i."""
    values = over_rows(values, index, senders, rank)
    mask = mask_of(index, senders, rank, False, False)
    return torch.where(mask, values, values.roll(1, -rank - 2))


def weigh_rows(
    features: tuple[Tensor, ...], weights: Tensor, index: Tensor, ranks: tuple[int, ...],
    causal: bool, include_self: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """sum_j weights[.., i, j] a_j for each feature a, over the pairs that are edges."""
    mask = mask_of(index, weights.shape[-1], 0, causal, include_self)
    if mask is not None:
        weights = torch.where(mask, weights, torch.zeros_like(weights))
    return weighted_sums(features, weights, ranks, False, True)
