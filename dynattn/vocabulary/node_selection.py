"""Populations made from the nodes of a graph: which nodes, what they have, and their edges."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dynattn.vocabulary.graph_files import GraphFileError, lacks
from dynattn.vocabulary.node_graph import Edges, NodeGraph, sort_edges

Array = Any
"""A numpy array."""


@dataclass(frozen=True)
class Attribute:
    """A node attribute by name, as an operand of a condition."""

    name: str


@dataclass(frozen=True)
class Condition:
    """``op`` of operands: == != < <= > >= of attributes, numbers and texts; and, or, not."""

    op: str
    operands: tuple[Operand, ...]


Operand = Condition | Attribute | float | str


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


def choose_nodes(graph: NodeGraph, condition: Condition | None, title: str) -> Array:
    """The numbers of the nodes chosen, ascending int64.

    Raises GraphFileError E457 for an attribute that no node has, and for numbers compared with
    texts. A comparison with what a node does not have is false.
    """
    import numpy

    if condition is None:
        return numpy.arange(graph.nodes, dtype=numpy.int64)
    return numpy.flatnonzero(_holds(graph, condition, title))


def _holds(graph: NodeGraph, condition: Condition, title: str) -> Array:
    import numpy

    if condition.op in _COMPARISONS:
        return _compared(graph, condition, title)
    parts = [
        _holds(graph, part, title) for part in condition.operands if isinstance(part, Condition)
    ]
    if condition.op == "not":
        return ~parts[0]
    return (numpy.logical_and if condition.op == "and" else numpy.logical_or)(*parts)


def _compared(graph: NodeGraph, condition: Condition, title: str) -> Array:
    import numpy

    values = [_operand(graph, item, title) for item in condition.operands]
    texts = {value.dtype.kind == "U" for value in values}
    if len(texts) > 1:
        names = [item.name for item in condition.operands if isinstance(item, Attribute)]
        what = f"the node attribute '{names[0]}' of {title}" if names else "a number"
        message = f"{what} is compared with {'another kind' if names else 'a text'}"
        raise GraphFileError("E457", message, "compare numbers with numbers, texts with texts")
    there = numpy.logical_and(*[_is_there(value) for value in values])
    return there & _COMPARISONS[condition.op](*values)


def _is_there(values: Array) -> Array:
    import numpy

    return values != "" if values.dtype.kind == "U" else ~numpy.isnan(values)


def _operand(graph: NodeGraph, item: Operand, title: str) -> Array:
    import numpy

    if isinstance(item, Attribute):
        if item.name not in graph.attributes:
            raise lacks(graph, title, item.name, of="node")
        return graph.attributes[item.name]
    assert not isinstance(item, Condition)
    return numpy.broadcast_to(numpy.asarray(item), (graph.nodes,))


def near_nodes(graph: NodeGraph, nodes: Array, most: int) -> Array:
    """At most that many of the nodes, ascending: those met first on a walk through the graph,
    breadth first, from the node with the most edges.
    """
    import numpy
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    heads, tails, _ = graph.edges
    if len(nodes) <= most or not len(heads):
        return nodes[:most]
    shape = (graph.nodes, graph.nodes)
    links = coo_array((numpy.ones(len(heads), dtype=numpy.int8), (heads, tails)), shape=shape)
    first = int(numpy.argmax(numpy.bincount(numpy.concatenate([heads, tails]))))
    met, _ = breadth_first_order(links.tocsr(), first, directed=False)
    place = numpy.full(graph.nodes, graph.nodes)
    place[met] = numpy.arange(len(met))
    return numpy.sort(nodes[numpy.argsort(place[nodes], kind="stable")[:most]])


def node_values(graph: NodeGraph, nodes: Array, name: str, title: str) -> Array:
    """A node attribute of the chosen nodes, float64 or text; GraphFileError E457 where one has
    none.
    """
    import numpy

    if name not in graph.attributes:
        raise lacks(graph, title, name, of="node")
    values = graph.attributes[name][nodes]
    there = _is_there(values)
    if there.all():
        return values
    node = int(nodes[numpy.argmin(there)])
    label = graph.labels[node] if graph.labels else str(node)
    message = f"node {label} of {title} has no attribute '{name}'"
    raise GraphFileError("E457", message, f"give '{name}' to every node of the population")


def attribute_names(graph: NodeGraph, nodes: Array) -> tuple[str, ...]:
    """The node attributes that all the chosen nodes have."""
    found = graph.attributes.items()
    return tuple(name for name, values in found if _is_there(values[nodes]).all())


def restrict(graph: NodeGraph, receivers: Array, senders: Array) -> Edges:
    """The edges from the nodes ``senders`` to the nodes ``receivers``, renumbered by their places
    there; a group of populations gives the nodes of its members one after the other.
    """
    import numpy

    places = []
    for chosen in (receivers, senders):
        place = numpy.full(graph.nodes, -1, dtype=numpy.int64)
        place[chosen] = numpy.arange(len(chosen))
        places.append(place)
    heads, tails, attributes = graph.edges
    i, j = places[0][heads], places[1][tails]
    kept = (i >= 0) & (j >= 0)
    edges = i[kept], j[kept], {name: values[kept] for name, values in attributes.items()}
    return sort_edges(edges, len(senders))


def joined_nodes(members: Sequence[Array]) -> Array:
    """The nodes of a group, counted through its members."""
    import numpy

    return numpy.concatenate(list(members))
