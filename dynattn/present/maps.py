"""Pictures made of coloured cells: nodes over time, measures over two parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynattn.present.figure import add_colourbar, entitle, label_time, new_figure, style
from dynattn.present.palette import phase_colormap
from dynattn.present.plots import TIME, logarithmic
from dynattn.present.scene import Shown, cyclic

MOST_CELLS = 3000
"""Saved times, and nodes, that a raster shows, evenly chosen; no picture has more."""


@dataclass(frozen=True)
class Layer:
    """One number per node and time to be shown as colour."""

    name: str
    values: Any
    """[time, node]."""
    cyclic: bool = False
    """Whether these are angles, in radians."""
    node: str = "node"
    """What the rows count: ``node of osc``."""


def layers_of(item: Shown, most: int = 4) -> list[Layer]:
    """A layer for each of the first coordinates, ``most`` layers at most; complex coordinates have
    two, of the phase and of the modulus.
    """
    import numpy

    found: list[Layer] = []
    for name, values in zip(item.coordinates, numpy.moveaxis(item.flat, -1, 0), strict=True):
        if numpy.iscomplexobj(values):
            found.append(Layer(f"arg({name})", numpy.angle(values), True, item.row))
            found.append(Layer(f"abs({name})", numpy.abs(values), False, item.row))
        else:
            found.append(Layer(name, values, cyclic(item), item.row))
    return found[:most]


def raster_figure(
    times: Sequence[float], layers: Sequence[Layer], *, title: str = "", below: str = TIME
) -> Any:
    """Every node over time as colour, a panel for each layer."""
    with style():
        figure = new_figure(7.6, 0.8 + (3.6 if len(layers) == 1 else 2.7) * len(layers))
        panels = figure.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0]
        for axes, layer in zip(panels, layers, strict=True):
            image = _draw_layer(axes, times, layer)
            axes.set_ylabel(layer.node, parse_math=False)
            add_colourbar(figure, axes, image, layer.name, layer.cyclic)
        label_time(panels[-1], below)
        entitle(figure, title)
        return figure


def _draw_layer(axes: Any, times: Sequence[float], layer: Layer) -> Any:
    import numpy

    stride, every = (-(-length // MOST_CELLS) for length in layer.values.shape)
    shown, array = times[::stride], numpy.asarray(layer.values[::stride, ::every], dtype=float)
    how: dict[str, Any] = {"cmap": "viridis"}
    if layer.cyclic:
        array = numpy.angle(numpy.exp(1j * array))
        how = {"cmap": phase_colormap(), "vmin": -numpy.pi, "vmax": numpy.pi}
    half = 0.5 * (shown[-1] - shown[0]) / max(1, len(shown) - 1) or 0.5
    extent = (shown[0] - half, shown[-1] + half, -0.5, layer.values.shape[1] - 0.5)
    image = axes.imshow(array.T, aspect="auto", origin="lower", extent=extent,
                        interpolation="nearest", **how)  # fmt: skip
    axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return image


def heat_figure(
    grid: Mapping[str, Sequence[float]], measured: Mapping[str, Any], *, title: str = ""
) -> Any:
    """Measures over two parameters: ``measured[name]`` is [first, second] or, with repeats whose
    mean is shown, [first, second, repeat]; the first parameter of ``grid`` runs to the right.
    """
    import numpy

    (below, xs), (beside, ys) = grid.items()
    columns = min(2, len(measured))
    rows = -(-len(measured) // columns)
    with style():
        figure = new_figure(6.4 if columns == 1 else 9.6, 0.6 + (4.4 if rows == 1 else 3.8) * rows)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (name, values) in zip(panels, measured.items(), strict=False):
            cells = numpy.asarray(values, dtype=float).reshape(len(xs), len(ys), -1).mean(-1)
            image = axes.pcolormesh(edges_of(xs), edges_of(ys), cells.T, cmap="viridis",
                                    rasterized=cells.size > 20_000)  # fmt: skip
            axes.set_xscale("log" if logarithmic(xs) else "linear")
            axes.set_yscale("log" if logarithmic(ys) else "linear")
            axes.set_xlabel(below, parse_math=False)
            axes.set_ylabel(beside, parse_math=False)
            axes.label_outer()
            add_colourbar(figure, axes, image, name, False)
        for axes in panels[len(measured) :]:
            axes.remove()
        entitle(figure, title)
        return figure


def edges_of(points: Sequence[float]) -> Any:
    """The borders of the cells around points in order: halfway between them, by factors where they
    grow by one.
    """
    import numpy

    array = numpy.asarray(points, dtype=float)
    if logarithmic(points):
        return numpy.exp(edges_of(numpy.log(array).tolist()))
    if len(array) == 1:
        return numpy.array([array[0] - 0.5, array[0] + 0.5])
    middle = (array[1:] + array[:-1]) / 2
    first, last = 1.5 * array[0] - 0.5 * array[1], 1.5 * array[-1] - 0.5 * array[-2]
    return numpy.concatenate([[first], middle, [last]])
