"""Many repeats as their median in bands of quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dynattn.present.figure import GRID, add_legend, entitle, label_time, level, new_figure, style
from dynattn.present.palette import series_colour
from dynattn.present.plots import logarithmic

BANDS = ((0.05, 0.95, 0.16), (0.25, 0.75, 0.32))
"""Lower and upper quantile of each band, and how dense its colour is."""


def ensemble_figure(
    points: Sequence[float], measured: Mapping[str, Any], *, below: str, title: str = ""
) -> Any:
    """A panel for each of ``measured`` [point, repeat]: the median, the middle half and the middle
    nine tenths of the repeats over the points. Repeats that hold NaN there are left out.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    with style():
        figure = new_figure(7.6, 0.8 + 2.6 * len(measured))
        panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False)[:, 0]
        for number, (axes, (name, values)) in enumerate(zip(panels, measured.items(), strict=True)):
            draw_bands(axes, points, values, series_colour(number))
            axes.set_ylabel(name, parse_math=False)
            axes.grid(axis="y", **GRID)
            axes.margins(x=0.01)
            level(axes, values)
        colour = series_colour(0)
        handles: list[Any] = [Line2D([], [], color=colour, linewidth=1.8, label="median")]
        handles += [
            Patch(facecolor=colour, alpha=alpha, label=f"{high - low:.0%} of repeats")
            for low, high, alpha in reversed(BANDS)
        ]
        add_legend(panels[0], handles)
        label_time(panels[-1], below)
        if logarithmic(points):
            panels[-1].set_xscale("log")
        entitle(figure, title)
        return figure


def draw_bands(axes: Any, points: Sequence[float], values: Any, colour: str) -> None:
    """The bands, the widest first, and the median of ``values`` [point, repeat]."""
    import numpy

    array = numpy.asarray(values, dtype=float)
    some = numpy.isfinite(array).any(1)
    places, kept = numpy.asarray(points)[some], array[some]
    for low, high, alpha in BANDS:
        lower, upper = numpy.nanquantile(kept, (low, high), axis=1)
        axes.fill_between(places, lower, upper, color=colour, alpha=alpha, linewidth=0)
    mark = {"marker": "o", "markersize": 3.5} if len(places) <= 60 else {}
    axes.plot(places, numpy.nanmedian(kept, axis=1), color=colour, linewidth=1.8, **mark)
