"""Coupling graphs that the tests draw."""

from __future__ import annotations

import importlib.util

import networkx
import numpy
import pytest

from dynattn.network.connections import Connections, edges_of, sort_edges
from dynattn.network.structure import classify
from dynattn.present.parts import CouplingEdges, GraphParts, NodeState

AWKWARD = ("node", "edge", "graph", "E:1", 'a"b', "θ", "two words", "a<b>&c", "x->y", "1.5")


def kuramoto() -> networkx.MultiDiGraph:
    graph = networkx.MultiDiGraph(name="kuramoto")
    graph.add_node("osc", kind="population", size="500", manifold="theta on circle")
    graph.add_edge(
        "osc", "osc", key="pull", kind="coupling", kernel="sin(theta[j] - theta[i])",
        graph="watts_strogatz_graph(n=500)", edges="5000", frustration="alpha", strength="K",
        normalize="degree", delay=None, layer="",
    )  # fmt: skip
    return graph


def awkward() -> networkx.MultiDiGraph:
    graph = networkx.MultiDiGraph()
    for name in AWKWARD:
        graph.add_node(name, size="3", manifold="x on real")
        graph.add_edge(name, name, key=f'loop of "{name}"', kernel="x[j] < 1 & x[i] > 0")
    graph.add_edge("node", "E:1", key="node")
    return graph


def hide_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "pygraphviz" else found(name, *rest),
    )


def connect(graph: networkx.Graph) -> Connections:
    nodes = graph.number_of_nodes()
    edges = sort_edges(edges_of(graph), nodes)
    structure = classify(edges, nodes, nodes)
    if structure == "complete":
        return Connections("complete", nodes, nodes, False, structure=structure)
    return Connections("edges", nodes, nodes, True, *edges, structure)


def parts(graph: networkx.Graph, values: numpy.ndarray | None = None) -> GraphParts:
    nodes = graph.number_of_nodes()
    diagram = networkx.MultiDiGraph()
    diagram.add_node("osc", size=str(nodes))
    diagram.add_edge("osc", "osc", key="pull", kernel="sin(theta[j] - theta[i])")
    states = {} if values is None else {"osc": NodeState("osc.theta", values, cyclic=True)}
    coupling = CouplingEdges("pull", "osc", "osc", connect(graph))
    return GraphParts("kuramoto", diagram, {"osc": nodes}, (coupling,), states)


def two_populations() -> GraphParts:
    diagram = networkx.MultiDiGraph()
    diagram.add_edge("E", "I", key="ei")
    edges = Connections(
        "edges", 2, 3, True, numpy.array([0, 1, 1]), numpy.array([2, 0, 1]),
        {"weight": numpy.array([0.5, 1.5, 2.5])}, "sparse",
    )  # fmt: skip
    return GraphParts("EI", diagram, {"E": 3, "I": 2}, (CouplingEdges("ei", "E", "I", edges),))


def small_world(nodes: int) -> networkx.Graph:
    return networkx.watts_strogatz_graph(nodes, 4, 0.1, seed=1)
