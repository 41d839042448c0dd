"""Words for branches of equilibria and their special points."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynattn.analyse.branches import SpecialPoint
    from dynattn.run.branches import BranchResult

ENDS = {
    "range": "the end of the range",
    "closed": "where it began",
    "lost": "where no further point is found",
    "points": "the most points that are followed",
}

FLAT = 1e-8
"""A first Lyapunov coefficient this near to 0 decides nothing."""

NUMBERS = 3
"""Numbers of a null vector that are printed: the largest ones."""


def branch_rows(result: BranchResult) -> list[tuple[str, ...]]:
    """A row for each special point."""
    titles = ("", "branch", result.parameter, "residual", "leading eigenvalues", "null vector")
    rows: list[tuple[str, ...]] = [titles]
    for number, branch in enumerate(result.continuation.branches):
        for point in branch.special:
            rows.append(_row(result, number, point))
    return rows


def _row(result: BranchResult, number: int, point: SpecialPoint) -> tuple[str, ...]:
    from dynattn.cli.equilibria import shown_value
    from dynattn.run.branch_arrays import nearest
    from dynattn.run.branches import WORDS

    values = [value for value in nearest(point, 4) if value.imag >= -1e-10][:2]
    word = WORDS[point.kind]
    if point.multiplicity > 1:
        word += f" ({point.multiplicity} directions)"
    if point.frequency is not None:
        word += f", frequency {point.frequency:.6g}"
    if point.lyapunov is not None:
        word += f", {criticality(point.lyapunov)}"
    return (
        word, str(number), f"{point.value:.10g}", f"{max(point.residual, _left(point)):.1g}",
        ", ".join(shown_value(value) for value in values), _null(result, point),
    )  # fmt: skip


def criticality(lyapunov: float) -> str:
    """What becomes of the oscillations that begin at a Hopf point, in a word."""
    if abs(lyapunov) < FLAT:
        return "degenerate"
    return "supercritical" if lyapunov < 0 else "subcritical"


def _left(point: SpecialPoint) -> float:
    return float(point.step.here.rates.abs().max())


def _null(result: BranchResult, point: SpecialPoint) -> str:
    """The largest numbers of the null vector, and whose they are."""
    import numpy

    sizes = numpy.abs(point.null)
    if not len(sizes):
        return ""
    names = _coordinates(result)
    first = numpy.argsort(-numpy.round(sizes, 9), kind="stable")[:NUMBERS]
    parts = [f"{numpy.real(point.null[k]):.3g} {names[k]}" for k in first]
    return ", ".join(parts) + (", .." if len(sizes) > NUMBERS else "")


def _coordinates(result: BranchResult) -> list[str]:
    from math import prod

    shapes = result.continuation.problem.packing.shapes
    return [f"{name}[{k}]" for name, shape in shapes.items() for k in range(prod(shape))]


def tell_ends(result: BranchResult) -> None:
    """Print where each branch goes, and how it ends; a note where one was lost."""
    from dynattn.cli.screen import note, print_line

    for number, branch in enumerate(result.continuation.branches):
        low, high = branch.range
        stable = sum(step.stability.verdict == "stable" for step in branch.steps)
        ends = " and ".join(dict.fromkeys(ENDS[end] for end in branch.ends))
        origin = ""
        if branch.origin is not None:
            origin = f", from the branch point at {branch.origin.value:.6g}"
        print_line(
            f"  branch {number}{origin}: {len(branch.steps)} points, {stable} stable, "
            f"{result.parameter} from {low:.6g} to {high:.6g}; it ends at {ends}"
        )
        if "lost" in branch.ends:
            note(f"branch {number} is lost before the end of the range: its states may grow "
                 "without bound, or the rates may not be smooth")  # fmt: skip
    if any(point.multiplicity > 1 for point in result.special):
        print_line("  where several directions are free at once no branch is followed further")
