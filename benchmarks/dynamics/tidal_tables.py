"""Tables and the figure of layers that are reused."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.dynamics.tidal_arms import (
    CYCLES,
    READS,
    SHAPES,
    TASKS,
    TIMED,
    WEIGHTS,
    grid,
    of,
    physical,
    spiral,
    timed,
)
from benchmarks.papers.records import Arm, Record, lines_of, show, spread

# ── tables ─────────────────────────────────────────────────────────────────────────────────────


def score(last: Mapping[str, float], task: str = "mnist") -> float:
    """Accuracy in percent; of text bits per character."""
    if task == "shakespeare":
        return last["loss"] / math.log(2)
    return 100 * next(value for name, value in last.items() if name.startswith("accuracy"))


def scores(record: Record, a: Arm, steps: int | None, task: str = "mnist") -> list[float]:
    """Of all seeds."""
    return [score(line["last"], task) for line in lines_of(record, a, steps)]


def read_scores(record: Record, plain: Arm, other: Arm, steps: int | None) -> list[float]:
    """Of all seeds of ``plain``, its weights in the other network."""
    lines = lines_of(record, plain, steps)
    return [score(line["read"][other.name]) for line in lines]


def table_of_grid(record: Record, task: str, given: argparse.Namespace) -> None:
    """A row for each number of sets, a column for each number of cycles."""
    digits = 3 if task == "shakespeare" else 1
    rows = []
    for weights in WEIGHTS:
        own = [a for a in grid(task, given.out) if a.settings["weights"] == weights]
        lines = lines_of(record, own[0], given.steps)
        count = str(lines[0]["learned"]) if lines else "-"
        found = [spread(scores(record, a, given.steps, task), digits) for a in own]
        rows.append([str(weights), str(own[0].settings["n"]), count, *found])
    show([f"{task}: sets", "width", "numbers", *(f"{c} cycles" for c in CYCLES)], rows)


def table_of_reads(record: Record, given: argparse.Namespace) -> None:
    """A row for each way to read, two columns for each shape: trained so, and only measured so."""
    rows = []
    by_name = {a.name: a for a in physical(given.out)}
    for how in ("plain", *READS):
        row = [how]
        for shape in SHAPES:
            plain, own = by_name[f"plain_{of(shape)}"], by_name[f"{how}_{of(shape)}"]
            row.append(spread(scores(record, own, given.steps)))
            if how == "plain":
                row.append("")
            else:
                row.append(spread(read_scores(record, plain, own, given.steps)))
        rows.append(row)
    heads = [text for shape in SHAPES for text in (f"{of(shape)} trained so", "measured so")]
    show(["mnist", *heads], rows)


def table_of_times(record: Record, given: argparse.Namespace) -> None:
    """Trained without time and measured with tau, and trained with it."""
    still, *moving = timed(given.out)
    rows = [["none", spread(scores(record, still, given.steps)), ""]]
    for a in moving:
        read = spread(read_scores(record, still, a, given.steps))
        rows.append([f"{a.settings['tau']:g}", spread(scores(record, a, given.steps)), read])
    show([f"mnist, {of(TIMED)}: tau", "trained so", "measured so"], rows)


def table_of_switches(record: Record, given: argparse.Namespace) -> None:
    """Passes and switches of one sample, counted in the compiled program, and by formula."""
    rows = []
    for a in grid("mnist", given.out):
        for line in lines_of(record, a, given.steps)[:1]:
            weights, cycles = a.settings["weights"], a.settings["cycles"]
            formula = weights * cycles * (weights > 1)
            rows.append([f"{weights}x{cycles}", str(line["passes"]), str(line["switches"]),
                         str(weights * cycles), str(formula)])  # fmt: skip
    show(["sets x cycles", "passes", "switches", "L c", "L c if L > 1"], rows)


def table_of_spiral(record: Record, given: argparse.Namespace) -> None:
    """Six units, and the count of numbers that learn."""
    rows = []
    for a in spiral():
        lines = lines_of(record, a, None)
        if lines:
            shape = (a.settings["weights"], a.settings["cycles"])
            found = [100 * line["last"]["accuracy(logits, label)"] for line in lines]
            rows.append([of(shape), str(lines[0]["learned"]), str(len(lines)), spread(found)])
    show(["spiral: sets x cycles", "numbers", "seeds", "accuracy"], rows)


def tables(record: Record, given: argparse.Namespace) -> None:
    """All of them."""
    for task in TASKS:
        table_of_grid(record, task, given)
        print()
    for table in (table_of_reads, table_of_times, table_of_spiral, table_of_switches):
        table(record, given)
        print()


# ── the figure ─────────────────────────────────────────────────────────────────────────────────

TITLES = {
    "mnist": "MNIST", "fashion": "Fashion-MNIST", "cifar10": "CIFAR-10",
    "shakespeare": "Shakespeare",
}  # fmt: skip


def draw(place: Path, record: Record, given: argparse.Namespace) -> None:
    """A panel for each task, one for what is physical and one for passes that take time."""
    from dynattn.present.figure import new_figure, style

    with style():
        figure = new_figure(11.0, 6.4)
        axes = figure.subplots(2, 3).flatten()
        for panel, task in zip(axes, TASKS, strict=False):
            _panel_of_grid(panel, record, task, given)
        _panel_of_noise(axes[4], record, given)
        _panel_of_times(axes[5], record, given)
        figure.savefig(place)


def _line(axes: Any, x: Sequence[float], found: Sequence[Sequence[float]], **how: Any) -> None:
    """Means, and a bar from the least to the most of the seeds."""
    known = [(at, values) for at, values in zip(x, found, strict=True) if values]
    middle = [statistics.mean(values) for _, values in known]
    least = [m - min(values) for m, (_, values) in zip(middle, known, strict=True)]
    most = [max(values) - m for m, (_, values) in zip(middle, known, strict=True)]
    axes.errorbar(
        [at for at, _ in known], middle, [least, most], marker="o", ms=4, capsize=2, **how
    )


def _panel_of_grid(axes: Any, record: Record, task: str, given: argparse.Namespace) -> None:
    from dynattn.present.palette import SERIES

    for colour, weights in zip(SERIES, WEIGHTS, strict=False):
        own = [a for a in grid(task, given.out) if a.settings["weights"] == weights]
        found = [scores(record, a, given.steps, task) for a in own]
        passes = [weights * cycles for cycles in CYCLES]
        label = f"{weights} set{'s' * (weights > 1)}, width {own[0].settings['n']}"
        _line(axes, passes, found, color=colour, label=label)
    unit = "bits per character" if task == "shakespeare" else "accuracy, %"
    axes.set(title=TITLES[task], xlabel="passes, sets x cycles", ylabel=unit)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axes.legend(fontsize=8)


def _panel_of_noise(axes: Any, record: Record, given: argparse.Namespace) -> None:
    from dynattn.present.palette import SERIES

    levels = [name for name in READS if name.startswith("noise")]
    by_name = {a.name: a for a in physical(given.out)}
    x = [0.0, *(100 * READS[name]["noise"] for name in levels)]
    for colour, shape in zip(SERIES, SHAPES, strict=False):
        plain = by_name[f"plain_{of(shape)}"]
        others = [by_name[f"{name}_{of(shape)}"] for name in levels]
        own = [scores(record, a, given.steps) for a in (plain, *others)]
        read = [own[0], *(read_scores(record, plain, a, given.steps) for a in others)]
        _line(axes, x, own, color=colour, label=f"{of(shape)}")
        _line(axes, x, read, color=colour, ls=":")
    title = "MNIST, eight passes, noisy weights"
    axes.set(title=title, xlabel="noise, % of the largest weight", ylabel="accuracy, %")
    axes.legend(title="sets x cycles\n(dotted: trained without)", fontsize=8, title_fontsize=8)


def _panel_of_times(axes: Any, record: Record, given: argparse.Namespace) -> None:
    from dynattn.present.palette import SERIES

    still, *moving = timed(given.out)
    taus = [a.settings["tau"] for a in moving]
    _line(axes, taus, [scores(record, a, given.steps) for a in moving], color=SERIES[0],
          label="trained with τ")  # fmt: skip
    read = [read_scores(record, still, a, given.steps) for a in moving]
    _line(axes, taus, read, color=SERIES[1], ls=":", label="trained without time")
    plain = scores(record, still, given.steps)
    if plain:
        axes.axhline(statistics.mean(plain), color="#6f7685", lw=1, label="no time")
    axes.set(title=f"MNIST, {of(TIMED)}, passes of duration τ", xlabel="τ", ylabel="accuracy, %")
    axes.set_xscale("log", base=2)
    axes.set_xticks(taus, [f"{tau:g}" for tau in taus])
    axes.legend(fontsize=8)
