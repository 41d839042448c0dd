"""One HTML file to pan and zoom the coupling graph in; it needs no network and fetches nothing."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.files import write_whole
from dynattn.present.diagram import (
    acts,
    coupling_facts,
    edge_name,
    is_coupling,
    kind_of,
    node_facts,
    positions,
    wrapped,
)
from dynattn.present.engine import find_engine
from dynattn.present.nodes import (
    MOST_NODES,
    MOST_NUMBERED,
    PLAIN,
    Place,
    hidden_couplings,
    node_places,
    state_colours,
)
from dynattn.present.palette import MUTED_TEXT, STROKE, node_colours, series_colour
from dynattn.present.parts import CouplingEdges, GraphParts, edge_arrays
from dynattn.present.sketch import layered_places

if TYPE_CHECKING:
    import networkx

Elements = list[dict[str, Any]]
"""Nodes and edges as cytoscape reads them."""


def write_page(parts: GraphParts, path: Path) -> Path:
    """Write the page: populations, and the nodes too where there are at most MOST_NODES."""
    return write_whole(path, page_text(parts))


def page_text(parts: GraphParts) -> str:
    """The whole page as text."""
    levels = {"Populations": {"elements": _population_elements(parts), "note": ""}}
    if parts.drawable and parts.node_count <= MOST_NODES:
        levels["Nodes"] = {"elements": _node_elements(parts), "note": _node_note(parts)}
    data = json.dumps({"levels": levels, "cards": _cards(parts)}, ensure_ascii=False)
    assets = files("dynattn.present") / "assets"
    page = (assets / "page.html").read_text("utf-8")
    library = (assets / "cytoscape.min.js").read_text("utf-8")
    fillings = {
        "@TITLE@": html.escape(f"{parts.name}: coupling graph"),
        "@CYTOSCAPE@": library,
        # Within a script element only "<" could end it: written as an escape it cannot.
        "@DATA@": data.replace("<", "\\u003c"),
    }
    # One pass, so that a filling which looks like a mark stays what it is.
    return re.sub("|".join(fillings), lambda mark: fillings[mark.group()], page)


def _cards(parts: GraphParts) -> list[dict[str, Any]]:
    cards = []
    for number, (source, target, key, facts) in enumerate(_edges(parts)):
        told = coupling_facts(facts)
        if told or edge_name(key, facts):
            title = f"{edge_name(key, facts)}: {source} → {target}"
            colour = _colour(number, facts)
            cards.append(
                {
                    "name": _card_name(number, key, facts),
                    "title": title,
                    "facts": told,
                    "colour": colour,
                }
            )
    return cards


def _edges(parts: GraphParts) -> Any:
    return parts.diagram.edges(keys=True, data=True)


def _card_name(number: int, key: Any, facts: dict[str, Any]) -> str:
    """What ties a line to its card: a coupling's name; others are numbered."""
    return edge_name(key, facts) if is_coupling(facts) else f"{number}"


def _colour(number: int, facts: dict[str, Any]) -> str:
    return series_colour(number) if is_coupling(facts) else STROKE


def _population_elements(parts: GraphParts) -> Elements:
    places = _population_places(parts)
    elements: Elements = []
    for node, facts in parts.diagram.nodes(data=True):
        lines = [str(node), *(line for fact in node_facts(facts) for line in wrapped(fact, 22))]
        colours = node_colours(kind_of(facts))
        data = {"id": str(node), "label": "\n".join(lines), "height": 24 + 17 * len(lines),
                "fill": colours.fill, "border": colours.border}  # fmt: skip
        elements.append({"data": data, "classes": "box", "position": places[str(node)]})
    for number, (source, target, key, facts) in enumerate(_edges(parts)):
        data = {"id": f"edge {number}", "source": str(source), "target": str(target),
                "label": edge_name(key, facts), "colour": _colour(number, facts),
                "card": _card_name(number, key, facts)}  # fmt: skip
        kind = "coupling" if acts(facts) else "coupling flow"
        elements.append({"data": data, "classes": kind})
    return elements


