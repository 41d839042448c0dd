"""Whole-array functions of networks, as in ``kernels``: emitted files carry copies of them."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def mean_cross_entropy(logits, target, cut):
    """Mean cross-entropy in nats; where ``cut``, logits past the end of the target are left out."""
    if cut:
        logits = logits[..., : target.shape[-1], :]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def mean_accuracy(logits, target, cut):
    """The share of targets whose logit is the largest; where ``cut``, as in mean_cross_entropy."""
    if cut:
        logits = logits[..., : target.shape[-1], :]
    return (logits.argmax(-1) == target).to(logits.dtype).mean()


def mean_binary_cross_entropy(logit, target, cut):
    """Mean of log(1 + e^x) - y x in nats; where ``cut``, as in mean_cross_entropy."""
    if cut:
        logit = logit[..., : target.shape[-1]]
    logit, target = torch.broadcast_tensors(logit, target.to(logit.dtype))
    return F.binary_cross_entropy_with_logits(logit, target)


def mean_binary_accuracy(logit, target, cut):
    """The share of targets, 0 or 1, that the sign of the logit tells; ``cut`` as above."""
    if cut:
        logit = logit[..., : target.shape[-1]]
    return ((logit > 0) == (target > 0.5)).to(logit.dtype).mean()


def at_levels(weight, count):
    """Each number at the nearest of so many levels, equally far apart from -m to m, m the largest
    size among them; its slope stays 1.
    """
    fixed = weight.detach()
    largest = fixed.abs().amax()
    step = 2 * largest / (count - 1)
    level = torch.round((fixed + largest) / step.where(step > 0, 1)) * step - largest
    return level + (weight - fixed)


def with_noise(weight, size, numbers=None):
    """Standard normal numbers added, times ``size`` and the largest size among those there; the
    next ones of torch's own unless they are given.
    """
    if numbers is None:
        numbers = torch.randn_like(weight)
    return weight + size * weight.detach().abs().amax() * numbers


def sinusoidal(nodes, width, origin):
    """[nodes, width]: sin and cos of n / 10000^(2k/width) in turn, k = 0, 1, ..."""
    numbers = torch.arange(width, device=origin.device)
    rates = 10000.0 ** (-2 * (numbers // 2).to(origin.dtype) / width)
    angles = torch.arange(nodes, dtype=origin.dtype, device=origin.device)[:, None] * rates
    return torch.where(numbers % 2 == 0, angles.sin(), angles.cos())


def pick_node(values, number, rank):
    """[.., nodes, *] and [..] -> [.., *]: the values at the node of this number."""
    own = values.shape[values.dim() - rank - 1 :]
    batch = torch.broadcast_shapes(values.shape[: values.dim() - rank - 1], number.shape)
    index = number.expand(batch).reshape(*batch, *[1] * (rank + 1)).expand(*batch, 1, *own[1:])
    return values.expand(*batch, *own).gather(-rank - 1, index).squeeze(-rank - 1)
