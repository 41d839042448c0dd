"""Graphs with numbered nodes: edges and attributes as arrays, and how a networkx graph becomes one.

numpy is imported inside the functions: a check without a graph file loads none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

Edges = tuple[Any, Any, dict[str, Any]]
"""Receivers and senders (int64 numpy arrays, one entry per edge), and attributes: float64, or
text."""

_WHOLE = re.compile(r"[+-]?\d+")
SHOWN = 4
"""So many node ids are spelled out before the rest is only counted."""


@dataclass(frozen=True, eq=False)
class NodeGraph:
    """A graph whose nodes are numbered from 0.

    ``edges`` are sorted by receiver, then sender. ``attributes`` of the nodes are float64 with NaN,
    or text with '', where a node has none.
    """

    nodes: int
    edges: Edges = field(repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    labels: tuple[str, ...] = field(default=(), repr=False)
    """The ids of the nodes in their own words; empty where they are numbers from 0 anyway."""
    matching: str = ""
    """In words: which id became which number; '' where there was nothing to match."""
    lost: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Edge attributes that cannot be used, and why: only some edges have them, or parallel ones."""
    open: bool = False
    """Whether more nodes may follow, without edges: a list of edges does not say how many."""

    @property
    def edge_attributes(self) -> tuple[str, ...]:
        """The names of what every edge has."""
        return tuple(self.edges[2])


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────


def number_nodes(graph: Iterable[Any]) -> dict[Any, int]:
    """The number of each node: whole-number ids in their order, others in the graph's."""
    labels = list(graph)
    if labels and all(_is_whole(label) for label in labels):
        labels.sort(key=int)
    return {label: place for place, label in enumerate(labels)}


def _is_whole(label: Any) -> bool:
    return type(label) is int or (isinstance(label, str) and _WHOLE.fullmatch(label) is not None)


def matching_of(numbers: Iterable[Any], *, whole: bool = True) -> str:
    """In words: which id, in the order given, became which number; '' for 0 .. n-1 themselves.

    ``whole``: whether these are all ids there are.
    """
    numbers = list(numbers)
    labels = list(map(str, numbers))
    if not labels or labels == [str(k) for k in range(len(labels))]:
        return ""
    if whole and all(_is_whole(label) for label in numbers):
        gaps = int(labels[-1]) - int(labels[0]) + 1 - len(labels)
        skipped = f", {gaps} ids between them unused" if gaps else ""
        last = len(labels) - 1
        return f"ids {labels[0]} .. {labels[-1]} in numeric order are nodes 0 .. {last}{skipped}"
    shown = [f"{label} is node {k}" for k, label in enumerate(labels[:SHOWN])]
    rest = ", and so on" if len(labels) > SHOWN else ""
    counted = all(_is_whole(label) for label in numbers)
    order = "numeric order" if counted else "the order of the file"
    return f"ids in {order}: {', '.join(shown)}{rest}"


def column(values: Sequence[Any]) -> Any:
    """Node or edge values as float64 (NaN for None) or text ('' for None); None where mixed."""
    import numpy

    known = [value for value in values if value is not None]
    if known and all(_is_number(value) for value in known):
        return numpy.array([numpy.nan if v is None else float(v) for v in values])
    if known and all(isinstance(value, str) for value in known):
        return numpy.array(["" if v is None else v for v in values])
    return None


def _is_number(value: Any) -> bool:
    import numpy

    return isinstance(value, int | float | numpy.number | numpy.bool_)


def node_graph_of(graph: Any, *, named: bool = False) -> NodeGraph:
    """A networkx graph with its nodes numbered; ``named``: its ids are words of a file."""
    numbers = number_nodes(graph)
    edges = sort_edges(described_edges(graph), len(numbers))
    data = [graph.nodes[label] for label in numbers]
    names = dict.fromkeys(name for item in data for name in item)
    columns = {name: column([item.get(name) for item in data]) for name in names}
    attributes = {name: values for name, values in columns.items() if values is not None}
    labels = tuple(map(str, numbers)) if named else ()
    said = matching_of(numbers) if named else ""
    lost = _lost(graph, edges) if named else {}
    return NodeGraph(len(numbers), edges, attributes, labels, said, lost)


def _lost(graph: Any, edges: Edges) -> dict[str, str]:
    counts: dict[str, int] = {}
    for *_, item in graph.edges(data=True):
        for name in item:
            counts[name] = counts.get(name, 0) + 1
    total = graph.number_of_edges()
    return {
        name: PARALLEL if n == total else only(n, total)
        for name, n in counts.items()
        if name not in edges[2]
    }


