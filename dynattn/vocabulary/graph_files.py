"""Graphs and matrices in files: found, weighed before they are read, and read by their suffix.

A reader is one entry in GRAPH_FORMATS or MATRIX_FORMATS. What is wrong with a file is a
GraphFileError, which carries the code of its diagnostic.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.vocabulary.graphs import GraphError
from dynattn.vocabulary.node_graph import NodeGraph
from dynattn.vocabulary.shipped_data import beside_or_shipped

MIB = 2**20
MOST_NODES = 10_000_000
MOST_EDGES = 100_000_000


class GraphFileError(GraphError):
    """A file gives no graph: the code of the diagnostic, the fact, and what to do."""

    def __init__(self, code: str, message: str, fix: str):
        self.code = code
        self.fix = fix
        super().__init__(message)


@dataclass(frozen=True)
class Format:
    """One kind of file: ``reader`` names a function in a module of this room, loaded when used."""

    title: str
    suffixes: tuple[str, ...]
    module: str
    reader: str
    limit: int
    """In bytes, unpacked; larger files are refused before they are read."""

    def load(self) -> Callable[..., Any]:
        """The reader."""
        from importlib import import_module

        return getattr(import_module(f"dynattn.vocabulary.{self.module}"), self.reader)


GRAPH_FORMATS = (
    Format("GraphML", (".graphml",), "graph_formats", "read_graphml", 64 * MIB),
    Format("GEXF", (".gexf",), "graph_formats", "read_gexf", 64 * MIB),
    Format("GML", (".gml",), "graph_formats", "read_gml", 64 * MIB),
    Format("an edge list", (".edges", ".edgelist", ".txt", ".tsv"), "edge_lists",
           "read_edge_list", 256 * MIB),
    Format("a table", (".csv",), "edge_lists", "read_table", 256 * MIB),
    Format("Matrix Market", (".mtx",), "matrix_files", "graph_of_market", 1024 * MIB),
    Format("NPZ", (".npz",), "matrix_files", "graph_of_arrays", 2048 * MIB),
)  # fmt: skip
"""What ``file("..")`` reads: reader(path, shown, directed) -> NodeGraph."""

MATRIX_FORMATS = (
    Format("a table", (".csv", ".txt", ".tsv"), "matrix_files", "read_rows", 256 * MIB),
    Format("Matrix Market", (".mtx",), "matrix_files", "read_market", 1024 * MIB),
    Format("NPZ", (".npz",), "matrix_files", "read_arrays", 2048 * MIB),
    Format("NPY", (".npy",), "matrix_files", "read_array", 2048 * MIB),
)
"""What ``matrix("..")`` reads: reader(path, shown) -> Matrix."""

EDGE_LISTS = frozenset({".edges", ".edgelist", ".txt", ".tsv", ".csv"})
"""Suffixes of files that do not say themselves whether their edges have a direction."""


def find_graph_file(folder: Path, name: str) -> tuple[Path, Format]:
    """The path and format of a graph's file; GraphFileError E454 or E455. Reads nothing."""
    return _find(folder, name, GRAPH_FORMATS)


def find_matrix_file(folder: Path, name: str) -> tuple[Path, Format]:
    """The path and format of a matrix's file; GraphFileError E454 or E455. Reads nothing."""
    return _find(folder, name, MATRIX_FORMATS)


def _find(folder: Path, name: str, formats: tuple[Format, ...]) -> tuple[Path, Format]:
    path = beside_or_shipped(folder, name)
    chosen = [item for item in formats if path.suffix.lower() in item.suffixes]
    if not chosen:
        known = ", ".join(suffix for item in formats for suffix in item.suffixes)
        what = f"the ending '{path.suffix}'" if path.suffix else "no ending"
        message = f"'{name}' has {what}, which says nothing of a format"
        raise GraphFileError("E455", message, f"files end in {known}")
    _refuse_missing(path, name)
    return path, chosen[0]


def _refuse_missing(path: Path, name: str) -> None:
    try:
        if path.is_file():
            return
        folder, there = path.is_dir(), path.exists()
        near = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GraphFileError(
            "E454", f"'{name}' cannot be looked at: {reason.lower()}", "give another path"
        ) from error
    if folder:
        raise GraphFileError("E454", f"'{name}' is a folder", "name a file in it")
    if there:
        raise GraphFileError("E454", f"'{name}' is no ordinary file", "name a file with a graph")
    otherwise = "a path counts from the folder of the spec"
    fix = did_you_mean(path.name, near, otherwise)
    raise GraphFileError("E454", f"there is no file '{name}'", fix)


