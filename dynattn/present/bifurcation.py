"""Bifurcation diagrams: measures of equilibria over a parameter, stable and unstable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dynattn.present.cycles import cycles_figure
from dynattn.present.figure import GRID, add_legend, entitle, level, new_figure, style
from dynattn.present.labels import add_label
from dynattn.present.palette import MUTED_TEXT, TEXT, series_colour
from dynattn.present.plane import plane_figure

if TYPE_CHECKING:
    from dynattn.present.scene import Scene
    from dynattn.run.branches import BranchResult

MOST = 4
"""Measures that are drawn, the first ones."""

MARKS = {"fold": ("o", "fold"), "branch_point": ("D", "branch point"), "hopf": ("s", "Hopf point")}

LOOKS: dict[bool, dict[str, Any]] = {
    True: {"linestyle": "-", "linewidth": 2.0},
    False: {"linestyle": (0, (4, 2.5)), "linewidth": 1.4},
}
"""Of what is stable, and of what is not."""


def bifurcation_figure(scene: Scene) -> Any:
    """A panel for each number of the whole model, or for how long the first state is; of curves
    the plane of both parameters, of periodic orbits their extremes.
    """
    from dynattn.run.curves import CurveResult
    from dynattn.run.cycles import CycleResult

    result: Any = scene.result
    if isinstance(result, CurveResult):
        return plane_figure(scene)
    if isinstance(result, CycleResult):
        return cycles_figure(scene)
    measures = measures_of(result, scene)
    with style():
        figure = new_figure(7.6, 0.7 + 3.4 * len(measures))
        panels = figure.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, values) in zip(panels, measures.items(), strict=True):
            draw_branches(axes, result, values)
            axes.set_ylabel(name, parse_math=False)
            axes.grid(**GRID)
            axes.margins(x=0.02, y=0.08)
            level(axes, values)
        panels[-1].set_xlabel(scene.described(result.parameter), parse_math=False)
        _legend(panels[0], result)
        entitle(figure, scene.plain_title)
        return figure


def measures_of(result: BranchResult, scene: Scene) -> dict[str, Any]:
    """[point] by name: what was observed or recorded, complex numbers in two parts."""
    import numpy

    from dynattn.run.branches import own_columns
    from dynattn.run.labelled import in_parts

    found = scene.among(in_parts(own_columns(result)))
    if found:
        return dict(list(found.items())[:MOST])
    name = next(iter(scene.compilation.model.states))
    values = result[name].reshape(len(result.values), -1)
    if values.shape[1] == 1 and not numpy.iscomplexobj(values):
        return {name: values[:, 0]}
    return {f"rms of {name}": numpy.sqrt((numpy.abs(values) ** 2).mean(1))}


def draw_branches(axes: Any, result: BranchResult, values: Any, colour: int | None = None) -> None:
    """Lines of one kind each, then the special points on them with their words; branches have
    colours of their own unless one is given.
    """
    branch = result["branch"]
    for number in range(int(branch.max()) + 1):
        rows = (branch == number).nonzero()[0]
        for stable, piece in _pieces(rows, result["unstable"]):
            own = series_colour(number if colour is None else colour)
            axes.plot(result.values[piece], values[piece], color=own, **LOOKS[stable])
    for kind, (mark, word) in MARKS.items():
        if kind not in result.labelled:
            continue
        for row in (result[kind] > 0).nonzero()[0]:
            axes.plot(result.values[row], values[row], mark, color=TEXT, markersize=6, zorder=5)
            add_label(axes, f"{word} {short(result.values[row])}", result.values[row], values[row])


def short(value: float, size: float = 1e-4) -> str:
    """Six digits; what rounding leaves of 0, beside numbers as large as ``size``, is 0."""
    return f"{value:.6g}" if abs(value) > 1e-8 * size else "0"


def _pieces(rows: Any, growing: Any) -> Iterator[tuple[bool, Any]]:
    """(whether nothing grows there, rows) of stretches; each begins where the one before ended."""
    calm = [not growing[a] and not growing[b] for a, b in pairwise(rows)]
    begin = 0
    for k in range(1, len(calm) + 1):
        if k == len(calm) or calm[k] != calm[begin]:
            yield calm[begin], rows[begin : k + 1]
            begin = k


def _legend(axes: Any, result: BranchResult) -> None:
    from matplotlib.lines import Line2D

    words = {True: "stable", False: "unstable"}
    kinds = [kind for kind in (True, False) if (result.stable == kind).any()]
    lines = [Line2D([], [], color=MUTED_TEXT, label=words[kind], **LOOKS[kind]) for kind in kinds]
    add_legend(axes, lines)
