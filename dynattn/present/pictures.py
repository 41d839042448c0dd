"""The pictures of a result: one entry of PICTURES for each that ``dynattn run --plot`` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.present.balance import balance_figure
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
from dynattn.present.portrait import portrait_figure
from dynattn.present.recorded import (
    ensemble_labels,
    ensemble_of,
    lacking_ensemble,
    lacking_search,
    lacking_series,
    lacking_sweep,
    measure_labels,
    series_labels,
    series_of,
    sweep_labels,
    sweep_of,
    training_of,
)
from dynattn.present.resting import rest_figure
from dynattn.present.scene import Kept, Scene, kept_by
from dynattn.present.shading import Motion
from dynattn.present.spikes import able, spikes_figure
from dynattn.present.width import narrow

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

MOST_STATES = 6
"""States drawn in one figure; the first ones."""

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
    columns = 1 if len(items) == 1 or stacked or narrow() else 2
    rows = math.ceil(len(items) / columns)
    wide, high = min(p.width for p in panels), max(p.height for p in panels)
    times = max((item.times for item in items), key=len)
    digits = _digits(times) if moving else None
    with style():
        figure = new_figure(wide * columns, high * rows + 0.5, shaped=not stacked)
        entitle(figure, scene.title)
        regions = figure.subfigures(rows, columns, squeeze=False).ravel()
        motions = [
            panel.draw(region, item, moving)
            for panel, region, item in zip(panels, regions, items, strict=False)
        ]

    def move(k: int) -> None:
        now = f"{times[k]:.{digits}f}" if moving else f"{times[k]:g}" if len(times) else ""
        if figure._suptitle is not None:
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


def _snapshots(scene: Scene) -> Any:
    """The states at several times."""
    from dynattn.present.snapshots import snapshots_figure

    return snapshots_figure(scene, [scene.shown(item) for item in scene.kept(over_time)])


def _lacking_snapshots(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    return lacking_kept(compilation.model, simulation, over_time)


def _lacking_spikes(compilation: Compilation, simulation: Simulation) -> Diagnostic | None:
    if able(compilation.model, simulation):
        return None
    fact = f"'{simulation.name}' keeps no number of nodes over time"
    fix = "let it record a phase, a condition such as v > 1, or what rises through 0"
    return Diagnostic("E714", fact, simulation.span, fix)


def _firing_labels(compilation: Compilation, simulation: Any) -> list[str]:
    return [item.label for item in able(compilation.model, simulation)]


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


SIMULATED = ("simulation", "repeats")

PICTURES: dict[str, Picture] = {
    "series": Picture(
        "recorded numbers over time", SIMULATED, lacking_series, series_of, among(series_labels)
    ),
    "sweep": Picture(
        "what was measured, over one parameter or two", ("sweep",), lacking_sweep, sweep_of,
        among(sweep_labels),
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
        bifurcation_figure, among(measure_labels),
    ),
    "equilibria": Picture(
        "their eigenvalues, or their measures over one parameter", ("equilibria",),
        lacking_search, rest_figure, among(measure_labels),
    ),
    "training": Picture(
        "the loss and what is recorded, step by step", ("training",), lambda *_: None, training_of,
        among(lambda compilation, plan: [record.label for record in plan.records]),
    ),
    "snapshots": Picture(
        "the states at four times, side by side", SIMULATED, _lacking_snapshots, _snapshots,
        among(_kept_labels(over_time)),
    ),
    "ensemble": Picture(
        "repeats as their median in bands of quantiles", ("repeats", "sweep"),
        lacking_ensemble, ensemble_of, among(ensemble_labels),
    ),
    "spikes": Picture(
        "a tick for every event of every node", SIMULATED, _lacking_spikes, spikes_figure,
        among(_firing_labels),
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
        "the share of the starts that leads to each attractor", ("basins",), lacking_search,
        basins_figure,
    ),
    "locking": Picture(
        "mean frequencies of phases, by cluster or over one parameter", ("locking",),
        lacking_search, locking_figure,
    ),
    "balance": Picture(
        "an energy, what dissipates and supplies it, and what is left over", ("balance",),
        lacking_axes, balance_figure,
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
