"""Initial values of states as points of their manifolds: defaults, draws, and values given."""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import constants
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
