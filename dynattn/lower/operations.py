"""OPERATIONS: how torch does every operation of the array program, and how it is written out.

An entry takes a node and gives an Operation: a function of the node's inputs and of what else it
``needs``, and the same as Python text. Adding an operation is one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch.nn import functional as F

from dynattn.lower import (
    attention_operations,
    edge_kernels,
    graph_operations,
    kernels,
    network_operations,
    rotations,
)
from dynattn.lower.code import Code, binary_code, call_code, method_code, tuple_code
from dynattn.lower.context import Context, Need, width_of
from dynattn.lower.elementwise import FLOATING, elementwise
from dynattn.lower.operation import Operation, fixed_array, kernel_call, method_call, with_casts
from dynattn.program.nodes import Node
from dynattn.vocabulary.functions import ELEMENTWISE


def _sized(node: Node, context: Context) -> Operation:
    """``size``: only sizes that hang on a dim come here; the others are plain numbers."""
    return Operation(lambda n: n, lambda n: n, (Need("size", node.payload),))


def _unsqueeze(node: Node, context: Context) -> Operation:
    axes = tuple(reversed(node.payload))  # from the end, so that positions stay those of the result

    def run(a: Any) -> Any:
        for axis in axes:
            a = a.unsqueeze(axis)
        return a

    def spell(a: Code) -> Code:
        for axis in axes:
            a = method_code(a, "unsqueeze", axis)
        return a

    return Operation(run, spell)


def _rows(node: Node, context: Context) -> Operation:
    axis = -width_of(node) - 1
    return Operation(
        lambda a, count: a.narrow(axis, 0, count),
        lambda a, count: method_code(a, "narrow", axis, 0, count),
        (Need("size", node.payload),),
    )


def _concat(node: Node, context: Context) -> Operation:
    kinds = {(item.type.place, item.type.batched, len(item.type.shape)) for item in node.inputs}
    if len(kinds) > 1:
        return kernel_call(kernels.cat_arrays)
    return Operation(
        lambda *a: torch.cat(a, -1), lambda *a: call_code("torch.cat", tuple_code(a), -1)
    )


def _stack(node: Node, context: Context) -> Operation:
    axis = -len(node.type.shape)
    return Operation(
        lambda *a: torch.stack(torch.broadcast_tensors(*a), axis),
        lambda *a: call_code("torch.stack", call_code("torch.broadcast_tensors", *a), axis),
    )


def _split(node: Node, context: Context) -> Operation:
    heads = context.number(node.payload)
    if not isinstance(heads, int):
        raise ValueError(f"the number of heads, {node.payload}, is not a fixed whole number")
    return method_call("unflatten", -1, (heads, -1))


def _axis(node: Node, context: Context) -> Operation:
    k, first = node.payload
    count = context.number(node.type.shape[k])
    return fixed_array("axis", first, count, len(node.type.shape) - k - 1)


def _entry(node: Node, context: Context) -> Operation:
    behind = len(node.type.shape)
    index = (Ellipsis, *node.payload, *[slice(None)] * behind)
    shown = ", ".join(["...", *map(str, node.payload), *[":"] * behind])
    return Operation(lambda a: a[index], lambda a: Code(f"{a:@}[{shown}]"))


def _broadcast(node: Node, context: Context) -> Operation:
    sizes = tuple(Need("size", size) for size in node.type.shape)
    return kernel_call(kernels.broadcast_to, needs=(*context.axes_of(node.type.place), *sizes))


def _dot(node: Node, context: Context) -> Operation:
    if _of_two_ends(node):
        return kernel_call(edge_kernels.dot_pairs, len(node.type.shape))
    return Operation(
        lambda a, b: (a * b).sum(-1),
        lambda a, b: method_code(binary_code("*", a, b), "sum", -1),
    )


def _of_two_ends(node: Node) -> bool:
    """Whether vectors of a receiver and a sender are multiplied, at every pair of them."""
    ends = tuple(item.op for item in node.inputs) == ("receiver", "sender")
    a, b = (item.type for item in node.inputs)
    plain = a.shape == b.shape and len(a.shape) <= 2 and a.dtype == b.dtype == "real"
    return ends and plain and node.type.place.kind == "pairs"


def _norm(node: Node, context: Context) -> Operation:
    return Operation(
        lambda a: torch.linalg.vector_norm(a, dim=-1),
        lambda a: call_code("torch.linalg.vector_norm", a, "dim=-1"),
    )


def _trace(node: Node, context: Context) -> Operation:
    return Operation(
        lambda a: a.diagonal(dim1=-2, dim2=-1).sum(-1),
        lambda a: method_code(method_code(a, "diagonal", "dim1=-2", "dim2=-1"), "sum", -1),
    )


def _called(name: str) -> Callable[[Node, Context], Operation]:
    """A torch function of one array, by its dotted name."""
    function: Any = reduce(getattr, name.split(".")[1:], torch)
    return lambda node, context: Operation(function, lambda a: call_code(name, a))


def _over_nodes(name: str, **options: Any) -> Callable[[Node, Context], Operation]:
    """A reduction over the node axis; truths and integers are counted in the module's dtype."""
    shown = tuple(f"{key}={value!r}" for key, value in options.items())

    def make(node: Node, context: Context) -> Operation:
        axis = node.payload
        plain = Operation(
            lambda a: getattr(a, name)(axis, **options),
            lambda a: method_code(a, name, axis, *shown),
        )
        if node.inputs[0].type.dtype in FLOATING or node.type.dtype != "real":
            return plain
        return with_casts(plain.function, plain.code, [True])

    return make


