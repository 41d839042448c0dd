"""Initial values of states as points of their manifolds: defaults, draws, and values given."""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import constants, matrix_points
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.functions import formula
from dynattn.model.parts import Draw
from dynattn.model.quantities import drawn
from dynattn.model.terms import ManifoldUse, Term, Type
from dynattn.syntax import tree
from dynattn.vocabulary.distributions import DISTRIBUTIONS
from dynattn.vocabulary.manifolds import MANIFOLDS


def default(context: Context, use: ManifoldUse, span: Span) -> Term | Draw:
    """Where a state starts that does not say so."""
    entry = MANIFOLDS[use.name]
    if entry.default == "uniform":
        return Draw("on_manifold", (), span)
    sizes = [Term("size", (), Type(dtype="integer"), span, size) for size in use.arguments]
    holes = dict(zip(entry.parameters, sizes, strict=False))
    return formula(context, entry.default, holes, span)


def drawn_on(context: Context, init: tree.Init, use: ManifoldUse) -> Draw | None:
    """``~ uniform`` on the manifold, or a distribution whose draws lie on it."""
    entry = MANIFOLDS[use.name]
    bare = isinstance(init.value, tree.Name) and init.value.name == "uniform"
    if bare and (entry.shape or not entry.logarithmic):
        return Draw("on_manifold", (), init.span)
    found = drawn(context, init.value, of_complex=use.dtype == "complex")
    if found is None or (entry.constraint is None and not entry.logarithmic):
        return found
    fix = "write ~ uniform: uniform on the manifold"
    if entry.constraint is None:
        if _is_positive(context.draft, found):
            return found
        fix = "write ~ lognormal(0, 1), ~ exponential(1), or ~ uniform(0.5, 1.5)"
    context.draft.errors.add("E312", f"these draws do not lie on {use}", init.span, fix)
    return None


def _is_positive(draft: Draft, draw: Draw) -> bool:
    """Whether every draw is above 0, or may be: arguments that are computed are seen later."""
    values = [constants.of_term(draft, term) for term in draw.arguments]
    least = DISTRIBUTIONS[draw.distribution].least
    return any(value is None for value in values) or least(*values) >= 0


def lies_on(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Whether a value written in numbers is a point of the manifold; else E313."""
    if matrix_points.is_matrix(use):
        return matrix_points.lies_on(draft, term, use)
    entry = MANIFOLDS[use.name]
    values = _numbers(draft, term)
    if not entry.logarithmic or values is None:
        return True
    if entry.shape:
        good = min(values) >= 0 and abs(sum(values) - 1) < 1e-9
        wanted = "the shares are 0 or more, and sum to 1"
    else:
        good, wanted = min(values) > 0, "write a number above 0"
    if not good:
        written = ", ".join(f"{value:g}" for value in values)
        text = f"{written} is no point of {use}"
        draft.errors.add("E313", text, term.span, wanted)
    return good


def _numbers(draft: Draft, term: Term) -> list[float] | None:
    """The coordinates of a value of numbers; None where one of them is computed later."""
    parts = term.args if term.op == "array" else (term,)
    values = [constants.of_term(draft, part) for part in parts]
    return None if any(value is None for value in values) else [v for v in values if v is not None]
