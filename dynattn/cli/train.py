"""``dynattn compile --train``: trains, draws what was learned, and says where everything is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import print_generated, print_heading, print_line, print_table
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.learn.folder import RunFolder
    from dynattn.learn.processes import World
    from dynattn.learn.reports import TrainingResult

SAMPLE_LENGTH = 300
"""Characters of generated text shown after a training."""


def train(
    compilation: Compilation,
    output: str | None,
    resume: str | None,
    quiet: bool,
    **how: Any,
) -> tuple[Any, dict[str, Any]]:
    """Train, or go on training; draw and tell what came out; the module and the facts for JSON.

    ``how``: the device, and the other options of ``learn.train``. KeyboardInterrupt after
    Ctrl-C, when the last checkpoint is on disk.
    """
    from dynattn.learn.folder import RunFolder
    from dynattn.learn.plan import make_plan
    from dynattn.learn.processes import joined

    # what cannot be trained leaves no run folder
    data = make_plan(compilation.model, accumulate=how.get("accumulate")).data
    with joined(how["device"]) as world:
        path = find_folder(compilation.model.name, output, resume).path if world.first else Path()
        folder = RunFolder(world.told(path))
        result = run_training(compilation, folder, resume is not None, quiet, how, world)
    if result.interrupted:
        raise KeyboardInterrupt
    if not world.first:
        return result.system, {}
    from dynattn.cli.outcome import draw_training, sample_text

    pictures = draw_training(compilation, folder, result, data)
    text = sample_text(result.system, data, SAMPLE_LENGTH)
    if not quiet:
        tell_result(result, places(folder, pictures), text)
    return result.system, training_facts(result, places(folder, pictures), text)


def run_training(
    compilation: Compilation,
    folder: RunFolder,
    resume: bool,
    quiet: bool,
    how: Mapping[str, Any],
    world: World,
) -> TrainingResult:
    """Train in the folder, telling a person how it goes."""
    from dynattn.learn import train as learn
    from dynattn.learn.processes import own_device
    from dynattn.present.progress import training_progress

    told = training_progress() if world.first and not quiet else None
    try:
        device = str(own_device(how["device"]) if world.size > 1 else how["device"])
        return learn.train(
            compilation, folder, resume=resume, progress=told, world=world,
            **{**how, "device": device},
        )  # fmt: skip
    except BaseException:
        if told is not None:
            told.failed()
        raise


def find_folder(name: str, output: str | None, resume: str | None) -> RunFolder:
    """A new run folder, or the one to go on in: the one named, or the model's latest."""
    from dynattn.learn.folder import new_run

    if resume is None:
        return new_run(name, Path(output) if output else None)
    return find_run(name, resume or output)


def find_run(name: str, named: str | None) -> RunFolder:
    """The run to go on with: the one named, or the latest of the model."""
    from dynattn.learn.folder import RUNS, open_run

    if named:
        return open_run(Path(named))
    runs = sorted(RUNS.glob(f"{name}-*/settings.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        message = f"there is no run of '{name}' in {RUNS} to go on with"
        fix = "name its folder: --resume DIR; or train without --resume"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    return open_run(runs[-1].parent)


def places(folder: RunFolder, pictures: dict[str, Path]) -> dict[str, str]:
    """Where everything of a finished run is."""
    files = {"best weights": folder.best, "last checkpoint": folder.last, "metrics": folder.metrics}
    return {name: str(path) for name, path in (files | pictures).items()}


def tell_result(result: TrainingResult, files: dict[str, str], text: str) -> None:
    """Print the text, and where everything is; the figures have been told."""
    if text:
        print_heading("a sample of its text")
        print_generated(text)
    print_heading("files")
    print_table(("what", "where"), tuple(files.items()))
    if text:
        print_line(f"\nmore text: dynattn sample {result.folder}")


def training_facts(result: TrainingResult, files: dict[str, str], text: str) -> dict[str, Any]:
    """The result as a JSON object."""
    final = result.final
    return {
        "folder": str(result.folder),
        "steps": result.steps,
        "seconds": result.seconds,
        "baselines": dict(result.baselines),
        "loss": final.loss if final else None,
        "bits_per_character": final.bits_per_character if final else None,
        "records": dict(final.records) if final else {},
        "statistics": asdict(result.statistics) if result.statistics else None,
        "files": files,
        "sample": text,
    }
