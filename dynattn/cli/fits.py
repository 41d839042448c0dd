"""Words for fits, and ``dynattn compile --train`` of a spec whose training is one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import note, print_line, print_table
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.learn.fit_results import FitResult

ROWS = 24
"""Numbers up to which each has a row."""


def tell_fit(result: FitResult) -> None:
    """Print the fitted numbers with their errors, what residuals are like, and what is doubtful."""
    rows = [
        (label, with_error(item["value"], item["error"]), f"{item['start']:.4g}")
        for label, item in result.statistics["estimates"].items()
    ]
    print_table(("number", "value +- error", "began at"), rows[:ROWS])
    if len(rows) > ROWS:
        print_line(f"  and {len(rows) - ROWS} more, in --json and results.nc")
    for name in sorted(result.estimates.weights):
        shape = " x ".join(map(str, result.estimates.shapes[name]))
        print_line(f"  {name}: {shape} weights of a learned function, without errors")
    facts = result.statistics
    print_line(f"  {facts['measurements']} measurements, {facts['unknowns']} unknowns, "
               f"{result.settings['segments']} segments, {facts['steps']} steps")  # fmt: skip
    for name, value in facts["sigma"].items():
        print_line(f"  a measurement of {name} is {value:.3g} away from the model (rms)")
    for text in result.notes:
        note(text)


def with_error(value: float, error: float | None) -> str:
    """``1.5007 +- 0.0030``: two digits of the error, and as many places of the value."""
    if error is None:
        return f"{value:.4g} (not determined)"
    if error <= 0 or not math.isfinite(error):
        return f"{value:.6g}"
    places = 1 - math.floor(math.log10(error))
    if not 0 <= places <= 9:
        return f"{value:.6g} +- {error:.2g}"
    return f"{value:.{places}f} +- {error:.{places}f}"


def fit_facts(result: FitResult) -> dict[str, Any]:
    """The estimates as a JSON object; series and residuals are in the files."""
    facts = result.statistics
    return {word: facts[word] for word in ("estimates", "sigma", "undetermined", "notes")}


# ── compile --train ────────────────────────────────────────────────────────────────────────────


def is_fitted(compilation: Compilation) -> bool:
    """Whether the training of a spec is a fit."""
    return compilation.model.training is None and bool(compilation.model.fits)


def train_fit(
    compilation: Compilation, output: str | None, resume: str | None, quiet: bool, device: str
) -> tuple[Any, dict[str, Any]]:
    """Run the first fit of a spec; the module with the fitted numbers, and the facts for JSON."""
    from dynattn.cli.doubts import tell_doubts
    from dynattn.cli.run import carry_out, free_folder, result_facts, tell_result
    from dynattn.learn.experiments import check_any
    from dynattn.present.wanted import read_wanted
    from dynattn.run.systems import build_for

    plan = compilation.model.fits[0]
    check_any(compilation, plan)
    if resume is not None:
        place = begun(compilation, resume or output)
    else:
        place = Path(output) if output else free_folder(f"{compilation.model.name}-{plan.name}")
    wanted = read_wanted(compilation, plan, ("default",))
    device = "cpu" if device.startswith("mps") else device  # which has no float64
    result, pictures = carry_out(compilation, plan, place, wanted, quiet, device=device)
    tell_doubts(result)
    if not quiet:
        tell_result(result, place, pictures)
    values = {name: _tensor(value) for name, value in result.parameters.items()}
    system = build_for(compilation, seed=result.seed, values=values, device=device)
    return system, result_facts(result, place, pictures)


def _tensor(value: Any) -> Any:
    import torch

    return torch.from_numpy(value)


def begun(compilation: Compilation, named: str | None) -> Path:
    """The folder of a fit on its way: the one named, or the latest of the spec."""
    from dynattn.learn.fit_store import FILE

    plan, runs = compilation.model.fits[0], Path("runs")
    name = f"{compilation.model.name}-{plan.name}"
    files = [Path(named, FILE)] if named else runs.glob(f"{name}-*/{FILE}")
    found = sorted((file for file in files if file.exists()), key=lambda file: file.stat().st_mtime)
    if not found:
        message = f"there is no fit of '{compilation.model.name}' in {named or runs} to go on with"
        fix = "name its folder: --resume DIR; or fit without --resume"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    return found[-1].parent


def as_fit_begun(compilation: Compilation, named: str | None) -> Compilation:
    """The spec with the settings and the seed of the fit that it goes on with."""
    from dataclasses import replace

    from dynattn.learn.fit_store import FILE, read_store

    known = read_store(begun(compilation, named) / FILE)[0]["identity"]
    return replace(compilation, overrides=known["settings"], seed=known["seed"])
