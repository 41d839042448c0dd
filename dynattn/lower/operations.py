"""OPERATIONS: how torch does every operation of the array program, and how it is written out.

An entry takes a node and gives an Operation: a function of the node's inputs and of what else it
``needs``, and the same as Python text. Adding an operation is one entry here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch.nn import functional as F

from dynattn.lower import kernels
from dynattn.lower.code import Code, binary_code, call_code, method_code, negative_code
from dynattn.lower.context import ORIGIN, SPARSE_PARTS, Context, Need, width_of
from dynattn.program.nodes import Node
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.sizes import Size

OPERATORS: dict[tuple[str, int], Callable[..., Any]] = {
    ("+", 2): operator.add, ("-", 2): operator.sub, ("*", 2): operator.mul,
    ("/", 2): operator.truediv, ("**", 2): operator.pow, ("-", 1): operator.neg,
    ("<", 2): operator.lt, ("<=", 2): operator.le, (">", 2): operator.gt, (">=", 2): operator.ge,
    ("==", 2): operator.eq, ("!=", 2): operator.ne, ("&", 2): operator.and_, ("|", 2): operator.or_,
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One node made ready: ``function(*inputs, *needs)``, and ``code`` of the texts of the same."""

    function: Callable[..., Any]
    code: Callable[..., Code]
    needs: tuple[Need, ...] = ()
    copies: tuple[Callable[..., Any], ...] = ()
    """Functions of ``kernels`` that an emitted file must carry."""


def _kernel(function: Callable[..., Any], *fixed: Any, needs: tuple[Need, ...] = ()) -> Operation:
    """A function of ``kernels``, called with inputs, needs, and fixed Python values."""
    return Operation(
        lambda *arrays: function(*arrays, *fixed),
        lambda *texts: call_code(function.__name__, *texts, *fixed),
        needs,
        (function,),
    )


def _method(name: str, *fixed: Any) -> Operation:
    """A method of the only input, with fixed arguments."""
    return Operation(
        lambda a: getattr(a, name)(*fixed),
        lambda a: method_code(a, name, *fixed),
    )


# --- elementwise ---------------------------------------------------------------------------------


def _elementwise(node: Node, context: Context) -> Operation:
    """An entry of ELEMENTWISE; truths and integers become real where torch would not do so."""
    symbol = ELEMENTWISE[node.op].torch
    arity = len(node.inputs)
    if (symbol, arity) in OPERATORS:
        function = OPERATORS[symbol, arity]
        code = _operator_code(symbol, arity)
    else:
        function = reduce(getattr, symbol.split(".")[1:], torch)
        shown = symbol.replace("torch.nn.functional.", "F.")
        code = lambda *texts: call_code(shown, *texts)  # noqa: E731
    real = [_to_real(node, item, context, symbol.startswith("torch.")) for item in node.inputs]
    if not any(real):
        return Operation(function, code)
    return _with_casts(function, code, real)


def _operator_code(symbol: str, arity: int) -> Callable[..., Code]:
    if arity == 1:
        return negative_code
    return lambda left, right: binary_code(symbol, left, right)


def _to_real(node: Node, item: Node, context: Context, is_function: bool) -> bool:
    """Whether this operand must be made a real tensor first."""
    if id(item) in context.numbers:
        return is_function
    if ELEMENTWISE[node.op].result == "truth" or item.type.dtype == "real":
        return False
    others = (x for x in node.inputs if id(x) not in context.numbers)
    promoted = any(x.type.dtype == "real" for x in others) and node.op not in ("sub", "neg")
    return not promoted and (node.type.dtype == "real" or item.type.dtype == "truth")


def _with_casts(
    function: Callable[..., Any], code: Callable[..., Code], real: list[bool]
) -> Operation:
    """The same, the operands marked in ``real`` made real tensors first."""

    def run(*operands: Any) -> Any:
        *arrays, origin = operands
        pairs = zip(arrays, real, strict=True)
        return function(*[kernels.to_real(a, origin) if cast else a for a, cast in pairs])

    def spell(*texts: Code) -> Code:
        *arrays, origin = texts
        pairs = zip(arrays, real, strict=True)
        return code(*[call_code("to_real", a, origin) if cast else a for a, cast in pairs])

    return Operation(run, spell, (ORIGIN,), (kernels.to_real,))


def _sized(node: Node, context: Context) -> Operation:
    """``size``: only sizes that hang on a dim come here; the others are plain numbers."""
    return Operation(lambda n: n, lambda n: n, (Need("size", node.payload),))


# --- shape ---------------------------------------------------------------------------------------


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


def _concat(node: Node, context: Context) -> Operation:
    kinds = {(item.type.place, item.type.batched, len(item.type.shape)) for item in node.inputs}
    if len(kinds) > 1:
        return _kernel(kernels.cat_arrays)
    return Operation(lambda *a: torch.cat(a, -1), lambda *a: call_code("torch.cat", _tuple(a), -1))


def _stack(node: Node, context: Context) -> Operation:
    return Operation(
        lambda *a: torch.stack(torch.broadcast_tensors(*a), -1),
        lambda *a: call_code("torch.stack", call_code("torch.broadcast_tensors", *a), -1),
    )


