"""Whole-array sums over edges that are the same between classes of nodes, or whose weights are a
product of thin matrices. Emitted files carry copies."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from dynattn.lower.kernels import roll_nodes, sums_in_parts
from dynattn.lower.sparse_kernels import sparse_product


def block_sums(features, matrix, ranks):
    """sum_j w_ij a_j for each feature a [.., senders, *], by the sums of a over classes of nodes.

    ``matrix``: the class of every receiver and of every sender, what a node has beyond its class
    for itself (no numbers where that is nothing), and the weights between classes: one array
    [classes, classes], or the six tensors of SparseProduct.
    """
    if any(a.is_complex() for a in features):
        return sums_in_parts(block_sums, features, matrix, ranks)
    receivers, senders, own, *weights = matrix
    rows = stack_rows(features, ranks)
    classes = weights[0].shape[1] if len(weights) == 1 else weights[3].shape[0] - 1
    totals = rows.new_zeros((*rows.shape[:-1], classes))
    totals = totals.scatter_add(-1, senders.expand(rows.shape), rows)
    found = weigh_classes(totals, weights)
    found = found.gather(-1, receivers.expand(*found.shape[:-1], receivers.shape[0]))
    found = torch.addcmul(found, own, rows) if own.numel() else found
    return split_rows(found, features, ranks)


def even_block_sums(features, matrix, ranks):
    """The same for classes of equal size, one after the other; ``matrix`` begins with the number of
    receivers in place of the classes.
    """
    if any(a.is_complex() for a in features):
        return sums_in_parts(even_block_sums, features, matrix, ranks)
    receivers, own, *weights = matrix
    rows = stack_rows(features, ranks)
    classes = weights[0].shape[1] if len(weights) == 1 else weights[3].shape[0] - 1
    totals = rows.unflatten(-1, (classes, rows.shape[-1] // classes)).sum(-1)
    found = weigh_classes(totals, weights).unsqueeze(-1)
    found = found.expand(*found.shape[:-1], receivers // found.shape[-2]).flatten(-2)
    found = torch.addcmul(found, own, rows) if own.numel() else found
    return split_rows(found, features, ranks)


def module_sums(features, matrix, ranks, offsets, around):
    """The same, and ``around`` times the values at these offsets, counted round."""
    found = []
    for a, values, r in zip(even_block_sums(features, matrix, ranks), features, ranks, strict=True):
        found.append(a + around * roll_nodes(values, r, offsets))
    return tuple(found)


def low_rank_sums(features, matrix, ranks):
    """The same for w = u v^T: ``matrix`` is v^T [rank, senders] and u [receivers, rank]."""
    if any(a.is_complex() for a in features):
        return sums_in_parts(low_rank_sums, features, matrix, ranks)
    rows = stack_rows(features, ranks)
    return split_rows(F.linear(F.linear(rows, matrix[0]), matrix[1]), features, ranks)


def weigh_classes(totals, weights):
    """[.., classes of senders] -> [.., classes of receivers]."""
    if len(weights) == 1:
        return F.linear(totals, weights[0])
    first = totals.movedim(-1, 0)
    product = sparse_product(weights, first.reshape(first.shape[0], -1))
    return product.reshape(-1, *first.shape[1:]).movedim(0, -1)


def stack_rows(features, ranks):
    """Features [.., nodes, *] as rows of one array [.., rows, nodes]."""
    if not any(ranks) and all(a.shape == features[0].shape for a in features):
        return torch.stack(tuple(features), -2)
    pairs = zip(features, ranks, strict=True)
    rows = [a.unsqueeze(-2) if r == 0 else a.flatten(-r).mT for a, r in pairs]
    batch = torch.broadcast_shapes(*[row.shape[:-2] for row in rows])
    return torch.cat([row.expand(*batch, *row.shape[-2:]) for row in rows], -2)


def split_rows(rows, features, ranks):
    """Rows as the features that they were."""
    if not any(ranks):
        return rows.unbind(-2)
    widths = [a.shape[-r:] if r else () for a, r in zip(features, ranks, strict=True)]
    parts = rows.split([torch.Size(width).numel() for width in widths], -2)
    return tuple(
        part.mT.unflatten(-1, width) if width else part.squeeze(-2)
        for part, width in zip(parts, widths, strict=True)
    )
