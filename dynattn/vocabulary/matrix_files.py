"""Matrices of weights in CSV, Matrix Market, NPY and NPZ files, and the graphs they are."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynattn.vocabulary.edge_lists import Row, is_number, read_rows_of
from dynattn.vocabulary.graph_files import (
    GRAPH_FORMATS,
    MIB,
    GraphFileError,
    broken,
    huge,
    refuse_counts,
)
from dynattn.vocabulary.node_graph import NodeGraph, column, matching_of, merge_parallel


@dataclass(frozen=True, eq=False)
class Matrix:
    """A square matrix, dense or scipy's sparse; its file's name, and names of its rows."""

    shown: str
    entries: Any = field(repr=False)
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many rows."""
        return self.entries.shape[0]


def graph_of_matrix(matrix: Matrix, further: Mapping[str, Matrix]) -> NodeGraph:
    """Edges where the matrix is not 0, ``weight`` its entries; others' entries by their names."""
    import numpy

    rows, columns, weights = _coordinates(matrix)
    refuse_counts(matrix.shown, matrix.size, len(rows))
    attributes = {"weight": weights}
    for name, other in further.items():
        if other.size != matrix.size:
            message = f"'{other.shown}' has {other.size} rows, '{matrix.shown}' has {matrix.size}"
            raise GraphFileError("E459", message, "give both matrices the same size")
        found = other.entries[rows, columns]
        attributes[name] = numpy.asarray(found, dtype=numpy.float64).reshape(-1)
        if not numpy.isfinite(attributes[name]).all():
            edge = int(numpy.argmin(numpy.isfinite(attributes[name])))
            raise _not_finite(other.shown, rows[edge], columns[edge], attributes[name][edge])
    edges = merge_parallel((rows, columns, attributes), matrix.size)
    said = matching_of(matrix.labels) if matrix.labels else ""
    return NodeGraph(matrix.size, edges, {}, matrix.labels, said)


def _coordinates(matrix: Matrix) -> tuple[Any, Any, Any]:
    """Row, column and value of what is not 0, all finite."""
    import numpy

    if isinstance(matrix.entries, numpy.ndarray):
        rows, columns = numpy.nonzero(matrix.entries)
        values = matrix.entries[rows, columns].astype(numpy.float64)
    else:
        kept = matrix.entries.tocoo()
        there = kept.data != 0
        rows, columns = kept.row[there].astype(numpy.int64), kept.col[there].astype(numpy.int64)
        values = kept.data[there].astype(numpy.float64)
    if not numpy.isfinite(values).all():
        entry = int(numpy.argmin(numpy.isfinite(values)))
        raise _not_finite(matrix.shown, rows[entry], columns[entry], values[entry])
    return rows, columns, values


def _not_finite(shown: str, row: int, col: int, value: float) -> GraphFileError:
    message = f"entry [{row}, {col}] of '{shown}' is {value:g}"
    return GraphFileError("E459", message, "replace it: 0 is no edge")


def _square(shown: str, entries: Any, labels: tuple[str, ...] = ()) -> Matrix:
    shape = entries.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        size = " x ".join(map(str, shape)) or "a single number"
        message = f"the matrix in '{shown}' is {size}, not square"
        raise GraphFileError("E459", message, "give one row and one column for every node")
    if not shape[0]:
        raise GraphFileError("E456", f"the matrix in '{shown}' is empty", "name another file")
    if entries.dtype.kind not in "fiub":
        message = f"the matrix in '{shown}' has entries of type {entries.dtype}"
        raise GraphFileError("E459", message, "save real numbers")
    return Matrix(shown, entries, labels)


# ── tables ─────────────────────────────────────────────────────────────────────────────────────


def read_rows(path: Path, shown: str) -> Matrix:
    """Rows of numbers; a first line and a first column may name the nodes."""
    return matrix_of_rows(read_rows_of(path), shown)


def matrix_of_rows(rows: list[Row], shown: str) -> Matrix:
    """The matrix that lines of cells spell."""
    import numpy

    if not rows:
        raise broken(shown, "there is nothing in it")
    first = rows[0][1]
    header = not all(is_number(cell) for cell in first[1:]) or not first[0]
    body = rows[1:] if header else rows
    indexed = bool(body) and (
        not all(is_number(cells[0]) for _, cells in body) or (header and not first[0])
    )
    across = first[1:] if header and indexed and len(first) == len(body[0][1]) else first
    labels = tuple(across) if header else tuple(cells[0] for _, cells in body) if indexed else ()
    numbers = [(line, cells[1:] if indexed else cells) for line, cells in body]
    _refuse_ragged(numbers, shown)
    try:
        entries = numpy.array([cells for _, cells in numbers], dtype=numpy.float64)
    except ValueError:
        raise _no_number(numbers, shown) from None
    matrix = _square(shown, entries.reshape(len(numbers), -1), labels)
    if header and indexed:
        _refuse_other_names(labels, [cells[0] for _, cells in body], shown)
    return matrix


def _refuse_ragged(numbers: list[Row], shown: str) -> None:
    for line, cells in numbers:
        if len(cells) != len(numbers[0][1]):
            count = len(numbers[0][1])
            raise broken(shown, f"line {line} has {len(cells)} entries, the first has {count}")


