"""``dynattn run``: one experiment of a spec, its results on disk and its plots."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dynattn.cli.beside import BESIDE, WIDTH, plans_beside, run_beside
from dynattn.cli.doubts import tell_doubts
from dynattn.cli.screen import note, print_json
from dynattn.cli.settings import DEVICE, FOLDER, JSON, SEED, SET, SPEC, open_spec, read_device
from dynattn.diagnostics.report import NumericalError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.model.plans import Simulation
    from dynattn.run.experiment import Plan
    from dynattn.run.labelled import Result
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep

NONE: Mapping[str, Any] = {}

MOST_ROWS = 50
"""Points of a sweep up to which all of them are printed."""


@click.command(
    epilog="""\b
Examples
  dynattn run kuramoto.dyn
  dynattn run kuramoto.dyn transition
  dynattn run kuramoto.dyn --set K=3 --set N=2000 --seed 1 -o runs/strong
  dynattn run kuramoto.dyn transition --set N=10000 --compile
  dynattn run kuramoto.dyn transition --workers 2 -o runs/long   # again: goes on where it was
  dynattn run kuramoto.dyn --plot states.pdf --plot graph --animate phases.gif
  dynattn run explosive.dyn up --beside down --plot sweep.pdf --width 3.4
"""
)
@SPEC
@click.argument("experiment", required=False)
@SET
@SEED
@DEVICE
@click.option(
    "--plot",
    "plots",
    metavar="PICTURE[(NAMES)][.FORMAT]",
    multiple=True,
    default=("default",),
    help="What is drawn: series, sweep, states, portrait, raster, graph, bifurcation, equilibria, "
    "training, fit, lyapunov, passage, hysteresis, basins, locking, balance, or all, default, "
    "none; as svg unless .pdf or .png follows; in brackets what of it, as in "
    "'portrait(v, w).pdf'. May be given several times.",
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Make every step into machine code first, with torch.compile: that takes seconds, which "
    "long runs (10 000 steps and more) and large models win back.",
)
@click.option(
    "--workers",
    type=int,
    metavar="N",
    help="How many processes solve the points of a sweep. As many as there are processors, where "
    "that pays, unless given; the numbers are the same.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Let the workers of the Dask scheduler at this address solve the points of a sweep.",
)
@WIDTH
@BESIDE
@click.option("--animate", metavar="FILE", help="Write the states as a moving picture, gif or mp4.")
@FOLDER
@JSON
def run(
    spec: str,
    experiment: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    device: str | None,
    plots: tuple[str, ...],
    compiled: bool,
    workers: int | None,
    cluster: str | None,
    width: str | None,
    beside: tuple[str, ...],
    animate: str | None,
    folder: str | None,
    as_json: bool,
) -> None:
    """Run an experiment and draw what came out. The first one of the spec, unless it is named."""
    device = read_device(device or "cpu")
    compilation = open_spec(spec, settings, seed)
    from dynattn.learn.experiments import check_any
    from dynattn.model.plans import Simulation
    from dynattn.present.wanted import read_wanted, read_width
    from dynattn.run.experiment import find_experiment

    chosen = find_experiment(compilation.model, experiment)
    check_any(compilation, chosen)
    wanted, inches = read_wanted(compilation, chosen, plots), read_width(width)
    others = plans_beside(compilation, chosen, beside, wanted)
    film = None if animate is None else film_place(compilation, chosen, animate)
    from dynattn.cli.compile import compiler_for

    compiler = compiler_for(compiled)
    place = Path(folder) if folder else free_folder(f"{compilation.model.name}-{chosen.name}")
    how = {"device": device, "compiled": compiler, "workers": workers, "cluster": cluster}
    looks = {"width": inches, "beside": others}
    result, pictures = carry_out(compilation, chosen, place, wanted, as_json, film, looks, **how)
    if not pictures and plots == ("default",) and isinstance(chosen, Simulation):
        say_why(compilation, chosen)
    tell_doubts(result)
    if as_json:
        print_json({"ok": True, **result_facts(result, place, pictures)})
    else:
        tell_result(result, place, pictures)


def carry_out(
    compilation: Compilation,
    chosen: Plan,
    place: Path,
    wanted: Any,
    quiet: bool,
    film: Path | None = None,
    looks: Mapping[str, Any] = NONE,
    **how: Any,
) -> tuple[Any, list[Path]]:
    """The result of an experiment, in a folder, and its pictures; a person is told how it goes.
    ``looks``: the ``width`` of the pictures, and the experiments that are drawn ``beside`` it.
    """
    from dynattn.learn.experiments import run_any
    from dynattn.present.drawing import draw_pictures
    from dynattn.run.threads import threads_set

    try:
        with progress_shown(chosen.name, quiet) as progress, threads_set():
            result = run_any(compilation, chosen.name, progress=progress, folder=place, **how)
            plans, device = looks.get("beside", ()), how.get("device", "cpu")
            found = run_beside(compilation, plans, place, device=device, progress=progress)
        inches = looks.get("width")
        pictures = draw_pictures(compilation, result, place, wanted, width=inches, beside=found)
        if film is not None:
            pictures.append(make_film(compilation, result, film, quiet))
    except KeyboardInterrupt:
        note(f"what was finished is in {place}{how_to_go_on(chosen, place)}")
        raise
    except NumericalError as error:
        if error.partial is not None:
            draw_partial(compilation, error.partial, place, wanted)
            note(f"{partial_words(error.partial)} is in {place}")
        raise
    return result, pictures


def how_to_go_on(experiment: Plan, place: Path) -> str:
    """Of a sweep, a grid of measurements or a fit that was interrupted."""
    from dynattn.model.plans import Fit
    from dynattn.run.sweep import as_sweep

    if not as_sweep(experiment) and not isinstance(experiment, Fit):
        return ""
    return f"; the same command with -o {place} goes on"


def draw_partial(compilation: Compilation, partial: Any, place: Path, wanted: Any) -> None:
    """The pictures of a sweep of which some points failed, or of a fit that did not settle."""
    from dynattn.learn.fit_results import FitResult
    from dynattn.present.drawing import draw_pictures

    if hasattr(partial, "done") or isinstance(partial, FitResult):
        draw_pictures(compilation, partial, place, wanted)


def partial_words(partial: Any) -> str:
    """How far an experiment came before its numbers failed."""
    from dynattn.learn.fit_results import FitResult

    if isinstance(partial, FitResult):
        return "what was found, where it stands,"
    if hasattr(partial, "done"):
        return f"what was finished, {int(partial.done.sum())} of {partial.done.size} points,"
    return f"what was computed up to t = {partial.times[-1]:g}"


def say_why(compilation: Compilation, simulation: Simulation) -> None:
    """A note why an experiment has no picture of its own accord."""
    from dynattn.present.wanted import kind_of, refusal

    kind = "sweep" if kind_of(simulation) == "sweep" else "series"
    reason = refusal(compilation, simulation, kind)
    assert reason is not None
    note(f"no picture is drawn: {reason.message}")


def film_place(compilation: Compilation, simulation: Plan, path: str) -> Path:
    """Where the moving picture goes, once it is known that it can be made."""
    from dynattn.present.animation import check_animation

    check_animation(compilation, simulation, Path(path))
    return Path(path)


def make_film(compilation: Compilation, result: Any, place: Path, quiet: bool) -> Path:
    """Write the moving picture, with a bar of its own."""
    from dynattn.present.animation import write_animation
    from dynattn.present.drawing import scene_of

    with progress_shown(place.name, quiet) as progress:
        return write_animation(scene_of(compilation, result), place, progress=progress)


def free_folder(name: str) -> Path:
    """The first of ``runs/NAME-1``, ``runs/NAME-2``, ... that is not there."""
    number = 1
    while Path("runs", f"{name}-{number}").exists():
        number += 1
    return Path("runs", f"{name}-{number}")


@contextmanager
def progress_shown(what: str, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """A bar with the time left where a person watches, else lines on stderr."""
    from dynattn.cli.screen import on_terminal
    from dynattn.present.pace import PaceLines

    if quiet or not on_terminal():
        yield None if quiet else PaceLines(what, sys.stderr)
        return
    from rich import progress

    columns = (progress.BarColumn(), progress.TaskProgressColumn(), progress.TimeRemainingColumn())
    with progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done: bar.update(task, completed=done)


# ── words ──────────────────────────────────────────────────────────────────────────────────────


def tell_result(result: Any, folder: Path, pictures: list[Path]) -> None:
    """Print the figures, what they cost, and where everything is."""
    from dynattn.cli.branches import branch_rows, tell_ends
    from dynattn.cli.curves import curve_rows, cycle_rows, tell_curve, tell_cycles
    from dynattn.cli.fits import tell_fit
    from dynattn.cli.measurements import measurement_rows, tell_measurement
    from dynattn.cli.screen import print_heading, print_line, print_table
    from dynattn.cli.searches import tell_search
    from dynattn.learn.fit_results import FitResult
    from dynattn.run.branches import BranchResult
    from dynattn.run.curves import CurveResult
    from dynattn.run.cycles import CycleResult
    from dynattn.run.measurements import MeasurementResult
    from dynattn.run.searches import SearchResult
    from dynattn.run.sweep import Sweep

    print_heading(f"{result.settings['model']}: {result.name}, seed {result.seed}")
    words: dict[type, tuple[Any, Any]] = {
        BranchResult: (branch_rows, tell_ends), CurveResult: (curve_rows, tell_curve),
        CycleResult: (cycle_rows, tell_cycles), Sweep: (sweep_rows, None),
        SearchResult: (lambda _: [], tell_search), FitResult: (lambda _: [], tell_fit),
        MeasurementResult: (measurement_rows, tell_measurement),
    }  # fmt: skip
    rows_of, tell = words.get(type(result), (series_rows, None))
    rows = rows_of(result)
    if len(rows) > 1:
        print_table(rows[0], rows[1:])
    if tell is not None:
        tell(result)
    costs = {} if isinstance(result, SearchResult | FitResult) else cost(result)
    if costs:
        print_line("  " + ", ".join(f"{key} {shown(value)}" for key, value in costs.items()))
    rest = result.statistics.get("equilibrium", {})
    if "residual" in rest:
        print_line(f"  at equilibrium: the largest rate left is {rest['residual']:.1g}; Newton's "
                   f"method moved the last states by {rest['moved']:.1g} at most")  # fmt: skip
    print_heading("files")
    for path in (folder / "results.nc", folder / "results.csv", *pictures):
        print_line(f"  {path}")


def series_rows(result: Trajectory) -> list[tuple[str, ...]]:
    """First, mean and last value of every series of numbers, under their titles."""
    from dynattn.run.labelled import in_parts

    series, variables = result.series, result.labelled.variables.items()
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
        for name, s in result.series.items()
    ]
    rows += [
        (name, "", "", f"{values.mean():.4g}", f"{values.std():.4g}")
        for name, values in result.measured.items()
    ]
    count = len(result.axes["repeat"])
    titles = ("mean of", "at the start", "over time", "at the end", f"sd of {count} ends")
    return [titles, *rows] if rows else []


def sweep_rows(result: Sweep) -> list[tuple[str, ...]]:
    """Mean and spread over the repeats at every point of a sweep over one parameter."""
    axes, measured = result.swept, result.measured
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


def cost(result: Result) -> dict[str, Any]:
    """The figures of the solve that are worth a line."""
    wanted = ("method", "points", "steps", "evaluations", "seconds", "compiling", "stopped")
    found = result.statistics
    return {key: found[key] for key in wanted if found.get(key) is not None}


def shown(value: Any) -> str:
    """A figure in a line."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def result_facts(result: Any, folder: Path, pictures: list[Path]) -> dict[str, Any]:
    """The result as a JSON object; the arrays themselves are in the files."""
    from dynattn.cli.fits import fit_facts
    from dynattn.cli.measurements import measurement_facts
    from dynattn.cli.searches import search_facts
    from dynattn.learn.fit_results import FitResult
    from dynattn.learn.placements import PlacementResult
    from dynattn.run.branches import BranchResult
    from dynattn.run.curves import CurveResult
    from dynattn.run.cycles import CycleResult
    from dynattn.run.measurements import MeasurementResult
    from dynattn.run.searches import SearchResult
    from dynattn.run.sweep import Sweep

    facts: dict[str, Any] = {
        "experiment": result.name,
        "seed": result.seed,
        "settings": dict(result.settings),
        "statistics": dict(result.statistics),
        "folder": str(folder),
        "files": [str(path) for path in (folder / "results.nc", folder / "results.csv", *pictures)],
    }
    if isinstance(result, Sweep):
        axes = {name: result.axes[name].tolist() for name in result.swept}
        records = {name: values.tolist() for name, values in result.measured.items()}
        return {**facts, "axes": axes, "records": records}
    if isinstance(result, SearchResult):
        return {**facts, **search_facts(result)}
    if isinstance(result, MeasurementResult):
        return {**facts, **measurement_facts(result)}
    if isinstance(result, FitResult):
        facts["statistics"] = {k: v for k, v in facts["statistics"].items() if k != "estimates"}
        return {**facts, **fit_facts(result)}
    if isinstance(result, BranchResult | CurveResult | CycleResult | PlacementResult):
        return facts
    finals = {name: float(values[-1]) for name, values in result.series.items()}
    return {**facts, "final": finals}
