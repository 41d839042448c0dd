"""Words for curves of folds and Hopf points in two parameters, and for periodic orbits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynattn.run.curves import CurveResult
    from dynattn.run.cycles import CycleResult

ENDS = {
    "range": "the end of a range",
    "closed": "where it began",
    "lost": "where no further point is found",
    "points": "the most points that are followed",
    "bogdanov_takens": "a Bogdanov-Takens point, where the frequency is 0",
    "hopf": "a Hopf point, where the orbits shrink to an equilibrium",
    "period_doubling": "a period doubling, where both turns are the same",
    "period": "an orbit that lasts very long, as it does near a homoclinic one",
}

Rows = list[tuple[str, ...]]


def curve_rows(result: CurveResult) -> Rows:
    """A row for each event."""
    from dynattn.run.branches import WORDS

    rows: Rows = [("", *result.names, "residual")]
    for event in result.special:
        values = (f"{value:.10g}" for value in event.step.values)
        rows.append((WORDS[event.kind], *values, f"{event.residual:.1g}"))
    return rows


def tell_curve(result: CurveResult) -> None:
    """Print where a curve goes, and how it ends."""
    from dynattn.cli.screen import print_line
    from dynattn.run.branches import WORDS

    found = result.continuation
    ends = " and ".join(dict.fromkeys(ENDS[end] for end in found.ends))
    print_line(f"  a curve of {WORDS[found.kind]}s: {len(found.spots)} points, {result.extent()}; "
               f"it ends at {ends}")  # fmt: skip


def cycle_rows(result: CycleResult) -> Rows:
    """A row for each special orbit, and for the last."""
    from dynattn.cli.equilibria import shown_value
    from dynattn.run.branches import WORDS

    titles = ("", result.parameter, "period", "amplitude", "residual", "multipliers")
    rows: Rows = [titles]
    amplitudes = {id(s): a for s, a in zip(result.continuation.steps, result["amplitude"],
                                           strict=True)}  # fmt: skip
    last = result.continuation.steps[-1]
    points = [(WORDS[p.kind], p.step, f"{p.residual:.1g}") for p in result.special]
    for word, step, left in [*points, ("last orbit", last, "")]:
        values = [value for value in step.multipliers if value.imag >= 0][:3]
        rows.append((
            word, f"{step.value:.10g}", f"{step.period:.8g}", f"{amplitudes[id(step)]:.6g}", left,
            ", ".join(shown_value(complex(value)) for value in values),
        ))  # fmt: skip
    return rows


def tell_cycles(result: CycleResult) -> None:
    """Print where the orbits lead."""
    from dynattn.cli.screen import note, print_line
    from dynattn.run.branches import WORDS

    found, leaves = result.continuation, WORDS[result.settings["leaves"]]
    start = result.settings["start"]
    periods = result["period"]
    print_line(
        f"  orbits from the {leaves} at {result.parameter} = {start:.6g}: {result.extent()}, "
        f"periods from {periods.min():.6g} to {periods.max():.6g}; they end at {ENDS[found.end]}"
    )
    if found.end == "lost":
        note("the orbits are lost before the end of the range: they may grow without bound, or "
             "the rates may not be smooth")  # fmt: skip