def _split(node: Node, context: Context) -> Operation:
    heads = context.number(node.payload)
    if not isinstance(heads, int):
        raise ValueError(f"the number of heads, {node.payload}, is not a fixed whole number")
    return _method("unflatten", -1, (heads, -1))


def _dot(node: Node, context: Context) -> Operation:
    return Operation(
        lambda a, b: (a * b).sum(-1),
        lambda a, b: method_code(binary_code("*", a, b), "sum", -1),
    )


def _norm(node: Node, context: Context) -> Operation:
    return Operation(
        lambda a: torch.linalg.vector_norm(a, dim=-1),
        lambda a: call_code("torch.linalg.vector_norm", a, "dim=-1"),
    )


def _over_nodes(name: str, **options: Any) -> Callable[[Node, Context], Operation]:
    """A reduction over the node axis; truths and integers are counted in the module's dtype."""
    shown = tuple(f"{key}={value!r}" for key, value in options.items())

    def make(node: Node, context: Context) -> Operation:
        axis = node.payload
        plain = Operation(
            lambda a: getattr(a, name)(axis, **options),
            lambda a: method_code(a, name, axis, *shown),
        )
        if node.inputs[0].type.dtype == "real" or node.type.dtype != "real":
            return plain
        return _with_casts(plain.function, plain.code, [True])

    return make


# --- places --------------------------------------------------------------------------------------


def _index(node: Node, context: Context) -> Operation:
    size = Need("size", context.model.population[node.payload].size)
    if node.type.dtype == "real":
        return Operation(
            lambda n, origin: torch.arange(n, dtype=origin.dtype, device=origin.device),
            lambda n, o: call_code("torch.arange", n, f"dtype={o}.dtype", f"device={o}.device"),
            (size, ORIGIN),
        )
    return Operation(
        lambda n, origin: torch.arange(n, device=origin.device),
        lambda n, origin: call_code("torch.arange", n, f"device={origin}.device"),
        (size, ORIGIN),
    )


def _array(*key: Any) -> Operation:
    return Operation(lambda a: a, lambda a: a, (Need("array", key),))


def _rotary(node: Node, context: Context) -> Operation:
    numbers = (context.number(item) if isinstance(item, Size) else item for item in node.payload)
    return _array("rotary", *numbers)


def _degree(node: Node, context: Context) -> Operation:
    """``degree``, and ``total`` without weights where only the sample tells how many nodes there are."""
    coupling, weight = node.payload if node.op == "total" else (node.payload, None)
    edges = context.edges(coupling)
    if edges.receivers_count is not None and edges.senders_count is not None:
        return _array(node.op, coupling, *([weight] if node.op == "total" else []))
    lowest = 0 if node.op == "total" else 1
    fixed = (edges.kind == "causal", edges.include_self, lowest)
    return _kernel(kernels.count_senders, *fixed, needs=(context.receivers(coupling), ORIGIN))


def _edge(node: Node, context: Context) -> Operation:
    coupling, attribute = node.payload
    if node.type.place.kind == "edges":
        return _array("edge", coupling, attribute)
    if attribute != "one":
        raise ValueError(f"the pairs of {coupling} have no attribute {attribute!r}")
    return _array("literal", ((1.0,),))


def _part(node: Node, context: Context) -> Operation:
    k, count = node.payload
    return Operation(
        lambda a: a.chunk(count, -1)[k],
        lambda a: Code(f"{a:@}.chunk({count}, -1)[{k}]"),
    )


def _at(position: int) -> Callable[[Node, Context], Operation]:
    """``receiver`` (0) and ``sender`` (1): node values at each edge, or along one axis of pairs."""
    name = ("receivers", "senders")[position]

    def make(node: Node, context: Context) -> Operation:
        rank = width_of(node.inputs[0])
        if node.type.place.kind == "pairs":
            return _method("unsqueeze", -rank - 1 - position)
        return Operation(
            lambda a, index: a.index_select(-rank - 1, index),
            lambda a, index: method_code(a, "index_select", -rank - 1, index),
            (Need("array", (name, node.payload)),),
        )

    return make


def _per_receiver(
    of_edges: Callable[..., Any], of_pairs: Callable[..., Any]
) -> Callable[[Node, Context], Operation]:
    """An operation among the edges of each receiver, on an edge list or on pairs."""

    def make(node: Node, context: Context) -> Operation:
        coupling, rank = node.payload, width_of(node.inputs[0])
        edges = context.edges(coupling)
        if edges.kind == "edges":
            needs = (Need("array", ("receivers", coupling)), context.receivers(coupling))
            return _kernel(of_edges, rank, needs=needs)
        needs = (context.receivers(coupling), context.senders(coupling))
        return _kernel(of_pairs, rank, edges.kind == "causal", edges.include_self, needs=needs)

    return make


# --- sums over graphs ----------------------------------------------------------------------------


