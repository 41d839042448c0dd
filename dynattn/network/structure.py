"""What structure the edges of a coupling have, and the facts about them worth telling."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy

from dynattn.model.parts import Coupling
from dynattn.model.terms import Term, walk
from dynattn.network.connections import Array, Connections
from dynattn.vocabulary.graphs import Edges

DENSE = 0.25
"""From this share of all pairs on, an edge list counts as dense."""


@dataclass(frozen=True)
class Facts:
    """The facts about one coupling's edges; None where samples differ or it means nothing."""

    structure: str
    receivers: int | None
    senders: int | None
    edges: int | None
    density: float
    degree_min: int | None
    degree_mean: float | None
    degree_max: int | None
    """Of the number of senders per receiver."""
    components: int | None
    """Parts with no edge between them, directions aside."""
    self_loops: int | None
    symmetric: bool | None
    """Whether every edge runs both ways with the same weight; None between two populations."""
    weighted: bool


def edge_terms(coupling: Coupling) -> Iterator[Term]:
    """Where a coupling reads an attribute of its own edges."""
    clauses = (coupling.kernel, coupling.weight, coupling.strength, *coupling.reads)
    written = walk(*(term for term in clauses if term is not None))
    yield from (term for term in written if term.op == "edge")


def used_attributes(coupling: Coupling) -> frozenset[str]:
    """The edge attributes that a coupling reads, ``weight`` where it multiplies by itself."""
    own = {"weight"} if coupling.edge_weights else set()
    return frozenset({str(term.payload) for term in edge_terms(coupling)} | own)


def connections_of(
    edges: Edges, counts: tuple[int, int], used: Collection[str] = ()
) -> Connections:
    """Sorted edges as Connections: with no list where all pairs or the same offsets are there."""
    receivers, senders, described = edges
    numbers = {name: values for name, values in described.items() if values.dtype.kind == "f"}
    words = {name: values for name, values in described.items() if name not in numbers}
    needed = {name: values for name, values in numbers.items() if name in used}
    if classify((receivers, senders, needed), *counts) == "complete":
        return Connections("complete", *counts, False, structure="complete")
    structure = classify((receivers, senders, numbers), *counts)
    if structure == "circulant" and not words:
        degree = len(receivers) // counts[0]
        first = {name: values[:degree] for name, values in numbers.items()}
        return round_connections(counts[0], senders[:degree], first, used)
    loops = bool((receivers == senders).any())
    return Connections("edges", *counts, loops, receivers, senders, numbers, structure, words=words)


def round_connections(
    nodes: int, offsets: Array, attributes: Mapping[str, Array], used: Collection[str] = ()
) -> Connections:
    """Connections of nodes that all hear the same offsets, counted round; nothing per edge."""
    everyone = len(offsets) == nodes - 1 and (offsets > 0).all()
    if everyone and nodes > 1 and not set(attributes) & set(used):
        return Connections("complete", nodes, nodes, False, structure="complete")
    if not len(offsets):
        return Connections("edges", nodes, nodes, False, offsets, offsets, {}, "empty")
    loops = bool((offsets == 0).any())
    return Connections(
        "edges", nodes, nodes, loops, listed=attributes, structure="circulant", offsets=offsets
    )


def lattice_connections(sides: tuple[int, ...], offsets: Array) -> Connections:
    """Connections of a lattice closed in every direction, every node with the same neighbours."""
    nodes = int(numpy.prod(sides))
    if len(offsets) == nodes - 1:
        return Connections("complete", nodes, nodes, False, structure="complete")
    return Connections(
        "edges", nodes, nodes, False, structure="lattice", offsets=offsets, sides=sides
    )


def classify(edges: Edges, receivers_count: int, senders_count: int) -> str:
    """``complete``, ``circulant``, ``dense``, ``sparse`` or ``empty``, of sorted edges.

    Complete: every node hears every other, no edge has an attribute. Circulant: see is_circulant.
    """
    receivers, senders, attributes = edges
    count = len(receivers)
    if not count:
        return "empty"
    square = receivers_count == senders_count
    loops = int((receivers == senders).sum())
    if square and not attributes and not loops and count == senders_count * (senders_count - 1):
        return "complete"
    if square and is_circulant(edges, senders_count):
        return "circulant"
    return "dense" if count >= DENSE * receivers_count * senders_count else "sparse"


