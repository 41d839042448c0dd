"""The coupling graph at population level: networkx in, Graphviz's words out (through pydot)."""

from __future__ import annotations

import html
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from dynattn.present.engine import FONTS
from dynattn.present.palette import CARD, MUTED_TEXT, STROKE, TEXT, node_colours, series_colour

if TYPE_CHECKING:
    import networkx
    import pydot

    from dynattn.present.engine import Engine

COUPLING_FACTS = (
    "layer", "repeat", "heads", "kernel", "weight", "law", "graph", "edges", "strength",
    "normalize", "delay",
)  # fmt: skip
"""Attributes of a coupling that its label shows, in this order."""
FRAME = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6">'
"""Keeps a card off its own line and off its neighbours."""
LINE = 44
"""Letters per line of a label."""


def dot_graph(diagram: networkx.MultiDiGraph, name: str) -> pydot.Dot:
    """The diagram in Graphviz's own form, styled, every name quoted."""
    import pydot

    graph = pydot.Dot(pydot.make_quoted(name), graph_type="digraph", **_graph_defaults())
    # Defaults go first: Graphviz applies them only to what comes after them in the text.
    graph.set_node_defaults(shape="box", style=pydot.make_quoted("filled,rounded"),
                            fontname=pydot.make_quoted(FONTS), fontsize="12",
                            margin=pydot.make_quoted("0.18,0.1"), penwidth="1.4")  # fmt: skip
    graph.set_edge_defaults(fontname=pydot.make_quoted(FONTS), fontsize="11", penwidth="1.8",
                            arrowsize="0.8")  # fmt: skip
    for node, facts in diagram.nodes(data=True):
        graph.add_node(_dot_node(str(node), facts))
    looped: set[object] = set()
    for number, (source, target, key, facts) in enumerate(diagram.edges(keys=True, data=True)):
        colour = series_colour(number) if is_coupling(facts) else STROKE
        edge = _dot_edge(str(source), str(target), key, facts, colour)
        # Graphviz draws a second loop across the card of the first: it runs through its own card.
        if source == target and source in looped and edge.get("label"):
            _add_card_node(graph, edge, number)
        else:
            graph.add_edge(edge)
        looped |= {source} if source == target else set()
    return graph


def draw_by_graphviz(diagram: networkx.MultiDiGraph, name: str, engine: Engine, form: str) -> bytes:
    """The diagram as svg, png or pdf.

    Graphviz puts a self-coupling's card beside its node without telling the other lines, so a
    first pass learns which node is above which, and in the second several lines between the same
    two nodes leave downwards and arrive from above.
    """
    import pydot

    graph = dot_graph(diagram, name)
    if any(source == target for source, target in diagram.edges()):
        heights = {
            pydot.make_quoted(node): y
            for node, (_, y) in positions(engine, graph.to_string()).items()
        }
        pairs = Counter(_ends(edge) for edge in graph.get_edges())
        for edge in graph.get_edges():
            if pairs[_ends(edge)] > 1 and edge.get("label"):
                source, target = str(edge.get_source()), str(edge.get_destination())
                _choose_ports(edge, heights[source] - heights[target])
    if form == "png":
        graph.set("dpi", "120")
    return engine.render(graph.to_string(), form)


def positions(engine: Engine, text: str, program: str = "dot") -> dict[str, tuple[float, float]]:
    """Where Graphviz puts the nodes of DOT ``text``, in inches, y upwards."""
    import json

    drawn = json.loads(engine.render(text, "json0", program))
    places = {
        node["name"]: node["pos"].split(",") for node in drawn.get("objects", ()) if "pos" in node
    }
    return {name: (float(x) / 72, float(y) / 72) for name, (x, y) in places.items()}


def _ends(edge: pydot.Edge) -> frozenset[object]:
    return frozenset((edge.get_source(), edge.get_destination()))


def _choose_ports(edge: pydot.Edge, fall: float) -> None:
    if abs(fall) < 0.01:
        return  # a self-coupling, or two nodes side by side
    edge.set("tailport", "s" if fall > 0 else "n")
    edge.set("headport", "n" if fall > 0 else "s")


def dot_text(diagram: networkx.MultiDiGraph, name: str) -> str:
    """The diagram as DOT text."""
    return dot_graph(diagram, name).to_string()


def coupling_facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What a coupling's label lists below its name: (word, text), empty ones left out.

    A drift lists its formula; what carries values from node to node is told by its name alone.
    """
    kind = edge_kind(facts)
    if kind not in ("coupling", "drift"):
        return []
    words = [word for word in COUPLING_FACTS if shown(facts.get(word))]
    if shown(facts.get("normalize")) == "none":
        words.remove("normalize")
    titles = {"kernel": "rate"} if kind == "drift" else {"normalize": "divided by"}
    return [(titles.get(word, word), shown(facts[word])) for word in words]


def node_facts(facts: dict[str, Any]) -> list[str]:
    """The lines of a node's label below its name."""
    lines = [] if kind_of(facts) == "population" else [kind_of(facts)]
    size = shown(facts.get("size"))
    if size and kind_of(facts) == "population":
        lines.append(f"{size} node" if size == "1" else f"{size} nodes")
    return lines + [shown(facts[word]) for word in ("type", "manifold") if shown(facts.get(word))]


