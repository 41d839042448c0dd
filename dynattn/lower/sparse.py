"""Products of sparse matrices with node features, differentiable in the features and weights."""

from __future__ import annotations

import warnings

import torch

# torch announces once, at the first such tensor, that its CSR interface may still change.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.empty(0, 0, layout=torch.sparse_csr)


def csr_product(starts, columns, weights, senders, x):
    """The product of a CSR matrix [receivers, senders] with x [senders, columns]."""
    shape = (starts.shape[0] - 1, senders)
    matrix = torch.sparse_csr_tensor(starts, columns, weights, shape, check_invariants=False)
    if x.is_cuda:
        return matrix @ x.contiguous()
    # an array that is not made 0 before it is written to saves a third of the time
    product = x.new_empty((shape[0], x.shape[1]))
    return torch.addmm(product, matrix, x.contiguous(), beta=0, out=product)


class SparseProduct(torch.autograd.Function):
    """A x for a fixed CSR matrix A and features x [senders, columns].

    The transpose comes along in CSR form, so that neither direction makes anything dense. A stands
    as three plain tensors: sparse tensors can neither be copied deeply nor mapped over.
    """

    @staticmethod
    def forward(*inputs):  # no names: torch would bind them anew at every call
        starts, columns, weights, starts_t, _, _, x = inputs
        return csr_product(starts, columns, weights, starts_t.shape[0] - 1, x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:6])
        ctx.save_for_forward(*inputs[:6])

    @staticmethod
    def backward(ctx, *gradients):
        starts, columns, weights, starts_t, columns_t, weights_t = ctx.saved_tensors
        swapped = (starts_t, columns_t, weights_t, starts, columns, weights)
        return (None,) * 6 + (SparseProduct.apply(*swapped, gradients[0]),)

    @staticmethod
    def jvp(ctx, *tangents):
        return SparseProduct.apply(*ctx.saved_tensors, tangents[6])

    @staticmethod
    def vmap(info, in_dims, *inputs):
        x = inputs[6].movedim(in_dims[6], -1)
        result = SparseProduct.apply(*inputs[:6], x.reshape(x.shape[0], -1))
        return result.reshape(-1, *x.shape[1:]), 2


class WeighedProduct(torch.autograd.Function):
    """A x for a CSR matrix whose entries are computed: weights [edges], x [senders, columns].

    ``starts``, ``columns``, ``rows`` are the edges by receiver; ``order`` puts them by sender,
    where they are ``starts_t``, ``columns_t``, and ``order_t`` puts them back.
    """

    @staticmethod
    def forward(starts, columns, rows, order, starts_t, columns_t, order_t, weights, x):
        return csr_product(starts, columns, weights.contiguous(), starts_t.shape[0] - 1, x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, *gradients):
        starts, columns, rows, order, starts_t, columns_t, order_t, weights, x = ctx.saved_tensors
        (gradient,) = gradients
        by_weight = by_x = None
        if ctx.needs_input_grad[7]:
            ends = gradient.index_select(0, rows) * x.index_select(0, columns)
            by_weight = ends.sum(1)
        if ctx.needs_input_grad[8]:
            rows_t = columns.index_select(0, order)
            swapped = (starts_t, columns_t, rows_t, order_t, starts, columns, order)
            by_x = WeighedProduct.apply(*swapped, weights.index_select(0, order), gradient)
        return (None,) * 7 + (by_weight, by_x)

    @staticmethod
    def jvp(ctx, *tangents):
        *edges, weights, x = ctx.saved_tensors
        moved = [(tangents[7], x), (weights, tangents[8])]
        found = [WeighedProduct.apply(*edges, w, a) for w, a in moved
                 if w is not None and a is not None]  # fmt: skip
        return sum(found[1:], found[0])

    @staticmethod
    def vmap(info, in_dims, *inputs):
        *edges, weights, x = inputs
        if in_dims[7] is None:
            x = x.movedim(in_dims[8], -1)
            result = WeighedProduct.apply(*edges, weights, x.reshape(x.shape[0], -1))
            return result.reshape(-1, *x.shape[1:]), 2
        parts = [
            WeighedProduct.apply(*edges, w, x if in_dims[8] is None else x.select(in_dims[8], k))
            for k, w in enumerate(weights.unbind(in_dims[7]))
        ]
        return torch.stack(parts), 0
