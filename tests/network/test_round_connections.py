"""Connections without lists: the same edges, facts and values as with them."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from dynattn.model.parts import GraphUse
from dynattn.model.terms import Place, Term, Type
from dynattn.network.build import build_network
from dynattn.network.connections import Connections
from dynattn.network.structure import connections_of, measure, round_connections
from dynattn.vocabulary.graphs import SOURCES
from dynattn.vocabulary.node_graph import node_graph_of
from tests.network.small_models import SPAN, coupling, generator, model, over, population

DISTANCE = Term("edge", (), Type(Place("edges", "c")), SPAN, "distance")


def pair(count: int, *offsets: int) -> tuple[Connections, Connections]:
    """The same graph with offsets and with lists."""
    places = numpy.array(sorted(offsets))
    weights = numpy.random.default_rng(count).standard_normal(len(places))
    rolled = round_connections(count, places, {"weight": weights}, {"weight"})
    edges = [
        (i, (i + o) % count, w)
        for i in range(count)
        for o, w in zip(places.tolist(), weights.tolist(), strict=True)
    ]
    receivers, senders, values = (numpy.array(side) for side in zip(*sorted(edges), strict=True))
    listed = Connections(
        "edges", count, count, 0 in offsets, receivers, senders, {"weight": values}, "circulant"
    )
    return rolled, listed


CASES = [pair(6, 1, 5), pair(7, 1, 2), pair(9, 0, 2, 8), pair(8, 4), pair(8, 2, 6), pair(1, 0)]


@pytest.mark.parametrize(("rolled", "listed"), CASES)
def test_the_lists_are_made_when_they_are_read(rolled, listed):
    assert not {"receivers", "senders", "attributes"} & set(vars(rolled))
    assert rolled.edge_count == listed.edge_count and rolled.density == listed.density
    assert (rolled.degree() == listed.degree()).all() and (rolled.rows() == listed.rows()).all()
    assert not {"receivers", "senders", "attributes"} & set(vars(rolled))
    assert (rolled.receivers == listed.receivers).all()
    assert (rolled.senders == listed.senders).all()
    assert list(rolled.attributes) == ["weight"] and len(rolled.attributes) == 1
    assert (rolled.attributes["weight"] == listed.attributes["weight"]).all()


@pytest.mark.parametrize(("rolled", "listed"), CASES)
def test_one_edge_at_a_time(rolled, listed):
    for connections in (rolled, listed):
        for receiver in range(connections.receivers_count):
            for edge, sender in connections.senders_of(receiver):
                assert (listed.receivers[edge], listed.senders[edge]) == (receiver, sender)
                assert connections.value("weight", edge) == listed.attributes["weight"][edge]


@pytest.mark.parametrize(("rolled", "listed"), CASES)
def test_the_facts_are_the_same(rolled, listed):
    assert measure(rolled) == measure(listed)


@pytest.mark.parametrize(("rolled", "listed"), CASES)
def test_lists_with_the_same_offsets_everywhere_are_recognised(rolled, listed):
    edges = listed.receivers, listed.senders, dict(listed.listed)
    count = listed.receivers_count
    found = connections_of(edges, (count, count), {"weight"})
    assert (found.offsets == rolled.offsets).all()
    assert (found.listed["weight"] == rolled.listed["weight"]).all()


@pytest.mark.parametrize(
    ("name", "arguments", "offsets"),
    [
        ("cycle_graph", {"n": 9}, [1, 8]),
        ("circulant_graph", {"n": 9, "offsets": (2, 3)}, [2, 3, 6, 7]),
        ("watts_strogatz_graph", {"n": 12, "k": 4, "p": 0.0}, [1, 2, 10, 11]),
        ("path_graph", {"n": 9}, None),
        ("grid_2d_graph", {"m": 3, "n": 3}, None),
    ],
)
def test_lattices_of_networkx_that_look_the_same_from_every_node(name, arguments, offsets):
    nodes = 12 if name == "watts_strogatz_graph" else 9
    found = build_network(over(generator(name, **arguments), nodes)).connections["c"]
    assert (found.offsets is None) == (offsets is None)
    assert found.offsets is None or found.offsets.tolist() == offsets


def test_a_ring_of_everyone_is_complete_where_no_attribute_is_read():
    use = GraphUse("ring", "", (("n", 8), ("reach", 4)), span=SPAN)
    plain, weighed = coupling(use), replace(coupling(use, name="d"), weight=DISTANCE)
    found = build_network(model((population("a", 8),), (plain, weighed))).connections
    assert (found["c"].kind, found["c"].include_self) == ("complete", False)
    assert (found["d"].structure, found["d"].edge_count) == ("circulant", 56)


def test_one_to_one_without_self_is_empty():
    use = GraphUse("one_to_one", "", (("n", 5),), include_self=False, span=SPAN)
    found = build_network(over(use, 5)).connections["c"]
    assert (found.structure, found.edge_count) == ("empty", 0)


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if s.offsets])
@pytest.mark.parametrize("n", [2, 5, 8])
def test_offsets_of_a_source_are_its_edges(name, n):
    source = SOURCES[name]
    arguments = {"n": n, "reach": n // 2} if name == "ring" else {"n": n}
    assert not source.check(arguments)
    assert source.offsets is not None and source.edges is not None
    offsets, attributes = source.offsets(**arguments)
    found = round_connections(n, offsets, attributes, set(attributes))
    receivers, senders, expected = source.edges(**arguments)
    assert (found.receivers == receivers).all() and (found.senders == senders).all()
    assert all((found.attributes[name] == values).all() for name, values in expected.items())


def test_words_of_edges_stay_beside_the_numbers():
    import networkx

    graph = networkx.DiGraph([(0, 1, {"line": "ac", "b": 2}), (1, 2, {"line": "dc", "b": 3})])
    found = connections_of(node_graph_of(graph).edges, (3, 3))
    assert found.words["line"].tolist() == ["ac", "dc"]
    assert list(found.attributes) == ["b"]
