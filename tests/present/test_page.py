"""The page to pan and zoom: whole, offline, and safe against what stands in a spec."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import networkx
import pytest

from dynattn.present.page import page_text
from dynattn.present.parts import GraphParts
from tests.present.drawings import awkward, hide_graphviz, kuramoto, parts, small_world


class Reader(HTMLParser):
    """Collects what a browser would fetch, and the page's scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str | None] = []
        self.scripts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "script"
        self.scripts += [""] if self.inside else []
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag in ("iframe", "object", "embed", "link", "img", "base"):
            self.links.append(tag)

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


def data_of(page: str) -> dict:
    return json.loads(Reader(page).scripts[1])


def test_the_page_fetches_nothing():
    page = page_text(parts(small_world(20)))
    reader = Reader(page)
    assert reader.links == []
    assert len(reader.scripts) == 3
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", page)
    assert not re.search(r"https?://", page.replace(reader.scripts[0], ""))


def test_the_page_has_the_library_and_its_licence_note():
    library = Reader(page_text(parts(small_world(20)))).scripts[0]
    assert "The Cytoscape Consortium" in library
    assert len(library) > 400_000


def test_small_graphs_have_their_nodes_too():
    levels = data_of(page_text(parts(small_world(20))))["levels"]
    assert list(levels) == ["Populations", "Nodes"]
    elements = levels["Nodes"]["elements"]
    assert sum(e["classes"] == "thin" for e in elements) == 40
    assert sum("position" in e for e in elements) == 20
    assert list(data_of(page_text(parts(small_world(301))))["levels"]) == ["Populations"]


def test_self_loops_and_cards_are_there():
    data = data_of(page_text(GraphParts("kuramoto", kuramoto())))
    (loop,) = [
        e["data"] for e in data["levels"]["Populations"]["elements"] if "source" in e["data"]
    ]
    assert (loop["source"], loop["target"], loop["label"]) == ("osc", "osc", "pull")
    (card,) = data["cards"]
    assert card["title"] == "pull: osc → osc"
    assert ["strength", "K"] in card["facts"]


def test_a_complete_coupling_of_many_nodes_is_told_not_drawn():
    level = data_of(page_text(parts(networkx.complete_graph(50))))["levels"]["Nodes"]
    assert level["note"] == "50 nodes. Edges not drawn, all to all: pull."
    assert all("source" not in e["data"] for e in level["elements"])


def test_words_of_a_spec_cannot_leave_their_place():
    graph = awkward()
    graph.add_edge("θ", "node", key="</script><script>alert(1)</script>", kernel="<!--")
    page = page_text(GraphParts("<b>@DATA@</b>", graph))
    assert len(Reader(page).scripts) == 3
    assert "&lt;b&gt;" in page
    names = [e["data"].get("label") for e in data_of(page)["levels"]["Populations"]["elements"]]
    assert "</script><script>alert(1)</script>" in names


def test_the_page_needs_no_graphviz(monkeypatch: pytest.MonkeyPatch):
    hide_graphviz(monkeypatch)
    elements = data_of(page_text(parts(small_world(20))))["levels"]["Populations"]["elements"]
    assert elements[0]["position"] == {"x": 0, "y": 0}
