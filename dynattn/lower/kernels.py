"""Whole-array functions that torch has no single word for. Emitted files carry copies of them.

Arrays are ``[batch..., place..., coordinates...]``; ``rank`` is the number of coordinate axes.
Each function needs only what stands in this file.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def cat_arrays(*arrays):
    """Concatenation along the last axis; the other axes broadcast."""
    shape = torch.broadcast_shapes(*[a.shape[:-1] for a in arrays])
    return torch.cat([a.expand(*shape, a.shape[-1]) for a in arrays], -1)


def broadcast_to(values, *shape):
    """The array with last axes of this shape; the axes in front stay."""
    return values.broadcast_to(torch.broadcast_shapes(values.shape, shape))


def over_edges(values, receivers, rank):
    """The array at every edge, where all edges share one value."""
    shape = list(values.shape)
    shape[-rank - 1] = len(receivers)
    return values.expand(shape)


def sum_edges(values, receivers, count, rank):
    """[.., E, *] -> [.., count, *]: the sum over the edges of each receiver."""
    values = over_edges(values, receivers, rank)
    shape = list(values.shape)
    shape[-rank - 1] = count
    return values.new_zeros(shape).index_add(-rank - 1, receivers, values)


def softmax_edges(values, receivers, count, rank):
    """exp(values) over its sum over the edges of the same receiver."""
    values = over_edges(values, receivers, rank)
    shape = list(values.shape)
    shape[-rank - 1] = count
    axes = [1] * rank
    index = receivers.view(-1, *axes).expand(values.shape)
    lowest = values.new_full(shape, -torch.inf)
    highest = lowest.scatter_reduce(-rank - 1, index, values.detach(), "amax")
    exponentials = (values - highest.index_select(-rank - 1, receivers)).exp()
    total = sum_edges(exponentials, receivers, count, rank)
    return exponentials / total.index_select(-rank - 1, receivers)


def normalize_edges(values, receivers, count, rank):
    """values over their sum over the edges of the same receiver."""
    total = sum_edges(values, receivers, count, rank)
    return values / total.index_select(-rank - 1, receivers)


def pair_mask(values, receivers, senders, rank, causal, include_self):
    """Which (receiver, sender) pairs are edges: [receivers, senders, 1...]; None where all are."""
    if include_self and not causal:
        return None
    mask = values.new_ones((receivers, senders), dtype=torch.bool)
    mask = mask.tril(0 if include_self else -1) if causal else ~mask.triu().tril()
    return mask.view(receivers, senders, *[1] * rank)


def over_pairs(values, receivers, senders, rank):
    """The array at every pair: [.., receivers, senders, *]."""
    shape = list(values.shape)
    shape[-rank - 2], shape[-rank - 1] = receivers, senders
    return values.expand(shape)


def apart_pairs(values, receivers, senders, rank):
    """The array at every pair; where j is i it is that of the next node and i."""
    values = over_pairs(values, receivers, senders, rank)
    own = torch.eye(receivers, senders, dtype=torch.bool, device=values.device)
    own = own.view(receivers, senders, *[1] * rank)
    return torch.where(own, values.roll(1, -rank - 2), values)


def sum_pairs(values, receivers, senders, rank, causal, include_self):
    """[.., receivers, senders, *] -> [.., receivers, *]: the sum over each receiver's senders."""
    values = over_pairs(values, receivers, senders, rank)
    mask = pair_mask(values, receivers, senders, rank, causal, include_self)
    if mask is not None:
        values = torch.where(mask, values, torch.zeros_like(values))
    return values.sum(-rank - 1)


def softmax_pairs(values, receivers, senders, rank, causal, include_self):
    """exp(values) over its sum over each receiver's senders; 0 at pairs that are no edge."""
    values = over_pairs(values, receivers, senders, rank)
    mask = pair_mask(values, receivers, senders, rank, causal, include_self)
    if mask is None:
        return values.softmax(-rank - 1)
    # the lowest finite number, not -inf: a receiver without senders must not give 0/0
    lowest = torch.finfo(values.dtype).min
    share = values.masked_fill(~mask, lowest).softmax(-rank - 1)
    return share.masked_fill(~mask, 0.0)


