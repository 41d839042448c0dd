"""Periodic orbits over a parameter: their extremes beside the equilibria, and their periods."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, add_legend, entitle, level, new_figure, style
from dynattn.present.labels import add_label
from dynattn.present.palette import TEXT, series_colour

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MOST = 3
"""Measures that are drawn, the first ones."""

MARKS = {
    "fold": ("o", "fold"), "branch_point": ("D", "branch point"),
    "period_doubling": ("P", "period doubling"), "neimark_sacker": ("X", "Neimark-Sacker"),
}  # fmt: skip

OWN, EARLIER = 2, 4
"""Colours of orbits, and of those whose period has doubled."""

LOOKS: dict[bool, dict[str, Any]] = {
    True: {"linestyle": "-", "linewidth": 2.0},
    False: {"linestyle": (0, (1.5, 1.5)), "linewidth": 1.6},
}
"""Of stable orbits, and of others."""


def cycles_figure(scene: Scene) -> Any:
    """A panel for each number of the whole model, or for the first state, with the branch of
    equilibria; below it the period.
    """
    import numpy

    from dynattn.present.bifurcation import draw_branches, measures_of

    result: Any = scene.result
    rest = measures_of(result.equilibria, scene)
    over = over_phase(result, scene)
    measures = {name: values for name, values in over.items() if name in rest}
    with style():
        figure = new_figure(7.6, 0.7 + 3.2 * len(measures) + 2.2)
        heights = [3.2] * len(measures) + [2.0]
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        for axes, (name, values) in zip(panels, measures.items(), strict=False):
            draw_branches(axes, result.equilibria, rest[name])
            for other in result.earlier:
                before = _numbers(other).get(name, _of_state(other, scene).get(name))
                if before is not None:
                    for line in extremes_of(other, name, before):
                        draw_cycles(axes, other, line, EARLIER)
            extremes = extremes_of(result, name, values)
            for line in extremes:
                draw_cycles(axes, result, line)
            mark_cycles(axes, result, extremes[0])
            axes.set_ylabel(name, parse_math=False)
            axes.grid(**GRID)
            axes.margins(x=0.02, y=0.08)
            level(axes, numpy.stack(extremes))
        for other in result.earlier:
            draw_cycles(panels[-1], other, other["period"], EARLIER)
        draw_cycles(panels[-1], result, result["period"])
        panels[-1].set_ylabel("period", parse_math=False)
        panels[-1].grid(**GRID)
        level(panels[-1], result["period"])
        panels[-1].set_xlabel(scene.described(result.parameter), parse_math=False)
        low, high = sorted(result.settings["range"])
        panels[-1].set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        _legend(panels[0], result)
        entitle(figure, scene.plain_title)
        return figure


def over_phase(result: Any, scene: Scene) -> dict[str, Any]:
    """[point, phase] by name: as ``measures_of`` has them of equilibria."""
    found = _numbers(result)
    if found:
        return dict(list(scene.among(found).items())[:MOST])
    return _of_state(result, scene)


def _numbers(result: Any) -> dict[str, Any]:
    """What is observed and one number."""
    from dynattn.run.labelled import in_parts

    names = result.settings["observed"]
    found = {n: result[n] for n in names if result.labelled.variables[n].axes == ("point", "phase")}
    return in_parts(found)


def _of_state(result: Any, scene: Scene) -> dict[str, Any]:
    """The first state, or how large it is."""
    import numpy

    name = next(iter(scene.compilation.model.states))
    values = result[name]
    flat = values.reshape(*values.shape[:2], -1)
    if flat.shape[-1] == 1 and not numpy.iscomplexobj(flat):
        return {name: flat[..., 0]}
    return {f"rms of {name}": numpy.sqrt((numpy.abs(flat) ** 2).mean(-1))}


def ring_of(scene: Scene, name: str) -> tuple[Any, Any]:
    """The extremes of a measure round the orbits of a result."""
    return extremes_of(scene.result, name, over_phase(scene.result, scene)[name])


def extremes_of(result: Any, name: str, values: Any) -> tuple[Any, Any]:
    """The largest and smallest [point] round each orbit: located ones where the result has them,
    else those of ``values`` [point, phase].
    """
    if f"max {name}" in result.labelled:
        high, low = (result[f"{end} {name}"].reshape(len(values), -1) for end in ("max", "min"))
        if high.shape[1] == 1:
            return high[:, 0], low[:, 0]
    return values.max(1), values.min(1)


def draw_cycles(axes: Any, result: Any, values: Any, colour: int = OWN) -> None:
    """Lines through ``values`` [point], of one kind each."""
    for stable, piece in _pieces(result["unstable"]):
        look = LOOKS[stable]
        axes.plot(result.values[piece], values[piece], color=series_colour(colour), **look)


def _pieces(growing: Any) -> Iterator[tuple[bool, Any]]:
    """(whether nothing grows there, rows) of stretches; each begins where the one before ended."""
    calm = [not a and not b for a, b in pairwise(growing)]
    begin = 0
    for k in range(1, len(calm) + 1):
        if k == len(calm) or calm[k] != calm[begin]:
            yield calm[begin], slice(begin, k + 1)
            begin = k


def mark_cycles(axes: Any, result: Any, values: Any) -> None:
    """The special orbits at ``values`` [point], with their words."""
    from dynattn.present.bifurcation import short

    for kind, (mark, word) in MARKS.items():
        if kind not in result.labelled:
            continue
        for row in (result[kind] > 0).nonzero()[0]:
            x, y = result.values[row], values[row]
            axes.plot(x, y, mark, color=TEXT, markersize=6, zorder=5)
            add_label(axes, f"{word} {short(x)}", x, y)


def _legend(axes: Any, result: Any) -> None:
    from matplotlib.lines import Line2D

    words = {True: "stable orbits", False: "unstable orbits"}
    kinds = {not grows for grows in result["unstable"]}
    lines = [
        Line2D([], [], color=series_colour(OWN), label=words[kind], **LOOKS[kind])
        for kind in (True, False) if kind in kinds
    ]  # fmt: skip
    if result.earlier:
        lines.append(Line2D([], [], color=series_colour(EARLIER), label="before doubling"))
    lines.append(Line2D([], [], color=series_colour(0), label="equilibria"))
    add_legend(axes, lines)
