"""networkx graphs as edge arrays: direction, order of nodes, loops, parallel edges, attributes."""

from __future__ import annotations

import networkx
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynattn.network.connections import (
    Connections,
    edges_of,
    number_nodes,
    sort_edges,
    without_self,
)


def pairs(graph: networkx.Graph) -> list[tuple[int, int]]:
    """(receiver, sender) of every edge, sorted."""
    receivers, senders, _ = sort_edges(edges_of(graph), len(graph))
    return list(zip(receivers.tolist(), senders.tolist(), strict=True))


def test_an_edge_sends_from_its_first_node_to_its_second():
    graph = networkx.DiGraph([(0, 1)])
    assert pairs(graph) == [(1, 0)]


def test_a_directed_chain_is_heard_downstream():
    graph = networkx.DiGraph([(0, 1), (1, 2)])
    assert pairs(graph) == [(1, 0), (2, 1)]
    assert pairs(graph.reverse()) == [(0, 1), (1, 2)]


def test_an_undirected_edge_runs_both_ways():
    assert pairs(networkx.path_graph(3)) == [(0, 1), (1, 0), (1, 2), (2, 1)]


def test_loops_stay_only_where_the_graph_has_them():
    graph = networkx.Graph([(0, 1), (1, 1)])
    assert pairs(graph) == [(0, 1), (1, 0), (1, 1)]
    receivers, senders, _ = without_self(edges_of(graph))
    assert sorted(zip(receivers.tolist(), senders.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_loops_are_left_out_with_their_attributes():
    graph = networkx.Graph()
    graph.add_weighted_edges_from([(0, 1, 2.0), (1, 1, 7.0)])
    assert without_self(edges_of(graph))[2]["weight"].tolist() == [2.0, 2.0]


def test_whole_number_labels_keep_their_order_and_others_that_of_the_graph():
    late = networkx.Graph()
    late.add_nodes_from([3, 1, 2])
    assert number_nodes(late) == {1: 0, 2: 1, 3: 2}
    words = networkx.Graph()
    words.add_nodes_from(["b", "a"])
    assert number_nodes(words) == {"b": 0, "a": 1}
    assert number_nodes(networkx.grid_2d_graph(2, 2))[(1, 0)] == 2


@given(st.integers(1, 8), st.booleans(), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_edges_are_the_entries_of_the_adjacency_matrix(n, directed, edges):
    graph = networkx.DiGraph() if directed else networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((u % n, v % n) for u, v in edges)
    matrix = networkx.to_numpy_array(graph, nodelist=range(n))
    expected = [(int(v), int(u)) for v, u in zip(*numpy.nonzero(matrix.T), strict=True)]
    assert pairs(graph) == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5))))
def test_parallel_edges_add_their_weights(edges):
    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(range(4))
    graph.add_weighted_edges_from(edges)
    matrix = networkx.to_numpy_array(graph, nodelist=range(4))
    receivers, senders, attributes = edges_of(graph)
    found = numpy.zeros((4, 4))
    found[senders, receivers] = attributes.get("weight", 1.0)
    assert (found == matrix).all()


def test_two_parallel_edges_without_weights_weigh_two():
    _, _, attributes = edges_of(networkx.MultiGraph([(0, 1), (0, 1)]))
    assert attributes["weight"].tolist() == [2.0, 2.0]


def test_numbers_on_every_edge_are_kept_as_float64():
    graph = networkx.DiGraph()
    graph.add_edge(0, 1, length=3, kind="road", rare=1)
    graph.add_edge(1, 0, length=2.5, kind="rail")
    _, _, attributes = edges_of(graph)
    assert {name: sorted(v.tolist()) for name, v in attributes.items()} == {"length": [2.5, 3.0]}
    assert attributes["length"].dtype == numpy.float64


def test_edges_without_a_weight_weigh_one():
    graph = networkx.DiGraph()
    graph.add_edge(0, 1, weight=4)
    graph.add_edge(1, 2)
    receivers, _, attributes = sort_edges(edges_of(graph), 3)
    assert dict(zip(receivers.tolist(), attributes["weight"].tolist(), strict=True)) == {
        1: 4.0,
        2: 1.0,
    }


def test_attributes_follow_their_edges_when_sorted():
    graph = networkx.gnp_random_graph(12, 0.4, seed=1, directed=True)
    for u, v in graph.edges:
        graph.edges[u, v]["weight"] = 100 * u + v
    receivers, senders, attributes = sort_edges(edges_of(graph), 12)
    assert (attributes["weight"] == 100 * senders + receivers).all()
    assert (numpy.diff(receivers * 12 + senders) > 0).all()


# ── Connections ────────────────────────────────────────────────────────────────────────────────


def listed(found: Connections, receivers: int, senders: int) -> numpy.ndarray:
    """The matrix [receiver, sender] of what couples, by the definition of each kind."""
    i, j = numpy.indices((receivers, senders))
    matrix = j <= i if found.kind == "causal" else numpy.ones_like(i, dtype=bool)
    return matrix & (found.include_self | (i != j))


@pytest.mark.parametrize("kind", ["complete", "causal"])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize(("receivers", "senders"), [(1, 1), (4, 4), (5, 3), (3, 5)])
def test_counts_of_whole_graphs_are_those_of_their_matrix(kind, include_self, receivers, senders):
    found = Connections(kind, receivers, senders, include_self, structure=kind)
    matrix = listed(found, receivers, senders)
    assert found.degree().tolist() == matrix.sum(1).tolist()
    assert found.edge_count == matrix.sum()
    assert found.density == pytest.approx(matrix.mean())


def test_over_a_dim_counts_come_with_the_sample():
    found = Connections("causal", None, None, True, structure="causal")
    assert found.edge_count is None
    assert found.density == 0.5
    assert found.degree(4).tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="the number of nodes is the sample's own"):
        found.degree()


def test_rows_point_at_the_edges_of_each_receiver():
    receivers, senders, _ = sort_edges(edges_of(networkx.star_graph(3)), 4)
    found = Connections("edges", 4, 4, False, receivers, senders)
    assert found.rows().tolist() == [0, 3, 4, 5, 6]
    assert found.degree().tolist() == [3, 1, 1, 1]
