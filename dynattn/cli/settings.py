"""What the command line sets: parameters, seed and device; and the options for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dynattn.diagnostics.report import Collector, Diagnostic, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

SPEC = click.argument("spec", metavar="SPEC")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
SET = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set a parameter to a number, or to a word where the spec has one; may be repeated.",
)
SEED = click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of every draw, not the spec's."
)
DEVICE = click.option(
    "--device", help="cpu, cuda, cuda:1, mps, or auto; cpu unless given, and auto for training."
)
FOLDER = click.option("-o", "--output", "folder", metavar="DIR", help="Folder for what is written.")


def open_spec(path: str, settings: Sequence[str] = (), seed: int | None = None) -> Compilation:
    """The compilation of a spec file with the settings of the command line, or of a run folder.

    UsageError with every setting whose value cannot be read (E702), and for settings of a run
    folder, which has its own (E708).
    """
    if Path(path, "settings.json").is_file():
        return open_folder(path, bool(settings) or seed is not None)
    from dynattn.interface import Spec
    from dynattn.syntax.read import read_source

    return Spec(read_source(path), read_settings(settings), seed)


def open_folder(path: str, has_settings: bool) -> Compilation:
    """A run folder's spec, as it was trained."""
    if has_settings:
        message = "a run folder has its settings and its seed; --set and --seed are for specs"
        raise UsageError(Diagnostic("E708", message, fix="leave them out, or name the spec"))
    from dynattn.interface import load_run

    return load_run(Path(path))


def read_settings(settings: Sequence[str]) -> dict[str, int | float | str]:
    """Values by parameter name from ``NAME=VALUE`` texts, words and manifolds as they are written;
    UsageError E702 for what is none.
    """
    errors = Collector()
    values: dict[str, int | float | str] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        value = text if _is_word(text) else read_number(text)
        if value is None:
            fact = (
                f"--set {setting}: '{text}' is not a number"
                if equals
                else f"--set {setting}: no value"
            )
            fix = f"write a number, as in --set {name or 'NAME'}=2.5"
            fix = did_you_mean(text.partition("(")[0], MANIFOLDS, fix) if "(" in text else fix
            errors.add("E702", fact, fix=fix)
        else:
            values[name] = value
    errors.raise_if_any(UsageError)
    return values


def _is_word(text: str) -> bool:
    """Whether it is one word, or a manifold; which words a spec knows, the spec says."""
    return text.isidentifier() or text.partition("(")[0].strip() in MANIFOLDS


def read_number(text: str) -> int | float | None:
    """A whole or finite number; None for anything else."""
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else None
    return None


def read_device(name: str) -> str:
    """The name of a device that is there; UsageError where it is not, or is no device at all."""
    if name == "cpu":
        return name  # which needs no look at torch
    from dynattn.learn.devices import choose_device

    return str(choose_device(name))
