"""dynattn graph: pictures and files of the coupling graph."""

from __future__ import annotations

import json

from tests.cli.conftest import SPECS


def test_a_picture_beside_the_nodes(dynattn, small, tmp_path):
    done = dynattn("graph", small)
    assert (done.code, done.out, done.err) == (0, "wrote small.svg\nwrote small.nodes.svg\n", "")
    assert (tmp_path / "small.svg").read_text().count("<svg") == 1


def test_several_formats(dynattn, small, tmp_path):
    done = dynattn("graph", small, "-o", "a.dot", "-o", "a.graphml", "-o", "a.html", "--json")
    assert json.loads(done.out)["files"] == ["a.dot", "a.graphml", "a.html"]
    assert (tmp_path / "a.dot").read_text().startswith("digraph")


def test_the_attention_layer(dynattn, tmp_path):
    assert dynattn("graph", SPECS / "kuramoto_attention.dyn", "-o", "net.pdf").code == 0
    assert (tmp_path / "net.pdf").read_bytes().startswith(b"%PDF")


def test_an_unknown_ending(dynattn, small):
    done = dynattn("graph", small, "-o", "net.jpg")
    assert done.code == 2
    assert done.err.startswith("error[E560]: '.jpg' is no format for graphs\n")


def test_an_unknown_level(dynattn, small):
    done = dynattn("graph", small, "--level", "node")
    assert done.code == 2
    assert done.err == (
        "error[E563]: there is no level 'node'\n  = fix: did you mean 'nodes'?\n\n1 error\n"
    )


def test_a_folder_in_the_way(dynattn, small, tmp_path):
    (tmp_path / "net.svg").mkdir()
    done = dynattn("graph", small, "-o", "net.svg")
    assert (done.code, done.err.splitlines()[0]) == (1, "error[E704]: net.svg is a folder")