def normalize_pairs(values, receivers, senders, rank, causal, include_self):
    """values over their sum over each receiver's senders; 0 at pairs that are no edge."""
    values = over_pairs(values, receivers, senders, rank)
    mask = pair_mask(values, receivers, senders, rank, causal, include_self)
    if mask is None:
        return values / values.sum(-rank - 1, keepdim=True)
    values = values.masked_fill(~mask, 0.0)
    total = values.sum(-rank - 1, keepdim=True)
    empty = ~mask.any(-rank - 1, keepdim=True)
    return values / total.masked_fill(empty, 1.0)


def sum_nodes(values, receivers, rank, include_self):
    """For each receiver the sum over all nodes, without its own value unless included."""
    total = values.sum(-rank - 1, keepdim=True)
    if not include_self:
        return total - values
    shape = list(values.shape)
    shape[-rank - 1] = receivers
    return total.expand(shape)


def sum_before(values, rank, include_self):
    """For each node the sum over the nodes before it, and its own value where included."""
    total = values.cumsum(-rank - 1)
    return total if include_self else total - values


def roll_nodes(values, rank, offsets):
    """For each node i the sum of the values at i + offset, counted round."""
    axis, n = -rank - 1, values.shape[-rank - 1]
    twice = torch.cat([values, values], axis)
    parts = [twice.narrow(axis, offset % n, n) for offset in offsets]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def roll_nodes_weighted(values, weights, rank, offsets):
    """The same, each offset with its weight; weights [.., offsets]."""
    axis, n = -rank - 1, values.shape[-rank - 1]
    twice = torch.cat([values, values], axis)
    places = (...,) + (None,) * (rank + 1)
    total = 0.0
    for k, offset in enumerate(offsets):
        total = total + weights.select(-1, k)[places] * twice.narrow(axis, offset % n, n)
    return total


def convolve_nodes(values, spectrum, rank):
    """Sums over the same offsets everywhere, by their spectrum [n//2 + 1, real and imaginary]."""
    return multiply_spectra(values, torch.view_as_complex(spectrum), rank)


def convolve_nodes_weighted(values, weights, offsets, rank):
    """The same for weights [.., offsets] that are computed."""
    n = values.shape[-rank - 1]
    row = weights.new_zeros((*weights.shape[:-1], n)).index_add(-1, offsets, weights)
    spectrum = torch.fft.rfft(row).conj()
    return multiply_spectra(values, spectrum[(..., *(None,) * rank, slice(None))], rank)


def multiply_spectra(values, spectrum, rank):
    """The values whose Fourier transform over the nodes is multiplied by ``spectrum``."""
    if values.is_complex():
        parts = [multiply_spectra(part, spectrum, rank) for part in (values.real, values.imag)]
        return torch.complex(*parts)
    last = values.movedim(-rank - 1, -1)
    product = torch.fft.rfft(last) * spectrum
    return torch.fft.irfft(product, last.shape[-1]).movedim(-1, -rank - 1)


def roll_lattice(values, rank, sides, steps):
    """For each node of a lattice the sum of the values at its steps, counted round each side."""
    grid, axes = values.unflatten(-rank - 1, sides), range(-rank - len(sides), -rank)
    parts = [grid.roll([-s for s in step], tuple(axes)) for step in steps]
    return sum(parts[1:], parts[0]).reshape(values.shape)


def roll_lattice_weighted(values, weights, rank, sides, steps):
    """The same, each step with its weight; weights [.., steps]."""
    grid, axes = values.unflatten(-rank - 1, sides), range(-rank - len(sides), -rank)
    places = (...,) + (None,) * (rank + len(sides))
    parts = [
        weights.select(-1, k)[places] * grid.roll([-s for s in step], tuple(axes))
        for k, step in enumerate(steps)
    ]
    return sum(parts[1:], parts[0]).flatten(-rank - len(sides), -rank - 1)


