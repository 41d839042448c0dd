"""What the lowering of a block may ask about: sizes, graphs, and fixed arrays made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy

from dynattn.model.model import Model
from dynattn.model.terms import Place
from dynattn.program.nodes import Node
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.sizes import Size, SizeError

if TYPE_CHECKING:
    from dynattn.network.build import Network
    from dynattn.network.connections import Connections


@dataclass(frozen=True, slots=True)
class Need:
    """Something an operation reads besides its inputs.

    ``origin``: a 0-d tensor of the module's dtype and device. ``size``: a number, key is a Size.
    ``training``: whether the module trains. ``array``: a fixed array, key as ``make_array`` reads
    it. ``white``: where noise comes from. ``array_name``: the full name of a parameter's array in
    the copy of its layer, key is the parameter.
    """

    kind: str
    key: Any = None


ORIGIN = Need("origin")

SPARSE_PARTS = ("starts", "columns", "values", "starts_t", "columns_t", "values_t")
"""A matrix and its transpose in CSR form, in the order SparseProduct takes them."""

EDGE_PARTS = ("starts", "columns", "rows", "order", "starts_t", "columns_t", "order_t")
"""Where the edges stand in a CSR matrix and in its transpose, as WeighedProduct takes it."""


@dataclass(frozen=True)
class Context:
    """A model's sizes and graphs; ``numbers`` are the nodes (by id) that are plain numbers."""

    model: Model = field(repr=False)
    connections: Mapping[str, Connections] = field(repr=False)
    attributes: Mapping[tuple[str, str], Any] = field(default_factory=dict, repr=False)
    """Node attributes by (population, name)."""
    numbers: frozenset[int] = frozenset()
    fixed: Mapping[str, int] = field(default_factory=dict)
    """Parameters that are sizes of arrays: no setting can change them without a new program."""

    def number(self, size: Size) -> int | float | None:
        """The value of a size; None where it depends on a dim."""
        try:
            value = exact_size(size, self.model.sizes)
        except SizeError:
            return None
        return value

    def edges(self, coupling: str) -> Connections:
        """The connections of a coupling."""
        return self.connections[coupling]

    def axes_of(self, place: Place) -> tuple[Need, ...]:
        """The sizes of the axes of a place."""
        if place.kind == "nodes":
            return (Need("size", self.model.population[place.name].size),)
        if place.kind == "pairs":
            return (self.receivers(place.name), self.senders(place.name))
        return (Need("edges", place.name),) if place.kind == "edges" else ()

    def receivers(self, coupling: str) -> Need:
        """How many nodes receive."""
        return Need("size", self.model.population[self.model.coupling[coupling].receiver].size)

    def senders(self, coupling: str) -> Need:
        """How many nodes send."""
        return Need("size", self.model.population[self.model.coupling[coupling].sender].size)


def context_of(model: Model, network: Network) -> Context:
    """The context of a checked model and its network."""
    names = {name for size in model.sizes_used for name in size.names}
    return Context(
        model,
        network.connections,
        network.attributes,
        fixed={name: value for name, value in model.sizes.items() if name in names},
    )


def exact_size(size: Size, sizes: Mapping[str, int]) -> int | float:
    """The number a size is, possibly a fraction; SizeError where a name has no value."""
    try:
        return size.value(sizes)
    except SizeError:
        if not size.names <= set(sizes):
            raise
    total = 0.0
    for monomial, factor in size.terms:
        product = float(factor)
        for name, power in monomial:
            product *= float(sizes[name]) ** power
        total += product
    return total


def rank_of(node: Node) -> int:
    """How many axes behind the batch axes."""
    return node.type.place_axes + len(node.type.shape)


def width_of(node: Node) -> int:
    """How many coordinate axes."""
    return len(node.type.shape)


