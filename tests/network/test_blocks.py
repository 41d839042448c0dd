"""Edges the same between all nodes of two classes are found, however nodes are numbered."""

from __future__ import annotations

import networkx
import numpy
import pytest

from dynattn.network.blocks import find_blocks, module_blocks
from dynattn.vocabulary.graphs import SOURCES


def directed_classes() -> networkx.DiGraph:
    classes, weights = [0] * 5 + [1] * 6 + [2] * 4, [[0.5, 0, 2], [1, 0, 0.25], [0, 3, 0]]
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(15))
    for i, a in enumerate(classes):
        for j, b in enumerate(classes):
            if i != j and weights[a][b]:
                graph.add_edge(i, j, weight=weights[a][b])
    return graph


def with_loops(graph: networkx.Graph) -> networkx.Graph:
    graph = graph.copy()
    graph.add_edges_from(((i, i) for i in graph), weight=7.0)
    return graph


GRAPHS = {
    "multipartite": (networkx.complete_multipartite_graph(3, 4, 5), (3, 3)),
    "cliques": (networkx.caveman_graph(4, 5), (4, 4)),
    "cliques of two sizes": (
        networkx.disjoint_union(networkx.complete_graph(5), networkx.complete_graph(7)), (2, 2),
    ),
    "star": (networkx.star_graph(9), (2, 2)),
    "barbell": (networkx.barbell_graph(8, 1), (5, 5)),
    "directed classes": (directed_classes(), (3, 3)),
    "with loops": (with_loops(directed_classes()), (3, 3)),
}  # fmt: skip


def edges_of(matrix):
    receivers, senders = numpy.nonzero(matrix)
    return receivers, senders, matrix[receivers, senders]


def rebuilt(blocks, nodes):
    between = numpy.zeros(blocks.counts)
    between[blocks.rows, blocks.columns] = blocks.weights
    own = numpy.broadcast_to(blocks.own, nodes)
    return between[blocks.receivers][:, blocks.senders] + numpy.diag(own)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("mixed", [False, True])
def test_blocks_give_the_matrix_back(name, mixed):
    graph, counts = GRAPHS[name]
    matrix = networkx.to_numpy_array(graph)
    if mixed:
        order = numpy.random.default_rng(1).permutation(len(matrix))
        matrix = matrix[order][:, order]
    blocks = find_blocks(*edges_of(matrix), matrix.shape)
    assert blocks is not None and blocks.counts == counts
    assert numpy.array_equal(rebuilt(blocks, len(matrix)), matrix)


def test_between_two_populations_no_node_is_left_out():
    matrix = numpy.zeros((4, 6))
    matrix[:2, :3], matrix[2:, 3:] = 2.0, -1.0
    blocks = find_blocks(*edges_of(matrix), matrix.shape)
    assert blocks is not None and blocks.counts == (2, 2)
    between = numpy.zeros((2, 2))
    between[blocks.rows, blocks.columns] = blocks.weights
    assert numpy.array_equal(between[blocks.receivers][:, blocks.senders], matrix)


def test_one_edge_less_or_heavier_makes_nodes_of_another_class():
    matrix = networkx.to_numpy_array(networkx.complete_multipartite_graph(6, 8, 10))
    for weight in (0.0, 1.5):
        changed = matrix.copy()
        changed[0, 20] = weight
        blocks = find_blocks(*edges_of(changed), matrix.shape)
        assert blocks is not None and blocks.counts == (4, 4)
        assert numpy.array_equal(rebuilt(blocks, 24), changed)


def test_a_random_graph_and_random_weights_have_none():
    matrix = networkx.to_numpy_array(networkx.gnp_random_graph(30, 0.3, seed=1))
    assert find_blocks(*edges_of(matrix), matrix.shape) is None
    weights = numpy.random.default_rng(0).normal(size=(30, 30))
    assert find_blocks(*edges_of(weights), weights.shape) is None


@pytest.mark.parametrize(("modules", "agents"), [(1, 4), (2, 3), (5, 4)])
def test_modules_on_a_ring_are_blocks_and_shifted_copies(modules, agents):
    edges = SOURCES["ring_of_modules"].edges
    assert edges is not None
    receivers, senders, attributes = edges(modules, agents, 2.0, 0.5)
    nodes = modules * agents
    matrix = numpy.zeros((nodes, nodes))
    matrix[receivers, senders] = attributes["weight"]
    blocks = module_blocks(modules, agents, 2.0, 0.5)
    found = rebuilt(blocks, nodes)
    for offset in blocks.offsets:
        found += blocks.around * numpy.roll(numpy.eye(nodes), offset, axis=1)
    assert numpy.array_equal(found, matrix)
