"""Drawings of nodes and edges, and adjacency pictures of many."""

from __future__ import annotations

from pathlib import Path

import networkx
import numpy
import pytest

from dynattn.network.connections import Connections
from dynattn.present.adjacency import block_density, draw_adjacency
from dynattn.present.engine import find_engine
from dynattn.present.graph import draw_graph
from dynattn.present.nodes import (
    MOST_NODES,
    draw_nodes,
    hidden_couplings,
    node_graph,
    node_places,
    state_colours,
)
from dynattn.present.parts import CouplingEdges, NodeState, edge_arrays
from tests.present.drawings import parts, small_world, two_populations


def test_the_node_graph_has_every_edge_in_its_direction_with_its_weight():
    graph = node_graph(two_populations())
    found = {(a, b): facts["weight"] for a, b, facts in graph.edges(data=True)}
    assert found == {("E[2]", "I[0]"): 0.5, ("E[0]", "I[1]"): 1.5, ("E[1]", "I[1]"): 2.5}
    assert graph.nodes["I[1]"] == {"population": "I", "index": 1}


def test_the_node_graph_of_a_networkx_graph_is_that_graph():
    made = small_world(30)
    graph = node_graph(parts(made, numpy.arange(30.0)))
    expected = {(f"osc[{a}]", f"osc[{b}]") for a, b in made.to_directed().edges()}
    assert set(graph.edges()) == expected
    assert graph.nodes["osc[7]"]["osc.theta"] == 7.0


@pytest.mark.parametrize("kind", ["complete", "causal"])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("shape", [(7, 7), (5, 8), (8, 5)])
def test_edges_that_are_not_listed_are_counted_right(kind, include_self, shape):
    edges = Connections(kind, shape[0], shape[1], include_self, structure=kind)
    receivers, senders = edge_arrays(edges)
    assert len(receivers) == edges.edge_count
    numpy.testing.assert_array_equal(numpy.bincount(receivers, minlength=shape[0]), edges.degree())
    listed = Connections("edges", shape[0], shape[1], True, receivers, senders, {}, "sparse")
    for blocks in (3, 4, 64):
        numpy.testing.assert_allclose(
            block_density(CouplingEdges("c", "a", "a", edges), blocks),
            block_density(CouplingEdges("c", "a", "a", listed), blocks),
        )


def test_block_density_finds_the_modules():
    graph = networkx.stochastic_block_model([64, 64], [[0.5, 0.0], [0.0, 0.25]], seed=1)
    density = block_density(parts(graph).couplings[0], 2)
    assert density[0, 1] == density[1, 0] == 0
    assert density[0, 0] == pytest.approx(0.5, abs=0.03)
    assert density[1, 1] == pytest.approx(0.25, abs=0.03)


def test_nodes_up_to_the_limit_are_drawn_and_beyond_it_the_adjacency(tmp_path: Path):
    said: list[str] = []
    few, many = parts(small_world(MOST_NODES)), parts(small_world(MOST_NODES + 1))
    names = [p.name for p in draw_graph(few, tmp_path / "few.png", say=said.append)]
    assert names == ["few.png", "few.nodes.png"]
    names = [p.name for p in draw_graph(many, tmp_path / "many.png", say=said.append)]
    assert names == ["many.png", "many.adjacency.png"]
    assert said == []
    (path,) = draw_graph(many, tmp_path / "asked.svg", level="nodes", say=said.append)
    assert said == ["301 nodes are too many to tell apart (at most 300): their adjacency is drawn"]
    assert "301" in path.read_text() or path.stat().st_size > 1000


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_both_pictures_are_written_in_every_format(suffix: str, tmp_path: Path):
    made = parts(small_world(40), numpy.linspace(-9, 9, 40))
    assert draw_nodes(made, tmp_path / f"n{suffix}").stat().st_size > 3000
    assert draw_adjacency(two_populations(), tmp_path / f"a{suffix}").stat().st_size > 3000


def test_the_same_graph_gives_the_same_svg(tmp_path: Path):
    made = parts(small_world(40), numpy.linspace(-9, 9, 40))
    first, second = (draw_nodes(made, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second


def test_angles_a_turn_apart_have_one_colour():
    one = state_colours(NodeState("theta", numpy.array([0.3, 3.0, -2.0]), cyclic=True))
    turned = state_colours(
        NodeState("theta", numpy.array([0.3, 3.0, -2.0]) + 2 * numpy.pi, cyclic=True)
    )
    numpy.testing.assert_allclose(one, turned, atol=0.02)
    assert len({tuple(colour) for colour in one}) == 3


def test_no_angle_is_brighter_than_another():
    """Every colour of the phases stands off from white paper and from a dark screen."""
    angles = numpy.linspace(-numpy.pi, numpy.pi, 60)
    red, green, blue = state_colours(NodeState("theta", angles, cyclic=True))[:, :3].T
    linear = [
        numpy.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        for c in (red, green, blue)
    ]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (1.05 / (light + 0.05) > 2.0).all()
    assert ((light + 0.05) / 0.056 > 4.5).all()


def test_a_complete_graph_of_many_nodes_says_so_instead_of_drawing_a_blot():
    assert hidden_couplings(parts(networkx.complete_graph(41)))
    assert not hidden_couplings(parts(networkx.complete_graph(40)))


def test_rings_are_circles_and_others_are_laid_out_by_forces(monkeypatch: pytest.MonkeyPatch):
    ring = node_places(parts(networkx.cycle_graph(12)), None)
    assert {round(x * x + y * y, 9) for x, y in ring.values()} == {1.0}
    made = parts(small_world(30))
    for engine in (find_engine(), None):
        places = node_places(made, engine)
        assert len(places) == len(set(places.values())) == 30


def test_unequal_populations_keep_their_sides(tmp_path: Path):
    density = block_density(two_populations().couplings[0])
    numpy.testing.assert_array_equal(density, [[0, 0, 1], [1, 1, 0]])
