"""The picture of a model: what stands at its nodes and edges; graph formats can hold it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import networkx
import pytest

from dynattn.diagnostics.report import Source
from dynattn.model.check import check
from dynattn.model.composition import AssignStep, InputUse, OutputStep
from dynattn.model.parts import GraphUse
from dynattn.model.terms import Place, Term, Type
from dynattn.network.build import build_network
from dynattn.network.diagram import spell_graph
from dynattn.syntax.parse import parse
from dynattn.vocabulary.sizes import fixed
from tests.network.small_models import SPAN, coupling, generator, model, phase, population

SPECS = Path(__file__).parents[2] / "specs"


def diagram(name: str) -> networkx.MultiDiGraph:
    text = (SPECS / f"{name}.dyn").read_text()
    return build_network(check(parse(Source(f"{name}.dyn", text)))).diagram


def test_kuramoto():
    found = diagram("kuramoto")
    assert dict(found.nodes(data=True)) == {
        "osc": {
            "kind": "population",
            "size": "500",
            "states": "theta",
            "manifold": "theta on circle",
            "laws": "theta' = omega + pull",
        }
    }
    assert found.edges["osc", "osc", "pull"] == {
        "kind": "coupling",
        "kernel": "sin(theta[j] - theta[i] - alpha)",
        "graph": "watts_strogatz_graph(n=500, k=10, p=0.1, seed=1)",
        "structure": "sparse",
        "edges": "5000",
        "weight": "",
        "strength": "K",
        "normalize": "degree",
        "frustration": "alpha",
        "heads": "",
        "layer": "",
    }


def test_attention_runs_from_text_through_tokens_to_logits():
    found = diagram("kuramoto_attention")
    kinds = dict(found.nodes(data="kind"))
    assert kinds == {"token": "population", "text": "input", "logits": "output"}
    assert found.nodes["text"]["type"] == "token(V)[T]"
    assert found.nodes["token"]["size"] == "T"
    edges = {(u, v, facts["kind"]): facts for u, v, facts in found.edges(data=True)}
    assert set(edges) == {
        ("text", "token", "set"),
        ("token", "token", "coupling"),
        ("token", "token", "drift"),
        ("token", "logits", "readout"),
    }
    sync = found.edges["token", "token", "attend.sync"]
    assert (sync["graph"], sync["edges"], sync["heads"]) == ("causal(T)", "T (T + 1)/2", "H")
    assert sync["weight"].startswith("softmax(dot(gate_q[i] * gate_k[j]")
    assert (sync["layer"], sync["repeat"]) == ("attend", "depth")
    mix = found.edges["token", "token", "mix"]
    assert (mix["kernel"], mix["repeat"]) == ("swiglu([cos(theta), sin(theta)])", "depth")


@pytest.mark.parametrize("name", ["kuramoto", "synchronization", "kuramoto_attention"])
def test_graphml_holds_the_picture(name):
    found = diagram(name)
    file = io.BytesIO()
    networkx.write_graphml(found, file)
    file.seek(0)
    again = networkx.read_graphml(file, force_multigraph=True)
    assert dict(again.nodes(data=True)) == dict(found.nodes(data=True))
    assert again.number_of_edges() == found.number_of_edges()


def test_edges_point_from_sender_to_receiver():
    use = generator("path_graph", n=3)
    spec = model((population("a", 3), population("b", 3)), (coupling(use, "a", "b"),))
    assert list(build_network(spec).diagram.edges) == [("a", "b", "c")]


def test_everyone_leaves_a_node_itself_out_where_there_is_one():
    spec = model(
        (population("a", 3), population("b", 3)),
        (coupling(GraphUse("everyone"), name="c"), coupling(GraphUse("everyone"), "a", "b", "d")),
    )
    found = build_network(spec).diagram
    assert found.edges["a", "a", "c"]["graph"] == "everyone else"
    assert found.edges["a", "a", "c"]["edges"] == "6"
    assert found.edges["a", "b", "d"]["graph"] == "everyone"
    assert found.edges["a", "b", "d"]["edges"] == "9"


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (
            generator("stochastic_block_model", sizes=(2, 3), p=((0.5, 0.1), (0.1, 0.5))),
            "stochastic_block_model(sizes=[2, 3], p=[[0.5, 0.1], [0.1, 0.5]])",
        ),
        (
            generator("cycle_graph", n=3, create_using="DiGraph"),
            'cycle_graph(n=3, create_using="DiGraph")',
        ),
        (
            generator("grid_2d_graph", m=3, n=4, periodic=True),
            "grid_2d_graph(m=3, n=4, periodic=true)",
        ),
    ],
)
def test_graphs_are_spelled_as_in_a_spec(use, text):
    assert spell_graph(use) == text


LAYERS = """model m
param V = 5, D = 4
dim T
input text: token(V)[T]
population p[T] { state x on sphere(D) }
layer pull { coupling near: p -> p over causal(T) without self { strength 0.1 }
  evolve { steps 1 } }
layer push { drift x: [cos(x)]
  evolve { steps 2 } }
network {
  x = embed(text)
  repeat 3 tied { pull; repeat 2 { push } }
  output logits = linear(x, V)
}
"""


def test_repeats_and_projected_laws():
    found = build_network(check(parse(Source("m.dyn", LAYERS)))).diagram
    edges = {(u, v, facts["kind"]): facts for u, v, facts in found.edges(data=True)}
    assert set(edges) == {
        ("text", "p", "set"),
        ("p", "p", "coupling"),
        ("p", "p", "drift"),
        ("p", "logits", "readout"),
    }
    assert edges["p", "p", "coupling"]["graph"] == "causal(T) without self"
    assert edges["p", "p", "coupling"]["edges"] == "T (T - 1)/2"
    assert edges["p", "p", "coupling"]["repeat"] == "3 tied"
    assert edges["p", "p", "drift"]["repeat"] == "3 tied x 2"


def test_a_variable_leads_back_to_what_it_was_made_from():
    size = Type(Place("nodes", "a"))
    text = Term("input", (), size, SPAN, "text")
    mixed = Term("add", (text, phase("a")), size, SPAN)
    variable = Term("variable", (), size, SPAN, "y")
    spec = replace(
        model((population("a", 3),), ()),
        inputs=(InputUse("text", size, (fixed(3),), SPAN),),
        network=(AssignStep("y", False, mixed), OutputStep("out", variable)),
    )
    found = build_network(spec).diagram
    assert sorted((u, v) for u, v, _ in found.edges) == [("a", "out"), ("text", "out")]
    assert found.nodes["text"]["size"] == "3"


def test_noise_and_states_of_edges_are_told_with_what_they_belong_to():
    text = LAYERS.replace("strength 0.1", "state w on real; w' = 1 - w; weight w").replace(
        "push { drift x: [cos(x)]", "push { noise x: 0.1"
    )
    found = build_network(check(parse(Source("m.dyn", text)))).diagram
    edges = {(u, v, facts["kind"]): facts for u, v, facts in found.edges(data=True)}
    assert set(found.nodes) == {"text", "p", "logits"}
    assert edges["p", "p", "coupling"]["law"] == "w[i,j]' = 1 - w[i,j]"
    assert "0.1 * W'" in edges["p", "p", "drift"]["kernel"]
    assert edges["p", "p", "drift"]["layer"] == "push"