def static_numbers(nodes: tuple[Node, ...], context: Context) -> dict[int, Any]:
    """Nodes that are plain numbers, by id: their value, or None where it depends on a dim."""
    found: dict[int, Any] = {}
    for node in nodes:
        payload: Any = node.payload
        if node.op == "constant" and not isinstance(node.payload, tuple):
            found[id(node)] = payload
        elif node.op == "parameter" and payload in context.fixed:
            found[id(node)] = context.fixed[payload]
        elif node.op == "size":
            found[id(node)] = context.number(payload)
        elif node.inputs and all(id(item) in found for item in node.inputs):
            values = [found[id(item)] for item in node.inputs]
            if node.op == "unsqueeze":
                found[id(node)] = values[0]
            elif node.op in ELEMENTWISE:
                found[id(node)] = _fold(node.op, values)
    return found


def _fold(op: str, values: list[Any]) -> Any:
    if any(value is None for value in values):
        return None
    with numpy.errstate(all="ignore"):
        # numpy numbers: 1/0 is inf here as it is in the arrays, not an exception
        result = ELEMENTWISE[op].value(numpy, *[numpy.asarray(value)[()] for value in values])
    return numpy.asarray(result).item()


def make_array(key: tuple[Any, ...], context: Context) -> Any:
    """The fixed array of a key, as numpy: int64 for numbers of nodes, int32 in sparse matrices,
    else float64 or complex128.

    Keys: ``(receivers | senders | degree, coupling)``, ``(edge, coupling, attribute)``; of each
    two opposite edges one ``(once_receivers | once_senders, coupling)``, ``(once, coupling,
    attribute)``;
    ``(node, population, attribute)``,
    ``(total | dense, coupling, attribute or None)``,
    ``(sparse | blocks | factors, coupling, attribute or None, part)``,
    ``(entries, coupling, part)``,
    ``(places, coupling)`` where edges are pairs,
    ``(offsets, coupling)``, ``(offset | spectrum, coupling, attribute or None)`` where all nodes
    hear the same offsets, ``(rotary, size, heads)`` and ``(axis, first, count, axes behind)`` in
    numbers, ``(literal, nested tuple)``.
    """
    kind, *rest = key
    if kind == "literal":
        return numpy.asarray(rest[0])
    if kind == "axis":
        first, count, behind = rest
        return numpy.arange(first, first + count).reshape(count, *[1] * behind)
    if kind == "rotary":
        size, heads = rest
        within = size // heads
        return numpy.tile(10000.0 ** (-numpy.arange(within) / within), heads)
    if kind == "node":
        return context.attributes[rest[0], rest[1]]
    edges = context.edges(rest[0])
    match kind:
        case "receivers" | "senders":
            return getattr(edges, kind)
        case "once" | "once_receivers" | "once_senders":
            return _once(edges, kind, *rest[1:])
        case "degree":
            return numpy.maximum(edges.degree(), 1).astype(numpy.float64)
        case "total":
            return _total(edges, rest[1])
        case "edge" if rest[1] == "one":
            return numpy.ones(edges.edge_count or 0)
        case "edge":
            return edges.attributes[rest[1]]
        case "offsets":
            return edges.offsets
        case "entries":
            return _entries(edges)[EDGE_PARTS.index(rest[1])]
        case "places":
            receivers, senders = _pairs(edges)
            return receivers * edges.senders_count + senders
        case "offset":
            return _per_offset(edges, rest[1])
        case "spectrum":
            return _spectrum(edges, rest[1])
        case "dense":
            return _dense(edges, rest[1])
        case "blocks" | "factors":
            from dynattn.lower.block_arrays import block_array

            return block_array(edges, rest[1], rest[2])
    return _sparse(edges, rest[1])[SPARSE_PARTS.index(rest[2])]


def _once(edges: Any, kind: str, attribute: str = "one") -> Any:
    """What of each two opposite edges one has."""
    if kind != "once":
        return getattr(edges, kind.removeprefix("once_"))[edges.once]
    values = edges.attributes[attribute] if attribute != "one" else numpy.ones(edges.edge_count)
    return values[edges.once]


def _total(edges: Any, attribute: str | None) -> Any:
    """The sum of the weights of each receiver's edges; [points, receivers] of several graphs."""
    receivers, _ = _pairs(edges)
    weights = _weights(edges, attribute) if attribute else numpy.ones(len(receivers))
    count = (edges.receivers_count or 0) * (edges.points or 1)
    found = numpy.bincount(receivers, weights, count)
    return found.reshape(edges.points, -1) if edges.points else found


