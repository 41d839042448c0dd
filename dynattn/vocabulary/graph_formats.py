"""GraphML, GEXF and GML, read by networkx; its complaints become ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dynattn.vocabulary.graph_files import GraphFileError, broken
from dynattn.vocabulary.node_graph import NodeGraph, node_graph_of


def read_graphml(path: Path, shown: str) -> NodeGraph:
    """A GraphML file; ids such as "7" are numbers."""
    import networkx

    return _read(networkx.read_graphml, path, shown, "GraphML")


def read_gexf(path: Path, shown: str) -> NodeGraph:
    """A GEXF file; the numbers that GEXF gives its edges are left out."""
    import networkx

    return _read(networkx.read_gexf, path, shown, "GEXF")


def read_gml(path: Path, shown: str) -> NodeGraph:
    """A GML file; nodes are matched by ``id``, and ``label`` is one of their attributes."""
    import networkx

    return _read(lambda file: networkx.read_gml(file, label="id"), path, shown, "GML")


def _read(reader: Callable[..., Any], path: Path, shown: str, title: str) -> NodeGraph:
    try:
        with open(path, "rb") as file:
            graph = reader(file)
    except (OSError, UnicodeDecodeError):
        raise
    except Exception as problem:  # a reader of another's: whatever it stumbles over is the file
        reason = " ".join(str(problem).split()).rstrip(".") or type(problem).__name__
        raise broken(shown, f"this is not {title}: {reason}") from problem
    import numpy

    if not hasattr(graph, "adjacency"):
        raise broken(shown, f"it holds {len(graph)} graphs", "save one graph in a file")
    if title == "GEXF":
        for *_, item in graph.edges(data=True):
            item.pop("id", None)
    try:
        found = node_graph_of(graph, named=True)
    except OverflowError as problem:
        raise broken(shown, f"it holds a number that is too large: {problem}") from problem
    weight = found.edges[2].get("weight")
    if weight is not None and not numpy.isfinite(weight).all():
        message = f"an edge in '{shown}' has the weight {weight[~numpy.isfinite(weight)][0]:g}"
        raise GraphFileError("E459", message, "replace it, or leave the edge out")
    return found
