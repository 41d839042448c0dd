"""Phase portraits: one number over another, with the flow where the model has no others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynattn.model.parts import Draw
from dynattn.present.coordinates import Coordinate, chosen_pair, plane_states
from dynattn.present.figure import PI_TICKS, VECTOR_POINTS, add_legend, entitle, new_figure, style
from dynattn.present.palette import MUTED_TEXT, TEXT, series_colour
from dynattn.present.shading import add_key, shading_of
from dynattn.present.width import narrow, sized

if TYPE_CHECKING:
    from dynattn.analyse.flows import RestPoint
    from dynattn.present.scene import Scene

MOST_WAYS = 60
"""Trajectories that are drawn, evenly chosen."""
ARROWS = 19
"""Arrows along each side."""
FINE = 161
"""Points along each side of the grid that nullclines are found on."""

NULLCLINES: tuple[dict[str, Any], ...] = (
    {"colors": [series_colour(1)], "linestyles": ["solid"], "linewidths": 1.5},
    {"colors": [series_colour(2)], "linestyles": [(0, (5, 1.5))], "linewidths": 1.5},
)  # fmt: skip
"""Where the first number stands still, and where the second one does."""

RESTS: Mapping[str, dict[str, Any]] = {
    "stable": {"marker": "o", "markerfacecolor": TEXT},
    "saddle": {"marker": "o", "fillstyle": "left", "markerfacecoloralt": "white",
               "markerfacecolor": TEXT},
    "unstable": {"marker": "o", "markerfacecolor": "white"},
    "undecided": {"marker": "s", "markerfacecolor": "white"},
}  # fmt: skip
"""How equilibria look."""


@dataclass(frozen=True)
class Ways:
    """Trajectories in the plane."""

    x: Any
    """[way, time]."""
    y: Any
    node: Any
    """[way]: of which node each is."""
    every: int
    """How many there are, of which these are some."""


def portrait_figure(scene: Scene) -> Any:
    """The trajectories over the two numbers chosen; where these are all that the model has, the
    direction field, the nullclines and the equilibria.
    """
    pair = chosen_pair(scene.compilation, scene.simulation, scene.names)
    assert isinstance(pair, tuple)
    ways = ways_of(scene, pair)
    flow = has_flow(scene, pair)
    window = window_of(pair, ways, 0.25 if flow else 0.08)
    with style():
        figure = new_figure(6.6 if flow else 5.8, 4.8)
        axes = figure.subplots()
        _draw_ways(figure, axes, scene, pair, ways)
        if flow:
            _draw_flow(axes, scene, pair, window)
        _frame(axes, pair, window)
        if ways.every > len(ways.x) and not narrow():
            axes.set_title(f"{len(ways.x)} of {ways.every}", loc="right", fontsize=sized(9.5))
        entitle(figure, scene.plain_title)
        return figure


def ways_of(scene: Scene, pair: tuple[Coordinate, Coordinate]) -> Ways:
    """Numbers of every node and repeat over time; what the whole model has once goes with each."""
    import numpy

    both = [item.values(scene.result[item.label]) for item in pair]
    both = [values if "repeat" in scene.result.axes else values[None] for values in both]
    x, y = (numpy.moveaxis(a, -1, 1) for a in numpy.broadcast_arrays(*both))
    nodes = numpy.tile(numpy.arange(x.shape[1]), len(x))
    x, y = x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2])
    count = min(len(x), MOST_WAYS)
    some = numpy.unique(numpy.linspace(0, len(x) - 1, count).round()).astype(int)
    return Ways(_wrapped(pair[0], x[some]), _wrapped(pair[1], y[some]), nodes[some], len(x))


def _wrapped(item: Coordinate, values: Any) -> Any:
    import numpy

    return numpy.angle(numpy.exp(1j * values)) if item.cyclic else values


def window_of(
    pair: tuple[Coordinate, Coordinate], ways: Ways, margin: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """What is shown of both numbers; angles whole."""
    first, second = (
        _extent(item, values, margin) for item, values in zip(pair, (ways.x, ways.y), strict=True)
    )
    return first, second


def _extent(item: Coordinate, values: Any, margin: float) -> tuple[float, float]:
    import numpy

    if item.cyclic:
        return -math.pi, math.pi
    seen = values[numpy.isfinite(values)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    room = margin * (high - low) or 0.5 * max(abs(low), 1.0)
    return (max(0.0, low - room) if item.positive else low - room), high + room


# ── trajectories ───────────────────────────────────────────────────────────────────────────────


def _draw_ways(figure: Any, axes: Any, scene: Scene, pair: Any, ways: Ways) -> None:
    """Lines, or dots of maps, from an open circle to a full one."""
    import numpy

    colours = _colours(figure, axes, scene, pair, ways)
    maps = scene.simulation.steps is not None
    look: dict[str, Any] = {"linewidth": 1.3 if len(ways.x) <= 8 else 0.8, "zorder": 3}
    if maps:
        look |= {"linestyle": "", "marker": ".", "markersize": 3}
    look |= {"rasterized": ways.x.size > VECTOR_POINTS}
    ends = {"linestyle": "", "marker": "o", "markersize": 4.5, "zorder": 4}
    for x, y, colour in zip(ways.x, ways.y, colours, strict=True):
        there = (numpy.isfinite(x) & numpy.isfinite(y)).nonzero()[0]
        if not len(there):
            continue
        axes.plot(*(_torn(pair, x, y) if not maps else (x, y)), color=colour, **look)
        for k, face in ((there[0], "white"), (there[-1], colour)):
            axes.plot(x[k], y[k], color=colour, markerfacecolor=face, **ends)


def _colours(figure: Any, axes: Any, scene: Scene, pair: Any, ways: Ways) -> list[Any]:
    """Of nodes those that their states have, with a key; else one for all."""
    many = next((item for item in pair if item.nodes and item.node is None), None)
    kept = [] if many is None else scene.every(lambda item: item.label == many.label)
    if not kept or ways.node.max() == 0:
        return [series_colour(0)] * len(ways.x)
    shading = shading_of(scene.shown(kept[0]))
    add_key(figure, axes, shading)
    return [shading.rgba[node] for node in ways.node]


def _torn(pair: tuple[Coordinate, Coordinate], x: Any, y: Any) -> tuple[Any, Any]:
    """With a gap where an angle goes over the edge."""
    import numpy

    torn = numpy.zeros(len(x) - 1, dtype=bool)
    for item, values in zip(pair, (x, y), strict=True):
        if item.cyclic:
            torn |= numpy.abs(numpy.diff(values)) > math.pi
    places = numpy.nonzero(torn)[0] + 1
    return numpy.insert(x, places, numpy.nan), numpy.insert(y, places, numpy.nan)


# ── the flow ───────────────────────────────────────────────────────────────────────────────────


def has_flow(scene: Scene, pair: tuple[Coordinate, Coordinate]) -> bool:
    """Whether these two are all that moves, by laws that are flows, the same at all times and for
    all repeats.
    """
    model = scene.compilation.model
    steady = not any(law.discrete for law in model.laws) and not any(
        coupling.delay is not None for coupling in model.couplings
    )
    drawn = any(isinstance(item.init, Draw) for item in model.parameters)
    if not plane_states(model) or not steady or ("repeat" in scene.result.axes and drawn):
        return False
    return len({_key(item) for item in pair}) == 2 and all(item.state for item in pair)


def _key(item: Coordinate) -> tuple[Any, ...]:
    return item.state, item.node or 0, item.entry, item.part


def _draw_flow(axes: Any, scene: Scene, pair: Any, window: Any) -> None:
    """Arrows of one length, nullclines, equilibria; laws that read the time have none."""
    from dynattn.analyse.flows import rest_points
    from dynattn.lower.inspection import moves_in_time
    from dynattn.run.systems import build_for

    system = build_for(scene.compilation, seed=scene.result.seed)
    if moves_in_time(system) or system.signals:
        return
    # States are packed in the order in which the model has them.
    order = [*scene.compilation.model.lasting]
    keys = [(order.index(item.state), *_key(item)[1:]) for item in pair]
    turned = keys[0] > keys[1]
    if pair[0].part:
        turned = (pair[0].part, pair[1].part) == ("im", "re")
    own = window[::-1] if turned else window
    lines = _draw_nullclines(axes, system, pair, own, turned)
    _draw_arrows(axes, system, own, turned)
    model = scene.compilation.model
    points: list[RestPoint] = []
    if all(law.noise is None for law in model.laws):
        cyclic = tuple(item.cyclic for item in (pair[::-1] if turned else pair))
        points = rest_points(system, own, cyclic)
    for point in points:
        axes.plot(*_turned(point.place, turned), markersize=7, color=TEXT, zorder=5, linestyle="",
                  clip_on=False, **RESTS[point.kind])  # fmt: skip
    _legend(axes, lines, {point.kind for point in points})


def _turned(both: Any, turned: bool) -> Any:
    return both[::-1] if turned else both


def _draw_arrows(axes: Any, system: Any, window: Any, turned: bool) -> None:
    import numpy

    from dynattn.analyse.flows import axes_of, rates_in

    sides = [high - low for low, high in window]
    # Of one length as they are seen: in parts of the window.
    rates = rates_in(system, window, ARROWS) / numpy.array(sides)
    length = numpy.linalg.norm(rates, axis=-1, keepdims=True)
    rates = rates / numpy.where(length > 0, length, 1.0)
    grid = numpy.meshgrid(*axes_of(window, ARROWS), indexing="ij")
    x, y = _turned([side.ravel() for side in grid], turned)
    u, v = _turned([rates[..., 0].ravel(), rates[..., 1].ravel()], turned)
    axes.quiver(x, y, u, v, angles="uv", pivot="mid", scale=1.5 * ARROWS, width=0.0022,
                headwidth=4, color=MUTED_TEXT, alpha=0.45, zorder=1)  # fmt: skip


def _draw_nullclines(axes: Any, system: Any, pair: Any, window: Any, turned: bool) -> list[Any]:
    """The lines where a rate is 0, and the keys to them."""
    from matplotlib.lines import Line2D

    from dynattn.analyse.flows import axes_of, rates_in

    rates = rates_in(system, window, FINE)
    grid = axes_of(window, FINE)
    handles = []
    for k, item in enumerate(pair):
        values = rates[..., 1 - k if turned else k]
        x, y = _turned(grid, turned)
        look = NULLCLINES[k]
        shown = values if turned else values.T
        if shown.min() < 0 < shown.max():
            axes.contour(x, y, shown, levels=[0.0], zorder=2, **look)
            handles.append(Line2D([], [], color=look["colors"][0], linestyle=look["linestyles"][0],
                                  linewidth=1.5, label=f"{item.name}' = 0"))  # fmt: skip
    return handles


def _legend(axes: Any, lines: list[Any], kinds: set[str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", color=TEXT, markersize=7, label=kind, **look)
        for kind, look in RESTS.items() if kind in kinds
    ]  # fmt: skip
    if lines or marks:
        add_legend(axes, [*lines, *marks], beside=True)


def _frame(axes: Any, pair: Any, window: Any) -> None:
    for side, item, limits in zip("xy", pair, window, strict=True):
        axes.set(**{f"{side}lim": limits})
        getattr(axes, f"set_{side}label")(item.name, parse_math=False)
        if item.cyclic:
            ticks = [math.pi * turn for turn in PI_TICKS]
            axes.set(**{f"{side}ticks": ticks, f"{side}ticklabels": PI_TICKS.values()})
    if pair[0].label == pair[1].label and pair[0].state:
        axes.set_aspect("equal")