def convolve_lattice(values, spectrum, rank, sides):
    """Sums over the same steps everywhere, by their spectrum [sides.., real and imaginary]."""
    return multiply_lattice(values, torch.view_as_complex(spectrum), rank, sides)


def convolve_lattice_weighted(values, weights, offsets, rank, sides):
    """The same for weights [.., offsets] that are computed."""
    n = values.shape[-rank - 1]
    row = weights.new_zeros((*weights.shape[:-1], n)).index_add(-1, offsets, weights)
    axes = tuple(range(-len(sides), 0))
    spectrum = torch.fft.rfftn(row.unflatten(-1, sides), dim=axes).conj()
    places = (..., *(None,) * rank, *(slice(None),) * len(sides))
    return multiply_lattice(values, spectrum[places], rank, sides)


def multiply_lattice(values, spectrum, rank, sides):
    """The values whose Fourier transform over the lattice is multiplied by ``spectrum``."""
    if values.is_complex():
        pair = (values.real, values.imag)
        return torch.complex(*[multiply_lattice(part, spectrum, rank, sides) for part in pair])
    last, axes = values.movedim(-rank - 1, -1), tuple(range(-len(sides), 0))
    product = torch.fft.rfftn(last.unflatten(-1, sides), dim=axes) * spectrum
    found = torch.fft.irfftn(product, sides, axes)
    return found.flatten(-len(sides)).movedim(-1, -rank - 1)


def dense_sums(features, matrix, ranks):
    """sum_j matrix[i, j] a_j for each feature a [.., senders, *], as rows of one product."""
    if any(a.is_complex() for a in features):
        return sums_in_parts(dense_sums, features, matrix, ranks)
    if not any(ranks) and all(a.shape == features[0].shape for a in features):
        return weigh_rows(features, matrix[0])
    pairs = list(zip(features, ranks, strict=True))
    rows = [a.unsqueeze(-2) if r == 0 else a.flatten(-r).mT for a, r in pairs]
    batch = torch.broadcast_shapes(*[row.shape[:-2] for row in rows])
    stacked = torch.cat([row.expand(*batch, *row.shape[-2:]) for row in rows], -2)
    parts = F.linear(stacked, matrix[0]).split([row.shape[-2] for row in rows], -2)
    return tuple(
        part.squeeze(-2) if r == 0 else part.mT.unflatten(-1, a.shape[-r:])
        for part, (a, r) in zip(parts, pairs, strict=True)
    )


def weigh_rows(features, matrix):
    """matrix a for each feature a [.., senders], all of one shape.

    One product for all of them reads the matrix once; but two vectors, or features of many points,
    are as fast one by one, and need not be put together.
    """
    first = features[0]
    if first.dim() == 1 and matrix.dim() == 2 and len(features) <= 2:
        return tuple(torch.mv(matrix, a) for a in features)
    if matrix.dim() == 2 and first.numel() >= 64 * first.shape[-1]:
        return tuple(F.linear(a, matrix) for a in features)
    rows = torch.stack(tuple(features), -2)
    product = F.linear(rows, matrix) if matrix.dim() == 2 else rows @ matrix.mT
    return product.unbind(-2)


def sums_in_parts(sums, features, matrix, ranks):
    """The same, complex features as pairs of real numbers along a last axis."""
    whole = [a.is_complex() for a in features]
    parts = [torch.view_as_real(a) if w else a for a, w in zip(features, whole, strict=True)]
    found = sums(parts, matrix, [r + w for r, w in zip(ranks, whole, strict=True)])
    joined = [torch.view_as_complex(a.contiguous()) if w else a
              for a, w in zip(found, whole, strict=True)]  # fmt: skip
    return tuple(joined)


def matrix_product(a, b):
    """a b over the last two axes; one matrix for all nodes is one product of all their vectors."""
    if a.is_complex() != b.is_complex():
        a, b = (x if x.is_complex() else x.to(x.dtype.to_complex()) for x in (a, b))
    if a.dim() == 2 and b.shape[-1] == 1:
        return F.linear(b.squeeze(-1), a).unsqueeze(-1)
    return a @ b


