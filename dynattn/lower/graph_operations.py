"""Operations on nodes, edges and pairs: ends, sums, shares, and the forms of a graph sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from dynattn.lower import block_kernels, edge_kernels, kernels, sparse_kernels, sum_kernels
from dynattn.lower.block_arrays import block_operation
from dynattn.lower.code import Code, call_code, method_code, tuple_code
from dynattn.lower.context import EDGE_PARTS, ORIGIN, SPARSE_PARTS, Context, Need, width_of
from dynattn.lower.operation import Operation, fixed_array, kernel_call, method_call
from dynattn.program.nodes import EDGES, OFFSETS, PAIRS, WHOLE, Node, ordered
from dynattn.vocabulary.sizes import Size


def index(node: Node, context: Context) -> Operation:
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


def joined(node: Node, context: Context) -> Operation:
    rank, count = width_of(node) + 1, len(node.inputs)

    def run(*parts: Any) -> Any:
        return kernels.join_nodes(parts, rank)

    def spell(*texts: Code) -> Code:
        return call_code("join_nodes", tuple_code(texts[:count]), rank)

    return Operation(run, spell, (), (kernels.join_nodes,))


def member(node: Node, context: Context) -> Operation:
    """The nodes of one member of a group, whose members all have a fixed number of nodes."""
    group, population = node.payload
    known = context.model.population
    members = known[group].members
    sizes = [context.number(known[name].size) for name in members]
    place = members.index(population)
    first = sum(size or 0 for size in sizes[:place])
    return method_call("narrow", -width_of(node) - 1, first, sizes[place])


def rotary(node: Node, context: Context) -> Operation:
    numbers = (context.number(item) if isinstance(item, Size) else item for item in node.payload)
    return fixed_array("rotary", *numbers)


def degree(node: Node, context: Context) -> Operation:
    """``degree``, and ``total``, which without weights is the number of senders too."""
    coupling, weight = node.payload if node.op == "total" else (node.payload, None)
    edges = context.edges(coupling)
    if edges.receivers_count is not None and edges.senders_count is not None:
        return fixed_array(node.op, coupling, *([weight] if node.op == "total" else []))
    lowest = 0 if node.op == "total" else 1
    fixed = (edges.kind == "causal", edges.include_self, lowest)
    return kernel_call(kernels.count_senders, *fixed, needs=(context.receivers(coupling), ORIGIN))


def edge(node: Node, context: Context) -> Operation:
    coupling, attribute = node.payload
    if node.type.place.kind == "edges":
        return fixed_array("edge", coupling, attribute)
    if node.type.place.kind == "offsets":
        return fixed_array("offset", coupling, attribute)
    if attribute != "one":
        raise ValueError(f"the pairs of {coupling} have no attribute {attribute!r}")
    return fixed_array("literal", ((1.0,),))


def parts(node: Node, context: Context) -> Operation:
    return method_call("chunk", node.payload, -1)


def end_of_edge(position: int) -> Callable[[Node, Context], Operation]:
    """``receiver`` (0) and ``sender`` (1): node values at each edge, or along one axis of pairs."""
    name = ("receivers", "senders")[position]

    def make(node: Node, context: Context) -> Operation:
        rank = width_of(node.inputs[0])
        if node.type.place.kind == "pairs":
            return method_call("unsqueeze", -rank - 1 - position)
        return Operation(
            lambda a, index: a.index_select(-rank - 1, index),
            lambda a, index: method_code(a, "index_select", -rank - 1, index),
            (Need("array", (name, node.payload)),),
        )

    return make


def per_receiver(
    of_edges: Callable[..., Any], of_pairs: Callable[..., Any]
) -> Callable[[Node, Context], Operation]:
    """An operation among the edges of each receiver, on an edge list or on pairs."""

    def make(node: Node, context: Context) -> Operation:
        coupling, rank = node.payload, width_of(node.inputs[0])
        edges = context.edges(coupling)
        if edges.kind == "edges":
            needs = (Need("array", ("receivers", coupling)), context.receivers(coupling))
            return kernel_call(of_edges, rank, needs=needs)
        needs = (context.receivers(coupling), context.senders(coupling))
        return kernel_call(of_pairs, rank, edges.kind == "causal", edges.include_self, needs=needs)

    return make


def edge_sum(node: Node, context: Context) -> Operation:
    """``edge_sum``: of one array, or of numbers times values of the senders; ``edge_mean``."""
    if len(node.inputs) == 1:
        return per_receiver(kernels.sum_edges, kernels.sum_pairs)(node, context)
    coupling, rank = node.payload, width_of(node.inputs[0])
    edges = context.edges(coupling)
    needs = (context.receivers(coupling), context.senders(coupling))
    mean = node.op == "edge_mean"
    fixed = (rank, edges.kind == "causal", edges.include_self, mean)
    return kernel_call(edge_kernels.sum_products, *fixed, needs=needs)


def apart(node: Node, context: Context) -> Operation:
    coupling, rank = node.payload, width_of(node.inputs[0])
    needs = (context.receivers(coupling), context.senders(coupling))
    return kernel_call(kernels.apart_pairs, rank, needs=needs)


def graph_sum(node: Node, context: Context) -> Operation:
    coupling, form, weight = node.payload
    if form not in GRAPH_SUMS:
        raise ValueError(f"no form of graph sum is called {form!r}")
    return GRAPH_SUMS[form](node, context, coupling, weight)


def _one_by_one(
    node: Node,
    function: Callable[..., Any],
    fixed: tuple[Any, ...],
    needs: tuple[Need, ...] = (),
    given: int = 0,
) -> Operation:
    """A function of ``kernels`` for each feature by itself: (feature, needs, rank, fixed); the last
    ``given`` inputs are no features, and come before the needs.
    """
    ranks = [width_of(item) for item in node.inputs[: len(node.inputs) - given]]
    count = len(ranks)

    def run(*arrays: Any) -> tuple[Any, ...]:
        pairs, rest = zip(arrays[:count], ranks, strict=True), arrays[count:]
        return tuple(function(a, *rest, r, *fixed) for a, r in pairs)

    def spell(*texts: Code) -> Code:
        pairs, rest = zip(texts[:count], ranks, strict=True), texts[count:]
        return tuple_code([call_code(function.__name__, a, *rest, r, *fixed) for a, r in pairs])

    return Operation(run, spell, needs, (function,))


def _mean_field(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    edges = context.edges(coupling)
    _uniform(edges.kind == "complete" and weight in (None, WHOLE), "mean_field", coupling)
    whole = edges.include_self or weight == WHOLE
    found = _one_by_one(node, kernels.sum_nodes, (whole,), (context.receivers(coupling),))
    if not whole:
        return found
    ranks = [width_of(item) for item in node.inputs]

    def totals(*arrays: Any) -> tuple[Any, ...]:
        pairs = zip(arrays, ranks, strict=False)
        return tuple(a.sum(-r - 1, keepdim=True) for a, r in pairs)

    return replace(found, shared=totals)


def _prefix(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    edges = context.edges(coupling)
    _uniform(edges.kind == "causal" and weight is None, "prefix", coupling)
    return _one_by_one(node, kernels.sum_before, (edges.include_self,))


def _uniform(fits: bool, form: str, coupling: str) -> None:
    if not fits:
        raise ValueError(f"the graph sum of {coupling} has no {form} form")


def _dense(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    if weight == EDGES:
        counts = (context.receivers(coupling), context.senders(coupling))
        places = Need("array", ("places", coupling))
        return _together(node, sum_kernels.dense_weighed_sums, (places, *counts), given=1)
    needs = (Need("array", ("dense", coupling, weight)),)
    return _together(node, kernels.dense_sums, needs)


def _csr(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    _uniform(context.edges(coupling).kind == "edges", "csr", coupling)
    if weight == EDGES:
        needs = tuple(Need("array", ("entries", coupling, part)) for part in EDGE_PARTS)
        return _together(node, sum_kernels.weighed_sums, needs, given=1)
    needs = tuple(Need("array", ("sparse", coupling, weight, part)) for part in SPARSE_PARTS)
    if points := context.edges(coupling).points:
        return _together(node, partial(sparse_kernels.sums_side_by_side, points=points), needs)
    return _together(node, sparse_kernels.sparse_sums, needs)


def _together(
    node: Node, function: Callable[..., Any], needs: tuple[Need, ...], given: int = 0
) -> Operation:
    """One product for all features: function(features, what makes the matrix, ranks); the last
    ``given`` inputs are no features, and come before the needs.
    """
    count = len(node.inputs) - given
    ranks = tuple(width_of(item) for item in node.inputs[:count])

    def run(*arrays: Any) -> tuple[Any, ...]:
        return function(arrays[:count], arrays[count:], ranks)

    def spell(*texts: Code) -> Code:
        return call_code(
            function.__name__, tuple_code(texts[:count]), tuple_code(texts[count:]), ranks
        )

    return Operation(run, spell, needs, (function,))


def _low_rank(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    needs = tuple(Need("array", ("factors", coupling, weight, part)) for part in ("right", "left"))
    return _together(node, block_kernels.low_rank_sums, needs)


def _weighted(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    """One product of all features with the weights, which are the last input."""
    edges = context.edges(coupling)
    _uniform(edges.kind != "edges" and weight == PAIRS, "weighted", coupling)
    ranks = tuple(width_of(item) for item in node.inputs[:-1])
    made = ordered([node.inputs[-1]])
    shares = node.inputs[-1].op in ("edge_softmax", "edge_normalize")  # 0 where no edge is
    own = None if any(item.op in ("receiver", "sender") for item in made) else False
    itself = True if edges.include_self or shares else own
    fixed = (ranks, edges.kind == "causal" and not shares, itself)

    def run(*arrays: Any) -> tuple[Any, ...]:
        return edge_kernels.weighted_sums(arrays[:-1], arrays[-1], *fixed)

    def spell(*texts: Code) -> Code:
        return call_code("weighted_sums", tuple_code(texts[:-1]), texts[-1], *fixed)

    def ready(weights: Any) -> Any:
        return edge_kernels.matrix_of_edges(weights, *fixed[1:], lasting=True)

    def by_matrix(*arrays: Any) -> tuple[Any, ...]:
        return edge_kernels.sums_by_matrix(arrays[:-1], arrays[-1], ranks)

    ahead = (1, ready, by_matrix)
    return Operation(run, spell, (), (edge_kernels.weighted_sums,), ahead=ahead)


def listed(node: Node, context: Context) -> Operation:
    """``listed``: an array of pairs at the pairs that are edges."""
    coupling, rank = node.payload, width_of(node)
    edges, counts = (
        context.edges(coupling),
        (context.receivers(coupling), context.senders(coupling)),
    )
    if None in (edges.receivers_count, edges.senders_count):
        fixed = (rank, edges.kind == "causal", edges.include_self)
        return kernel_call(edge_kernels.list_own_pairs, *fixed, needs=counts)
    needs = (Need("array", ("places", coupling)), *counts)
    return kernel_call(edge_kernels.list_pairs, rank, needs=needs)


def _window(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    ends = context.edges(coupling).window
    _uniform(ends is not None and weight is None, "window", coupling)
    assert ends is not None
    return _one_by_one(
        node, sum_kernels.window_nodes, (*ends, context.edges(coupling).include_self)
    )


def _roll(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    if sides := context.edges(coupling).sides:
        steps = tuple(map(tuple, context.edges(coupling).steps.tolist()))
        given = weight == OFFSETS
        needs = () if given or weight is None else (Need("array", ("offset", coupling, weight)),)
        plain = kernels.roll_lattice if weight is None else kernels.roll_lattice_weighted
        return _one_by_one(node, plain, (sides, steps), needs, given=int(given))
    offsets = _signed_offsets(context, "roll", coupling)
    if weight is None:
        return _one_by_one(node, kernels.roll_nodes, (offsets,))
    if weight == OFFSETS:
        return _one_by_one(node, kernels.roll_nodes_weighted, (offsets,), given=1)
    weights = Need("array", ("offset", coupling, weight))
    return _one_by_one(node, kernels.roll_nodes_weighted, (offsets,), (weights,))


def _fft(node: Node, context: Context, coupling: str, weight: str | None) -> Operation:
    _uniform(context.edges(coupling).offsets is not None, "fft", coupling)
    sides = context.edges(coupling).sides
    if weight == OFFSETS:
        places = Need("array", ("offsets", coupling))
        if sides:
            convolve = kernels.convolve_lattice_weighted
            return _one_by_one(node, convolve, (sides,), (places,), given=1)
        return _one_by_one(node, kernels.convolve_nodes_weighted, (), (places,), given=1)
    spectrum = Need("array", ("spectrum", coupling, weight))
    if sides:
        return _one_by_one(node, kernels.convolve_lattice, (sides,), (spectrum,))
    return _one_by_one(node, kernels.convolve_nodes, (), (spectrum,))


def _signed_offsets(context: Context, form: str, coupling: str) -> tuple[int, ...]:
    """The offsets, those past half way round counted backwards, so that none names the size."""
    edges = context.edges(coupling)
    _uniform(edges.offsets is not None, form, coupling)
    return tuple(edges.steps[:, 0].tolist())


GRAPH_SUMS = {
    "mean_field": _mean_field, "prefix": _prefix, "window": _window, "roll": _roll, "fft": _fft,
    "dense": _dense, "csr": _csr, "weighted": _weighted, "blocks": block_operation,
    "low_rank": _low_rank,
}  # fmt: skip
"""The forms of a graph sum, as ``choose_forms`` names them."""


def successor(node: Node, context: Context) -> Operation:
    return kernel_call(kernels.later_nodes, node.payload, width_of(node))


def reach(node: Node, context: Context) -> Operation:
    """``reach`` knows its edges only as pairs: of everyone, or causal."""
    (coupling, places), rank = node.payload, width_of(node)
    edges = context.edges(coupling)
    if edges.kind == "edges":
        raise ValueError(f"{coupling} has no pairs")
    needs = (context.receivers(coupling), context.senders(coupling))
    fixed = (rank, edges.kind == "causal", edges.include_self, places)
    return kernel_call(kernels.reach_pairs, *fixed, needs=needs)


def pick(node: Node, context: Context) -> Operation:
    k = node.payload
    return Operation(lambda items: items[k], lambda items: Code(f"{items:@}[{k}]"))
