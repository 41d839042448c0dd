"""Sums and products of graphs: weights of equal edges added up, or multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dynattn.vocabulary.graphs import GraphError
from dynattn.vocabulary.node_graph import Edges, NodeGraph

Array = Any
"""A numpy array."""


def add_graphs(g: NodeGraph, h: NodeGraph) -> NodeGraph:
    """The edges of both; where both have one its weights add up (1 where there are none).

    Kept are weights, and attributes that both have and that agree where the edges meet.
    """
    import numpy

    g, h = _same_size(g, h, "sum")
    (i, a), (j, b) = (_keyed(graph) for graph in (g, h))
    keys = numpy.union1d(i, j)
    at_g, at_h = numpy.searchsorted(keys, i), numpy.searchsorted(keys, j)
    met = numpy.isin(keys, i) & numpy.isin(keys, j)
    attributes = {}
    if "weight" in a or "weight" in b or met.any():
        weight = numpy.zeros(len(keys))
        weight[at_g] += _weights(a, len(i))
        weight[at_h] += _weights(b, len(j))
        attributes["weight"] = weight
    for name in (set(a) & set(b)) - {"weight"}:
        values = numpy.zeros(len(keys), dtype=numpy.result_type(a[name], b[name]))
        values[at_g] = a[name]
        agree = not met.any() or (values[at_h][met[at_h]] == b[name][met[at_h]]).all()
        values[at_h] = b[name]
        if agree:
            attributes[name] = values
    return _joined(g, h, (keys // g.nodes, keys % g.nodes, attributes))


def multiply_graphs(g: NodeGraph, h: NodeGraph) -> NodeGraph:
    """The edges that both have, weights multiplied; attributes of both, the first's where both."""
    import numpy

    g, h = _same_size(g, h, "product")
    (i, a), (j, b) = (_keyed(graph) for graph in (g, h))
    keys, at_g, at_h = numpy.intersect1d(i, j, assume_unique=True, return_indices=True)
    attributes = {name: values[at_h] for name, values in b.items()}
    attributes |= {name: values[at_g] for name, values in a.items()}
    if "weight" in a or "weight" in b:
        attributes["weight"] = _weights(a, len(i))[at_g] * _weights(b, len(j))[at_h]
    return _joined(g, h, (keys // g.nodes, keys % g.nodes, attributes))


def _same_size(g: NodeGraph, h: NodeGraph, what: str) -> tuple[NodeGraph, NodeGraph]:
    """Both with the same number of nodes; a list of edges takes on the other's."""
    most = max(g.nodes, h.nodes)
    g, h = (replace(graph, nodes=most) if graph.open else graph for graph in (g, h))
    if g.nodes != h.nodes:
        raise GraphError(f"the {what} joins a graph of {g.nodes} nodes and one of {h.nodes}")
    return g, h


def _keyed(graph: NodeGraph) -> tuple[Array, Mapping[str, Array]]:
    receivers, senders, attributes = graph.edges
    return receivers * graph.nodes + senders, attributes


def _weights(attributes: Mapping[str, Array], count: int) -> Array:
    import numpy

    return attributes.get("weight", numpy.ones(count))


def _joined(g: NodeGraph, h: NodeGraph, edges: Edges) -> NodeGraph:
    matching = "; ".join(dict.fromkeys(filter(None, (g.matching, h.matching))))
    return NodeGraph(
        g.nodes, edges, {**h.attributes, **g.attributes}, g.labels or h.labels, matching,
        open=g.open and h.open,
    )  # fmt: skip
