"""Plots of numbers: learning curves, series over time, measures over a parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynattn.present.figure import (
    GRID,
    VECTOR_MARKS,
    VECTOR_POINTS,
    add_legend,
    entitle,
    label_time,
    level,
    new_figure,
    save_figure,
    style,
)
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.width import sized

Curve = tuple[Sequence[float], Sequence[float]]
"""(steps, values) of one learning curve."""

Measured = tuple[Sequence[float], Mapping[str, Any]]
"""(values of the parameter, what was measured at each by name)."""

BITS = "bits per character"

TIME = "time t"

MOST_LINES = 30
"""Repeats up to which each is drawn."""


def learning_curves(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Curve], str]:
    """Training and validation curves of a run's metrics, and the unit they are in.

    Bits per character where the run measures them: the training loss, in nats, is divided by log 2.
    """
    names = {"train": "training", "validation": "validation"}
    bits = any(row.get("bits_per_character") is not None for row in rows)
    scale = math.log(2) if bits else 1.0
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        if row["kind"] in names:
            steps, values = curves.setdefault(names[row["kind"]], ([], []))
            steps.append(row["step"])
            values.append(row["loss"] / scale)
    return dict(curves), BITS if bits else "loss"


def draw_learning(
    curves: Mapping[str, Curve],
    path: Path,
    *,
    baselines: Mapping[str, float] | None = None,
    unit: str = "loss",
    title: str = "",
) -> Path:
    """Loss over steps, one line per entry of ``curves``; ``baselines`` are level lines by name.

    A curve of many points is thin, one of few points has markers.
    """
    with style():
        figure = new_figure(7.6, 4.4)
        axes = figure.subplots()
        for number, (name, (steps, values)) in enumerate(curves.items()):
            width, marker = (1.0, None) if len(steps) > 60 else (2.0, "o")
            axes.plot(steps, values, color=series_colour(number), label=name, zorder=2 + width,
                      linewidth=width, marker=marker, markersize=4)  # fmt: skip
        axes.set(xlabel="step", ylabel=unit)
        axes.set_title(title, parse_math=False)
        axes.grid(axis="y", **GRID)
        axes.margins(x=0.02)
        _draw_baselines(axes, baselines or {})
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.02))
        return save_figure(figure, path)


def _draw_baselines(axes: Any, baselines: Mapping[str, float]) -> None:
    """Dashed lines, each named at its right end outside the frame, where no curve runs."""
    for name, value in baselines.items():
        axes.axhline(value, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)), zorder=2)
        axes.text(1.01, value, f"{name} {value:.2f}", transform=axes.get_yaxis_transform(),
                  va="center", fontsize=sized(9.5), color=MUTED_TEXT,
                  parse_math=False)  # fmt: skip


def draw_series(
    times: Sequence[float], series: Mapping[str, Any], path: Path, *, title: str = ""
) -> Path:
    """Draw ``series_figure`` to a file."""
    return save_figure(series_figure(times, series, title=title), path)


def series_figure(
    times: Sequence[float], series: Mapping[str, Any], *, title: str = "", below: str = TIME
) -> Any:
    """Observables over time, one panel each: ``series[name]`` is [time] or [time, repeat].

    Of several repeats the mean is a strong line, in a band of their standard deviation; up to
    MOST_LINES of them are thin lines.
    """
    each: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.4}
    mean: dict[str, Any] = {"linewidth": 1.8}
    return _panels({"": (times, series)}, below, 2.3, (each, mean), title)


def several_figure(runs: Mapping[str, Measured], *, below: str = TIME, title: str = "") -> Any:
    """Observables of several runs over time, by the name of each, in the same panels."""
    each: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.25}
    return _panels(runs, below, 2.8, (each, {"linewidth": 1.8}), title)


def sweep_figure(
    values: Sequence[float], measured: Mapping[str, Any], *, parameter: str, title: str = ""
) -> Any:
    """Measures over a parameter: ``measured[name]`` is [value, repeat]; dots, their mean and the
    band of their standard deviation.
    """
    return sweeps_figure({"": (values, measured)}, parameter=parameter, title=title)


def sweeps_figure(sweeps: Mapping[str, Measured], *, parameter: str, title: str = "") -> Any:
    """Sweeps over one parameter in the same panels, each with its own colour and mark."""
    each: dict[str, Any] = {"linestyle": "", "marker": ".", "alpha": 0.35, "markersize": 4}
    mean: dict[str, Any] = {"marker": "o", "markersize": 4}
    return _panels(sweeps, parameter, 3.2, (each, mean), title)


def _panels(
    runs: Mapping[str, Measured],
    below: str,
    height: float,
    looks: tuple[Mapping[str, Any], Mapping[str, Any]],
    title: str,
) -> Any:
    """One panel of ``height`` inches a measure [point] or [point, repeat]: repeats and mean."""
    import numpy

    names = list(dict.fromkeys(name for _, measured in runs.values() for name in measured))
    each, mean = looks
    ways = {_way(points)["marker"] for points, _ in runs.values() if "marker" in mean}
    with style():
        figure = new_figure(7.6, 0.6 + height * len(names))
        panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
            drawn = [
                numpy.asarray(measured[name], dtype=float).reshape(len(points), -1)
                for points, measured in runs.values()
            ]
            for run, (rows, (points, _)) in enumerate(zip(drawn, runs.values(), strict=True)):
                own = {**mean, **_way(points)} if len(ways) > 1 else mean
                _draw_repeats(axes, points, rows, series_colour(number + run), (each, own))
            axes.set_ylabel(name, parse_math=False)
            axes.margins(x=0.02 if "marker" in mean else 0.01)
            level(axes, numpy.concatenate([rows.ravel() for rows in drawn]))
            axes.grid(axis="y", **GRID)
        if "" not in runs:
            means = [line for line in panels[0].lines if line.get_linestyle() != "None"]
            for line, run in zip(means, runs, strict=True):
                line.set_label(run)
            add_legend(panels[0], means)
        label_time(panels[-1], below)
        if "marker" in mean and all(logarithmic(points) for points, _ in runs.values()):
            panels[-1].set_xscale("log")
        entitle(figure, title)
        return figure


def _way(points: Sequence[float]) -> dict[str, Any]:
    """Marks that point the way that a sweep goes."""
    return {"marker": ">" if points[-1] >= points[0] else "<", "markersize": 6}


def _draw_repeats(
    axes: Any,
    points: Sequence[float],
    rows: Any,
    colour: str,
    looks: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    """``rows`` is [point, repeat]; the mean is the last line drawn."""
    each, mean = looks
    middle = rows.mean(axis=1)
    if rows.shape[1] > 1:
        spread = rows.std(axis=1)
        axes.fill_between(points, middle - spread, middle + spread, color=colour, alpha=0.16,
                          linewidth=0, label="mean and standard deviation")  # fmt: skip
        if rows.shape[1] <= MOST_LINES:
            axes.plot(points, rows, color=colour, rasterized=_is_much(rows.size, each), **each)
    axes.plot(points, middle, color=colour, rasterized=_is_much(middle.size, mean), **mean)


def _is_much(count: int, look: Mapping[str, Any]) -> bool:
    return count > (VECTOR_MARKS if "marker" in look else VECTOR_POINTS)


def logarithmic(points: Sequence[float]) -> bool:
    """Whether the points, three or more, grow by one factor that is not near 1."""
    import numpy

    array = numpy.asarray(points, dtype=float)
    if len(array) < 3 or (array <= 0).any():
        return False
    factors = array[1:] / array[:-1]
    even = numpy.allclose(factors, factors[0], rtol=1e-6)
    return bool(even and max(array) > 20 * min(array))
