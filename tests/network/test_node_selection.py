"""Populations made from a graph: which nodes, what they have, and the edges between them."""

from __future__ import annotations

from dataclasses import replace

import networkx
import numpy
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.model.graph_making import GraphMaker, edge_attributes, node_facts
from dynattn.model.parts import GraphUse, NodesOf
from dynattn.model.terms import Place, Term, Type
from dynattn.network.build import build_network
from dynattn.vocabulary.graph_files import GraphFileError
from dynattn.vocabulary.node_graph import NodeGraph, node_graph_of
from dynattn.vocabulary.node_selection import (
    Attribute,
    Condition,
    attribute_names,
    choose_nodes,
    joined_nodes,
    near_nodes,
    node_values,
    restrict,
)
from tests.network.small_models import SPAN, coupling, model, population

KIND = Attribute("kind")
LOADS = Condition("==", (KIND, "load"))
GENERATORS = Condition("==", (KIND, "generator"))


def grid() -> networkx.DiGraph:
    graph = networkx.DiGraph()
    for name, kind, inertia in (("a", "load", 0), ("b", "generator", 2.0), ("c", "load", 0),
                                ("d", "generator", 5.0), ("e", "", 0)):  # fmt: skip
        graph.add_node(name, power=float(ord(name)))
        if kind:
            graph.nodes[name]["kind"] = kind
        if inertia:
            graph.nodes[name]["M"] = inertia
    graph.add_weighted_edges_from([("a", "b", 1.0), ("b", "c", 2.0), ("d", "a", 3.0),
                                   ("d", "b", 4.0), ("c", "e", 5.0)], "b")  # fmt: skip
    return graph


GRID = node_graph_of(grid(), named=True)


@pytest.mark.parametrize(
    ("condition", "nodes"),
    [
        (None, [0, 1, 2, 3, 4]),
        (LOADS, [0, 2]),
        (Condition("!=", (KIND, "load")), [1, 3]),
        (Condition("not", (LOADS,)), [1, 3, 4]),
        (Condition(">", (Attribute("M"), 2.0)), [3]),
        (Condition("<=", (Attribute("M"), 2.0)), [1]),
        (Condition("or", (LOADS, Condition("<", (3.0, Attribute("M"))))), [0, 2, 3]),
        (Condition("and", (GENERATORS, Condition("==", (Attribute("M"), 2.0)))), [1]),
    ],
)
def test_conditions_choose_nodes_in_the_order_of_the_graph(condition, nodes):
    assert choose_nodes(GRID, condition, "'grid'").tolist() == nodes


def refusal(call) -> str:
    with pytest.raises(GraphFileError) as caught:
        call()
    return f"{caught.value.code}: {caught.value}; {caught.value.fix}"


def test_what_the_nodes_do_not_have_is_refused():
    wrong = Condition("==", (Attribute("knd"), "load"))
    assert refusal(lambda: choose_nodes(GRID, wrong, "'grid'")) == (
        "E457: the nodes of 'grid' have no attribute 'knd'; did you mean 'kind'?"
    )
    mixed = Condition("==", (KIND, 1.0))
    assert refusal(lambda: choose_nodes(GRID, mixed, "'grid'")) == (
        "E457: the node attribute 'kind' of 'grid' is compared with another kind; "
        "compare numbers with numbers, texts with texts"
    )
    assert refusal(lambda: node_values(GRID, numpy.array([1, 2]), "M", "'grid'")) == (
        "E457: node c of 'grid' has no attribute 'M'; give 'M' to every node of the population"
    )


def test_attributes_come_by_population():
    nodes = choose_nodes(GRID, GENERATORS, "'grid'")
    assert node_values(GRID, nodes, "M", "'grid'").tolist() == [2.0, 5.0]
    assert attribute_names(GRID, nodes) == ("power", "kind", "M")
    assert attribute_names(GRID, numpy.arange(5)) == ("power",)


def test_edges_between_chosen_nodes_are_those_of_the_matrix():
    matrix = numpy.zeros((5, 5))
    matrix[GRID.edges[0], GRID.edges[1]] = GRID.edges[2]["b"]
    loads, generators = (choose_nodes(GRID, c, "") for c in (LOADS, GENERATORS))
    group = joined_nodes([generators, loads])
    for rows, columns in ((loads, generators), (generators, loads), (group, group)):
        receivers, senders, attributes = restrict(GRID, rows, columns)
        found = numpy.zeros((len(rows), len(columns)))
        found[receivers, senders] = attributes["b"]
        assert (found == matrix[numpy.ix_(rows, columns)]).all()
        keys = (receivers * len(columns) + senders).tolist()
        assert keys == sorted(set(keys))


