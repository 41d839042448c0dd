"""What structure edges have, and the facts about them, against networkx's own answers."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynattn.model.parts import GraphUse
from dynattn.network.build import build_network
from dynattn.network.connections import Connections, edges_of, sort_edges
from dynattn.network.structure import Facts, classify, measure
from tests.network.small_models import coupling, generator, model, over, population


def connections(graph: networkx.Graph) -> Connections:
    nodes = len(graph)
    edges = sort_edges(edges_of(graph), nodes)
    return Connections("edges", nodes, nodes, True, *edges, structure=classify(edges, nodes, nodes))


def weighted(graph: networkx.Graph, weights: list[float]) -> networkx.Graph:
    for (u, v), weight in zip(graph.edges, weights, strict=True):
        graph.edges[u, v]["weight"] = weight
    return graph


@pytest.mark.parametrize(
    ("graph", "structure"),
    [
        (networkx.complete_graph(5), "complete"),
        (networkx.cycle_graph(9), "circulant"),
        (networkx.cycle_graph(9, create_using=networkx.DiGraph), "circulant"),
        (networkx.circulant_graph(11, [1, 3, 4]), "circulant"),
        (weighted(networkx.cycle_graph(5), [2.0] * 5), "circulant"),
        (weighted(networkx.cycle_graph(5), [2.0, 2.0, 2.0, 2.0, 3.0]), "dense"),
        (weighted(networkx.complete_graph(3), [1.0, 2.0, 3.0]), "dense"),
        (networkx.path_graph(9), "sparse"),
        (networkx.petersen_graph(), "dense"),
        (networkx.random_regular_graph(3, 40, seed=1), "sparse"),
        (networkx.gnp_random_graph(20, 0.6, seed=1), "dense"),
        (networkx.empty_graph(4), "empty"),
    ],
)
def test_structure(graph, structure):
    assert connections(graph).structure == structure


def test_a_circulant_graph_with_its_nodes_renamed_is_none():
    ring = networkx.relabel_nodes(networkx.cycle_graph(12), {1: 5, 5: 1})
    assert connections(ring).structure == "sparse"


@given(
    st.integers(1, 9),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 2)), max_size=30),
)
def test_facts_are_those_of_networkx(n, directed, edges):
    graph = networkx.DiGraph() if directed else networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from((u % n, v % n, w) for u, v, w in edges)
    matrix = networkx.to_numpy_array(graph, nodelist=range(n))
    facts = measure(connections(graph))
    degrees = (matrix != 0).sum(0)
    assert (facts.degree_min, facts.degree_max) == (degrees.min(), degrees.max())
    assert facts.degree_mean == pytest.approx(degrees.mean())
    assert facts.edges == degrees.sum()
    assert facts.self_loops == networkx.number_of_selfloops(graph)
    assert facts.components == networkx.number_connected_components(networkx.Graph(graph))
    assert facts.symmetric == bool((matrix == matrix.T).all())
    assert facts.weighted == bool(edges)


def test_facts_between_two_populations_count_both_sides():
    spec = model(
        (population("a", 4), population("b", 4)),
        (coupling(GraphUse("one_to_one", "", (("n", 4),), True), "a", "b"),),
    )
    facts = build_network(spec).facts("c")
    assert (facts.components, facts.self_loops, facts.symmetric) == (4, None, None)


def test_facts_of_everyone():
    spec = model((population("a", 5),), (coupling(GraphUse("everyone")),))
    assert build_network(spec).facts("c") == Facts(
        structure="complete", receivers=5, senders=5, edges=20, density=0.8, degree_min=4,
        degree_mean=4.0, degree_max=4, components=1, self_loops=0, symmetric=True, weighted=False,
    )  # fmt: skip


def test_facts_over_a_dim_are_those_that_hold_for_every_length():
    use = GraphUse("causal", include_self=True)
    spec = model((population("a", "T"),), (coupling(use),), dims=("T",))
    assert build_network(spec).facts("c") == Facts(
        structure="causal", receivers=None, senders=None, edges=None, density=0.5, degree_min=None,
        degree_mean=None, degree_max=None, components=None, self_loops=None, symmetric=False,
        weighted=False,
    )  # fmt: skip


def test_a_graph_in_parts():
    use = generator("caveman_graph", l=3, k=4)
    assert build_network(over(use, 12)).facts("c").components == 3