PARALLEL = "parallel edges are made one, and of what they carry only weights can be added up"


def only(count: int, total: int) -> str:
    """Why an attribute that not every edge has cannot be used."""
    return f"{count} of {total} edges have it"


# ── edges ──────────────────────────────────────────────────────────────────────────────────────


def edges_of(graph: Any) -> Edges:
    """The edges of a networkx graph, unsorted: u -> v sends from u to v, undirected both ways.

    Parallel edges become one, their weights added up. Kept are the attributes that every edge has
    as a number; where only some have a weight, the others weigh 1.
    """
    receivers, senders, attributes = described_edges(graph)
    return receivers, senders, {k: v for k, v in attributes.items() if v.dtype.kind == "f"}


def described_edges(graph: Any) -> Edges:
    """The same, with the attributes that every edge has as a text."""
    import numpy

    rows = dict(graph.adjacency())
    numbers = number_nodes(graph)
    degrees = numpy.fromiter(map(len, rows.values()), numpy.int64, len(rows))
    total = int(degrees.sum())
    nodes = numpy.fromiter(map(numbers.__getitem__, rows), numpy.int64, len(rows))
    flat = map(numbers.__getitem__, chain.from_iterable(rows.values()))
    tails, heads = numpy.repeat(nodes, degrees), numpy.fromiter(flat, numpy.int64, total)
    data = chain.from_iterable(row.values() for row in rows.values())
    attributes = _merged(data, total) if graph.is_multigraph() else _shared(list(data))
    # An undirected edge stands in both its rows; taken by receiver it is nearly sorted.
    return (heads, tails, attributes) if graph.is_directed() else (tails, heads, attributes)


def _shared(data: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes that every edge has, as a number or as a text, and weights."""
    if not any(data):
        return {}
    shared = set.intersection(*(set(item) for item in data))
    if any("weight" in item for item in data):
        shared.add("weight")
    columns = {
        name: column([item.get(name, 1 if name == "weight" else None) for item in data])
        for name in sorted(shared)
    }
    return {name: values for name, values in columns.items() if values is not None}


def _merged(data: Any, total: int) -> dict[str, Any]:
    """Attributes of parallel edges made one: weights added up, others kept if none are parallel."""
    import numpy

    bundles = [list(bundle.values()) for bundle in data]
    if all(len(bundle) == 1 for bundle in bundles):
        return _shared([bundle[0] for bundle in bundles])
    weights = (sum(item.get("weight", 1) for item in bundle) for bundle in bundles)
    return {"weight": numpy.fromiter(weights, numpy.float64, total)}


def sort_edges(edges: Edges, senders_count: int) -> Edges:
    """The same edges sorted by receiver, then sender."""
    import numpy

    receivers, senders, attributes = edges
    key = receivers * senders_count + senders
    if (key[1:] > key[:-1]).all():
        return edges
    order = numpy.argsort(key, kind="stable")
    return receivers[order], senders[order], {k: v[order] for k, v in attributes.items()}


def merge_parallel(edges: Edges, senders_count: int) -> Edges:
    """Sorted edges, each pair once: weights added up (1 where there are none), the rest dropped."""
    import numpy

    receivers, senders, attributes = sort_edges(edges, senders_count)
    key = receivers * senders_count + senders
    first = numpy.concatenate([[True], key[1:] != key[:-1]])[: len(key)]
    if first.all():
        return receivers, senders, attributes
    weights = attributes.get("weight", numpy.ones(len(key)))
    merged = {"weight": numpy.bincount(numpy.cumsum(first) - 1, weights)}
    return receivers[first], senders[first], merged


def both_ways(edges: Edges) -> Edges:
    """Every edge and its return; a loop stands once."""
    import numpy

    receivers, senders, attributes = edges
    back = receivers != senders
    joined = {k: numpy.concatenate([v, v[back]]) for k, v in attributes.items()}
    return (
        numpy.concatenate([receivers, senders[back]]),
        numpy.concatenate([senders, receivers[back]]),
        joined,
    )


def without_self(edges: Edges) -> Edges:
    """The same edges, less those from a node to itself."""
    receivers, senders, attributes = edges
    kept = receivers != senders
    if kept.all():
        return edges
    return receivers[kept], senders[kept], {k: v[kept] for k, v in attributes.items()}