def _weights(edges: Any, attribute: str | None) -> Any:
    if attribute is None:
        return numpy.ones(len(edges.receivers))
    if attribute not in edges.attributes:
        raise ValueError(f"the edges have no fixed attribute {attribute!r} to weigh a graph sum by")
    return edges.attributes[attribute]


def _per_offset(edges: Any, attribute: str | None) -> Any:
    if attribute in (None, "one"):
        return numpy.ones(len(edges.offsets))
    if attribute not in edges.listed:
        raise ValueError(f"the edges have no fixed attribute {attribute!r} to weigh a graph sum by")
    return edges.listed[attribute]


def _spectrum(edges: Any, attribute: str | None) -> Any:
    """What the Fourier transform of a feature is multiplied by: [n//2 + 1, real and imaginary],
    or [sides.., last//2 + 1, real and imaginary] of a lattice.
    """
    row = numpy.zeros(edges.receivers_count)
    row[edges.offsets] = _per_offset(edges, attribute)
    values: Any = numpy.conj(numpy.fft.rfftn(row.reshape(edges.sides or row.shape)))
    return numpy.stack([values.real, values.imag], -1)


def _pairs(edges: Any) -> tuple[Any, Any]:
    """Receiver and sender of every edge, also of a complete or causal graph of known size."""
    if edges.receivers is not None:
        return edges.receivers, edges.senders
    i, j = numpy.indices((edges.receivers_count, edges.senders_count)).reshape(2, -1)
    kept = (j <= i) if edges.kind == "causal" else numpy.ones(len(i), bool)
    kept = kept if edges.include_self else kept & (i != j)
    return i[kept], j[kept]


def _dense(edges: Any, attribute: str | None) -> Any:
    receivers, senders = _pairs(edges)
    matrix = numpy.zeros((edges.receivers_count, edges.senders_count))
    weights = numpy.ones(len(receivers)) if attribute is None else _weights(edges, attribute)
    numpy.add.at(matrix, (receivers, senders), weights)
    return matrix


def _sparse(edges: Any, attribute: str | None) -> tuple[Any, ...]:
    counts = tuple((edges.points or 1) * n for n in (edges.receivers_count, edges.senders_count))
    return sparse_arrays(edges.receivers, edges.senders, _weights(edges, attribute), counts)


def sparse_arrays(rows: Any, columns: Any, values: Any, counts: tuple[int, int]) -> tuple[Any, ...]:
    """starts, columns, values of the matrix, sorted by row, then those of its transpose."""
    order, kind = numpy.lexsort((rows, columns)), _index(len(values))
    return (
        _starts(rows, counts[0]), columns.astype(kind), values,
        _starts(columns, counts[1]), rows[order].astype(kind), values[order],
    )  # fmt: skip


def _starts(rows: Any, count: int) -> Any:
    ends = numpy.cumsum(numpy.bincount(rows, minlength=count))
    return numpy.concatenate([[0], ends]).astype(_index(len(rows)))


def _index(count: int) -> Any:
    """The integers of a sparse matrix: the shorter, the faster it is read."""
    return numpy.int32 if count < 2**31 else numpy.int64


def _entries(edges: Any) -> tuple[Any, ...]:
    """``EDGE_PARTS`` of a list of edges."""
    receivers, senders, kind = edges.receivers, edges.senders, _index(len(edges.receivers))
    order = numpy.lexsort((receivers, senders))
    back = numpy.empty_like(order)
    back[order] = numpy.arange(len(order))
    whole = (senders, receivers, order)
    columns, rows, order = (a.astype(kind) for a in whole)
    return (
        _starts(receivers, edges.receivers_count), columns, rows, order,
        _starts(senders, edges.senders_count), rows[order], back.astype(kind),
    )  # fmt: skip


def array_name(key: tuple[Any, ...]) -> str:
    """The buffer name of a fixed array."""
    if key[0] == "literal":
        numbers = str(key[1]).replace("-", "minus").replace(".", "point")
        key = ("numbers", *"".join(c if c.isalnum() else " " for c in numbers).split())
    words = [str(part) for part in key if part is not None]
    return "_".join("".join(c if c.isalnum() else "_" for c in word) for word in words)
