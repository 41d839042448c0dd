"""The pictures of a result: one entry of PICTURES for each that ``dynattn run --plot`` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.model.terms import Term
from dynattn.present.bifurcation import bifurcation_figure
from dynattn.present.coordinates import chosen_pair
from dynattn.present.figure import entitle, new_figure, style
from dynattn.present.fits import fit_figure
from dynattn.present.measured import (
    basins_figure,
    hysteresis_figure,
    lacking_axes,
    lacking_loop,
    locking_figure,
    lyapunov_figure,
    passage_figure,
)
from dynattn.present.plots import series_figure, sweep_figure, sweeps_figure
from dynattn.present.portrait import portrait_figure
from dynattn.present.resting import rest_figure
from dynattn.present.scene import Kept, Scene, kept_by
from dynattn.present.shading import Motion

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

MOST_STATES = 6
"""States drawn in one figure; the first ones."""

FEW_VALUES = 4
"""Values of one of two swept parameters up to which each has a line instead of a row of cells."""

MOST_DRAWN = 2000
"""Nodes up to which a graph is drawn as nodes coloured by state."""


Named = Callable[["Compilation", Any, Sequence[str]], tuple[str, ...] | Diagnostic]


def no_names(compilation: Compilation, plan: Any, names: Sequence[str]) -> Diagnostic:
    """Of a picture that always shows all (E716)."""
    fact = f"this picture shows all there is, not {', '.join(names)} alone"
    return Diagnostic("E716", fact, plan.span, "leave the names out")


def among(labels_of: Callable[[Compilation, Any], Sequence[str]]) -> Named:
    """Of a picture that shows things with labels: names are those, or what follows their dot."""

    def named(
        compilation: Compilation, plan: Any, names: Sequence[str]
    ) -> tuple[str, ...] | Diagnostic:
        labels, found = labels_of(compilation, plan), []
        for name in names:
            same = [label for label in labels if name in (label, label.rpartition(".")[2])]
            if not same:
                fact = f"this picture of '{plan.name}' shows no {name}"
                fix = did_you_mean(name, labels, f"it shows {', '.join(labels)}")
                return Diagnostic("E716", fact, plan.span, fix)
            found += same
        return tuple(found)

    return named


@dataclass(frozen=True)
class Picture:
    """One kind of picture: of which experiments, from what, and how."""

    doc: str
    of: tuple[str, ...]
    """Kinds of experiments that have it: ``simulation``, ``repeats`` (its first one is shown where
    only one can be), ``sweep``, ``branch``, ``equilibria``, ``training``,
    ``fit``, or the kind of a measurement.
    """
    lacking: Callable[[Compilation, Any], Diagnostic | None]
    """Why an experiment has nothing to draw, which is known before it runs; None: it has."""
    figure: Callable[[Scene], Any]
    """figure(scene) -> a matplotlib figure."""
    named: Named = no_names
    """named(compilation, experiment, names) -> the labels of what is shown, or why it cannot be."""


# ── what was measured ──────────────────────────────────────────────────────────────────────────


def _series(scene: Scene) -> Any:
    """Numbers over time; of a repeated simulation each of its repeats."""
    from dynattn.run.sweep import Sweep

    result, series = scene.result, scene.among(scene.result.series)
    if isinstance(result, Sweep):
        series = {name: values.T for name, values in series.items()}
    title = scene.plain_title
    return series_figure(list(result.labelled.times), series, title=title, below=scene.below)


def _lacking_series(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    if _series_labels(compilation, simulation):
        return None
    what = f"'{simulation.name}' keeps no number of the whole model over time"
    fix = "observe one, such as r = order(theta), and record it"
    return Diagnostic("E714", what, simulation.span, fix)


def _series_labels(compilation: Compilation, simulation: Simulation) -> list[str]:
    """Of the numbers of the whole model that are kept over time."""
    kept = [(item.name, item.value) for item in compilation.model.observables]
    if simulation.records:
        kept = [(r.label, r.value) for r in simulation.records if r.kind == "series"]
    return [label for label, value in kept if _is_number(value)]


def _is_number(value: Term) -> bool:
    return value.type.place.kind == "global" and not value.type.shape


def _sweep(scene: Scene) -> Any:
    """Measures over one parameter or two."""
    from dynattn.present.maps import heat_figure

    result: Any = scene.result
    grid = {name: result.axes[name].tolist() for name in result.swept}
    measured, title = scene.among(result.measured), scene.plain_title
    if len(grid) == 2 and min(map(len, grid.values())) > FEW_VALUES:
        return heat_figure(grid, measured, title=title)
    if len(grid) == 2:
        return _families(grid, measured, title)
    ((parameter, values),) = grid.items()
    return sweep_figure(values, measured, parameter=parameter, title=title)


def _families(grid: Mapping[str, Sequence[float]], measured: Mapping[str, Any], title: str) -> Any:
    """A line for each value of the parameter that has the fewer."""
    import numpy

    few = min(grid, key=lambda name: len(grid[name]))
    ((parameter, points),) = ((name, grid[name]) for name in grid if name != few)
    axis = [*grid].index(few)
    lines = {
        f"{few} = {value:g}": (points, {n: numpy.take(v, k, axis) for n, v in measured.items()})
        for k, value in enumerate(grid[few])
    }
    return sweeps_figure(lines, parameter=parameter, title=title)


def _lacking_sweep(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    count = len(simulation.settings) + len(simulation.awaited)
    if count > 2:
        fact = f"'{simulation.name}' sweeps {count} parameters, and a picture shows two at most"
        fix = "results.nc has the numbers"
        return Diagnostic("E714", fact, simulation.span, fix)
    if _sweep_labels(compilation, simulation):
        return None
    fact = f"'{simulation.name}' records no single number at each of its points"
    return Diagnostic("E714", fact, simulation.span, "record average(r), or final(r)")


def _sweep_labels(compilation: Compilation, simulation: Simulation) -> list[str]:
    """Of the single numbers that are recorded at every point."""
    return [r.label for r in simulation.records if r.kind != "series" and _is_number(r.value)]


def _measure_labels(compilation: Compilation, plan: Any) -> list[str]:
    """Of the numbers that are recorded of equilibria, else of those observed."""
    kept = [(item.name, item.value) for item in compilation.model.observables]
    kept = [(record.label, record.value) for record in plan.records] or kept
    return [label for label, value in kept if _is_number(value)]


# ── what the nodes did ─────────────────────────────────────────────────────────────────────────


def _states(scene: Scene) -> Any:
    """Every state on its manifold, at the last time."""
    figure, motion, _ = states_figure(scene, moving=False)
    motion.to(-1)
    return figure


def states_figure(scene: Scene, *, moving: bool) -> tuple[Any, Motion, int]:
    """A panel for each state, what moves all of them to a saved time, and how many there are."""
    from dynattn.present.panels import panel_of

    items = [scene.shown(item) for item in scene.kept(over_time if moving else of_nodes)]
    items = items[:MOST_STATES] if moving else [*map(scene.by_phase, items[:MOST_STATES])]
    panels = [panel_of(item) for item in items]
    stacked = all(panel.wide for panel in panels)
    columns = 1 if len(items) == 1 or stacked else 2
    rows = math.ceil(len(items) / columns)
    wide, high = min(p.width for p in panels), max(p.height for p in panels)
    times = max((item.times for item in items), key=len)
    digits = _digits(times) if moving else None
    with style():
        figure = new_figure(wide * columns, high * rows + 0.5)
        entitle(figure, scene.title)
        regions = figure.subfigures(rows, columns, squeeze=False).ravel()
        motions = [
            panel.draw(region, item, moving)
            for panel, region, item in zip(panels, regions, items, strict=False)
        ]

    def move(k: int) -> None:
        now = f"{times[k]:.{digits}f}" if moving else f"{times[k]:g}" if len(times) else ""
        figure._suptitle.set_text(scene.moment(now))
        for motion in motions:
            motion.to(k)

    artists = [artist for motion in motions for artist in motion.artists]
    return figure, Motion(move, (figure._suptitle, *artists)), len(times)


def _digits(times: Sequence[float]) -> int:
    """Decimals that tell the saved times apart."""
    step = (times[-1] - times[0]) / max(1, len(times) - 1)
    return max(0, min(6, math.ceil(-math.log10(step) - 1e-9))) if step > 0 else 0


def of_nodes(item: Kept) -> bool:
    """Whether the picture of the states shows it: a state, or a final or average number."""
    return item.is_state or item.is_profile


def over_time(item: Kept) -> bool:
    """Whether a moving picture shows it."""
    return item.is_state and item.kind == "series"


def _kept_labels(wanted: Callable[[Kept], bool]) -> Callable[[Compilation, Any], list[str]]:
    return lambda compilation, plan: [
        item.label for item in kept_by(compilation.model, plan) if wanted(item)
    ]


def _lacking_states(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    return lacking_kept(compilation.model, simulation, of_nodes)


def lacking_kept(
    model: Model, simulation: Simulation, wanted: Callable[[Kept], bool]
) -> Diagnostic | None:
    if any(wanted(item) for item in kept_by(model, simulation)):
        return None
    name = next(iter(model.lasting)).rpartition(".")[2]
    fact = f"'{simulation.name}' keeps no state"
    fix = f"let it record {name}"
    if simulation.records and simulation.repeat == 1:
        fix += ", or leave its record out, which keeps everything"
    return Diagnostic("E714", fact, simulation.span, fix)


def _lacking_portrait(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    found = chosen_pair(compilation, simulation, ())
    return found if isinstance(found, Diagnostic) else None


def _portrait_names(
    compilation: Compilation, simulation: Any, names: Sequence[str]
) -> tuple[str, ...] | Diagnostic:
    found = chosen_pair(compilation, simulation, names)
    return found if isinstance(found, Diagnostic) else tuple(names)


def _is_series(item: Kept) -> bool:
    return item.kind == "series"


def _raster(scene: Scene) -> Any:
    """Every node over time."""
    from dynattn.present.maps import layers_of, raster_figure

    items = [scene.shown(item) for item in scene.kept(_is_series)]
    layers = [layer for item in items for layer in layers_of(item)]
    times = items[0].times
    return raster_figure(times, layers[:MOST_STATES], title=scene.title, below=scene.below)


def _lacking_raster(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    return lacking_kept(compilation.model, simulation, _is_series)


def _graph(scene: Scene) -> Any:
    """The nodes of the graph, coloured by their states at the last time."""
    from dynattn.present.nodes import nodes_figure
    from dynattn.present.parts import parts_of

    kept = {item.state: scene.numbers(item) for item in scene.every(_on_nodes)}
    parts = parts_of(scene.compilation, {name: values[-1] for name, (_, values) in kept.items()})
    times = max((times for times, _ in kept.values()), key=len)
    return nodes_figure(parts, scene.moment(f"{times[-1]:g}" if len(times) else ""))


def _on_nodes(item: Kept) -> bool:
    return item.is_state and item.type.place.kind == "nodes"


def _lacking_graph(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    from dynattn.present.parts import parts_of

    parts = parts_of(compilation)
    if not parts.drawable:
        fact = f"'{parts.name}' couples no populations, so there is no graph"
        return Diagnostic("E714", fact, simulation.span, "draw its states")
    if parts.node_count > MOST_DRAWN:
        fact = f"{parts.node_count} nodes are too many to tell apart (at most {MOST_DRAWN})"
        return Diagnostic("E715", fact, simulation.span, "draw a raster, or set a smaller size")
    return lacking_kept(compilation.model, simulation, _on_nodes)


def _training(scene: Scene) -> Any:
    """Numbers over the steps of an optimiser."""
    series = scene.result.series
    steps = list(range(len(series["loss"])))
    return series_figure(steps, scene.among(series), title=scene.plain_title, below="step")


def _lacking_search(compilation: Compilation, plan: Any) -> Diagnostic | None:
    if len(plan.settings) < 2:
        return None
    fact = f"'{plan.name}' sets {len(plan.settings)} parameters, and a picture has one axis"
    return Diagnostic("E714", fact, plan.span, "results.nc has the numbers")


SIMULATED = ("simulation", "repeats")

PICTURES: dict[str, Picture] = {
    "series": Picture(
        "recorded numbers over time", SIMULATED, _lacking_series, _series, among(_series_labels)
    ),
    "sweep": Picture(
        "what was measured, over one parameter or two", ("sweep",), _lacking_sweep, _sweep,
        among(_sweep_labels),
    ),
    "states": Picture(
        "the states at the last time, each on its manifold", SIMULATED, _lacking_states,
        _states, among(_kept_labels(of_nodes)),
    ),
    "portrait": Picture(
        "one number over another; of two numbers in all their flow too", SIMULATED,
        _lacking_portrait, portrait_figure, _portrait_names,
    ),
    "bifurcation": Picture(
        "equilibria over the parameter, stable and unstable", ("branch",), lambda *_: None,
        bifurcation_figure, among(_measure_labels),
    ),
    "equilibria": Picture(
        "their eigenvalues, or their measures over one parameter", ("equilibria",),
        _lacking_search, rest_figure, among(_measure_labels),
    ),
    "training": Picture(
        "the loss and what is recorded, step by step", ("training",), lambda *_: None, _training,
        among(lambda compilation, plan: [record.label for record in plan.records]),
    ),
    "raster": Picture(
        "every node over time as colour", SIMULATED, _lacking_raster, _raster,
        among(_kept_labels(_is_series)),
    ),
    "passage": Picture(
        "how many have passed over time, or mean times over one parameter or two", ("passage",),
        lacking_axes, passage_figure,
    ),
    "hysteresis": Picture(
        "what a parameter leads to on its way up and down", ("hysteresis",), lacking_loop,
        hysteresis_figure,
    ),
    "basins": Picture(
        "the share of the starts that leads to each attractor", ("basins",), _lacking_search,
        basins_figure,
    ),
    "locking": Picture(
        "mean frequencies of phases, by cluster or over one parameter", ("locking",),
        _lacking_search, locking_figure,
    ),
    "lyapunov": Picture(
        "exponents over time, or over one parameter or two", ("lyapunov",), lacking_axes,
        lyapunov_figure,
    ),
    "fit": Picture(
        "what was measured, what the fitted model does, and residuals", ("fit",), lambda *_: None,
        fit_figure,
    ),
    "graph": Picture(
        "the coupling graph coloured by the last states", SIMULATED, _lacking_graph, _graph
    ),
}  # fmt: skip
