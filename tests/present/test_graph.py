"""draw_graph: formats by ending, graphs for other tools, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.catalogue import CODES
from dynattn.diagnostics.report import Diagnostic, Source, SpecError, UsageError
from dynattn.network.connections import Connections
from dynattn.present.formats import write_graphml, write_json
from dynattn.present.graph import FORMATS, draw_graph
from dynattn.present.parts import Attention, CouplingEdges, GraphParts
from dynattn.vocabulary.sizes import named
from tests.present.drawings import awkward, kuramoto, parts, small_world, two_populations

ROOT = Path(__file__).parents[2]


def refusal(error: type[SpecError], *arguments, **options) -> Diagnostic:
    with pytest.raises(error) as caught:
        draw_graph(*arguments, **options)
    assert type(caught.value) is error
    (found,) = caught.value.diagnostics
    assert found.code in CODES
    return found


def attention() -> Attention:
    weights = numpy.tril(numpy.ones((2, 3, 5, 5)))
    return Attention(tuple("ab\nc "), weights / weights.sum(-1, keepdims=True), ("one", "two"))


# ── graphs for other tools ─────────────────────────────────────────────────────────────────────


def test_graphml_reads_back_the_same(tmp_path: Path):
    graph = kuramoto()
    graph.nodes["osc"]["extent"] = named("T") + named("T")
    read = networkx.read_graphml(
        write_graphml(graph, tmp_path / "k.graphml"), force_multigraph=True
    )
    assert read.nodes["osc"] == {
        "kind": "population", "size": "500", "manifold": "theta on circle", "extent": "2*T",
    }  # fmt: skip
    (edge,) = read.edges(keys=True, data=True)
    assert edge[:3] == ("osc", "osc", "pull")
    assert edge[3]["kernel"] == "sin(theta[j] - theta[i])"
    assert "delay" not in edge[3]


def test_json_reads_back_the_same(tmp_path: Path):
    text = write_json(awkward(), tmp_path / "a.json").read_text("utf-8")
    read = networkx.node_link_graph(json.loads(text), edges="edges")
    assert networkx.utils.graphs_equal(read, awkward())


@pytest.mark.parametrize("suffix", [".graphml", ".json"])
def test_node_level_edges_are_written_when_asked_for(suffix: str, tmp_path: Path):
    (path,) = draw_graph(two_populations(), tmp_path / f"ei{suffix}", level="nodes")
    if suffix == ".json":
        read = networkx.node_link_graph(json.loads(path.read_text()), edges="edges")
    else:
        read = networkx.read_graphml(path, force_multigraph=True)
    assert read.number_of_nodes() == 5
    weights = {(a, b): facts["weight"] for a, b, facts in read.edges(data=True)}
    assert weights == {("E[2]", "I[0]"): 0.5, ("E[0]", "I[1]"): 1.5, ("E[1]", "I[1]"): 2.5}


def test_attention_is_a_weighted_graph(tmp_path: Path):
    made = GraphParts("lm", kuramoto(), attention=attention())
    (path,) = draw_graph(made, tmp_path / "a.json", level="attention")
    read = networkx.node_link_graph(json.loads(path.read_text()), edges="edges")
    assert [read.nodes[k]["token"] for k in range(5)] == ["a", "b", "↵", "c", "␣"]
    assert read.number_of_edges() == 2 * 3 * 15
    assert all(sender <= receiver for sender, receiver in read.edges())
    into_last = sum(f["weight"] for _, b, f in read.edges(data=True) if b == 4 and f["head"] == 0)
    assert into_last == pytest.approx(2.0)


def test_attention_as_a_picture_comes_with_arcs_over_the_text(tmp_path: Path):
    made = GraphParts("lm", kuramoto(), attention=attention())
    found = draw_graph(made, tmp_path / "a.svg", level="attention")
    assert [path.name for path in found] == ["a.svg", "a.arcs.svg"]


# ── the shipped specs ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["kuramoto", "synchronization", "kuramoto_attention"])
def test_the_shipped_specs_are_drawn(name: str, tmp_path: Path):
    text = (ROOT / "specs" / f"{name}.dyn").read_text("utf-8")
    compilation = Compilation(Source(f"{name}.dyn", text))
    for suffix in FORMATS:
        written = draw_graph(compilation, tmp_path / f"{name}{suffix}")
        assert all(path.stat().st_size > 400 for path in written)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    svg = (tmp_path / f"{name}.svg").read_text("utf-8")
    assert {
        "kuramoto": "alpha)",
        "synchronization": "39800",
        "kuramoto_attention": "attend.sync",
    }[name] in svg


def test_states_colour_the_nodes_of_a_spec(tmp_path: Path):
    text = (ROOT / "specs" / "kuramoto.dyn").read_text("utf-8")
    compilation = Compilation(Source("kuramoto.dyn", text), {"N": 20})
    angles = {"osc.theta": numpy.linspace(-3, 3, 20)}
    (path,) = draw_graph(compilation, tmp_path / "k.json", level="nodes", states=angles)
    read = networkx.node_link_graph(json.loads(path.read_text()), edges="edges")
    assert read.nodes["osc[0]"]["osc.theta"] == -3.0
    assert read.number_of_edges() == 200


# ── what is refused ────────────────────────────────────────────────────────────────────────────

KNOWN = ".svg, .png, .pdf, .dot, .html, .graphml, .json"


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("net.bmp", "'.bmp' is no format for graphs", f"use one of {KNOWN}"),
        (
            "net.graphm",
            "'.graphm' is no format for graphs",
            f"did you mean '.graphml'? use one of {KNOWN}",
        ),
        ("net", "a name without an ending is no format for graphs", f"use one of {KNOWN}"),
    ],
)  # fmt: skip
def test_an_unknown_ending(name: str, message: str, fix: str, tmp_path: Path):
    found = refusal(UsageError, two_populations(), tmp_path / name)
    assert (found.code, found.message, found.fix) == ("E560", message, fix)
    assert not list(tmp_path.iterdir())


def test_a_directory_in_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "net.svg").mkdir()
    found = refusal(SpecError, two_populations(), tmp_path / "net.svg")
    assert (found.code, found.message, found.fix) == (
        "E704", f"{tmp_path / 'net.svg'} is a folder", "choose another file name",
    )  # fmt: skip


def test_a_directory_in_the_place_of_the_second_picture_leaves_no_first(tmp_path: Path):
    (tmp_path / "net.nodes.svg").mkdir()
    assert refusal(SpecError, two_populations(), tmp_path / "net.svg").code == "E704"
    assert [path.name for path in tmp_path.iterdir()] == ["net.nodes.svg"]


def test_a_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("kept")
    found = refusal(SpecError, two_populations(), tmp_path / "file" / "net.dot")
    assert (found.code, found.message, found.fix) == (
        "E704",
        f"{tmp_path / 'file' / 'net.dot'} cannot be made: {tmp_path / 'file'} is a file",
        "choose another place with -o, or move the file away",
    )
    assert (tmp_path / "file").read_text() == "kept"


def test_an_unknown_level(tmp_path: Path):
    found = refusal(UsageError, two_populations(), tmp_path / "n.svg", level="node")
    assert (found.code, found.message, found.fix) == (
        "E563", "there is no level 'node'", "did you mean 'nodes'?",
    )  # fmt: skip


def test_nodes_of_a_population_whose_size_each_sample_has(tmp_path: Path):
    open_size = GraphParts("lm", kuramoto(), {"osc": None})
    found = refusal(SpecError, open_size, tmp_path / "n.svg", level="nodes")
    assert (found.code, found.message, found.fix) == (
        "E563",
        "lm has no coupling between populations of known size",
        "draw it at the level 'population'",
    )


def test_attention_of_what_was_never_trained(tmp_path: Path):
    found = refusal(SpecError, two_populations(), tmp_path / "n.svg", level="attention")
    assert (found.code, found.message, found.fix) == (
        "E563", "EI has no trained attention to draw", "train it first, then name its run folder",
    )  # fmt: skip


def test_a_format_that_cannot_show_a_level(tmp_path: Path):
    found = refusal(UsageError, two_populations(), tmp_path / "n.dot", level="adjacency")
    assert (found.code, found.message, found.fix) == (
        "E564", ".dot cannot show the level 'adjacency'", "use one of .svg, .png, .pdf",
    )  # fmt: skip


def test_more_edges_than_a_file_may_list(tmp_path: Path):
    edges = Connections("complete", 2000, 2000, False, structure="complete")
    huge = GraphParts("big", kuramoto(), {"osc": 2000}, (CouplingEdges("c", "osc", "osc", edges),))
    found = refusal(SpecError, huge, tmp_path / "n.json", level="nodes")
    assert (found.code, found.message, found.fix) == (
        "E565",
        "big has 3998000 edges, a file may list 2000000",
        "draw it at the level 'population' or 'adjacency', or set a smaller size",
    )


def test_parts_are_drawn_again_over_an_earlier_picture(tmp_path: Path):
    (tmp_path / "k.png").write_bytes(b"old")
    written = draw_graph(parts(small_world(12)), tmp_path / "k.png")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