def read_graph(folder: Path, name: str, *, directed: bool | None = None) -> NodeGraph:
    """The graph in a file, by the suffix of its name.

    ``directed`` says of an edge list whether a line sends one way (the default) or both ways.
    Raises GraphFileError: E454 not there, E455 unknown suffix, E456 broken, E458 too large, E459
    numbers that are none.
    """
    path, chosen = find_graph_file(folder, name)
    if directed is not None and path.suffix.lower() not in EDGE_LISTS:
        message = f"{chosen.title} says itself whether its edges have a direction"
        raise GraphFileError("E212", message, "leave 'directed' out")
    _refuse_huge(path, name, chosen)
    options = {} if directed is None else {"directed": directed}
    graph = _guarded(chosen, path, name, options)
    if not graph.nodes:
        raise GraphFileError("E456", f"'{name}' has no nodes", "name a file with a graph")
    return graph


def read_matrix(folder: Path, name: str, further: Mapping[str, str]) -> NodeGraph:
    """The graph of a matrix: entry [a, b], where it is not 0, is the effect of b on a.

    ``further``: names of edge attributes, and the files of the matrices that hold them. Raises as
    read_graph does.
    """
    from dynattn.vocabulary.matrix_files import graph_of_matrix

    matrix = _matrix(folder, name)
    return graph_of_matrix(matrix, {word: _matrix(folder, file) for word, file in further.items()})


def _matrix(folder: Path, name: str) -> Any:
    path, chosen = find_matrix_file(folder, name)
    _refuse_huge(path, name, chosen)
    return _guarded(chosen, path, name, {})


def _guarded(chosen: Format, path: Path, name: str, options: dict[str, Any]) -> Any:
    try:
        return chosen.load()(path, name, **options)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fix = "make it readable, or name another file"
        raise GraphFileError("E454", f"'{name}' cannot be read: {reason}", fix) from error
    except csv.Error as error:
        raise broken(name, f"this is no table: {error}") from error
    except UnicodeDecodeError as error:
        message = (
            f"'{name}' is no text in UTF-8: byte {error.start} is {error.object[error.start]:#x}"
        )
        raise GraphFileError("E456", message, "save it as UTF-8") from error


def _refuse_huge(path: Path, name: str, chosen: Format) -> None:
    size = path.stat().st_size
    if size > chosen.limit:
        raise huge(name, f"{size / MIB:.0f} MiB", f"{chosen.limit / MIB:.0f} MiB of {chosen.title}")


def huge(name: str, has: str, limit: str) -> GraphFileError:
    """The refusal of a file that is too large."""
    return GraphFileError(
        "E458", f"'{name}' is too large: {has}, and at most {limit} are read",
        "save a smaller part of the graph, or give it as NPZ or Matrix Market",
    )  # fmt: skip


def refuse_counts(name: str, nodes: int, edges: int = 0) -> None:
    """Refuse a graph whose arrays would not fit, before they are made; GraphFileError E458."""
    if nodes > MOST_NODES:
        raise huge(name, f"{nodes:.4g} nodes", f"{MOST_NODES:.4g} nodes")
    if edges > MOST_EDGES:
        raise huge(name, f"{edges:.4g} edges", f"{MOST_EDGES:.4g} edges")


def broken(name: str, reason: str, fix: str = "mend the file, or save it again") -> GraphFileError:
    """The refusal of a file that is not what its name says."""
    return GraphFileError("E456", f"'{name}' is broken: {reason}", fix)


def lacks(graph: NodeGraph, title: str, attribute: str, *, of: str = "edge") -> GraphFileError:
    """The refusal of an attribute that a graph's nodes or edges do not have."""
    known = graph.edge_attributes if of == "edge" else tuple(graph.attributes)
    if of == "edge" and attribute in graph.lost:
        message = f"the edge attribute '{attribute}' of {title} cannot be used"
        return GraphFileError("E457", message, graph.lost[attribute])
    has = f"there are {', '.join(known)}" if known else f"its {of}s have no attributes"
    message = f"the {of}s of {title} have no attribute '{attribute}'"
    return GraphFileError("E457", message, did_you_mean(attribute, known, has))
