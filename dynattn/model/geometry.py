"""``distance``, ``expmap`` and ``logmap``: the geometry of the manifold that points lie on."""

from __future__ import annotations

from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import membership, typing
from dynattn.model.arguments import Arguments
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.functions import formula
from dynattn.model.made_points import WRITE, is_point, manifold_of
from dynattn.model.terms import ManifoldUse, Term, Type
from dynattn.model.typing import is_unknown, spell_shape, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS


def distance(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``distance(x, y)``: the length of the shortest geodesic between two points."""
    points = [arguments.term("x"), arguments.term("y")]
    use = common_manifold(context, "distance", points, expr.span)
    if use is None:
        return unknown(expr.span)
    value = formula_at(context, MANIFOLDS[use.name].distance, use, points, "xy", expr.span)
    return called("distance", value, points, expr.span)


def expmap(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``expmap(x, v)``: of v the part along the manifold counts."""
    point, step = arguments.term("x"), arguments.term("v")
    use = common_manifold(context, "expmap", [point], expr.span)
    if use is None or is_unknown(step) or not _is_tangent(context, step, use):
        return unknown(expr.span)
    entry, inside = MANIFOLDS[use.name], replace(context, beside_points=True)
    along = formula_at(
        inside, entry.tangent or entry.projection, use, [point, step], "xF", step.span
    )
    value = formula_at(inside, entry.exponential, use, [point, along], "xv", expr.span)
    found = called("expmap", value, [point, step], expr.span)
    if is_unknown(found):
        return found
    return replace(found, type=use.points(found.type.place, found.type.shape))


def logmap(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``logmap(x, y)``: the tangent vector at x that leads to y."""
    points = [arguments.term("x"), arguments.term("y")]
    use = common_manifold(context, "logmap", points, expr.span)
    if use is None:
        return unknown(expr.span)
    inside, text = replace(context, beside_points=True), MANIFOLDS[use.name].logarithm
    value = formula_at(inside, text, use, points, "xy", expr.span)
    return called("logmap", value, points, expr.span)


def called(name: str, value: Term, arguments: list[Term], span: Span) -> Term:
    """The value, spelled as the call of this function that it is."""
    if is_unknown(value):
        return value
    return Term("called", (value, *arguments), replace(value.type, manifold=None), span, name)


def formula_at(
    context: Context, text: str, use: ManifoldUse, arguments: list[Term], names: str, span: Span
) -> Term:
    """A formula of the manifold; its points as plain numbers, which may be added."""
    plain = [replace(term, type=replace(term.type, manifold=None)) for term in arguments]
    sizes = [Term("size", (), Type(dtype="integer"), span, size) for size in use.arguments]
    holes = dict(zip(MANIFOLDS[use.name].parameters, sizes, strict=False))
    holes |= dict(zip(names, plain, strict=True))
    return formula(replace(context, ends=None), text, holes, span)


# ── which manifold ─────────────────────────────────────────────────────────────────────────────


def common_manifold(
    context: Context, name: str, points: list[Term], span: Span
) -> ManifoldUse | None:
    """The one manifold that all of these are points of; else None, with a diagnostic."""
    if is_unknown(*points):
        return None
    errors = context.draft.errors
    found = [_use_of(context.draft, term) for term in points]
    uses = list(dict.fromkeys(use for use in found if use is not None))
    if not uses:
        state = next((name.rsplit(".", 1)[-1] for name in context.draft.states), "x")
        text = f"{name} needs points of a manifold, and these are plain numbers"
        errors.add("E350", text, span, f"give it a state, such as {state}")
        return None
    if len(uses) > 1:
        text = f"{name} of a point of {uses[0]} and one of {uses[1]} has no meaning"
        errors.add("E350", text, span, "give it two points of one manifold")
        return None
    fits = all(_is_point(context, name, term, uses[0]) for term in points)
    return uses[0] if fits else None


def _use_of(draft: Draft, term: Term) -> ManifoldUse | None:
    """The manifold of a point; of a parameter too, whose type does not tell it."""
    while term.op in ("let", "receiver", "sender", "aligned"):
        term = term.args[0]
    return manifold_of(draft, term)


def _is_point(context: Context, name: str, term: Term, use: ManifoldUse) -> bool:
    """Whether a value is a point: of its type, written in numbers, or any number on a flat one."""
    entry, shape, errors = MANIFOLDS[use.name], term.type.shape, context.draft.errors
    if shape[len(shape) - len(use.shape) :] != use.shape and not entry.phase:
        text = f"{name} takes whole points of {use}, {spell_shape(use.shape)}, and this is "
        fix = "give it points with all their coordinates"
        errors.add("E350", text + spell_shape(shape), term.span, fix)
        return False
    if _use_of(context.draft, term) is not None:
        return True
    if use.dtype != "complex" and not must_be_real(errors, term, f"a point of {use}"):
        return False
    if entry.constraint is None and entry.member is None:
        return True
    if membership.is_written(context.draft, term, use):
        return membership.lies_on(context.draft, term, use)
    if is_point(context.draft, term, use):
        return True
    text = f"whether this is a point of {use} is not known in advance"
    fix = WRITE[use.name].format(name=term.span.text if term.op == "let" else "x")
    errors.add("E350", text, term.span, fix)
    return False


def _is_tangent(context: Context, step: Term, use: ManifoldUse) -> bool:
    """Whether a value may be a tangent vector: no point of a curved manifold."""
    errors, other = context.draft.errors, _use_of(context.draft, step)
    if use.dtype != "complex" and not must_be_real(errors, step, f"a tangent vector of {use}"):
        return False
    if other is not None and typing.is_curved(other):
        text = f"this is a point of {other}, and expmap takes a tangent vector"
        errors.add("E350", text, step.span, "write logmap(x, y) for the vector from x to y")
        return False
    return True


RULES = {"distance": distance, "expmap": expmap, "logmap": logmap}
"""The typing rule of each function of the geometry."""
