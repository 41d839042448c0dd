"""Graphs for other tools: GraphML and node-link JSON, through networkx."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.files import write_whole

if TYPE_CHECKING:
    import networkx


def write_graphml(graph: networkx.MultiDiGraph, path: Path) -> Path:
    """Write GraphML; attributes that are None are left out, those of no plain type become text."""
    import networkx

    content = io.BytesIO()
    # The plain writer, not networkx's choice of lxml where that is installed: same bytes anywhere.
    networkx.write_graphml_xml(plain_graph(graph), content)
    return write_whole(path, content.getvalue())


def write_json(graph: networkx.MultiDiGraph, path: Path) -> Path:
    """Write node-link JSON, as ``networkx.node_link_graph`` (edges="edges") reads it."""
    import networkx

    data = networkx.node_link_data(plain_graph(graph), edges="edges")
    return write_whole(path, json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def plain_graph(graph: networkx.MultiDiGraph) -> networkx.MultiDiGraph:
    """A copy whose attributes are texts, whole numbers, numbers and truth values only."""
    import networkx

    plain = networkx.MultiDiGraph(**_plain(graph.graph))
    plain.add_nodes_from((node, _plain(facts)) for node, facts in graph.nodes(data=True))
    for source, target, key, facts in graph.edges(keys=True, data=True):
        plain.add_edge(source, target, key=key, **_plain(facts))
    return plain


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in facts.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if hasattr(value, "item"):
        return value.item()  # a number of numpy's
    return "".join(c for c in str(value) if c.isprintable() or c in "\t\n")
