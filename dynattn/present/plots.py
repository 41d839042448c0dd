"""Plots of runs: learning curves, series over time, phases, sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynattn.present.figure import add_colourbar, new_figure, save_figure, style
from dynattn.present.palette import MUTED_TEXT, phase_colormap, series_colour

Curve = tuple[Sequence[float], Sequence[float]]
"""(steps, values) of one learning curve."""

BITS = "bits per character"


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
        axes.grid(axis="y", color="#e4e6ea", linewidth=0.8)
        axes.margins(x=0.02)
        _draw_baselines(axes, baselines or {})
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.02))
        return save_figure(figure, path)


def _draw_baselines(axes: Any, baselines: Mapping[str, float]) -> None:
    """Dashed lines, each named at its right end outside the frame, where no curve runs."""
    for name, value in baselines.items():
        axes.axhline(value, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)), zorder=2)
        axes.text(1.01, value, f"{name} {value:.2f}", transform=axes.get_yaxis_transform(),
                  va="center", fontsize=9.5, color=MUTED_TEXT, parse_math=False)  # fmt: skip


def draw_series(
    times: Sequence[float], series: Mapping[str, Any], path: Path, *, title: str = ""
) -> Path:
    """Observables over time, one panel each: ``series[name]`` is [time] or [time, repeat].

    Of several repeats each is a thin line and their mean a strong one.
    """
    alike: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.35}
    mean: dict[str, Any] = {"linewidth": 1.8}
    return _draw_panels(times, series, path, "time t", 2.3, alike, mean, title)


def draw_raster(
    times: Sequence[float],
    values: Any,
    path: Path,
    *,
    name: str,
    cyclic: bool = True,
    title: str = "",
) -> Path:
    """The state of every node over time as colour; ``values`` is [time, node], in radians.

    Of complex states the phase is shown.
    """
    import numpy

    if numpy.iscomplexobj(values):
        values, name, cyclic = numpy.angle(values), f"arg({name})", True
    array = numpy.asarray(values, dtype=float)
    how: dict[str, Any] = {"cmap": "viridis"}
    if cyclic:
        array = numpy.angle(numpy.exp(1j * array))
        how = {"cmap": phase_colormap(), "vmin": -numpy.pi, "vmax": numpy.pi}
    with style():
        figure = new_figure(7.6, 4.4)
        axes = figure.subplots()
        extent = (times[0], times[-1], -0.5, array.shape[1] - 0.5)
        image = axes.imshow(array.T, aspect="auto", origin="lower", extent=extent,
                            interpolation="nearest", **how)  # fmt: skip
        axes.set(xlabel="time t", ylabel="node")
        axes.set_title(title, parse_math=False)
        add_colourbar(figure, axes, image, name, cyclic)
        return save_figure(figure, path)


def draw_sweep(
    values: Sequence[float],
    measured: Mapping[str, Any],
    path: Path,
    *,
    parameter: str,
    title: str = "",
) -> Path:
    """Measures over a parameter: ``measured[name]`` is [value, repeat]; dots and their mean."""
    dots: dict[str, Any] = {"linestyle": "", "marker": ".", "alpha": 0.3, "markersize": 4}
    mean: dict[str, Any] = {"marker": "o", "markersize": 4}
    return _draw_panels(values, measured, path, parameter, 3.2, dots, mean, title)


def _draw_panels(
    points: Sequence[float],
    measured: Mapping[str, Any],
    path: Path,
    below: str,
    height: float,
    each: Mapping[str, Any],
    mean: Mapping[str, Any],
    title: str,
) -> Path:
    """One panel of ``height`` inches a measure [point] or [point, repeat]: repeats and mean."""
    import numpy

    with style():
        figure = new_figure(7.6, 0.6 + height * len(measured))
        panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False)[:, 0]
        for number, (axes, (name, values)) in enumerate(zip(panels, measured.items(), strict=True)):
            rows = numpy.asarray(values, dtype=float).reshape(len(points), -1)
            colour = series_colour(number)
            if rows.shape[1] > 1:
                axes.plot(points, rows, color=colour, **each)
            axes.plot(points, rows.mean(axis=1), color=colour, **mean)
            axes.set_ylabel(name, parse_math=False)
            axes.margins(x=0.01)
            axes.grid(axis="y", color="#e4e6ea", linewidth=0.8)
        panels[-1].set_xlabel(below, parse_math=False)
        figure.suptitle(title, x=0.02, ha="left", fontsize=12, parse_math=False)
        return save_figure(figure, path)