def _population_places(parts: GraphParts) -> dict[str, dict[str, float]]:
    """Pixels, y downwards."""
    engine = find_engine()
    if engine is not None:
        found = positions(engine, _layout_text(parts.diagram))
    else:
        found = {str(node): place for node, place in layered_places(parts.diagram).items()}
    return {
        name: {"x": round(x * 105, 1), "y": round(-y * 105, 1)} for name, (x, y) in found.items()
    }


def _layout_text(diagram: networkx.MultiDiGraph) -> str:
    """DOT for the places alone: boxes from left to right, room for the couplings' names."""
    import pydot

    graph = pydot.Dot(
        graph_name="layout", graph_type="digraph", rankdir="LR", ranksep="1.1", nodesep="0.9"
    )
    graph.set_node_defaults(shape="box", fixedsize="true", width="1.5", height="1.0")
    for node in diagram:
        graph.add_node(pydot.Node(pydot.make_quoted(str(node))))
    for source, target, key, facts in diagram.edges(keys=True, data=True):
        edge = pydot.Edge(pydot.make_quoted(str(source)), pydot.make_quoted(str(target)))
        edge.set("label", pydot.make_quoted("\n".join(wrapped(edge_name(key, facts), 22))))
        graph.add_edge(edge)
    return graph.to_string()


def _node_note(parts: GraphParts) -> str:
    names = ", ".join(coupling.name for coupling in hidden_couplings(parts))
    return f"{parts.node_count} nodes." + (
        f" Edges not drawn, all to all: {names}." if names else ""
    )


def _node_elements(parts: GraphParts) -> Elements:
    places = _scaled(node_places(parts, find_engine()))
    named = parts.node_count <= MOST_NUMBERED
    size = max(9, min(22, 900 / parts.node_count))
    elements: Elements = []
    for number, (population, count) in enumerate(parts.sizes.items()):
        fills = _fills(parts, population, count or 0, PLAIN[number % len(PLAIN)])
        for k, fill in enumerate(fills):
            name = f"{population}[{k}]"
            data = {"id": name, "label": str(k), "fill": fill, "border": MUTED_TEXT, "size": size}
            classes = "dot named" if named else "dot"
            elements.append({"data": data, "classes": classes, "position": places[name]})
    hidden = hidden_couplings(parts)
    for number, coupling in enumerate(parts.drawable):
        if coupling not in hidden:
            elements += _thin_edges(coupling, series_colour(number))
    return elements


def _fills(parts: GraphParts, population: str, count: int, plain: str) -> list[str]:
    from matplotlib.colors import to_hex

    if population not in parts.states:
        return [plain] * count
    return [to_hex(colour) for colour in state_colours(parts.states[population])]


def _thin_edges(coupling: CouplingEdges, colour: str) -> Elements:
    """One line per edge; two opposite edges without a direction to show are one line."""
    receivers, senders = (side.tolist() for side in edge_arrays(coupling.edges))
    pairs = list(zip(senders, receivers, strict=True))
    mutual = coupling.sender == coupling.receiver and set(pairs) == {(b, a) for a, b in pairs}
    if mutual:
        pairs = [(a, b) for a, b in pairs if a <= b]
    look = {"colour": colour, "arrow": "none" if mutual else "triangle", "card": coupling.name,
            "width": 1.1, "opacity": max(0.25, min(0.8, 300 / (len(pairs) + 1)))}  # fmt: skip
    return [
        {"data": {"id": f"{coupling.name} {a} {b}", "source": coupling.sender_name(a),
                  "target": coupling.receiver_name(b), **look}, "classes": "thin"}
        for a, b in pairs
    ]  # fmt: skip


def _scaled(places: dict[str, Place]) -> dict[str, dict[str, float]]:
    """Places in a square of 900 pixels, y downwards."""
    xs, ys = zip(*places.values(), strict=True)
    scale = 900 / (max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0)
    return {name: {"x": round((x - xs[0]) * scale, 1), "y": round((ys[0] - y) * scale, 1)}
            for name, (x, y) in places.items()}  # fmt: skip
