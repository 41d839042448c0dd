"""Whole-array sums over the nodes of windows and over weighed edges. Emitted files carry copies."""

from __future__ import annotations

import torch

from dynattn.lower.edge_kernels import weighted_sums
from dynattn.lower.kernels import sums_in_parts
from dynattn.lower.sparse import WeighedProduct


def window_nodes(values, rank, first, last, include_self):
    """For each node i the sum of the values at i + first .. i + last, counted round.

    The differences of one running sum; in float64 whatever the values are, as they lose digits.
    """
    axis, n = -rank - 1, values.shape[-rank - 1]
    before, after = values.narrow(axis, n + first - 1, 1 - first), values.narrow(axis, 0, last)
    wide = torch.complex128 if values.is_complex() else torch.float64
    running = torch.cat([before, values, after], axis).cumsum(axis, dtype=wide)
    total = running.narrow(axis, last - first + 1, n) - running.narrow(axis, 0, n)
    total = total.to(values.dtype)
    return total if include_self else total - values


def weighed_sums(features, matrix, ranks):
    """sum_e weights[.., e] a_j over the edges e from j into each node, for each feature a.

    ``matrix``: the weights, then the seven tensors of edges that WeighedProduct takes. Weights with
    batch axes are blocks along the diagonal of one sparse matrix.
    """
    if any(a.is_complex() for a in features):
        return sums_in_parts(weighed_sums, features, matrix, ranks)
    weights, *edges = matrix
    batch = weights.shape[:-1]
    if not batch:
        nodes_first = [a.movedim(-r - 1, 0) for a, r in zip(features, ranks, strict=True)]
    else:
        shapes = [a.shape[: a.dim() - r - 1] for a, r in zip(features, ranks, strict=True)]
        batch = torch.broadcast_shapes(batch, *shapes)
        weights = weights.expand(*batch, weights.shape[-1])
        edges = repeat_edges(edges, weights.shape[:-1].numel())
        nodes_first = [
            a.expand(*batch, *a.shape[a.dim() - r - 1 :]).flatten(0, -r - 1)
            for a, r in zip(features, ranks, strict=True)
        ]
    columns = [a.reshape(a.shape[0], -1) for a in nodes_first]
    product = weighed_product(edges, weights.reshape(-1), torch.cat(columns, 1))
    parts = product.split([column.shape[1] for column in columns], 1)
    parts = [part.reshape(-1, *a.shape[1:]) for part, a in zip(parts, nodes_first, strict=True)]
    if batch:
        return tuple(part.unflatten(0, (*batch, -1)) for part in parts)
    return tuple(part.movedim(0, -r - 1) for part, r in zip(parts, ranks, strict=True))


def weighed_product(edges, weights, x):
    """WeighedProduct of one list of edges."""
    return WeighedProduct.apply(*edges, weights, x)


def repeat_edges(edges, count):
    """The tensors of WeighedProduct for so many copies of the same graph side by side."""
    starts, columns, rows, order, starts_t, columns_t, order_t = edges
    receivers, senders, number = starts.shape[0] - 1, starts_t.shape[0] - 1, columns.shape[0]

    def beside(index, step):
        moved = torch.arange(count, dtype=index.dtype, device=index.device) * step
        return (index + moved.unsqueeze(1)).flatten()

    def begun(index):
        return torch.cat([beside(index[:-1], number), index[-1:] * count])

    return [
        begun(starts), beside(columns, senders), beside(rows, receivers), beside(order, number),
        begun(starts_t), beside(columns_t, receivers), beside(order_t, number),
    ]  # fmt: skip


def dense_weighed_sums(features, matrix, ranks):
    """The same by a dense matrix; ``matrix``: weights, places of the edges in it, its sides."""
    weights, places, receivers, senders = matrix
    zeros = weights.new_zeros((*weights.shape[:-1], receivers * senders))
    dense = zeros.index_add(-1, places, weights).unflatten(-1, (receivers, senders))
    return weighted_sums(features, dense, ranks, False, True)