def is_circulant(edges: Edges, nodes: int) -> bool:
    """Whether all nodes hear the same offsets j - i (modulo the number of nodes) alike."""
    receivers, senders, attributes = edges
    degree, rest = divmod(len(receivers), nodes)
    if rest or (receivers != numpy.repeat(numpy.arange(nodes), degree)).any():
        return False
    offsets = ((senders - receivers) % nodes).reshape(nodes, degree)
    order = numpy.argsort(offsets, axis=1)
    arrays = [offsets, *(values.reshape(nodes, degree) for values in attributes.values())]
    ordered = (numpy.take_along_axis(values, order, axis=1) for values in arrays)
    return all((values == values[0]).all() for values in ordered)


def measure(connections: Connections, *, one_population: bool = True) -> Facts:
    """The facts; ``one_population``: receivers and senders are the same nodes."""
    known = connections.receivers_count is not None and connections.senders_count is not None
    degree = connections.degree() if known else None
    some = degree if degree is not None and len(degree) else None
    return Facts(
        structure=connections.structure,
        receivers=connections.receivers_count,
        senders=connections.senders_count,
        edges=connections.edge_count,
        density=connections.density,
        degree_min=None if some is None else int(some.min()),
        degree_mean=None if some is None else float(some.mean()),
        degree_max=None if some is None else int(some.max()),
        components=_components(connections, one_population) if known else None,
        self_loops=_self_loops(connections) if known and one_population else None,
        symmetric=_is_symmetric(connections) if one_population else None,
        weighted="weight" in connections.attributes,
    )


def _components(connections: Connections, one_population: bool) -> int | None:
    if connections.structure == "lattice" and one_population:
        return 1  # its offsets are steps along every side
    if connections.offsets is not None and one_population:
        return int(numpy.gcd.reduce([connections.receivers_count or 0, *connections.offsets]))
    if connections.receivers is None or connections.senders is None:
        return _whole_components(connections, one_population)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = connections.receivers, connections.senders
    size = connections.receivers_count or 0
    if not one_population:
        columns, size = columns + size, size + (connections.senders_count or 0)
    if not size:
        return 0
    ones = numpy.ones(len(rows), dtype=numpy.int8)
    matrix = coo_array((ones, (rows, columns)), shape=(size, size)).tocsr()
    return int(connected_components(matrix, directed=False)[0])


def _whole_components(connections: Connections, one_population: bool) -> int | None:
    if one_population:
        return min(connections.receivers_count or 0, 1)
    whole = connections.kind == "complete" and connections.include_self
    return 1 if whole and connections.edge_count else None


def _self_loops(connections: Connections) -> int:
    if connections.offsets is not None:
        return int((connections.offsets == 0).sum()) * (connections.receivers_count or 0)
    if connections.receivers is None or connections.senders is None:
        nodes = min(connections.receivers_count or 0, connections.senders_count or 0)
        return nodes if connections.include_self else 0
    return int((connections.receivers == connections.senders).sum())


def _is_symmetric(connections: Connections) -> bool:
    if connections.offsets is not None:
        return _turns_round(connections)
    if connections.receivers is None or connections.senders is None:
        return connections.kind == "complete"
    size = connections.senders_count or 0
    turned = connections.senders * size + connections.receivers
    order = numpy.argsort(turned, kind="stable")
    if (turned[order] != connections.receivers * size + connections.senders).any():
        return False
    weight = connections.attributes.get("weight")
    return weight is None or bool((weight == weight[order]).all())


def _turns_round(connections: Connections) -> bool:
    """Whether to every offset there is the opposite one, of the same weight."""
    back = connections.opposite
    order = numpy.argsort(back)
    if (back[order] != connections.offsets).any():
        return False
    weight = connections.listed.get("weight")
    return weight is None or bool((weight[order] == weight).all())
