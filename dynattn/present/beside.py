"""Results in the same panels: several series, the two ways of a hysteresis, folds and Hopf points
in one plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.model.plans import Continuation, Plan, Simulation
from dynattn.present.plane import planes_figure
from dynattn.present.plots import several_figure, sweeps_figure
from dynattn.present.recorded import measure_labels, series_labels, sweep_labels
from dynattn.present.scene import Scene
from dynattn.present.together import diagram_figure
from dynattn.run.experiment import find_experiment
from dynattn.run.sweep import Sweep

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

BESIDE = ("series", "sweep", "bifurcation")
"""Kinds of pictures that show several results."""

SHOWN = {"series": series_labels, "sweep": sweep_labels, "bifurcation": measure_labels}
"""What each of them may show of an experiment."""


def over(plan: Plan) -> tuple[str, tuple[str, ...]]:
    """(the picture that shows it beside others, the parameters at its axes); '' for no picture."""
    if isinstance(plan, Continuation):
        names = tuple(sorted(name for name, *_ in plan.ranges))
        return "bifurcation", names
    if not isinstance(plan, Simulation):
        return "", ()
    swept = (*(name for name, _ in plan.settings), *(item.name for item in plan.awaited))
    return ("sweep" if swept else "series"), swept


def beside_refusal(kind: str, first: Scene, other: Scene) -> Diagnostic | None:
    """Why two experiments do not go into the same panels (E713); None where they do. The scenes
    need no results.
    """
    one, two = first.simulation, other.simulation
    (own, names), (theirs, others) = over(one), over(two)
    named, fix = f"'{one.name}' and '{two.name}'", "draw them one by one"
    if kind not in BESIDE or own != kind or theirs != kind:
        fact = "only series, sweeps and bifurcations go beside one another, each beside its like"
    elif (kind == "sweep" and len(names) != 1) or names != others:
        ways = " and ".join(", ".join(way) or "nothing" for way in (names, others))
        fact = f"{named} do not run over the same parameter, but {ways}"
    elif len(set(labels((first, other)))) == 1:
        fact = f"both are '{one.name}' of the same settings"
    elif not _shared(kind, first, other):
        fact = f"{named} measure different things"
        fix = f"let both record {', '.join(SHOWN[kind](first.compilation, one))}"
    else:
        return None
    return Diagnostic("E713", fact, fix=fix)


def refusal_among(kind: str, scenes: Sequence[Scene]) -> Diagnostic | None:
    """The first reason why some of them do not go into the same panels (E713)."""
    found = (beside_refusal(kind, *pair) for pair in combinations(scenes, 2))
    return next((reason for reason in found if reason is not None), None)


def _shared(kind: str, first: Scene, other: Scene) -> bool:
    """Whether there is something that both show; a curve in a plane needs nothing besides."""
    if kind == "bifurcation":
        return True
    own, theirs = (SHOWN[kind](scene.compilation, scene.simulation) for scene in (first, other))
    return own == theirs


def labels(scenes: Sequence[Scene]) -> list[str]:
    """The name of each experiment, with the settings that tell it from others of this name."""
    found = []
    for scene in scenes:
        name, own = scene.simulation.name, scene.compilation.overrides
        same = [other.compilation.overrides for other in scenes if other.simulation.name == name]
        keys = dict.fromkeys(key for settings in same for key in settings)
        told = [
            f"{key} = {own[key]}" if key in own else f"{key} as in the spec"
            for key in keys
            if any(settings.get(key) != own.get(key) for settings in same)
        ]
        found.append(", ".join([name, *told]))
    return found


def scene_beside(compilation: Compilation, result: Any) -> Scene:
    """A further result with the spec that it is of, if it knows one, else with this one."""
    own = getattr(result.drawing, "compilation", compilation)
    return Scene(own, find_experiment(own.model, result.name), result)


def beside_figure(scene: Scene, kind: str, others: Sequence[Scene]) -> Any:
    """What the results have in common, in the same panels."""
    every = [scene, *(replace(other, names=scene.names) for other in others)]
    scenes = dict(zip(labels(every), every, strict=True))
    title = f"{scene.compilation.model.name}: {', '.join(scenes)}"
    if kind == "bifurcation":
        curves = len(scene.simulation.ranges) > 1
        return (planes_figure if curves else diagram_figure)(scenes, title)
    if kind == "series":
        found = {name: _series(one) for name, one in scenes.items()}
        return several_figure(found, below=scene.below, title=title)
    (parameter,) = scene.result.swept
    sweeps = {
        name: (one.result.axes[parameter].tolist(), one.among(one.result.measured))
        for name, one in scenes.items()
    }
    return sweeps_figure(sweeps, parameter=scene.described(parameter), title=title)


def _series(scene: Scene) -> tuple[list[float], dict[str, Any]]:
    """Times, and numbers over time [time] or [time, repeat]."""
    series = scene.among(scene.result.series)
    if isinstance(scene.result, Sweep):
        series = {name: values.T for name, values in series.items()}
    return list(scene.result.labelled.times), series
