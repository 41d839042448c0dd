"""``dynattn run``: one experiment of a spec, its results on disk and its plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dynattn.cli.screen import note
from dynattn.cli.settings import DEVICE, FOLDER, JSON, SEED, SET, SPEC, open_spec, read_device

if TYPE_CHECKING:
    from dynattn.model.model import Model
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep

MOST_ROWS = 50
"""Points of a sweep up to which all of them are printed."""


@click.command(
    epilog="""\b
Examples
  dynattn run kuramoto.dyn
  dynattn run kuramoto.dyn transition
  dynattn run kuramoto.dyn --set K=3 --set N=2000 --seed 1 -o runs/strong
"""
)
@SPEC
@click.argument("experiment", required=False)
@SET
@SEED
@DEVICE
@FOLDER
@JSON
def run(
    spec: str,
    experiment: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    device: str | None,
    folder: str | None,
    as_json: bool,
) -> None:
    """Run an experiment, the first one of the spec unless named, and plot what came out."""
    device = read_device(device or "cpu")
    compilation = open_spec(spec, settings, seed)
    from dynattn.run.experiment import find_experiment, run_experiment

    chosen = find_experiment(compilation.model, experiment)
    from dynattn.learn.devices import threads_set

    place = Path(folder) if folder else free_folder(f"{compilation.model.name}-{chosen.name}")
    try:
        with progress_shown(as_json) as progress, threads_set():
            result = run_experiment(
                compilation, chosen.name, device=device, progress=progress, folder=place
            )
    except KeyboardInterrupt:
        note(f"what was finished is in {place}")
        raise
    pictures = draw_result(compilation.model, result, place)
    if as_json:
        from dynattn.cli.screen import print_json

        print_json({"ok": True, **result_facts(result, place, pictures)})
    else:
        tell_result(result, place, pictures)


def free_folder(name: str) -> Path:
    """The first of ``runs/NAME-1``, ``runs/NAME-2``, ... that is not there."""
    number = 1
    while Path("runs", f"{name}-{number}").exists():
        number += 1
    return Path("runs", f"{name}-{number}")


@contextmanager
def progress_shown(quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """A bar with the time left, where a person watches."""
    from dynattn.cli.screen import on_terminal

    if quiet or not on_terminal():
        yield None
        return
    from rich import progress

    columns = (progress.BarColumn(), progress.TaskProgressColumn(), progress.TimeRemainingColumn())
    with progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done: bar.update(task, completed=done)


# ── pictures ───────────────────────────────────────────────────────────────────────────────────


def draw_result(model: Model, result: Trajectory | Sweep, folder: Path) -> list[Path]:
    """Plots of what was recorded; nothing for what has too many axes to plot."""
    from dynattn.run.sweep import Sweep

    if isinstance(result, Sweep):
        return draw_points(result, folder)
    return draw_trajectory(model, result, folder)


def draw_trajectory(model: Model, result: Trajectory, folder: Path) -> list[Path]:
    """Series of numbers over time in one picture, the states of all nodes in one each."""
    from dynattn.present.plots import draw_raster, draw_series
    from dynattn.run.labelled import in_parts
    from dynattn.vocabulary.manifolds import MANIFOLDS

    data = result.labelled
    series = in_parts({n: v.values for n, v in data.variables.items() if v.axes == ("time",)})
    title = f"{result.settings['model']}: {result.name}"
    drawn = []
    if series:
        drawn.append(draw_series(list(data.times), series, folder / "series.svg", title=title))
    for name, values in result.states.items():
        if values.ndim == 2:
            cyclic = MANIFOLDS[model.states[name].manifold.name].phase
            path = folder / f"{name.replace(chr(39), '.velocity')}.png"
            drawn.append(
                draw_raster(list(data.times), values, path, name=name, cyclic=cyclic, title=title)
            )
    return drawn


def draw_points(result: Sweep, folder: Path) -> list[Path]:
    """Records over the one parameter that is swept."""
    from dynattn.present.plots import draw_sweep

    axes = swept_axes(result)
    measured = point_records(result)
    if not axes:
        return draw_repeats(result, folder)
    if len(axes) != 1 or not measured:
        note(f"{len(axes)} swept parameters: the numbers are in results.csv, no picture is drawn")
        return []
    title = f"{result.settings['model']}: {result.name}"
    values = list(result.axes[axes[0]])
    path = folder / "sweep.svg"
    return [draw_sweep(values, measured, path, parameter=axes[0], title=title)]


def draw_repeats(result: Sweep, folder: Path) -> list[Path]:
    """Series of numbers over time, one thin line for each repeat of a simulation."""
    from dynattn.present.plots import draw_series

    title = f"{result.settings['model']}: {result.name}"
    series = {name: values.T for name, values in repeated_series(result).items()}
    if not series:
        return []
    times = list(result.labelled.times)
    return [draw_series(times, series, folder / "series.svg", title=title)]


def repeated_series(result: Sweep) -> dict[str, Any]:
    """Series of numbers of a simulation that is only repeated, as [repeat, time]."""
    from dynattn.run.labelled import in_parts

    variables = result.labelled.variables.items()
    return in_parts({name: v.values for name, v in variables if v.axes == ("repeat", "time")})


def swept_axes(result: Sweep) -> list[str]:
    """Names of the swept parameters: the axes of the grid but for the repeats."""
    grid = next(iter(result.labelled.variables.values())).axes[: result.done.ndim]
    return [axis for axis in grid if axis != "repeat"]


def point_records(result: Sweep) -> dict[str, Any]:
    """The records that are one number for each point of the grid."""
    from dynattn.run.labelled import in_parts

    variables = result.labelled.variables.items()
    return in_parts({n: v.values for n, v in variables if v.values.ndim == result.done.ndim})


# ── words ──────────────────────────────────────────────────────────────────────────────────────


def tell_result(result: Trajectory | Sweep, folder: Path, pictures: list[Path]) -> None:
    """Print the figures, what they cost, and where everything is."""
    from dynattn.cli.screen import print_heading, print_line, print_table
    from dynattn.run.sweep import Sweep

    print_heading(f"{result.settings['model']}: {result.name}, seed {result.seed}")
    rows = sweep_rows(result) if isinstance(result, Sweep) else series_rows(result)
    if rows:
        print_table(rows[0], rows[1:])
    print_line("  " + ", ".join(f"{key} {shown(value)}" for key, value in cost(result).items()))
    print_heading("files")
    for path in (folder / "results.npz", folder / "results.csv", *pictures):
        print_line(f"  {path}")


def series_rows(result: Trajectory) -> list[tuple[str, ...]]:
    """First, mean and last value of every series of numbers, under their titles."""
    from dynattn.run.labelled import in_parts

    variables = result.labelled.variables.items()
    series = in_parts({name: v.values for name, v in variables if v.axes == ("time",)})
    single = in_parts({name: v.values for name, v in variables if v.axes == ()})
    rows = [
        (name, f"{values[0]:.4g}", f"{values.mean():.4g}", f"{values[-1]:.4g}")
        for name, values in series.items()
    ]
    rows += [(name, "", "", f"{float(value):.4g}") for name, value in single.items()]
    return [("of", "at the start", "mean", "at the end"), *rows] if rows else []


def repeat_rows(result: Sweep) -> list[tuple[str, ...]]:
    """First, mean and last value of every series, averaged over the repeats, and each record."""
    rows: list[tuple[str, ...]] = [
        (name, *(f"{v:.4g}" for v in (s[:, 0].mean(), s.mean(), s[:, -1].mean(), s[:, -1].std())))
        for name, s in repeated_series(result).items()
    ]
    rows += [
        (name, "", "", f"{values.mean():.4g}", f"{values.std():.4g}")
        for name, values in point_records(result).items()
    ]
    count = len(result.axes["repeat"])
    titles = ("mean of", "at the start", "over time", "at the end", f"sd of {count} ends")
    return [titles, *rows] if rows else []


def sweep_rows(result: Sweep) -> list[tuple[str, ...]]:
    """Mean and spread over the repeats at every point of a sweep over one parameter."""
    axes, measured = swept_axes(result), point_records(result)
    if not axes:
        return repeat_rows(result)
    if len(axes) != 1 or not measured or len(result.axes[axes[0]]) > MOST_ROWS:
        return []
    repeats = "repeat" in result.axes
    titles = [axes[0], *(f"{name}{', mean' if repeats else ''}" for name in measured)]
    spread = [f"sd over {len(result.axes['repeat'])} repeats"] * len(measured) if repeats else []
    rows = [tuple(titles + spread)]
    for k, point in enumerate(result.axes[axes[0]]):
        at = [values[k] for values in measured.values()]
        cells = [f"{point:.4g}", *(f"{value.mean():.4g}" for value in at)]
        rows.append(tuple(cells + [f"{v.std():.2g}" for v in at] * repeats))
    return rows


def cost(result: Trajectory | Sweep) -> dict[str, Any]:
    """The figures of the solve that are worth a line."""
    wanted = ("method", "steps", "evaluations", "seconds", "stopped")
    found = result.statistics
    return {key: found[key] for key in wanted if found.get(key) is not None}


def shown(value: Any) -> str:
    """A figure in a line."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def result_facts(result: Trajectory | Sweep, folder: Path, pictures: list[Path]) -> dict[str, Any]:
    """The result as a JSON object; the arrays themselves are in the files."""
    from dynattn.run.labelled import in_parts
    from dynattn.run.sweep import Sweep

    facts: dict[str, Any] = {
        "experiment": result.name,
        "seed": result.seed,
        "settings": dict(result.settings),
        "statistics": dict(result.statistics),
        "folder": str(folder),
        "files": [
            str(path) for path in (folder / "results.npz", folder / "results.csv", *pictures)
        ],
    }
    if isinstance(result, Sweep):
        axes = {name: result.axes[name].tolist() for name in swept_axes(result)}
        records = {name: values.tolist() for name, values in point_records(result).items()}
        return {**facts, "axes": axes, "records": records}
    variables = result.labelled.variables.items()
    series = in_parts({name: v.values for name, v in variables if v.axes == ("time",)})
    finals = {name: float(values[-1]) for name, values in series.items()}
    return {**facts, "final": finals}
