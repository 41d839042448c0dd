"""The population graph as DOT, drawn by Graphviz, and drawn without it."""

from __future__ import annotations

import os
import stat
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pydot
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.present.diagram import coupling_facts, dot_text, draw_by_graphviz, positions, wrapped
from dynattn.present.engine import Engine, find_engine
from dynattn.present.graph import draw_graph
from dynattn.present.parts import GraphParts
from tests.present.drawings import AWKWARD, awkward, hide_graphviz, kuramoto

# pydot 4.0 reads DOT by names that pyparsing has renamed since.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning:pydot")


def engine() -> Engine:
    found = find_engine()
    assert found is not None, "the test suite needs pygraphviz or dot"
    return found


def parse(text: str) -> pydot.Dot:
    (parsed,) = pydot.graph_from_dot_data(text) or [None]
    assert parsed is not None
    return parsed


def svg_texts(picture: bytes) -> list[str]:
    """The words of a drawing, one entry a line of it."""
    return [
        "".join(node.itertext())
        for node in ET.fromstring(picture).iter()
        if node.tag.endswith("}text")
    ]


def test_every_awkward_name_survives_the_dot_text():
    parsed = parse(dot_text(awkward(), 'the "graph"'))
    nodes = {str(node.get_name()) for node in parsed.get_nodes()} - {"node", "edge"}
    assert nodes == {pydot.make_quoted(name) for name in AWKWARD}
    ends = {(str(e.get_source()), str(e.get_destination())) for e in parsed.get_edges()}
    assert {(pydot.make_quoted(name),) * 2 for name in AWKWARD} <= ends
    assert ('"node"', '"E:1"') in ends


def test_graphviz_places_every_awkward_name_as_a_node_of_its_own():
    assert set(positions(engine(), dot_text(awkward(), "g"))) == set(AWKWARD)


def test_the_drawing_shows_the_self_coupling_with_its_card():
    picture = draw_by_graphviz(kuramoto(), "kuramoto", engine(), "svg")
    words = svg_texts(picture)
    assert {"osc", "500 nodes", "theta on circle", "pull", "sin(theta[j] - theta[i])",
            "watts_strogatz_graph(n=500)", "5000", "degree", "K"} <= {*words}  # fmt: skip
    titles = [node.text for node in ET.fromstring(picture).iter() if node.tag.endswith("}title")]
    assert "osc->osc" in titles


def test_a_self_coupling_lies_beside_its_node_not_upon_it():
    root = ET.fromstring(draw_by_graphviz(kuramoto(), "kuramoto", engine(), "svg"))
    places = {
        node.text: float(node.get("x", "nan")) for node in root.iter() if node.tag.endswith("}text")
    }
    assert places["pull"] > places["osc"] + 40


def test_a_second_loop_gets_a_card_that_the_first_does_not_cross():
    graph = kuramoto()
    graph.add_edge("osc", "osc", key="mix", kind="drift", kernel="swiglu(theta)", layer="mix")
    parsed = parse(dot_text(graph, "g"))
    ends = [(str(e.get_source()), str(e.get_destination())) for e in parsed.get_edges()]
    assert ends == [('"osc"', '"osc"'), ('"osc"', '"card 1"'), ('"card 1"', '"osc"')]
    assert "swiglu(theta)" in svg_texts(draw_by_graphviz(graph, "g", engine(), "svg"))


@pytest.mark.parametrize(
    ("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-")]
)
def test_graphviz_draws_each_kind_of_picture(form: str, start: bytes):
    assert draw_by_graphviz(awkward(), "g", engine(), form).startswith(start)


def test_letters_are_drawn_on_a_machine_without_fonts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without a font list of our own Graphviz draws empty boxes, all of one width."""
    empty = tmp_path / "fonts.conf"
    empty.write_text("<fontconfig></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    wide = positions(engine(), 'digraph { rankdir=LR; a [label="WWWWWWWWWWWWWWW"]; b; a -> b }')
    thin = positions(engine(), 'digraph { rankdir=LR; a [label="iiiiiiiiiiiiiii"]; b; a -> b }')
    assert wide["b"][0] > 1.5 * thin["b"][0]


def test_a_dot_on_the_path_is_used_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A program called dot, which hands its work to the bundled Graphviz."""
    bundled = Engine("", engine().command, bundled=True)
    if not engine().bundled:
        pytest.skip("a Graphviz is on the path already: the other tests draw with it")
    script = tmp_path / "dot"
    script.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"layout, form = sys.argv[1].removeprefix('-K'), sys.argv[2].removeprefix('-T')\n"
        f"os.execv({sys.executable!r}, [*{list(bundled.command)!r}, layout, form])\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = engine()
    assert found.command == (str(script),)
    assert "pull" in svg_texts(draw_by_graphviz(kuramoto(), "g", found, "svg"))


def test_a_graphviz_that_fails_is_told_about(tmp_path: Path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho 'Format: no such plugin' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SpecError) as caught:
        Engine("Graphviz (broken)", (str(broken),), bundled=False).render("digraph {}", "svg")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.fix) == (
        "E566",
        "Graphviz (broken) could not draw the graph: Format: no such plugin",
        "write a .dot file instead, or install another Graphviz",
    )


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_without_graphviz_matplotlib_draws_and_says_so(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hide_graphviz(monkeypatch)
    assert find_engine() is None
    said: list[str] = []
    parts = GraphParts("kuramoto", kuramoto())
    (path,) = draw_graph(parts, tmp_path / f"k{suffix}", level="population", say=said.append)
    assert said == ["no Graphviz: drawn by matplotlib"]
    assert path.stat().st_size > 3000


def test_without_graphviz_loops_and_names_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Every population is a box, every coupling an arrow with its name, every card at the right."""
    from dynattn.present import sketch

    hide_graphviz(monkeypatch)
    drawn = {}
    monkeypatch.setattr(sketch, "save_figure", lambda figure, path: drawn.setdefault("is", figure))
    sketch.sketch_diagram(awkward(), "awkward", tmp_path / "a.svg")
    (axes,) = drawn["is"].axes
    words = [text.get_text() for text in axes.texts]
    assert set(AWKWARD) <= set(words)
    assert sum(word.startswith('loop of "') and "\n" not in word for word in words) == len(AWKWARD)
    assert sum("kernel      x[j] < 1 & x[i] > 0" in word for word in words) == len(AWKWARD)
    assert len(axes.patches) == len(AWKWARD) + len(AWKWARD) + 1


def test_the_default_of_say_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hide_graphviz(monkeypatch)
    with pytest.warns(UserWarning, match="no Graphviz: drawn by matplotlib"):
        draw_graph(GraphParts("kuramoto", kuramoto()), tmp_path / "k.png")


def test_a_card_lists_what_a_coupling_has_and_nothing_empty():
    facts = {"kernel": "k", "layer": "", "delay": None, "normalize": "none", "strength": "K"}
    assert coupling_facts(facts) == [("kernel", "k"), ("strength", "K")]
    assert coupling_facts({**facts, "normalize": "degree"})[-1] == ("divided by", "degree")
    assert coupling_facts({"kind": "drift", "kernel": "f(x)"}) == [("rate", "f(x)")]
    assert coupling_facts({"kind": "readout", "kernel": "f(x)"}) == []


def test_long_kernels_are_broken_into_lines():
    lines = wrapped("softmax(dot(gate_q[i] * gate_k[j], cos(psi[j] - psi[i])) / sqrt(C/H))")
    assert len(lines) == 2
    assert all(len(line) <= 44 for line in lines)
