"""Edge lists and tables: one edge a line, its ends and, where there are more columns, a weight."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from dynattn.vocabulary.graph_files import broken, refuse_counts
from dynattn.vocabulary.node_graph import (
    PARALLEL,
    Edges,
    NodeGraph,
    both_ways,
    column,
    matching_of,
    merge_parallel,
    number_nodes,
    only,
)

Row = tuple[int, list[str]]
"""The number of a line from 1, and its cells."""

ENDS = (
    ("source", "target"), ("from", "to"), ("sender", "receiver"), ("from_node", "to_node"),
    ("from_bus", "to_bus"), ("u", "v"), ("node1", "node2"),
)  # fmt: skip
"""Names of the columns of the sending and the receiving node."""
COMMENTS = ("#", "%")
MATRIX_FIX = 'write matrix("..") for a matrix; for edges, a first line: source,target,weight'


def read_rows_of(path: Path) -> list[Row]:
    """The lines with something on them, in cells; separated by , ; tabs, or else by spaces."""
    text = path.read_text(encoding="utf-8-sig")
    lines = [
        (number, line.strip("\r\n"))
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith(COMMENTS)
    ]
    separator = next((s for s in (",", ";", "\t") if lines and s in lines[0][1]), None)
    if separator is None:
        return [(number, line.split()) for number, line in lines]
    cells = csv.reader((line for _, line in lines), delimiter=separator)
    return [
        (number, [cell.strip() for cell in row])
        for (number, _), row in zip(lines, cells, strict=False)
    ]


def is_number(cell: str) -> bool:
    """Whether a cell is a number; ``nan`` and ``inf`` count as such."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def read_edge_list(path: Path, shown: str, directed: bool = True) -> NodeGraph:
    """Two or three columns: from, to, weight; with a first line of names, any columns."""
    return _edges_of_rows(read_rows_of(path), shown, directed)


def read_table(path: Path, shown: str, directed: bool | None = None) -> NodeGraph:
    """A CSV file: a list of edges, or an adjacency matrix where it is as wide as it is long."""
    rows = read_rows_of(path)
    width = len(rows[0][1]) if rows else 0
    named = bool(rows) and _ends(rows[0][1]) is not None
    lines = len(rows) - bool(rows and _names_columns(rows[0][1], [cells for _, cells in rows[1:]]))
    if not named and lines == width and width in (2, 3):
        reason = f"{width} lines of {width} columns are a matrix or a list of edges"
        raise broken(shown, reason, MATRIX_FIX)
    if named or width in (2, 3):
        return _edges_of_rows(rows, shown, directed is not False)
    from dynattn.vocabulary.matrix_files import graph_of_matrix, matrix_of_rows

    if directed is not None:
        raise broken(shown, "a matrix says itself which edges have a direction", "omit 'directed'")
    return graph_of_matrix(matrix_of_rows(rows, shown), {})


def _ends(header: Sequence[str]) -> tuple[int, int] | None:
    """The columns of the two ends, where a first line names them."""
    words = [cell.lower() for cell in header]
    for first, second in ENDS:
        if first in words and second in words:
            return words.index(first), words.index(second)
    return None


def _edges_of_rows(rows: list[Row], shown: str, directed: bool) -> NodeGraph:
    header, ends = _header(rows, shown)
    body = rows[1:] if header else rows
    width = len(header) if header else max((len(cells) for _, cells in body[:1]), default=2)
    if width < 2 or (not header and width > 3):
        line = body[0][0] if body else 1
        reason = f"line {line} has {width} column{'s'[: width != 1]}, an edge has two or three"
        raise broken(shown, reason, "name the columns in a first line: source,target,weight")
    for number, cells in body:
        if len(cells) != width:
            raise broken(shown, f"line {number} has {len(cells)} columns, the first has {width}")
        if not cells[ends[0]] or not cells[ends[1]]:
            raise broken(shown, f"line {number} lacks the id of a node")
    return _graph(body, shown, header or ["source", "target", "weight"][:width], ends, directed)


def _header(rows: list[Row], shown: str) -> tuple[list[str], tuple[int, int]]:
    """The names of the columns, [] where there are none, and which are the ends."""
    if not rows:
        raise broken(shown, "there is nothing in it")
    first = rows[0][1]
    if (ends := _ends(first)) is not None:
        return first, ends
    if _names_columns(first, [cells for _, cells in rows[1:]]):
        return first, (0, 1)
    return [], (0, 1)


def _names_columns(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a column has a word above nothing but numbers: the weights, or whole-number ids."""
    return any(
        not is_number(word) and all(len(row) > k and is_number(row[k]) for row in others)
        for k, word in enumerate(first)
        if others
    )


def _graph(
    body: list[Row], shown: str, names: Sequence[str], ends: tuple[int, int], directed: bool
) -> NodeGraph:
    import numpy

    tails, heads = ([cells[end] for _, cells in body] for end in ends)
    numbers = number_nodes(dict.fromkeys(label for pair in zip(tails, heads, strict=True)
                                         for label in pair))  # fmt: skip
    refuse_counts(shown, len(numbers), len(body))
    attributes, lost = {}, {}
    for place, name in enumerate(names):
        if place in ends:
            continue
        cells = [(number, row[place]) for number, row in body]
        missing = sum(not cell for _, cell in cells)
        if missing and name != "weight":
            lost[name] = only(len(cells) - missing, len(cells))
        elif (values := _values(cells, name, shown)) is not None:
            attributes[name] = values
    receivers, senders = (
        numpy.fromiter(map(numbers.__getitem__, side), numpy.int64, len(side))
        for side in (heads, tails)
    )
    edges: Edges = (receivers, senders, attributes)
    edges = merge_parallel(edges if directed else both_ways(edges), len(numbers))
    lost |= {name: PARALLEL for name in attributes if name not in edges[2]}
    said = "a line sends from its first node to its second" if directed else "lines run both ways"
    matched = matching_of(numbers)
    labels = tuple(map(str, numbers))
    both = "; ".join(filter(None, (matched, said)))
    return NodeGraph(len(numbers), edges, {}, labels, both, lost)


def _values(cells: list[tuple[int, str]], name: str, shown: str):
    """A column as numbers where all are, else as text; weights are finite numbers."""
    import numpy

    if name != "weight" and not all(is_number(cell) for _, cell in cells):
        return column([cell for _, cell in cells])
    for number, cell in cells:
        if cell and not is_number(cell):
            raise broken(shown, f"the {name} in line {number} is no number: {cell}")
    values = numpy.array([float(cell or 1) for _, cell in cells])
    if name == "weight" and not numpy.isfinite(values).all():
        from dynattn.vocabulary.graph_files import GraphFileError

        line = cells[int(numpy.argmin(numpy.isfinite(values)))][0]
        message = f"the weight in line {line} of '{shown}' is not a finite number"
        raise GraphFileError("E459", message, "replace it, or leave the line out")
    return values
