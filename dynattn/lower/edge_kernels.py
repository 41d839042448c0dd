"""Whole-array functions of what pairs of nodes hold. Emitted files carry copies of them."""

from __future__ import annotations

import torch

from dynattn.lower.kernels import over_pairs, weigh_rows


def weighted_sums(features, weights, ranks, causal, include_self):
    """sum_j weights[.., i, j] a_j for each feature a, over the pairs that are edges.

    ``include_self`` None: without pairs (i, i), whose weights may be infinite or nan.
    """
    return sums_by_matrix(features, matrix_of_edges(weights, causal, include_self), ranks)


def matrix_of_edges(weights, causal, include_self, lasting=False):
    """The weights, 0 where there is no edge; and None, or what stands in their diagonal too much.

    ``lasting``: whether the matrix is made for many sums, so that another one is worth its memory.
    """
    if causal:
        return weights.tril(0 if include_self else -1), None
    if include_self:
        return weights, None
    if include_self is None or (lasting and weights.numel() <= 2**24):
        own = torch.eye(*weights.shape[-2:], dtype=torch.bool, device=weights.device)
        return weights.masked_fill(own, 0.0), None
    return weights, weights.diagonal(dim1=-2, dim2=-1)


def sums_by_matrix(features, matrix, ranks):
    """The sums by what ``matrix_of_edges`` has made."""
    (weights, own), first = matrix, features[0].shape
    if not any(ranks) and all(a.shape == first and a.dtype == weights.dtype for a in features):
        found = weigh_rows(features, weights)
        if own is None:
            return found
        return tuple(
            torch.addcmul(a, own, x, value=-1) for a, x in zip(found, features, strict=True)
        )
    pairs = list(zip(features, ranks, strict=True))
    rows = [a.unsqueeze(-2) if r == 0 else a.flatten(-r).mT for a, r in pairs]
    batch = torch.broadcast_shapes(*[row.shape[:-2] for row in rows])
    stacked = torch.cat([row.expand(*batch, *row.shape[-2:]) for row in rows], -2)
    kind = torch.promote_types(stacked.dtype, weights.dtype)
    stacked = stacked.to(kind)
    product = stacked @ weights.to(kind).mT
    if own is not None:
        product = torch.addcmul(product, own.unsqueeze(-2).to(kind), stacked, value=-1)
    parts = list(product.split([row.shape[-2] for row in rows], -2))
    for k, (a, r) in enumerate(pairs):
        real = not torch.promote_types(a.dtype, weights.dtype).is_complex
        part = parts[k].real if kind.is_complex and real else parts[k]
        parts[k] = part.squeeze(-2) if r == 0 else part.mT.unflatten(-1, a.shape[-r:])
    return tuple(parts)


def dot_pairs(a, b, rank):
    """sum_c a_c b_c at every pair: a [.., receivers, 1, *, c], b [.., 1, senders, *, c].

    ``rank`` axes * of heads: 0 or 1. One matrix product instead of an array with c numbers a pair.
    """
    a, b = a.squeeze(-2 - rank), b.squeeze(-3 - rank)
    if rank == 0:
        return a @ b.mT
    return (a.transpose(-3, -2) @ b.transpose(-3, -2).mT).movedim(-3, -1)


def sum_products(weights, values, receivers, senders, rank, causal, include_self, mean):
    """sum_j weights_ij values_j over the pairs that are edges: weights [.., receivers, senders, *],
    values [.., 1, senders, *, c] with ``rank`` axes * of heads, 0 or 1.

    ``mean``: over the sum of the weights.
    """
    weights = over_pairs(weights, receivers, senders, rank)
    matrix = weights.movedim(-1, -3) if rank else weights
    if causal:
        matrix = matrix.tril(0 if include_self else -1)
    elif not include_self:
        own = torch.eye(receivers, senders, dtype=torch.bool, device=matrix.device)
        matrix = matrix.masked_fill(own, 0.0)
    return weigh_values(matrix, values, rank, mean)


def weigh_values(matrix, values, rank, mean):
    """[.., receivers, *, c]: the matrices [.., *, receivers, senders] times the values."""
    values = values.squeeze(-3 - rank)
    if mean:  # the sum of the weights is that of weights times 1
        values = torch.cat([values, torch.ones_like(values[..., :1])], -1)
    product = matrix @ (values.transpose(-3, -2) if rank else values)
    if mean:
        product = product[..., :-1] / product[..., -1:]
    return product.transpose(-3, -2) if rank else product


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
