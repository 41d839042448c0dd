"""A comparison in one picture: learning curves over the seeds, and what each run came to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, entitle, new_figure, save_figure, style
from dynattn.present.palette import series_colour

if TYPE_CHECKING:
    from dynattn.learn.comparison import Comparison


def draw_comparison(comparison: Comparison, path: Path) -> Path | None:
    """Draw the first measure to ``path``; None, and nothing drawn, where no run is finished."""
    if not any(run.state == "finished" for run in comparison.runs):
        return None
    with style():
        figure = new_figure(9.6, 4.2)
        left, right = figure.subplots(1, 2, width_ratios=(1.7, 1.0))
        _draw_curves(left, comparison)
        _draw_values(right, comparison)
        count = len(comparison.seeds)
        entitle(figure, f"{' and '.join(comparison.labels)} over {count} seed{'s' * (count > 1)}")
        return save_figure(figure, path)


def _draw_curves(axes: Any, comparison: Comparison) -> None:
    """Each run as a thin line, the mean of a spec's runs as a strong one, in the band of their
    standard deviation.
    """
    import numpy

    for number, label in enumerate(comparison.labels):
        colour = series_colour(number)
        curves = [
            run.curve(comparison.measures[0])
            for run in comparison.runs
            if run.label == label and run.state == "finished"
        ]
        for steps, values in curves:
            axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.4)
        if not curves:
            continue
        steps = sorted(set.intersection(*(set(curve[0]) for curve in curves)))
        rows = numpy.array([[dict(zip(*curve, strict=True))[s] for s in steps] for curve in curves])
        mean, spread = rows.mean(0), rows.std(0, ddof=1) if len(rows) > 1 else 0 * rows[0]
        axes.fill_between(
            steps, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0
        )
        axes.plot(steps, mean, color=colour, linewidth=2.0, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel(f"{comparison.measures[0]} (validation)", parse_math=False)
    axes.grid(axis="y", **GRID)
    axes.margins(x=0.02)
    axes.legend(loc="best")


def _draw_values(axes: Any, comparison: Comparison) -> None:
    """What the runs came to, a dot each, the pairs of a seed joined; a bar at the mean."""
    measure = comparison.measures[0]
    values = [comparison.values(label, measure) for label in comparison.labels]
    for seed in comparison.seeds:
        found = [(place, own[seed]) for place, own in enumerate(values) if seed in own]
        axes.plot(
            *zip(*found, strict=True), color="#b9bfc8", linewidth=0.8, zorder=1
        ) if found else None
    for place, own in enumerate(values):
        colour = series_colour(place)
        axes.plot([place] * len(own), list(own.values()), linestyle="", marker="o", markersize=4.5,
                  color=colour, alpha=0.75, zorder=2)  # fmt: skip
        if own:
            mean = sum(own.values()) / len(own)
            axes.plot([place - 0.18, place + 0.18], [mean, mean], color=colour, linewidth=2.6,
                      zorder=3)  # fmt: skip
    longest = max(map(len, comparison.labels))
    turned = longest * len(values) > 30
    axes.set_xticks(range(len(values)), comparison.labels, rotation=25 if turned else 0,
                    ha="right" if turned else "center", parse_math=False)  # fmt: skip
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylabel(f"{measure} (best checkpoint)", parse_math=False)
    axes.grid(axis="y", **GRID)