def _linear(node: Node, context: Context) -> Operation:
    return Operation(F.linear, lambda *texts: call_code("F.linear", *texts))


def _lookup(node: Node, context: Context) -> Operation:
    if width_of(node.inputs[0]) == 2:
        return Operation(
            lambda table, rows: F.embedding(rows, table),
            lambda table, rows: call_code("F.embedding", rows, table),
        )
    return Operation(
        lambda table, rows: table[rows],
        lambda table, rows: Code(f"{table:@}[{rows}]"),
    )


def _next(node: Node, context: Context) -> Operation:
    return Operation(lambda a: a[..., 1:], lambda a: Code(f"{a:@}[..., 1:]"))


OPERATIONS: Mapping[str, Callable[[Node, Context], Operation]] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "constant": lambda node, context: fixed_array("literal", node.payload),
    "size": _sized,
    "index": graph_operations.index,
    "node": lambda node, context: fixed_array("node", *node.payload),
    "joined": graph_operations.joined,
    "member": graph_operations.member,
    "rotary": graph_operations.rotary,
    "edge": graph_operations.edge,
    "edge_once": lambda node, context: fixed_array("once", *node.payload),
    "degree": graph_operations.degree,
    "total": graph_operations.degree,
    "parts": graph_operations.parts,
    "unsqueeze": _unsqueeze,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "axis": _axis,
    "entry": _entry,
    "aligned": lambda node, context: Operation(lambda a: a, lambda a: a),
    "rows": _rows,
    "broadcast": _broadcast,
    "merge": lambda node, context: method_call("flatten", -2),
    "dot": _dot,
    "norm": _norm,
    "matmul": lambda node, context: kernel_call(kernels.matrix_product),
    "transpose": lambda node, context: method_call("transpose", -2, -1),
    "trace": _trace,
    "det": _called("torch.linalg.det"),
    "inverse": _called("torch.linalg.inv"),
    "expm": _called("torch.linalg.matrix_exp"),
    "polar": lambda node, context: kernel_call(rotations.unitary_factor),
    "logm": lambda node, context: kernel_call(rotations.rotation_logarithm),
    "angles": lambda node, context: kernel_call(rotations.rotation_angles),
    "node_sum": _over_nodes("sum"),
    "node_mean": _over_nodes("mean"),
    "node_std": _over_nodes("std", correction=0),
    "node_min": _over_nodes("amin"),
    "node_max": _over_nodes("amax"),
    "linear": _linear,
    "lookup": _lookup,
    "next": _next,
    **network_operations.OPERATIONS,
    "receiver": graph_operations.end_of_edge(0),
    "sender": graph_operations.end_of_edge(1),
    "edge_sum": graph_operations.edge_sum,
    "edge_mean": graph_operations.edge_sum,
    "edge_softmax": graph_operations.per_receiver(kernels.softmax_edges, kernels.softmax_pairs),
    "edge_normalize": graph_operations.per_receiver(
        kernels.normalize_edges, kernels.normalize_pairs
    ),
    "graph_sum": graph_operations.graph_sum,
    "sine_cosine": lambda node, context: kernel_call(kernels.sine_cosine),
    "attention": attention_operations.attention,
    "successor_attention": attention_operations.successor_attention,
    "successor": graph_operations.successor,
    "reach": graph_operations.reach,
    "listed": graph_operations.listed,
    "apart": graph_operations.apart,
    "pick": graph_operations.pick,
}
"""Leaves (parameter, state, input, variable, output, placeholder, time): see ``routine``."""
