"""The edges of one coupling as arrays, and how a networkx graph becomes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy

from dynattn.vocabulary.graphs import Edges

Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Connections:
    """Who sends to whom in one coupling.

    Counts are None for a population indexed by a dim, whose length each sample has itself; those of
    an edge list are always known.
    """

    kind: str
    """``complete``, ``causal`` (senders up to and with the receiver's number), or ``edges``."""
    receivers_count: int | None
    senders_count: int | None
    include_self: bool
    """Complete and causal: whether node i sends to node i."""
    receivers: Array | None = field(default=None, repr=False)
    senders: Array | None = field(default=None, repr=False)
    """int64 numbers of nodes, one entry per edge, sorted by receiver, then sender."""
    attributes: Mapping[str, Array] = field(default_factory=dict, repr=False)
    """float64 numbers per edge, in the same order."""
    structure: str = ""
    """``complete``, ``causal``, ``circulant``, ``sparse``, ``dense`` or ``empty``."""

    @property
    def edge_count(self) -> int | None:
        """How many edges there are; None where it depends on the sample."""
        if self.receivers is not None:
            return len(self.receivers)
        if self.receivers_count is None or self.senders_count is None:
            return None
        return int(self.degree().sum())

    @property
    def density(self) -> float:
        """Edges over pairs (receiver, sender); over a dim, what long samples tend to."""
        if self.receivers_count is None or self.senders_count is None:
            return 1.0 if self.kind == "complete" else 0.5
        pairs = self.receivers_count * self.senders_count
        return (self.edge_count or 0) / pairs if pairs else 0.0

    def degree(self, nodes: int | None = None) -> Array:
        """The number of senders of each receiver; ``nodes`` is the length of the sample."""
        receivers = self.receivers_count if self.receivers_count is not None else nodes
        senders = self.senders_count if self.senders_count is not None else nodes
        if receivers is None or senders is None:
            raise ValueError("the number of nodes is the sample's own: degree(nodes) needs it")
        if self.receivers is not None:
            return numpy.bincount(self.receivers, minlength=receivers)
        number = numpy.arange(receivers)
        up_to = number + 1 if self.kind == "causal" else numpy.full(receivers, senders)
        own = 0 if self.include_self else (number < senders).astype(numpy.int64)
        return numpy.minimum(up_to, senders) - own

    def rows(self) -> Array:
        """CSR row pointers: the edges of receiver i are rows()[i] to rows()[i + 1]."""
        return numpy.concatenate([[0], numpy.cumsum(self.degree())])


def number_nodes(graph: Any) -> dict[Any, int]:
    """The number of each node: whole-number labels in their order, others in the graph's."""
    labels = list(graph)
    if all(type(label) is int for label in labels):
        labels.sort()
    return {label: place for place, label in enumerate(labels)}


def edges_of(graph: Any) -> Edges:
    """The edges of a networkx graph, unsorted: u -> v sends from u to v, undirected both ways.

    Parallel edges become one, their weights added up. Kept are the attributes that every edge has
    as a number; where only some have a weight, the others weigh 1.
    """
    rows = dict(graph.adjacency())
    numbers = number_nodes(graph)
    degrees = numpy.fromiter(map(len, rows.values()), numpy.int64, len(rows))
    total = int(degrees.sum())
    nodes = numpy.fromiter(map(numbers.__getitem__, rows), numpy.int64, len(rows))
    flat = map(numbers.__getitem__, chain.from_iterable(rows.values()))
    tails, heads = numpy.repeat(nodes, degrees), numpy.fromiter(flat, numpy.int64, total)
    data = chain.from_iterable(row.values() for row in rows.values())
    attributes = _merged(data, total) if graph.is_multigraph() else _numbers(list(data))
    # An undirected edge stands in both its rows; taken by receiver it is nearly sorted.
    return (heads, tails, attributes) if graph.is_directed() else (tails, heads, attributes)


def _numbers(data: list[Mapping[str, Any]]) -> dict[str, Array]:
    """The attributes that every edge has as a number, and weights."""
    if not any(data):
        return {}
    shared = set.intersection(*(set(item) for item in data))
    names = {name for name in shared if all(_is_number(item[name]) for item in data)}
    if any("weight" in item for item in data) and "weight" not in shared:
        names.add("weight")
    return {
        name: numpy.fromiter((item.get(name, 1) for item in data), numpy.float64, len(data))
        for name in sorted(names)
    }


def _merged(data: Any, total: int) -> dict[str, Array]:
    """Attributes of parallel edges made one: weights added up, others kept if none are parallel."""
    bundles = [list(bundle.values()) for bundle in data]
    if all(len(bundle) == 1 for bundle in bundles):
        return _numbers([bundle[0] for bundle in bundles])
    weights = (sum(item.get("weight", 1) for item in bundle) for bundle in bundles)
    return {"weight": numpy.fromiter(weights, numpy.float64, total)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | numpy.number)


def sort_edges(edges: Edges, senders_count: int) -> Edges:
    """The same edges sorted by receiver, then sender."""
    receivers, senders, attributes = edges
    key = receivers * senders_count + senders
    if (key[1:] > key[:-1]).all():
        return edges
    order = numpy.argsort(key, kind="stable")
    return receivers[order], senders[order], {k: v[order] for k, v in attributes.items()}


def without_self(edges: Edges) -> Edges:
    """The same edges, less those from a node to itself."""
    receivers, senders, attributes = edges
    kept = receivers != senders
    if kept.all():
        return edges
    return receivers[kept], senders[kept], {k: v[kept] for k, v in attributes.items()}
