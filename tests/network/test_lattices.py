"""Lattices closed in every direction: no list of edges, and the edges are those of networkx."""

from __future__ import annotations

from typing import Any

import networkx
import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.network.structure import connections_of, measure
from dynattn.network.symmetry import asymmetry
from dynattn.vocabulary.graphs import MAKE_N, generate, generator_parameters
from dynattn.vocabulary.lattices import torus_of
from dynattn.vocabulary.node_graph import node_graph_of
from tests.network.small_models import generator, over

CLOSED = {
    "grid_2d_graph": ({"m": 3, "n": 5}, {"m": 2, "n": 4}, {"m": 4, "n": 3}, {"m": 2, "n": 2}),
    "grid_graph": ({"dim": (3, 4, 5)}, {"dim": (2, 3)}, {"dim": (6, 3)}, {"dim": (7,)}),
    "hypercube_graph": ({"n": 2}, {"n": 4}),
}
CASES = [(name, arguments) for name, several in CLOSED.items() for arguments in several]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_the_edges_are_those_of_networkx(name: str, arguments: dict[str, Any]) -> None:
    periodic: dict[str, Any] = {} if name == "hypercube_graph" else {"periodic": True}
    plain = node_graph_of(getattr(networkx, name)(**arguments, **periodic))
    found = _network(over(generator(name, **arguments, **periodic), plain.nodes))
    assert found.listed_receivers is None and found.structure == "lattice"
    assert found.receivers is not None and found.senders is not None
    assert numpy.array_equal(found.receivers, plain.edges[0])
    assert numpy.array_equal(found.senders, plain.edges[1])
    for node in range(plain.nodes):
        heard = plain.edges[1][plain.edges[0] == node].tolist()
        assert [sender for _, sender in found.senders_of(node)] == heard
    listed = connections_of(plain.edges, (plain.nodes, plain.nodes), {"none"})
    facts, expected = measure(found), measure(listed)
    for fact in ("edges", "degree_min", "degree_max", "components", "self_loops", "symmetric"):
        assert getattr(facts, fact) == getattr(expected, fact)
    assert asymmetry(found) == ""


def _network(model):
    from dynattn.network.build import build_network

    return build_network(model).connections["c"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("grid_2d_graph", {"m": 3, "n": 4}),
        ("grid_2d_graph", {"m": 1, "n": 4, "periodic": True}),
        ("grid_2d_graph", {"m": 3, "n": 4, "periodic": (True, False)}),
        ("grid_2d_graph", {"m": 3, "n": 4, "periodic": True, "create_using": "DiGraph"}),
        ("grid_graph", {"dim": (3, 4)}),
        ("cycle_graph", {"n": 4}),
    ],
    ids=str,
)
def test_other_graphs_are_made_by_networkx(name: str, arguments: dict[str, object]) -> None:
    assert torus_of(name, arguments) is None


def test_a_lattice_without_edges_in_memory_is_large() -> None:
    text = """
model large
param m = 2000, n = 1500
graph net = grid_2d_graph(m=m, n=n, periodic=true)
population osc[net] { state x on real; drift -x }
coupling pull: osc -> osc over net
"""
    found = Compilation(Source("large.dyn", text)).network.connections["pull"]
    assert found.edge_count == 12_000_000
    assert [sender for _, sender in found.senders_of(1500)] == [0, 1501, 2999, 3000]


def test_its_edges_have_no_attributes() -> None:
    text = """
model bare
graph net = grid_2d_graph(m=3, n=4, periodic=true)
population osc[net] { state x on real; drift -x }
coupling pull: osc -> osc over net { weight length }
"""
    with pytest.raises(SpecError, match="E201: unknown name 'length' in coupling 'pull'"):
        _ = Compilation(Source("bare.dyn", text)).network


@pytest.mark.parametrize(
    ("graph", "size"),
    [
        ("grid_2d_graph(m, n)", "m*n"),
        ("grid_2d_graph(m=m, n=4, periodic=true)", "4*m"),
        ("grid_graph(dim=[m, n, 2])", "2*m*n"),
        ("hypercube_graph(n)", "32"),
        ("watts_strogatz_graph(n, 2, 0.1)", "n"),
    ],
)
def test_the_size_of_a_population_made_from_one_is_a_formula(graph: str, size: str) -> None:
    text = f"model sized\nparam m = 3, n = 5\ngraph net = {graph}\n" + (
        "population osc[net] { state x on real; drift -x }\n"
        "coupling pull: osc -> osc over net\n"
    )  # fmt: skip
    spec = Compilation(Source("sized.dyn", text))
    assert str(spec.model.population["osc"].size) == size
    found = spec.network.connections["pull"]
    assert found.receivers_count == spec.model.population["osc"].size.value({"m": 3, "n": 5})


@pytest.mark.parametrize("name", sorted(MAKE_N))
def test_generators_that_make_n_nodes(name: str) -> None:
    others = {"m": 3, "m1": 2, "m2": 3, "p": 0.5, "k": 2, "radius": 0.5, "offsets": (1, 2),
              "alpha": 0.3 if name == "scale_free_graph" else 2.0}  # fmt: skip
    given = {word: others[word] for word in generator_parameters(name).parameters if word in others}
    if name == "scale_free_graph":
        given = {}
    assert generate(name, {"n": 9, **given}, seed=1).number_of_nodes() == 9
