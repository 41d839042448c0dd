"""Sums over the edges of sparse graphs, as in ``kernels``: emitted files carry copies of them."""

from __future__ import annotations

import torch

from dynattn.lower.kernels import sums_in_parts
from dynattn.lower.sparse import SparseProduct


def sparse_product(matrix, x):
    """SparseProduct, or its numbers alone where no derivative is asked for: a tenth of the time
    at 100 nodes.
    """
    if without_derivatives(x):
        return SparseProduct.forward(*matrix, x)
    return SparseProduct.apply(*matrix, x)


def without_derivatives(x):
    """Whether no derivative of what is made of x is asked for, and no map over it is made."""
    if torch.is_grad_enabled() and x.requires_grad:
        return False
    return torch.autograd.forward_ad._current_level < 0 and torch.func.debug_unwrap(x) is x


def beside(features, rank):
    """Arrays [.., nodes, *] of one shape side by side: [nodes, .., *, features]."""
    first = features[0]
    plain = first.numel() >= 2**12 and not torch.compiler.is_compiling()
    if not plain or not all(without_derivatives(a) for a in features):
        stacked = torch.stack(tuple(features), -1)
        return stacked if stacked.dim() == 2 else stacked.movedim(-rank - 2, 0)
    # written column by column: torch.stack takes twice as long, and of batches five times
    shape = first.movedim(-rank - 1, 0).shape
    columns = first.new_empty((*shape, len(features)))
    for column, feature in zip(columns.unbind(-1), features, strict=True):
        column.copy_(feature.movedim(-rank - 1, 0))
    return columns


def sparse_sums(features, matrix, ranks):
    """The same for a sparse matrix (the six tensors of SparseProduct), node-major."""
    if any(a.is_complex() for a in features):
        return sums_in_parts(sparse_sums, features, matrix, ranks)
    shape, rank = features[0].shape, ranks[0]
    if len(shape) == 1 and not any(ranks):
        return sparse_product(matrix, beside(features, 0)).unbind(-1)
    if all(a.shape == shape and r == rank for a, r in zip(features, ranks, strict=True)):
        stacked = beside(features, rank)
        product = sparse_product(matrix, stacked.reshape(stacked.shape[0], -1))
        return product.reshape(-1, *stacked.shape[1:]).movedim(0, -rank - 2).unbind(-1)
    nodes_first = [a.movedim(-r - 1, 0) for a, r in zip(features, ranks, strict=True)]
    columns = [a.reshape(a.shape[0], -1) for a in nodes_first]
    product = sparse_product(matrix, torch.cat(columns, 1))
    parts = product.split([column.shape[1] for column in columns], 1)
    return tuple(
        part.reshape(-1, *a.shape[1:]).movedim(0, -r - 1)
        for part, a, r in zip(parts, nodes_first, ranks, strict=True)
    )


def sums_side_by_side(features, matrix, ranks, points):
    """The same where each of ``points`` has a graph of its own, [.., points, nodes, *]: blocks
    along the diagonal of one sparse matrix.
    """
    joined = []
    for a, rank in zip(features, ranks, strict=True):
        a = a if a.dim() > rank + 1 else a.unsqueeze(0)
        shape = (*a.shape[: a.dim() - rank - 2], points, *a.shape[a.dim() - rank - 1 :])
        joined.append(a.expand(shape).flatten(-rank - 2, -rank - 1))
    sums = sparse_sums(joined, matrix, ranks)
    return tuple(a.unflatten(-r - 1, (points, -1)) for a, r in zip(sums, ranks, strict=True))
