"""Sums and products of graphs against those of matrices; rings of modules; edges written out."""

from __future__ import annotations

import networkx
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynattn.model.graph_making import GraphMaker, is_drawn, listed_graph
from dynattn.model.parts import GraphUse
from dynattn.vocabulary.graph_algebra import add_graphs, multiply_graphs
from dynattn.vocabulary.graphs import GraphError
from dynattn.vocabulary.node_graph import NodeGraph
from tests.network.small_models import generator

N = 5


def graph_of(matrix: numpy.ndarray, weighted: bool) -> NodeGraph:
    receivers, senders = (side.astype(numpy.int64) for side in numpy.nonzero(matrix))
    attributes = {"weight": matrix[receivers, senders]} if weighted else {}
    return NodeGraph(len(matrix), (receivers, senders, attributes))


def matrix_of(graph: NodeGraph) -> numpy.ndarray:
    receivers, senders, attributes = graph.edges
    keys = (receivers * graph.nodes + senders).tolist()
    assert keys == sorted(set(keys))
    found = numpy.zeros((graph.nodes, graph.nodes))
    found[receivers, senders] = attributes.get("weight", 1.0)
    return found


matrices = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=N * N, max_size=N * N).map(
    lambda values: numpy.array(values).reshape(N, N)
)


@given(matrices, matrices, st.booleans(), st.booleans())
def test_sums_and_products_are_those_of_the_matrices(a, b, first, second):
    g, h = graph_of(a, first), graph_of(b, second)
    a, b = (m if weighted else (m != 0) * 1.0 for m, weighted in ((a, first), (b, second)))
    assert (matrix_of(add_graphs(g, h)) == a + b).all()
    assert (matrix_of(multiply_graphs(g, h)) == a * b).all()


def test_unweighted_graphs_that_share_no_edge_stay_unweighted():
    g, h = (graph_of(numpy.eye(N, k=k), weighted=False) for k in (1, 2))
    assert add_graphs(g, h).edge_attributes == ()


def test_attributes_that_agree_stay():
    edges = numpy.arange(N), numpy.arange(N)
    g, h = (NodeGraph(N, (*edges, {"b": numpy.full(N, x)})) for x in (1.0, 2.0))
    assert add_graphs(g, g).edges[2]["b"].tolist() == [1.0] * N
    assert add_graphs(g, h).edge_attributes == ("weight",)
    assert multiply_graphs(g, h).edges[2]["b"].tolist() == [1.0] * N


def test_graphs_of_different_sizes_do_not_join():
    g, h = (graph_of(numpy.eye(n), weighted=False) for n in (5, 6))
    with pytest.raises(GraphError, match="the sum joins a graph of 5 nodes and one of 6"):
        add_graphs(g, h)


def test_a_list_of_edges_takes_on_the_size_of_the_other():
    few = listed_graph(((0, 1, 2.0),))
    assert add_graphs(few, graph_of(numpy.eye(N), weighted=False)).nodes == N


# ── edges written out ──────────────────────────────────────────────────────────────────────────


def test_an_edge_sends_from_its_first_end_to_its_second():
    assert matrix_of(listed_graph(((0, 1, 0.5), (2, 0, None)))).tolist() == [
        [0, 0, 1], [0.5, 0, 0], [0, 0, 0],
    ]  # fmt: skip


def test_named_nodes_count_in_the_order_in_which_they_are_met():
    graph = listed_graph((("b", "a", None), ("a", "c", None)))
    assert (graph.labels, graph.open) == (("b", "a", "c"), False)
    assert matrix_of(graph)[1, 0] == matrix_of(graph)[2, 1] == 1


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (((0, "a", None),), "some ends of these edges are numbers and some are names"),
        (((0, -1, None),), "a node is a whole number from 0, not -1"),
    ],
)
def test_ends_that_are_no_nodes(entries, text):
    with pytest.raises(GraphError, match=text):
        listed_graph(entries)


# ── rings of modules ───────────────────────────────────────────────────────────────────────────


def modules(count: int, agents: int) -> GraphUse:
    arguments = (("modules", count), ("agents", agents), ("inside", 0.25), ("between", 3.0))
    return GraphUse("ring_of_modules", "", arguments)


@pytest.mark.parametrize("agents", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_ring_of_modules_is_cliques_and_matchings(count, agents):
    found = GraphMaker({}).make(modules(count, agents))
    cliques = numpy.kron(numpy.eye(count), numpy.ones((agents, agents)) - numpy.eye(agents))
    ring = networkx.to_numpy_array(networkx.cycle_graph(count)) if count > 2 else (
        numpy.ones((count, count)) - numpy.eye(count)
    )  # fmt: skip
    expected = 0.25 * cliques + 3.0 * numpy.kron(ring, numpy.eye(agents))
    assert (matrix_of(found) == expected).all()
    assert found.attributes["module"].tolist() == [
        float(m) for m in range(count) for _ in range(agents)
    ]


def test_a_ring_of_too_many_agents_is_refused_with_its_memory():
    with pytest.raises(GraphError, match=r"its 1e\+12 edges need 24 TB of memory"):
        GraphMaker({}).make(modules(1, 10**6))


# ── the maker ──────────────────────────────────────────────────────────────────────────────────

NET = generator("gnp_random_graph", "net", n=8, p=0.4)
RING = GraphUse("ring", "", (("n", 8), ("reach", 1)))
SUM = GraphUse("sum", "", (("parts", (NET, RING)),), include_self=True)


def test_a_graph_in_a_sum_is_the_one_its_name_stands_for():
    maker = GraphMaker({}, seed=3)
    alone, both = matrix_of(maker.make(NET)), matrix_of(maker.make(SUM))
    assert (both == alone + matrix_of(maker.make(RING))).all()


def test_unnamed_graphs_in_a_sum_are_drawn_apart():
    loose = generator("gnp_random_graph", n=30, p=0.4)
    twice = GraphUse("sum", "", (("parts", (loose, loose)),), include_self=True)
    assert (matrix_of(GraphMaker({}).make(twice, "c")) == 1).any()


def test_without_self_drops_loops_of_the_whole():
    whole = GraphUse("everyone", "", (("n", 3),), include_self=True)
    twice = GraphUse("sum", "", (("parts", (whole, whole)),), include_self=False)
    assert (matrix_of(GraphMaker({}).make(twice)) == 2 * (1 - numpy.eye(3))).all()


def test_a_sum_is_drawn_where_a_part_is():
    assert is_drawn(SUM) and not is_drawn(RING)
    assert not is_drawn(generator("gnp_random_graph", n=8, p=0.4, seed=1))
