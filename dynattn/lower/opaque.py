"""Products of sparse matrices as operations that ``torch.compile`` calls and does not look into.

Importing this file registers them; it imports torch's compiler, which takes seconds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dynattn.lower import sparse_kernels, sum_kernels
from dynattn.lower.sparse import SparseProduct, WeighedProduct

FIXED = "Tensor starts, Tensor columns, Tensor weights, Tensor starts_t, Tensor columns_t, "
FIXED += "Tensor weights_t, Tensor x"
WEIGHED = "Tensor starts, Tensor columns, Tensor rows, Tensor order, Tensor starts_t, "
WEIGHED += "Tensor columns_t, Tensor order_t, Tensor weights, Tensor x"

fixed_product = torch.library.custom_op(
    "dynattn::fixed_product",
    SparseProduct.forward,
    mutates_args=(),
    schema=f"({FIXED}) -> Tensor",
)
"""SparseProduct."""

weighed_product = torch.library.custom_op(
    "dynattn::weighed_product",
    WeighedProduct.forward,
    mutates_args=(),
    schema=f"({WEIGHED}) -> Tensor",
)
"""WeighedProduct."""


@fixed_product.register_fake
@weighed_product.register_fake
def _shaped(starts: Tensor, *rest: Tensor) -> Tensor:
    return rest[-1].new_empty((starts.shape[0] - 1, rest[-1].shape[1]))


def _keep_all(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _fixed_backward(ctx, gradient):
    starts, columns, weights, starts_t, columns_t, weights_t, _ = ctx.saved_tensors
    swapped = (starts_t, columns_t, weights_t, starts, columns, weights)
    return (None,) * 6 + (fixed_product(*swapped, gradient.contiguous()),)


def _weighed_backward(ctx, gradient):
    starts, columns, rows, order, starts_t, columns_t, order_t, weights, x = ctx.saved_tensors
    by_weight = by_x = None
    if ctx.needs_input_grad[7]:
        by_weight = (gradient.index_select(0, rows) * x.index_select(0, columns)).sum(1)
    if ctx.needs_input_grad[8]:
        rows_t = columns.index_select(0, order)
        swapped = (starts_t, columns_t, rows_t, order_t, starts, columns, order)
        turned = weights.index_select(0, order)
        by_x = weighed_product(*swapped, turned, gradient.contiguous())
    return (None,) * 7 + (by_weight, by_x)


fixed_product.register_autograd(_fixed_backward, setup_context=_keep_all)
weighed_product.register_autograd(_weighed_backward, setup_context=_keep_all)


@torch.compiler.substitute_in_graph(sparse_kernels.sparse_product)
def _fixed_in_graph(matrix, x):
    return torch.ops.dynattn.fixed_product(*matrix, x)


@torch.compiler.substitute_in_graph(sum_kernels.weighed_product)
def _weighed_in_graph(edges, weights, x):
    return torch.ops.dynattn.weighed_product(*edges, weights, x)