def test_few_nodes_of_a_large_graph_lie_near_each_other():
    path = node_graph_of(networkx.path_graph(9), named=True)
    every = numpy.arange(9)
    assert near_nodes(path, every, 9).tolist() == every.tolist()
    assert near_nodes(path, every, 3).tolist() == [0, 1, 2]  # node 1 is the first of two edges
    assert near_nodes(path, every[3:], 2).tolist() == [3, 4]
    assert near_nodes(GRID, numpy.array([0, 2, 4]), 2).tolist() == [0, 2]
    bare = NodeGraph(5, (every[:0], every[:0], {}))
    assert near_nodes(bare, every[:5], 2).tolist() == [0, 1]


# ── in a network ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def use(tmp_path, monkeypatch) -> GraphUse:
    networkx.write_graphml(grid(), tmp_path / "grid.graphml")
    monkeypatch.chdir(tmp_path)
    return GraphUse("file", "", (("path", "grid.graphml"),), True, "grid", SPAN)


def test_a_check_learns_sizes_and_names(use):
    maker = GraphMaker({})
    facts = node_facts(NodesOf(use, GENERATORS), maker)
    assert facts.size == 2
    assert facts.attributes == (("power", "number"), ("kind", "text"), ("M", "number"))
    assert facts.partial == ()
    assert set(node_facts(NodesOf(use), maker).partial) == {"kind", "M"}
    assert edge_attributes(use, maker) == {"b": "number"}


def test_populations_of_one_graph_find_their_nodes_in_it(use):
    weight = Term("edge", (), Type(Place("edges", "c")), SPAN, "b")
    into_loads = replace(coupling(use, "generator", "load"), weight=weight)
    spec = model(
        tuple(
            replace(population(name, 2), made_from=NodesOf(use, choice), attributes=("power",))
            for name, choice in (("load", LOADS), ("generator", GENERATORS))
        ),
        (into_loads, coupling(use, "load", "generator", "d")),
    )
    network = build_network(spec)
    found = network.connections
    assert network.attributes["generator", "power"].tolist() == [98.0, 100.0]
    pairs = {
        name: list(zip(c.receivers.tolist(), c.senders.tolist(), strict=True))
        for name, c in found.items()
        if c.receivers is not None and c.senders is not None
    }
    assert pairs == {"c": [(0, 1), (1, 0)], "d": [(0, 0)]}
    assert found["c"].attributes["b"].tolist() == [3.0, 2.0]
    said = "ids in the order of the file: a is node 0, c is node 1"
    assert (network.matching["load"], found["c"].matching) == (said, "")


def test_an_edge_attribute_that_a_coupling_asks_for_must_be_there(use):
    weight = Term("edge", (), Type(Place("edges", "c")), SPAN, "suceptance")
    spec = model((population("a", 5),), (replace(coupling(use), weight=weight),))
    with pytest.raises(SpecError) as caught:
        build_network(spec)
    (item,) = caught.value.diagnostics
    assert (item.code, item.message, item.fix) == (
        "E457", "the edges of the graph 'grid' have no attribute 'suceptance'", "there are b"
    )  # fmt: skip


def test_elsewhere_order_decides_and_sizes_must_fit(use):
    spec = model((population("a", 5),), (coupling(use),))
    assert build_network(spec).connections["c"].edge_count == 5
    with pytest.raises(SpecError, match="E452: the graph 'grid' has 5 nodes, the population 'a'"):
        build_network(model((population("a", 4),), (coupling(use),)))


def test_an_open_list_has_as_many_nodes_as_the_population():
    use = GraphUse("edges", "", (("entries", ((0, 1, 2.0),)),), True, "", SPAN)
    found = build_network(model((population("a", 4),), (coupling(use),))).connections["c"]
    assert (found.receivers_count, found.edge_count) == (4, 1)
    with pytest.raises(SpecError, match=r"E452: the graph edges \[..\] has 2 nodes, the popula"):
        build_network(model((population("a", 1),), (coupling(use),)))


def test_a_graph_without_attributes_has_none():
    assert attribute_names(NodeGraph(2, ((), (), {})), numpy.arange(2)) == ()
