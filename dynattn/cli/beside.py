"""``dynattn run --beside``: further experiments of the spec, drawn into the same panels; and
``--width``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.present.wanted import Asked
    from dynattn.run.experiment import Plan

WIDTH = click.option(
    "--width",
    metavar="INCHES",
    help="How wide pictures are: 3.4 (inches) or 86mm fits a column, with letters of 8 points and "
    "no title.",
)
BESIDE = click.option(
    "--beside",
    metavar="EXPERIMENT",
    multiple=True,
    help="Run this one too and draw it into the same panels: series, sweeps over the same "
    "parameter, branches, or curves in the same plane. May be given several times.",
)


def plans_beside(
    compilation: Compilation, chosen: Plan, names: Iterable[str], wanted: Sequence[Asked]
) -> list[Plan]:
    """The experiments of these names; UsageError E706 or E713, and SpecError, where they cannot be
    run, or not be drawn beside the one that was chosen.
    """
    from dynattn.learn.experiments import check_any
    from dynattn.present.beside import BESIDE, refusal_among
    from dynattn.present.scene import Scene
    from dynattn.present.wanted import refuse
    from dynattn.run.experiment import find_experiment

    plans = [find_experiment(compilation.model, name) for name in names]
    if not plans:
        return []
    scenes = [Scene(compilation, plan, None) for plan in (chosen, *plans)]
    kinds = [asked.kind for asked in wanted]
    for kind in [kind for kind in kinds if kind in BESIDE] or kinds[:1] or ["series"]:
        refuse(refusal_among(kind, scenes))
    for plan in plans:
        check_any(compilation, plan)
    return plans


def run_beside(
    compilation: Compilation, plans: Iterable[Plan], folder: Path, **options: Any
) -> list[Any]:
    """Their results, each written to a folder of its name in that of the first."""
    from dynattn.learn.experiments import run_any

    return [run_any(compilation, plan.name, folder=folder / plan.name, **options) for plan in plans]
