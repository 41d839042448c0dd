"""The coupling graph of many nodes: its adjacency as dots, and how dense its blocks are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dynattn.present.figure import add_colourbar, new_figure, save_figure, style
from dynattn.present.palette import SERIES
from dynattn.present.parts import CouplingEdges, GraphParts, edge_arrays

BLOCKS = 64
"""Blocks per side of the density map."""
PIXELS = 600
"""Cells per side of the adjacency picture, where there are more nodes than that."""


def block_density(coupling: CouplingEdges, blocks: int = BLOCKS) -> Any:
    """Edges over pairs in each block, [receiver block, sender block], each in 0..1."""
    import numpy

    edges = coupling.edges
    rows, columns = edges.receivers_count or 0, edges.senders_count or 0
    counts = _counts(coupling, min(blocks, rows), min(blocks, columns))
    heights = numpy.bincount(_cell(numpy.arange(rows), rows, len(counts)))
    widths = numpy.bincount(_cell(numpy.arange(columns), columns, counts.shape[1]))
    return counts / numpy.outer(heights, widths)


def draw_adjacency(parts: GraphParts, path: Path) -> Path:
    """Draw one row per coupling to ``path`` (svg, png or pdf): edges left, block density right."""
    couplings = parts.drawable
    with style():
        figure = new_figure(10.5, 5.2 * len(couplings))
        for part, coupling in zip(figure.subfigures(len(couplings), 1, squeeze=False).flat,
                                  couplings, strict=True):  # fmt: skip
            left, right = part.subplots(1, 2)
            part.suptitle(_title(parts, coupling), x=0.02, ha="left", fontsize=12, parse_math=False)
            _draw_edges(left, coupling)
            _draw_density(part, right, coupling)
        return save_figure(figure, path)


def _title(parts: GraphParts, coupling: CouplingEdges) -> str:
    edges = coupling.edges
    size = f"N = {edges.receivers_count}"
    if coupling.sender != coupling.receiver:
        size = f"{edges.receivers_count} from {edges.senders_count} nodes"
    return (
        f"{parts.name}, {coupling.name}: {coupling.sender} to {coupling.receiver}\n"
        f"{size}, {edges.edge_count} edges, density {edges.density:.4g}"
    )


def _draw_edges(axes: Any, coupling: CouplingEdges) -> None:
    """Every cell with an edge in it; a cell is one pair where they fit on a screen."""
    from matplotlib.colors import ListedColormap

    edges = coupling.edges
    rows, columns = edges.receivers_count or 0, edges.senders_count or 0
    counts = _counts(coupling, min(rows, PIXELS), min(columns, PIXELS))
    axes.imshow(counts > 0, cmap=ListedColormap(["white", SERIES[0]]), vmin=0, vmax=1,
                extent=(0, columns, rows, 0), interpolation="nearest", aspect="auto")  # fmt: skip
    axes.set(xlabel=f"sender, in {coupling.sender}", ylabel=f"receiver, in {coupling.receiver}")
    many = max(rows, columns) > PIXELS
    title = f"edges (a dot: any of {rows // len(counts)} x {columns // counts.shape[1]} pairs)"
    axes.set_title(title if many else "edges", fontsize=10.5)
    axes.set_box_aspect(1)


def _draw_density(figure: Any, axes: Any, coupling: CouplingEdges) -> None:
    edges = coupling.edges
    density = block_density(coupling)
    extent = (0, edges.senders_count or 0, edges.receivers_count or 0, 0)
    image = axes.imshow(density, cmap="Blues", vmin=0, vmax=max(float(density.max()), 1e-12),
                        extent=extent, interpolation="nearest", aspect="auto")  # fmt: skip
    axes.set(xlabel=f"sender, in {coupling.sender}")
    axes.set_title(f"density of {density.shape[0]} x {density.shape[1]} blocks", fontsize=10.5)
    axes.set_box_aspect(1)
    add_colourbar(figure, axes, image, "edges per pair", cyclic=False)


def _counts(coupling: CouplingEdges, rows: int, columns: int) -> Any:
    """Edges per cell; complete and causal couplings are counted without listing their edges."""
    import numpy

    edges = coupling.edges
    receivers, senders = edges.receivers_count or 0, edges.senders_count or 0
    if edges.kind == "edges":
        i, j = edge_arrays(edges)
        flat = _cell(i, receivers, rows) * columns + _cell(j, senders, columns)
        return numpy.bincount(flat, minlength=rows * columns).reshape(rows, columns)
    counts = numpy.zeros((rows, columns), dtype=numpy.int64)
    column_of = _cell(numpy.arange(senders), senders, columns)
    up_to = numpy.concatenate([[0], numpy.cumsum(numpy.bincount(column_of, minlength=columns))])
    for i in range(receivers):
        last = min(i + 1, senders) if edges.kind == "causal" else senders
        row = numpy.diff(numpy.minimum(up_to, last))
        if not edges.include_self and i < last:
            row[column_of[i]] -= 1
        counts[i * rows // receivers] += row
    return counts


def _cell(index: Any, size: int, cells: int) -> Any:
    return index * cells // size