def _no_number(numbers: list[Row], shown: str) -> GraphFileError:
    for line, cells in numbers:
        for place, cell in enumerate(cells, start=1):
            if not is_number(cell):
                what = f"no number: {cell}" if cell else "empty"
                return broken(shown, f"entry {place} of line {line} is {what}")
    return broken(shown, "it holds what is no number")


def _refuse_other_names(across: tuple[str, ...], down: list[str], shown: str) -> None:
    for place, (a, b) in enumerate(zip(across, down, strict=False), start=1):
        if a != b:
            raise broken(shown, f"column {place} is named {a}, row {place} is named {b}")


# ── Matrix Market ──────────────────────────────────────────────────────────────────────────────


def read_market(path: Path, shown: str) -> Matrix:
    """A Matrix Market file, its size taken from its head before anything is made."""
    import scipy.io

    try:
        rows, columns, entries, *_ = scipy.io.mminfo(path)
        refuse_counts(shown, max(rows, columns), entries)
        matrix: Any = scipy.io.mmread(path)
    except GraphFileError:
        raise
    except (ValueError, OverflowError, EOFError, IndexError) as problem:
        reason = f"this is not Matrix Market: {str(problem).rstrip('.')}"
        raise broken(shown, reason) from problem
    return _square(shown, matrix.tocsr() if hasattr(matrix, "tocsr") else matrix)


def graph_of_market(path: Path, shown: str) -> NodeGraph:
    """The graph of a Matrix Market file."""
    return graph_of_matrix(read_market(path, shown), {})


# ── NPY and NPZ ────────────────────────────────────────────────────────────────────────────────

_SPARSE = {"data", "indices", "indptr", "shape", "format"}
_SPELLED = {"weights": "weight", "lengths": "length"}
"""Arrays by their usual names in the plural, and the edge attribute each is."""


def read_array(path: Path, shown: str) -> Matrix:
    """One array in an NPY file."""
    import numpy

    try:
        array = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as problem:
        raise broken(shown, f"this is not NPY: {str(problem).rstrip('.')}") from problem
    if not isinstance(array, numpy.ndarray):
        raise broken(shown, "this is not NPY: it holds several arrays", "end its name in .npz")
    return _square(shown, array)


def read_arrays(path: Path, shown: str) -> Matrix:
    """The array ``weights`` of an NPZ file, or the sparse matrix that scipy saved there."""
    return _weights(_arrays(path, shown), shown)


def graph_of_arrays(path: Path, shown: str) -> NodeGraph:
    """An NPZ file: ``weights``, and beside it arrays per edge [n, n] and per node [n]."""
    arrays = _arrays(path, shown)
    matrix = _weights(arrays, shown)
    n = matrix.size
    others = {} if set(arrays) >= _SPARSE else arrays
    further = {
        _SPELLED.get(name, name): _square(f"{shown}: {name}", values)
        for name, values in others.items()
        if name != "weights" and values.shape == (n, n) and values.dtype.kind in "fiub"
    }
    graph = graph_of_matrix(matrix, further)
    columns = {name: column(v.tolist()) for name, v in others.items() if v.shape == (n,)}
    found = {name: values for name, values in columns.items() if values is not None}
    return NodeGraph(n, graph.edges, found)


def _weights(arrays: Mapping[str, Any], shown: str) -> Matrix:
    if set(arrays) >= _SPARSE:
        return _sparse(arrays, shown)
    if "weights" not in arrays:
        there = f"it has {', '.join(arrays)}" if arrays else "it is empty"
        message = f"'{shown}' has no array 'weights'"
        raise GraphFileError("E457", message, f"{there}; save the matrix as weights")
    return _square(shown, arrays["weights"])


def _sparse(arrays: Mapping[str, Any], shown: str) -> Matrix:
    import scipy.sparse

    makers = {"csr": scipy.sparse.csr_array, "csc": scipy.sparse.csc_array}
    try:
        form = arrays["format"].item()
        form = form.decode() if isinstance(form, bytes) else form
        shape = tuple(int(size) for size in arrays["shape"])
        refuse_counts(shown, max(shape), len(arrays["data"]))
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        matrix = makers[form](parts, shape=shape)
        matrix.check_format(full_check=True)
    except GraphFileError:
        raise
    except (ValueError, KeyError, TypeError) as problem:
        raise broken(shown, f"its sparse matrix is none: {problem}") from problem
    return _square(shown, matrix.tocsr())


def _arrays(path: Path, shown: str) -> dict[str, Any]:
    """Every array of an NPZ file, unpacked no further than its limit."""
    import zipfile

    import numpy

    limit = next(item.limit for item in GRAPH_FORMATS if ".npz" in item.suffixes)
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(item.file_size for item in packed.infolist())
        if size > limit:
            raise huge(shown, f"{size / MIB:.0f} MiB unpacked", f"{limit / MIB:.0f} MiB")
        with numpy.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except GraphFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError) as problem:
        raise broken(shown, f"this is not NPZ: {str(problem).rstrip('.')}") from problem
