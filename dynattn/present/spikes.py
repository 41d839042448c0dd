"""When each node fires: a tick for every event, nodes upwards, time to the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dynattn.present.coordinates import Coordinate, kept_coordinates
from dynattn.present.figure import entitle, label_time, new_figure, style
from dynattn.present.palette import TEXT
from dynattn.present.width import sized

if TYPE_CHECKING:
    from dynattn.model.model import Model
    from dynattn.model.plans import Simulation
    from dynattn.present.scene import Scene

MOST = 4
"""Things that are shown, the first ones."""
VECTOR_TICKS = 20_000
"""Ticks beyond which they are pixels in vector files too."""


def able(model: Model, simulation: Simulation) -> list[Coordinate]:
    """What of nodes may have events."""
    return [item for item in kept_coordinates(model, simulation) if item.nodes and not item.part]


def firing(nodes: Sequence[Coordinate]) -> Sequence[Coordinate]:
    """What is shown unless names are given: phases or, where there are none, conditions; else
    numbers.
    """
    phases = [item for item in nodes if item.cyclic]
    truths = [item for item in nodes if item.type.dtype == "truth"]
    return phases or truths or nodes


def events_of(item: Coordinate, times: Any, values: Any) -> tuple[Any, Any]:
    """(when, which node) of ``values`` [time, node]: where a phase passes 0 upwards, a condition
    begins to hold, or a number rises through 0; between saved times by straight lines.
    """
    import numpy

    array = numpy.asarray(values, dtype=float)
    if item.type.dtype == "truth":
        before, node = numpy.nonzero((array[:-1] < 0.5) & (array[1:] >= 0.5))
        return numpy.asarray(times)[before + 1], node
    if not item.cyclic:
        before, node = numpy.nonzero((array[:-1] < 0) & (array[1:] >= 0))
        return _between(times, array, before, node, 0.0), node
    if numpy.nanmax(numpy.abs(array), initial=0.0) <= numpy.pi + 1e-9:
        array = numpy.unwrap(array, axis=0)  # angles that jump where they close
    turns = array / (2 * numpy.pi)
    first, last = numpy.floor(turns[:-1]), numpy.floor(turns[1:])
    passed = numpy.nan_to_num(last - first).clip(min=0).astype(int)
    before, node = (numpy.repeat(k, passed[passed > 0]) for k in numpy.nonzero(passed))
    # A step may pass 0 several times: the turns are numbered within it.
    starts = numpy.cumsum(passed[passed > 0]) - passed[passed > 0]
    number = numpy.arange(len(before)) - numpy.repeat(starts, passed[passed > 0])
    return _between(times, turns, before, node, first[before, node] + 1 + number), node


def _between(times: Any, values: Any, before: Any, node: Any, level: Any) -> Any:
    """When lines from one saved time to the next reach a level."""
    import numpy

    low, high = values[before, node], values[before + 1, node]
    clock = numpy.asarray(times, dtype=float)
    part = (level - low) / (high - low)
    return clock[before] + part * (clock[before + 1] - clock[before])


def spikes_figure(scene: Scene) -> Any:
    """A panel for each thing that has events; of repeats the first."""
    items = able(scene.compilation.model, scene.simulation)
    named = [item for item in items if item.label in scene.names]
    items = (named or firing(items))[:MOST]
    times = scene.result.axes["time"]
    with style():
        figure = new_figure(7.6, 0.8 + 2.9 * len(items))
        panels = figure.subplots(len(items), 1, sharex=True, squeeze=False)[:, 0]
        for axes, item in zip(panels, items, strict=True):
            array = scene.result[item.label]
            array = array[0] if "repeat" in scene.result.axes else array
            values = item.values(array)
            when, node = events_of(item, times, values)
            count = values.shape[1]
            size = max(0.8, min(9.0, 180 / count))
            axes.plot(when, node, linestyle="", marker="|", markersize=size, color=TEXT,
                      markeredgewidth=0.9, rasterized=len(when) > VECTOR_TICKS)  # fmt: skip
            axes.set(xlim=(times[0], times[-1]), ylim=(-0.5, count - 0.5))
            axes.set_ylabel(f"node of {item.nodes}", parse_math=False)
            axes.set_title(f"{item.name} {said(item)}", loc="right", parse_math=False,
                           fontsize=sized(9.5))  # fmt: skip
            axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        label_time(panels[-1], scene.below)
        entitle(figure, scene.title)
        return figure


def said(item: Coordinate) -> str:
    """What its events are."""
    if item.type.dtype == "truth":
        return "begins to hold"
    return "passes 0" if item.cyclic else "rises through 0"
