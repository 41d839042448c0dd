"""The product of a sparse matrix with node features, differentiable in the features."""

from __future__ import annotations

import warnings

import torch

# torch announces once, at the first such tensor, that its CSR interface may still change.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.empty(0, 0, layout=torch.sparse_csr)


class SparseProduct(torch.autograd.Function):
    """A x for a fixed CSR matrix A and features x [senders, columns].

    The transpose comes along in CSR form, so that neither direction makes anything dense. A stands
    as three plain tensors: sparse tensors can neither be copied deeply nor mapped over.
    """

    @staticmethod
    def forward(*inputs):  # torch binds the names of arguments anew at every call
        starts, columns, weights, starts_t, _, _, x = inputs
        shape = (starts.shape[0] - 1, starts_t.shape[0] - 1)
        matrix = torch.sparse_csr_tensor(starts, columns, weights, shape, check_invariants=False)
        return matrix @ x.contiguous()

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
