"""Sums over the nodes of the receiver's class, where every node has one. Emitted files carry
copies."""

from __future__ import annotations

import torch

from dynattn.lower.block_kernels import split_rows, stack_rows
from dynattn.lower.kernels import sums_in_parts


def class_sums(features, labels, ranks, include_self):
    """The sum of a_j over the j with the label of i, for each feature a [.., senders, *].

    ``labels``: of the receivers and of the senders, and how many of both there are.
    """
    return sums_by_class(features, class_numbers(labels, include_self), ranks)


def class_numbers(labels, include_self):
    """The number of each receiver's class and of each sender's, the same where labels are equal;
    and, unless a node hears itself, where its label as a receiver is that as a sender.

    No more than there are nodes: no size depends on how many classes there are.
    """
    hearing, heard, receivers, senders = labels
    batch = torch.broadcast_shapes(hearing.shape[:-1], heard.shape[:-1])
    hearing, heard = hearing.expand(*batch, receivers), heard.expand(*batch, senders)
    values, order = torch.cat([hearing, heard], -1).sort(-1)
    changes = (values[..., 1:] != values[..., :-1]).cumsum(-1)
    numbers = torch.cat([torch.zeros_like(order[..., :1]), changes], -1)
    numbers = torch.zeros_like(order).scatter(-1, order, numbers)
    own = None if include_self else hearing == heard
    return numbers[..., :receivers], numbers[..., receivers:], own


def sums_by_class(features, numbers, ranks):
    """The sums by what ``class_numbers`` has made."""
    if any(a.is_complex() for a in features):
        return sums_in_parts(sums_by_class, features, numbers, ranks)
    hearing, heard, own = numbers
    rows = stack_rows(features, ranks)
    batch = torch.broadcast_shapes(heard.shape[:-1], rows.shape[:-2])
    rows = rows.expand(*batch, *rows.shape[-2:])
    count = hearing.shape[-1] + heard.shape[-1]
    totals = rows.new_zeros((*rows.shape[:-1], count))
    totals = totals.scatter_add(-1, heard.unsqueeze(-2).expand(rows.shape), rows)
    places = hearing.unsqueeze(-2)
    found = totals.gather(-1, places.expand(*rows.shape[:-1], hearing.shape[-1]))
    if own is not None:
        found = found - torch.where(own.unsqueeze(-2), rows, torch.zeros_like(rows))
    return split_rows(found, features, ranks)
