"""The graph sources: the same edges as networkx's graphs; generators bound, called and refused."""

from __future__ import annotations

import networkx
import numpy
import pytest

from dynattn.vocabulary.graphs import (
    SOURCES,
    GraphError,
    bind_generator,
    bind_source,
    generate,
    generator_check,
    generator_parameters,
    networkx_generators,
    takes_seed,
)


def edge_set(name: str, **arguments: int) -> set[tuple[int, int]]:
    """(sender, receiver) pairs of one of our own sources."""
    build = SOURCES[name].edges
    assert build is not None
    receivers, senders, _ = build(**arguments)
    return set(zip(senders.tolist(), receivers.tolist(), strict=True))


def both_ways(graph: networkx.Graph) -> set[tuple[int, int]]:
    return set(graph.to_directed().edges)


@pytest.mark.parametrize(
    ("n", "reach"), [(n, reach) for n in range(2, 9) for reach in range(1, n // 2 + 1)]
)
def test_ring_is_the_circulant_graph(n, reach):
    expected = networkx.circulant_graph(n, range(1, reach + 1))
    assert edge_set("ring", n=n, reach=reach) == both_ways(expected)


@pytest.mark.parametrize(("n", "reach"), [(2, 1), (5, 2), (8, 3), (8, 4)])
def test_distance_on_a_ring_is_the_shortest_path_of_a_cycle(n, reach):
    build = SOURCES["ring"].edges
    assert build is not None
    receivers, senders, attributes = build(n, reach)
    cycle = networkx.path_graph(2) if n == 2 else networkx.cycle_graph(n)
    hops = dict(networkx.all_pairs_shortest_path_length(cycle))
    expected = [hops[i][j] for i, j in zip(receivers.tolist(), senders.tolist(), strict=True)]
    assert attributes["distance"].tolist() == expected


@pytest.mark.parametrize("n", [1, 2, 5])
def test_one_to_one_joins_equal_numbers(n):
    assert edge_set("one_to_one", n=n) == {(i, i) for i in range(n)}


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if s.kind == "edges"])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_edges_are_sorted_int64_with_the_attributes_that_are_named(name, n):
    source = SOURCES[name]
    assert source.edges is not None
    arguments = bind_source(name, [n, 3] if name == "ring_of_modules" else [n], {})
    assert isinstance(arguments, dict)
    receivers, senders, attributes = source.edges(**arguments)
    assert receivers.dtype == senders.dtype == numpy.int64
    keys = (receivers * source.nodes(arguments) + senders).tolist()
    assert keys == sorted(set(keys))
    assert tuple(attributes) == source.attributes
    assert all(v.dtype == numpy.float64 and len(v) == len(keys) for v in attributes.values())


def test_only_lists_have_edges():
    assert {name for name, s in SOURCES.items() if s.edges} == {
        name for name, s in SOURCES.items() if s.kind == "edges"
    }


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("everyone", {"n": 0}, "a graph has one node or more, not 0"),
        ("ring", {"n": 9, "reach": 0}, "a ring reaches one hop or more, not 0"),
        (
            "ring",
            {"n": 9, "reach": 5},
            "on a ring of 9 nodes the farthest is 4 hops away, the reach is 5",
        ),
        ("ring", {"n": 9, "reach": 4}, ""),
        ("causal", {"n": 1}, ""),
    ],
)
def test_check(name, arguments, text):
    assert SOURCES[name].check(arguments) == text


# ── binding ────────────────────────────────────────────────────────────────────────────────────


def test_defaults_of_sources_are_filled_in():
    assert bind_source("ring", [7], {}) == {"n": 7, "reach": 1}
    assert bind_source("ring", [], {"reach": 2, "n": 7}) == {"n": 7, "reach": 2}


