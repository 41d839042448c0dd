"""Branches of several experiments in one diagram: equilibria and periodic orbits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynattn.present.bifurcation import LOOKS, draw_branches, measures_of
from dynattn.present.cycles import draw_cycles, mark_cycles, over_phase, ring_of
from dynattn.present.figure import GRID, add_legend, entitle, new_figure, style
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.scene import Scene


def diagram_figure(scenes: Mapping[str, Scene], title: str = "") -> Any:
    """A panel for each measure that all have, a colour for each result; of orbits the extremes,
    beside the equilibria that they left, and the periods below.
    """
    from dynattn.run.cycles import CycleResult

    orbits = {n: s for n, s in scenes.items() if isinstance(s.result, CycleResult)}
    rests = {name: scene for name, scene in scenes.items() if name not in orbits}
    names = _common(scenes, orbits)
    heights = [3.4] * len(names) + [2.0] * bool(orbits)
    with style():
        figure = new_figure(7.6, 0.9 + sum(heights))
        panels = figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, height_ratios=heights
        )[:, 0]
        for axes, name in zip(panels, names, strict=False):
            for scene, colour in _with_colours(rests, orbits):
                draw_branches(axes, scene.result, measures_of(scene.result, scene)[name], colour)
            for number, scene in enumerate(orbits.values()):
                colour = len(rests) + number
                extremes = ring_of(scene, name)
                for line in extremes:
                    draw_cycles(axes, scene.result, line, colour)
                mark_cycles(axes, scene.result, extremes[0])
            axes.set_ylabel(name, parse_math=False)
        for number, scene in enumerate(orbits.values()):
            draw_cycles(panels[-1], scene.result, scene.result["period"], len(rests) + number)
        if orbits:
            panels[-1].set_ylabel("period")
        for axes in panels:
            axes.grid(**GRID)
            axes.margins(x=0.02, y=0.08)
        first = next(iter(scenes.values()))
        panels[-1].set_xlabel(first.described(first.result.parameter), parse_math=False)
        _legend(panels[0], [*rests, *orbits])
        entitle(figure, title)
        return figure


def _common(scenes: Mapping[str, Scene], orbits: Mapping[str, Scene]) -> list[str]:
    """What every result has."""
    found = [
        over_phase(scene.result, scene) if name in orbits else measures_of(scene.result, scene)
        for name, scene in scenes.items()
    ]
    return [name for name in found[0] if all(name in other for other in found)]


def _with_colours(
    rests: Mapping[str, Scene], orbits: Mapping[str, Scene]
) -> Iterator[tuple[Scene, int]]:
    """Branches of equilibria: those asked for, then those that orbits left, each of them once."""
    from dataclasses import replace

    seen = set()
    for number, scene in enumerate(rests.values()):
        seen.add((id(scene.compilation), scene.result.name))
        yield scene, number
    for number, scene in enumerate(orbits.values()):
        own = scene.result.equilibria
        if (id(scene.compilation), own.name) not in seen:
            seen.add((id(scene.compilation), own.name))
            yield replace(scene, result=own), len(rests) + number


def _legend(axes: Any, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=series_colour(k), linewidth=2.0, label=name)
             for k, name in enumerate(names)]  # fmt: skip
    words = {True: "stable", False: "unstable"}
    lines += [Line2D([], [], color=MUTED_TEXT, label=words[kind], **LOOKS[kind]) for kind in words]
    add_legend(axes, lines, columns=6)
