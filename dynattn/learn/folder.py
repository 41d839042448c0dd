"""Run folders: where one training run keeps its spec, settings, metrics and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import (
    make_empty_folder,
    make_folder,
    write_trouble,
    write_whole,
)
from dynattn.diagnostics.report import Diagnostic, SpecError

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """The places within one run's folder."""

    path: Path

    @property
    def spec(self) -> Path:
        """The spec's text."""
        return self.path / "spec.dyn"

    @property
    def settings(self) -> Path:
        """Everything that fixes the run."""
        return self.path / "settings.json"

    @property
    def result(self) -> Path:
        """The final measurement; there once the run is finished."""
        return self.path / "result.json"

    @property
    def failure(self) -> Path:
        """Why the run has no result and never will: its numbers went wrong."""
        return self.path / "failure.json"

    @property
    def scores(self) -> Path:
        """What its checkpoints gave on data that they were measured on later."""
        return self.path / "eval.json"

    @property
    def metrics(self) -> Path:
        """One JSON line for every update and every measurement."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The weights with the lowest validation loss."""
        return self.checkpoints / "best.safetensors"

    @property
    def last(self) -> Path:
        """The latest weights, with everything needed to go on."""
        return self.checkpoints / "last.safetensors"

    @property
    def figures(self) -> Path:
        """The folder of the pictures."""
        return self.path / "figures"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"


def new_run(name: str, output: Path | None = None, root: Path = RUNS) -> RunFolder:
    """A fresh run folder: ``output``, or the first free ``runs/NAME-1``, ``runs/NAME-2``, ...

    SpecError where a file stands in the way, or where ``output`` has something in it.
    """
    if output is None:
        return furnish(_next_free(name, root))
    if RunFolder(output).settings.exists():
        fix = f"go on with it: --resume {output}; or choose another place with -o DIR"
        raise SpecError(Diagnostic("E704", f"{output} holds a run already", fix=fix))
    make_empty_folder(output)
    return furnish(output)


def _next_free(name: str, root: Path) -> Path:
    make_folder(root)
    number = 1
    while True:
        path = root / f"{name}-{number}"
        with write_trouble(path):
            try:
                path.mkdir()
                return path
            except FileExistsError:
                number += 1


def furnish(path: Path) -> RunFolder:
    """The run folder at ``path``, made where it is not there."""
    folder = RunFolder(path)
    for place in (folder.checkpoints, folder.figures):
        make_folder(place)
    return folder


def open_run(path: Path) -> RunFolder:
    """The folder of an earlier run; SpecError where ``path`` is none."""
    folder = RunFolder(path)
    if not folder.settings.is_file() or not folder.spec.is_file():
        what = "is no run folder" if path.exists() else "does not exist"
        missing = " (it has no settings.json and spec.dyn)" if path.is_dir() else ""
        fix = "name the folder of a run, such as runs/NAME-1"
        raise SpecError(Diagnostic("E545", f"{path} {what}{missing}", fix=fix))
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of a run holds; SpecError where it is damaged."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        fix = "the file was changed or cut short; put it back, or start a new run"
        raise SpecError(Diagnostic("E545", f"{path} cannot be read as JSON", fix=fix)) from None


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs alike."""
    write_whole(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
