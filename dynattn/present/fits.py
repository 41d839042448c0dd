"""The picture of a fit: what was measured, what the fitted model does, and what is between."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynattn.learn.estimates import CLOSED
from dynattn.present.figure import GRID, add_legend, entitle, new_figure, style
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.plots import TIME
from dynattn.present.scene import Scene

MOST_SHOWN = 4
"""Numbers of a quantity that are drawn: evenly chosen among those measured."""

MOST_QUANTITIES = 4

OFTEN = 8 * np.pi
"""Phases that turn by more than this are drawn without their mean turning."""


def fit_figure(scene: Scene) -> Any:
    """A row for each quantity: dots and lines over time, and under them the residuals."""
    result: Any = scene.result
    names = [*result.statistics["sigma"]][:MOST_QUANTITIES]
    with style():
        figure = new_figure(8.0, 4.2 * len(names) + 0.4)
        entitle(figure, f"{scene.compilation.model.name}: {scene.simulation.name}")
        grid = figure.subplots(2 * len(names), 1, sharex=True, squeeze=False,
                               height_ratios=[3, 1] * len(names))[:, 0]  # fmt: skip
        for row, name in enumerate(names):
            state = scene.compilation.model.states.get(name)
            phase = state is not None and state.manifold.name in CLOSED
            _draw(grid[2 * row], grid[2 * row + 1], result, name, phase)
        grid[-1].set_xlabel(TIME)
    return figure


def _draw(above: Any, below: Any, result: Any, name: str, phase: bool) -> None:
    times = result.axes["time"]
    fitted, measured, apart = (
        result[f"{word}{name}"].reshape(len(times), -1) for word in ("", "measured ", "residual ")
    )
    there = np.nonzero(np.isfinite(measured).any(0))[0]
    chosen = there[np.linspace(0, len(there) - 1, min(MOST_SHOWN, len(there))).round().astype(int)]
    rate = _turning(times, fitted) if phase else 0.0
    fitted, measured = fitted - rate * times[:, None], measured - rate * times[:, None]
    dots = {"linestyle": "", "marker": ".", "markersize": 3.5, "alpha": 0.55}
    for number, k in enumerate(chosen):
        colour = series_colour(number)
        label = f"{name}[{k}]" if measured.shape[1] > 1 else name
        above.plot(times, measured[:, k], color=colour, **dots)
        above.plot(times, fitted[:, k], color=colour, linewidth=1.3, label=label)
    below.plot(times, apart, color=MUTED_TEXT, **(dots | {"markersize": 2, "alpha": 0.3}))
    below.axhline(0.0, color=MUTED_TEXT, linewidth=0.8)
    above.set_ylabel(f"{name} - {rate:.4g} t" if rate else name, parse_math=False)
    below.set_ylabel("residuals")
    add_legend(above, beside=True)
    for axes in (above, below):
        axes.grid(axis="y", **GRID)
        axes.margins(x=0.02)


def _turning(times: Any, phases: Any) -> float:
    """The mean rate of phases that turn round often, whose differences else are not to be seen."""
    rate = float(((phases[-1] - phases[0]) / (times[-1] - times[0])).mean())
    return float(f"{rate:.4g}") if abs(rate) * (times[-1] - times[0]) > OFTEN else 0.0
