"""The facts about a coupling's graph, against networkx's own, and for large N at once."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.present.graph_facts import graphs

SPEC = """model m
param N = {nodes}
{graph}
population p[N] {{ state x on circle; drift 1 }}
population q[N] {{ state y on circle; drift 1 }}
coupling c: {ends} {{ {clauses} }}
"""


def facts(ends: str, graph: str = "", clauses: str = "", nodes: int = 8) -> Mapping[str, object]:
    text = SPEC.format(nodes=nodes, graph=graph, ends=ends, clauses=clauses)
    spec = Compilation(Source("m.dyn", text))
    (row,) = graphs(spec.model, spec.network).facts
    return row


def test_a_graph_of_networkx():
    row = facts("p -> p over g", "graph g = gnp_random_graph(n=N, p=0.06, seed=3)", nodes=40)
    graph = nx.gnp_random_graph(40, 0.06, seed=3)
    degrees = [degree for _, degree in graph.degree()]
    assert row == {
        "coupling": "c", "nodes": 40, "edges": 2 * graph.number_of_edges(),
        "density": f"{nx.density(graph) * 39 / 40:.3g}",
        "degree": f"{min(degrees)} .. {sum(degrees) / 40:.3g} .. {max(degrees)}",
        "direction": "undirected", "self-loops": 0,
        "components": nx.number_connected_components(graph), "structure": "sparse", "weights": 1,
    }  # fmt: skip
    assert row["components"] != 1


@pytest.mark.parametrize(
    ("ends", "structure", "degree", "components"),
    [
        ("p -> p", "complete", 7, 1),
        ("p -> p over everyone(N)", "complete", 8, 1),
        ("p -> p over causal(N)", "causal", "1 .. 4.5 .. 8", 1),
        ("p -> p over ring(N, reach=2)", "ring, reach 2", 4, 1),
        ("p -> p over circulant_graph(n=N, offsets=[2])", "circulant", 2, 2),
        ("p -> p over ring_of_modules(2, 4)", "modular", 4, 1),
        ("p -> p over ring_of_cliques(num_cliques=2, clique_size=4)", "modular",
         "3 .. 3.5 .. 4", 1),
        ("p -> p over star_graph(n=7)", "sparse", "1 .. 1.75 .. 7", 1),
        ("p -> p over wheel_graph(n=N)", "dense", "3 .. 3.5 .. 7", 1),
    ],
)  # fmt: skip
def test_structures(ends, structure, degree, components):
    row = facts(ends)
    assert (row["structure"], row["degree"], row["components"]) == (structure, degree, components)


def test_direction_and_weights():
    one_way = facts("p -> p over edges [0 -> 1: 2, 1 -> 2: -1.5]")
    assert one_way["direction"] == "directed"
    assert one_way["weights"] == "-1.5 .. 2, not symmetric, of both signs"
    both = facts("p -> p over edges [0 -> 1: 2, 1 -> 0: 3]")
    assert (both["direction"], both["weights"]) == ("undirected", "2 .. 3, not symmetric")
    same = facts("p -> p over edges [0 -> 1: 2, 1 -> 0: 2]")
    assert same["weights"] == "2, symmetric"
    written = facts("p -> p", clauses="weight 1 + 2")
    assert written["weights"] == "1 + 2"
    adaptive = facts("p -> p", clauses="weight softmax(cos(x[i] - x[j]))")
    assert adaptive["weights"] == "softmax(cos(x[i] - x[j]))"


def test_two_populations():
    row = facts("p -> q", clauses="kernel sin(x[j] - y[i])")
    assert (row["nodes"], row["direction"], row["self-loops"]) == ("8 -> 8", "one way", None)
    assert (row["components"], row["density"]) == (1, 1)


def test_a_large_complete_graph_is_never_made():
    row = facts("p -> p", nodes=1_000_000)
    assert row["edges"] == 1_000_000 * 999_999
    assert row["components"] == 1


def test_sizes_that_the_sample_decides_are_left_open():
    text = """model m
    dim T
    input text: token(5)[T]
    population p[T] { state x on torus(2) }
    layer step { coupling c: p -> p over causal(T); evolve { steps 1 } }
    network { x = embed(text); step; output y = linear([cos(x), sin(x)], 5) }
    """
    spec = Compilation(Source("m.dyn", text))
    (row,) = graphs(spec.model, spec.network).rows
    assert row == (
        "step.c", "T", "T (T + 1)/2", "?", "?", "directed", "?", "?", "causal", "1",
    )  # fmt: skip
