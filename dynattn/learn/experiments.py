"""Any experiment of a spec by name: those that only run, and ``train`` without data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import NumericalError
from dynattn.learn.fit_store import fit_folder
from dynattn.learn.fits import run_fit
from dynattn.learn.fittable import check_fit
from dynattn.learn.placements import check_placement, run_placement
from dynattn.model.plans import Fit, Placement
from dynattn.run.experiment import Plan, check_plan, find_experiment, run_experiment

if TYPE_CHECKING:
    from dynattn.compilation import Compilation


def check_any(compilation: Compilation, plan: Plan) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    if isinstance(plan, Placement):
        check_placement(compilation, plan)
    elif isinstance(plan, Fit):
        check_fit(compilation, plan)
    else:
        check_plan(compilation, plan)


def run_any(
    compilation: Compilation,
    name: str | None = None,
    *,
    folder: str | Path | None = None,
    **options: Any,
) -> Any:
    """As ``run_experiment``; a PlacementResult or FitResult where the experiment is a ``train``,
    which takes ``seed``, ``device`` and ``progress`` alone.
    """
    plan = find_experiment(compilation.model, name)
    if not isinstance(plan, Placement | Fit):
        return run_experiment(compilation, name, folder=folder, **options)
    from dynattn.run.results import ResultFolder
    from dynattn.run.teams import check_team

    check_any(compilation, plan)
    check_team(plan.name, options.get("workers"), options.get("cluster"))
    text = compilation.tree.source.text
    known = {word: options[word] for word in ("seed", "device", "progress") if word in options}
    if isinstance(plan, Fit):
        own = None if folder is None else fit_folder(Path(folder), text)
        return run_fit(compilation, plan, folder=own, **known)
    place = None if folder is None else ResultFolder.make(Path(folder), text)
    try:
        result = run_placement(compilation, plan, **known)
    except NumericalError as error:
        if place is not None and error.partial is not None:
            place.write(error.partial)
        raise
    if place is not None:
        place.write(result)
    return result