def _graph_sum(node: Node, context: Context) -> Operation:
    coupling, form, weight = node.payload
    if form not in GRAPH_SUMS:
        raise ValueError(f"no form of graph sum is called {form!r}")
    return GRAPH_SUMS[form](node, context, coupling, weight)


def _each(
    node: Node,
    function: Callable[..., Any],
    fixed: tuple[Any, ...],
    needs: tuple[Need, ...] = (),
) -> Operation:
    """A function of ``kernels`` for each feature by itself: (feature, needs, rank, fixed)."""
    ranks = [width_of(item) for item in node.inputs]
    count = len(ranks)

    def run(*arrays: Any) -> tuple[Any, ...]:
        pairs, rest = zip(arrays[:count], ranks, strict=True), arrays[count:]
        return tuple(function(a, *rest, r, *fixed) for a, r in pairs)

    def spell(*texts: Code) -> Code:
        pairs, rest = zip(texts[:count], ranks, strict=True), texts[count:]
        return _tuple([call_code(function.__name__, a, *rest, r, *fixed) for a, r in pairs])

    return Operation(run, spell, needs, (function,))


def _mean_field(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    edges = context.edges(coupling)
    _uniform(edges.kind == "complete" and weight is None, "mean_field", coupling)
    return _each(node, kernels.sum_nodes, (edges.include_self,), (context.receivers(coupling),))


def _prefix(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    edges = context.edges(coupling)
    _uniform(edges.kind == "causal" and weight is None, "prefix", coupling)
    return _each(node, kernels.sum_before, (edges.include_self,))


def _uniform(fits: bool, form: str, coupling: str) -> None:
    if not fits:
        raise ValueError(f"the graph sum of {coupling} has no {form} form")


def _dense(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    needs = (Need("array", ("dense", coupling, weight)),)
    return _together(node, kernels.dense_sums, needs)


def _csr(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    _uniform(context.edges(coupling).kind == "edges", "csr", coupling)
    needs = tuple(Need("array", ("sparse", coupling, weight, part)) for part in SPARSE_PARTS)
    return _together(node, kernels.sparse_sums, needs)


def _together(node: Node, function: Callable[..., Any], needs: tuple[Need, ...]) -> Operation:
    """One product for all features: function(features, matrix tensors, ranks)."""
    ranks = tuple(width_of(item) for item in node.inputs)
    count = len(ranks)

    def run(*arrays: Any) -> tuple[Any, ...]:
        return function(arrays[:count], arrays[count:], ranks)

    def spell(*texts: Code) -> Code:
        return call_code(function.__name__, _tuple(texts[:count]), _tuple(texts[count:]), ranks)

    return Operation(run, spell, needs, (function,))


GRAPH_SUMS = {"mean_field": _mean_field, "prefix": _prefix, "dense": _dense, "csr": _csr}
"""The forms of a graph sum, as ``choose_forms`` names them."""


def _attention(node: Node, context: Context) -> Operation:
    coupling = node.payload
    edges = context.edges(coupling)
    if edges.kind == "edges" or not edges.include_self:
        raise ValueError(f"{coupling} is neither causal nor complete with itself")
    function = kernels.attend if len(node.type.shape) == 2 else kernels.attend_one_head
    return _kernel(function, edges.kind == "causal")


def _pick(node: Node, context: Context) -> Operation:
    k = node.payload
    return Operation(lambda items: items[k], lambda items: Code(f"{items:@}[{k}]"))


# --- learned and loss ----------------------------------------------------------------------------


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


def _cross_entropy(node: Node, context: Context) -> Operation:
    return _kernel(kernels.mean_cross_entropy, node.inputs[1].type.place_axes == 1)


def _tuple(texts: Sequence[Code]) -> Code:
    inside = ", ".join(code.text for code in texts)
    return Code(f"({inside},)" if len(texts) == 1 else f"({inside})")


OPERATIONS: Mapping[str, Callable[[Node, Context], Operation]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "constant": lambda node, context: _array("literal", node.payload),
    "size": _sized,
    "index": _index,
    "rotary": _rotary,
    "edge": _edge,
    "degree": _degree,
    "total": _degree,
    "part": _part,
    "unsqueeze": _unsqueeze,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "merge": lambda node, context: _method("flatten", -2),
    "dot": _dot,
    "norm": _norm,
    "node_sum": _over_nodes("sum"),
    "node_mean": _over_nodes("mean"),
    "node_std": _over_nodes("std", correction=0),
    "node_min": _over_nodes("amin"),
    "node_max": _over_nodes("amax"),
    "linear": _linear,
    "lookup": _lookup,
    "next": _next,
    "cross_entropy": _cross_entropy,
    "receiver": _at(0),
    "sender": _at(1),
    "edge_sum": _per_receiver(kernels.sum_edges, kernels.sum_pairs),
    "edge_softmax": _per_receiver(kernels.softmax_edges, kernels.softmax_pairs),
    "edge_normalize": _per_receiver(kernels.normalize_edges, kernels.normalize_pairs),
    "graph_sum": _graph_sum,
    "attention": _attention,
    "pick": _pick,
}
"""Leaves (parameter, state, input, variable, output, placeholder, time): see ``routine``."""