@pytest.mark.parametrize(
    ("positional", "keywords", "text"),
    [
        ([], {}, "ring needs n: (n, reach=1)"),
        ([7], {"rech": 2}, "ring has no argument 'rech': did you mean 'reach'?"),
        ([7], {"zzz": 2}, "ring has no argument 'zzz': it has n, reach"),
        ([7], {"n": 7}, "the argument 'n' of ring is given twice"),
        ([7, 1, 2], {}, "ring takes 2 arguments in order, 3 are given: (n, reach=1)"),
    ],
)
def test_sources_refuse_other_arguments(positional, keywords, text):
    assert bind_source("ring", positional, keywords) == text


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "bound"),
    [
        (
            "watts_strogatz_graph",
            [50, 4],
            {"p": 0.1, "seed": 3},
            {"n": 50, "k": 4, "p": 0.1, "seed": 3},
        ),
        ("watts_strogatz_graph", [50, 4], {}, "watts_strogatz_graph needs p: (n, k, p)"),
        (
            "watts_strogatz_graph",
            [50],
            {"kk": 4},
            "watts_strogatz_graph has no argument 'kk': did you mean 'k'?",
        ),
        ("complete_multipartite_graph", [2, 3], {}, {"subset_sizes": (2, 3)}),
        ("karate_club_graph", [], {"n": 3}, "karate_club_graph has no argument 'n': it has none"),
    ],
)
def test_generators_are_bound_by_networkx_own_signature(name, positional, keywords, bound):
    assert bind_generator(name, positional, keywords) == bound


# ── generators ─────────────────────────────────────────────────────────────────────────────────


def test_generators_are_those_that_make_a_graph():
    names = networkx_generators()
    wanted = {"watts_strogatz_graph", "barabasi_albert_graph", "complete_bipartite_graph",
              "grid_2d_graph", "karate_club_graph", "stochastic_block_model"}  # fmt: skip
    assert wanted <= set(names)
    assert not {"ego_graph", "line_graph", "nonisomorphic_trees", "degree"} & set(names)
    hidden = {"backend", "backend_kwargs", "initial_graph", "pos"}
    assert not any(hidden & set(generator_parameters(name).parameters) for name in names)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in networkx_generators()
        if isinstance(bind_generator(name, [], {}), dict) and name != "complete_multipartite_graph"
    ],
)
def test_every_generator_without_arguments_makes_a_graph(name):
    assert isinstance(generate(name, {}), networkx.Graph)


def test_takes_seed():
    assert takes_seed("watts_strogatz_graph")
    assert not takes_seed("cycle_graph")


def test_generate_calls_networkx():
    arguments = {"n": 20.0, "k": 4.0, "p": 0.3, "seed": 5}
    expected = networkx.watts_strogatz_graph(20, 4, 0.3, seed=5)
    assert list(generate("watts_strogatz_graph", arguments).edges) == list(expected.edges)
    parts = generate("complete_multipartite_graph", {"subset_sizes": (2.0, 3.0)})
    assert parts.number_of_edges() == 6
    assert generate("cycle_graph", {"n": 3, "create_using": "DiGraph"}).is_directed()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        (
            "watts_strogatz_graph",
            {"n": 5, "k": 10, "p": 0.1},
            "networkx makes no watts_strogatz_graph(n=5, k=10, p=0.1): "
            "k>n, choose smaller k or larger n",
        ),
        (
            "gnp_random_graph",
            {"n": 5, "p": 1.5},
            "the probability p = 1.5 of gnp_random_graph is not between 0 and 1",
        ),
        ("path_graph", {"n": 2.5}, "n = 2.5 of path_graph is not a whole number from 0"),
        (
            "cycle_graph",
            {"n": 3, "create_using": "Digraph"},
            "create_using is one of Graph, DiGraph, MultiGraph, MultiDiGraph, not Digraph",
        ),
    ],
)
def test_refused_arguments_say_why(name, arguments, text):
    with pytest.raises(GraphError) as caught:
        generate(name, arguments)
    assert str(caught.value) == text


def test_p_is_no_probability_in_geometric_graphs():
    assert generator_check("random_geometric_graph", {"n": 5, "radius": 0.3, "p": 2}) == ""
