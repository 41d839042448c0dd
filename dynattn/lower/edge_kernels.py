"""Whole-array functions of what pairs of nodes hold. Emitted files carry copies of them."""

from __future__ import annotations

import torch

from dynattn.lower.kernels import over_pairs


def weighted_sums(features, weights, ranks, causal, include_self):
    """sum_j weights[.., i, j] a_j for each feature a, over the pairs that are edges.

    ``include_self`` None: without pairs (i, i), whose weights may be infinite or nan.
    """
    if include_self is None and not causal:
        weights = weights.masked_fill(
            torch.eye(*weights.shape[-2:], dtype=torch.bool, device=weights.device), 0.0
        )
        include_self = True
    first, own_kind = features[0].shape, weights.dtype
    if not any(ranks) and all(a.shape == first and a.dtype == own_kind for a in features):
        return weigh(torch.stack(tuple(features), -2), weights, causal, include_self).unbind(-2)
    pairs = list(zip(features, ranks, strict=True))
    rows = [a.unsqueeze(-2) if r == 0 else a.flatten(-r).mT for a, r in pairs]
    batch = torch.broadcast_shapes(*[row.shape[:-2] for row in rows])
    stacked = torch.cat([row.expand(*batch, *row.shape[-2:]) for row in rows], -2)
    kind = torch.promote_types(stacked.dtype, weights.dtype)
    product = weigh(stacked.to(kind), weights.to(kind), causal, include_self)
    parts = list(product.split([row.shape[-2] for row in rows], -2))
    for k, (a, r) in enumerate(pairs):
        own = torch.promote_types(a.dtype, weights.dtype)
        part = parts[k].real if kind.is_complex and not own.is_complex else parts[k]
        parts[k] = part.squeeze(-2) if r == 0 else part.mT.unflatten(-1, a.shape[-r:])
    return tuple(parts)


def weigh(rows, matrix, causal, include_self):
    """rows [.., features, senders] times the weights of the pairs that are edges."""
    if causal:
        matrix = matrix.tril(0 if include_self else -1)
    product = rows @ matrix.mT
    if causal or include_self:
        return product
    own = matrix.diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
    own = own.contiguous() if rows.dim() > 2 else own  # read once per row
    return torch.addcmul(product, own, rows, value=-1)


def list_pairs(values, places, receivers, senders, rank):
    """[.., receivers, senders, *] -> [.., edges, *], each edge from its place."""
    values = over_pairs(values, receivers, senders, rank)
    return values.flatten(-rank - 2, -rank - 1).index_select(-rank - 1, places)


def list_own_pairs(values, receivers, senders, rank, causal, include_self):
    """The same where each sample has its own number of edges: of everyone, or causal."""
    there = torch.ones(receivers, senders, dtype=torch.bool, device=values.device)
    there = there.tril(0 if include_self else -1) if causal else there
    there = there if include_self else there.fill_diagonal_(False)
    places = there.flatten().nonzero().squeeze(-1)
    return list_pairs(values, places, receivers, senders, rank)
