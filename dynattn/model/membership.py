"""Whether a value written in numbers is a point of its manifold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import dist, isfinite

from dynattn.model import constants, matrix_points
from dynattn.model.draft import Draft
from dynattn.model.parts import Draw
from dynattn.model.terms import ManifoldUse, Term
from dynattn.model.typing import is_unknown
from dynattn.vocabulary.manifolds import MANIFOLDS


def checked(draft: Draft, use: ManifoldUse | None, init: Term | Draw | None) -> Term | Draw | None:
    """The initial value, if it lies on its manifold or is computed later; else E313 or E318."""
    if use is None or not isinstance(init, Term) or is_unknown(init):
        return init
    return init if lies_on(draft, init, use) else None


def lies_on(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Whether a value written in numbers is a point of the manifold; else E313 or E318."""
    if matrix_points.is_matrix(use):
        return matrix_points.lies_on(draft, term, use)
    values = coordinates(draft, term)
    entry = MANIFOLDS[use.name]
    if entry.member is None or values is None or entry.member(values):
        return True
    written, fix = ", ".join(f"{value:g}" for value in values), entry.wanted
    text = f"{written} is no point of {use}"
    if entry.nearest is not None and all(map(isfinite, values)):
        point = entry.nearest(values)
        text += f": it is {dist(values, point):.3g} off"
        fix += f": [{', '.join(_rounded(point, entry.member))}]"
    draft.errors.add("E313", text, term.span, fix)
    return False


def _rounded(point: list[float], member: Callable[[Sequence[float]], bool]) -> list[str]:
    """The numbers of a point in as few digits as make one."""
    for digits in range(3, 17):
        found = [f"{value:.{digits}g}" for value in point]
        if member([float(text) for text in found]):
            return found
    return [repr(value) for value in point]


def is_written(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Whether a value is known before anything runs: made of numbers and parameters."""
    if matrix_points.is_matrix(use):
        return matrix_points.is_written(draft, term)
    return coordinates(draft, term) is not None


def coordinates(draft: Draft, term: Term) -> list[float] | None:
    """The coordinates of a value of numbers; None where one of them is computed later."""
    parts = term.args if term.op == "array" else (term,)
    values = [constants.of_term(draft, part) for part in parts]
    return None if any(value is None for value in values) else [v for v in values if v is not None]