def later_nodes(values, places, rank):
    """At every node the value ``places`` further on; past the end that of the last node."""
    axis = -rank - 1
    count = values.shape[axis]
    moved = min(places, count)
    shape = [moved if k == values.dim() + axis else n for k, n in enumerate(values.shape)]
    last = values.narrow(axis, max(0, count - 1), min(1, count))
    return torch.cat([values.narrow(axis, moved, count - moved), last.expand(shape)], axis)


def reach_pairs(values, receivers, senders, rank, causal, include_self, places):
    """The array at pairs (i, j) for which (i, j + places) is an edge too, 0 at the others."""
    values = over_pairs(values, receivers, senders, rank)
    i = torch.arange(receivers, device=values.device).unsqueeze(1)
    j = torch.arange(senders, device=values.device) + places
    mask = j <= i if causal else (j < senders).expand(receivers, senders)
    if not include_self:
        mask = mask & (j != i)
    mask = mask.view(receivers, senders, *[1] * rank)
    return torch.where(mask, values, torch.zeros_like(values))


def count_senders(nodes, origin, causal, include_self, lowest):
    """How many senders each of ``nodes`` nodes has, at least ``lowest``."""
    if causal:
        counts = torch.arange(1, nodes + 1, dtype=origin.dtype, device=origin.device)
    else:
        counts = origin.new_full((nodes,), nodes)
    return (counts if include_self else counts - 1).clamp(min=lowest)


def to_real(values, origin):
    """The values, or the plain number, as a tensor of the module's dtype and device.

    Complex numbers become those of its precision.
    """
    whole = torch.is_complex(values) if torch.is_tensor(values) else isinstance(values, complex)
    dtype = origin.dtype.to_complex() if whole else origin.dtype
    return torch.as_tensor(values, dtype=dtype, device=origin.device)


def imaginary(x):
    """The imaginary part; 0 of real numbers."""
    return x.imag if x.is_complex() else torch.zeros_like(x)


def cis(x):
    """e^(i x)."""
    return torch.exp(1j * x) if x.is_complex() else torch.complex(x.cos(), x.sin())


def join_nodes(parts, rank):
    """Arrays [.., nodes, *] one after the other along the node axis, ``rank`` axes from the end."""
    batch = torch.broadcast_shapes(*[part.shape[: part.dim() - rank] for part in parts])
    behind = torch.broadcast_shapes(*[part.shape[part.dim() - rank + 1 :] for part in parts])
    return torch.cat([part.expand(*batch, part.shape[-rank], *behind) for part in parts], -rank)


def in_transform(values):
    """Whether a transform of functions is at work, such as forward differentiation or vmap."""
    if torch.compiler.is_compiling():
        return False
    forward = torch.autograd.forward_ad._current_level >= 0
    return forward or torch.func.debug_unwrap(values) is not values


def raise_to(x, exponent):
    """x to a power that is the same everywhere: no more than products where it is 1 or 2."""
    if not torch.is_tensor(exponent) or torch.compiler.is_compiling() or exponent.dim():
        return x**exponent
    if exponent.requires_grad or exponent.device.type != "cpu" or in_transform(exponent):
        return x**exponent
    number = float(exponent)
    return x if number == 1 else x * x if number == 2 else x**number


def sine_cosine(x):
    """sin x and cos x."""
    plain = torch.compiler.is_compiling() or not (torch.is_grad_enabled() and x.requires_grad)
    if not plain and not in_transform(x):
        return SineCosine.apply(x)
    return x.sin(), x.cos()


class SineCosine(torch.autograd.Function):
    """sin x and cos x, of which each is the slope of the other."""

    @staticmethod
    def forward(ctx, x):
        sine, cosine = x.sin(), x.cos()
        ctx.save_for_backward(sine, cosine)
        return sine, cosine

    @staticmethod
    def backward(ctx, *gradients):
        (sine, cosine), (by_sine, by_cosine) = ctx.saved_tensors, gradients
        return torch.addcmul(by_sine * cosine, by_cosine, sine, value=-1)
