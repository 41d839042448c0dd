"""The fixed arrays of sums over classes of nodes, and the operation that takes them."""

from __future__ import annotations

from typing import Any

import numpy

from dynattn.lower import block_kernels, class_kernels
from dynattn.lower.code import Code, call_code, tuple_code
from dynattn.lower.context import SPARSE_PARTS, Context, Need, sparse_arrays, width_of
from dynattn.lower.operation import Operation
from dynattn.network.blocks import Blocks
from dynattn.network.connections import Connections
from dynattn.program.nodes import CLASSES, Node

DENSE_CLASSES = 300
DENSE_SHARE = 0.1
"""Up to so many classes, or from this share of pairs of them on, the weights are one array."""


def block_operation(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    """The sums of a ``graph_sum`` of the form ``blocks``."""
    if weight == CLASSES:
        return class_operation(node, context, coupling)
    blocks = context.edges(coupling).blocks(weight)
    if blocks is None:
        raise ValueError(f"the graph sum of {coupling} has no blocks form")
    ranks = tuple(width_of(item) for item in node.inputs)
    count, even = len(ranks), is_even(blocks.receivers) and is_even(blocks.senders)
    function, fixed = block_kernels.even_block_sums if even else block_kernels.block_sums, ()
    if blocks.offsets:
        function, fixed = block_kernels.module_sums, (blocks.offsets, blocks.around)
    parts = ("own", *(("array",) if is_small(blocks) else SPARSE_PARTS))
    arrays = [Need("array", ("blocks", coupling, weight, part)) for part in parts]
    classes = [
        Need("array", ("blocks", coupling, weight, part)) for part in ("receivers", "senders")
    ]
    needs = ([context.receivers(coupling)] if even else classes) + arrays

    def run(*arrays: Any) -> tuple[Any, ...]:
        return function(arrays[:count], arrays[count:], ranks, *fixed)

    def spell(*texts: Code) -> Code:
        given = (tuple_code(texts[:count]), tuple_code(texts[count:]), ranks, *fixed)
        return call_code(function.__name__, *given)

    return Operation(run, spell, tuple(needs), (function,))


def class_operation(node: Node, context: Context, coupling: str) -> Operation:
    """The same where classes are told by labels: the last two inputs."""
    count, own = len(node.inputs) - 2, context.edges(coupling).include_self
    ranks = tuple(width_of(item) for item in node.inputs[:count])

    def run(*arrays: Any) -> tuple[Any, ...]:
        return class_kernels.class_sums(arrays[:count], arrays[count:], ranks, own)

    def spell(*texts: Code) -> Code:
        given = (tuple_code(texts[:count]), tuple_code(texts[count:]), ranks, own)
        return call_code("class_sums", *given)

    def ready(*labels: Any) -> Any:
        return class_kernels.class_numbers(labels, own)

    def by_class(*arrays: Any) -> tuple[Any, ...]:
        return class_kernels.sums_by_class(arrays[:-1], arrays[-1], ranks)

    needs = (context.receivers(coupling), context.senders(coupling))
    copies = (class_kernels.class_sums,)
    return Operation(run, spell, needs, copies, ahead=(4, ready, by_class))


def is_even(classes: Any) -> bool:
    """Whether classes of equal size stand one after the other."""
    sizes = numpy.bincount(classes)
    return bool((sizes == sizes[0]).all() and (numpy.diff(classes) >= 0).all())


def is_small(blocks: Blocks) -> bool:
    """Whether the weights between classes are one array, not a sparse matrix."""
    height, width = blocks.counts
    few = max(height, width) <= DENSE_CLASSES
    return few or len(blocks.weights) >= DENSE_SHARE * height * width


def block_array(edges: Connections, weight: str | None, part: str) -> Any:
    """One of the arrays that ``block_operation`` needs, or of thin factors."""
    if part in ("left", "right"):
        left, right = edges.factors(weight) or ((), ())
        return numpy.ascontiguousarray(numpy.transpose(right)) if part == "right" else left
    blocks = edges.blocks(weight)
    assert blocks is not None, "block_operation has asked for them"
    if part in ("receivers", "senders"):
        return getattr(blocks, part)
    if part == "own":
        return blocks.own if blocks.own.any() else numpy.zeros(0)
    if part == "array":
        matrix = numpy.zeros(blocks.counts)
        matrix[blocks.rows, blocks.columns] = blocks.weights
        return matrix
    between = (blocks.rows, blocks.columns, blocks.weights)
    return sparse_arrays(*between, blocks.counts)[SPARSE_PARTS.index(part)]
