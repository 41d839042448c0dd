"""Words for fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import note, print_line, print_table

if TYPE_CHECKING:
    from dynattn.learn.fits import FitResult

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