def kind_of(facts: dict[str, Any]) -> str:
    """population, input, output, layer: ``population`` unless the node says otherwise."""
    return shown(facts.get("kind")) or "population"


def edge_name(key: Any, facts: dict[str, Any]) -> str:
    """A coupling's name: its ``name``, else its key where that is a word."""
    return shown(facts.get("name")) or (key if isinstance(key, str) else "")


def edge_kind(facts: dict[str, Any]) -> str:
    """coupling, drift (a layer's own motion of nodes), set or readout (values carried along)."""
    return shown(facts.get("kind")) or "coupling"


def is_coupling(facts: dict[str, Any]) -> bool:
    """Whether an edge is a coupling or a readout, with a colour and a card of its own."""
    return edge_kind(facts) == "coupling"


def acts(facts: dict[str, Any]) -> bool:
    """Whether an edge acts on the nodes it leads to, drawn solid; what is only read is dashed."""
    return is_coupling(facts) and shown(facts.get("acts")) != "no"


def shown(value: Any) -> str:
    """An attribute as text: '' for None, numbers short, letters that no file may hold left out."""
    if value is None or value is False:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else " " for c in text).strip()


def wrapped(text: str, width: int = LINE) -> list[str]:
    """The text in lines of at most ``width`` letters, broken at spaces where there are any."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _graph_defaults() -> dict[str, str]:
    return {"bgcolor": "transparent", "rankdir": "TB", "nodesep": "0.6", "ranksep": "0.7",
            "pad": "0.2"}  # fmt: skip


def _dot_node(name: str, facts: dict[str, Any]) -> pydot.Node:
    import pydot

    colours = node_colours(kind_of(facts))
    lines = [f"<B>{_markup(name)}</B>"]
    for fact in node_facts(facts):
        lines += [_font(line, MUTED_TEXT, 11) for line in wrapped(fact, 32)]
    return pydot.Node(
        pydot.make_quoted(name),
        label=f"<{'<BR/>'.join(lines)}>",
        tooltip=pydot.make_quoted(name),
        fillcolor=pydot.make_quoted(colours.fill),
        color=pydot.make_quoted(colours.border),
        fontcolor=pydot.make_quoted(TEXT),
    )


def _add_card_node(graph: pydot.Dot, loop: pydot.Edge, number: int) -> None:
    """Draw a self-coupling as a line to its card and an arrow back."""
    import pydot

    bare = loop.get("label").replace(FRAME, FRAME.replace('"6"', '"0"'))
    card, node = pydot.make_quoted(f"card {number}"), loop.get_source()
    look = {"color": loop.get("color"), "style": loop.get("style"), "tooltip": loop.get("tooltip")}
    graph.add_node(pydot.Node(card, shape="plain", style="solid", label=bare))
    graph.add_edge(pydot.Edge(node, card, arrowhead="none", **look))
    graph.add_edge(pydot.Edge(card, node, **look))


def _dot_edge(source: str, target: str, key: Any, facts: dict[str, Any], colour: str) -> pydot.Edge:
    import pydot

    edge = pydot.Edge(
        pydot.make_quoted(source),
        pydot.make_quoted(target),
        color=pydot.make_quoted(colour),
        style="solid" if acts(facts) else "dashed",
    )
    if is_coupling(facts) and not acts(facts):
        edge.set("penwidth", "1.2")
    if label := _edge_label(edge_name(key, facts), coupling_facts(facts), colour):
        edge.set("label", f"<{FRAME}<TR><TD>{label}</TD></TR></TABLE>>")
        edge.set("tooltip", pydot.make_quoted(edge_name(key, facts) or f"{source} to {target}"))
    return edge


def _edge_label(name: str, facts: list[tuple[str, str]], colour: str) -> str:
    """A card in the coupling's colour: it stays readable on any background."""
    heading = '<BR ALIGN="LEFT"/>'.join(_markup(line) for line in wrapped(name))
    rows = [_row(f'<TD COLSPAN="2" ALIGN="LEFT"><B>{heading}</B></TD>')] if name else []
    for word, text in facts:
        first, *rest = wrapped(text)
        rows.append(_row(_cell(_font(word, MUTED_TEXT, 10)) + _cell(_font(first, TEXT, 11))))
        rows += [_row(_cell("") + _cell(_font(line, TEXT, 11))) for line in rest]
    if not rows:
        return ""
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="2" CELLPADDING="2" STYLE="ROUNDED" '
        f'COLOR="{colour}" BGCOLOR="{CARD}">{"".join(rows)}</TABLE>'
    )


def _row(cells: str) -> str:
    return f"<TR>{cells}</TR>"


def _cell(content: str) -> str:
    return f'<TD ALIGN="LEFT" CELLPADDING="2">{content or " "}</TD>'


def _font(text: str, colour: str, size: int) -> str:
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size}">{_markup(text)}</FONT>'


def _markup(text: str) -> str:
    return html.escape(shown(text)) or " "
