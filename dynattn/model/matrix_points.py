"""Points of the manifolds of matrices: values written in a spec, and frustration by a matrix."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, translate
from dynattn.model.parts import State
from dynattn.model.terms import ManifoldUse, Term
from dynattn.model.typing import is_unknown, spell_shape
from dynattn.syntax import tree
from dynattn.syntax.walk import mapped
from dynattn.vocabulary import matrix_groups
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.manifolds import MANIFOLDS

WANTED = {
    "SO": "rows of length 1 at right angles, and determinant 1",
    "SU": "a unitary matrix of determinant 1",
    "so": "a matrix that is minus its transpose",
    "su": "a matrix that is minus its conjugate transpose, with trace 0",
}
TURNED = tuple(name for name, entry in MANIFOLDS.items() if entry.turns)
"""Manifolds on which a frustration is a matrix V: the kernel sees V x[j]."""


def is_matrix(use: ManifoldUse) -> bool:
    """Whether the points of a manifold are matrices."""
    return len(use.shape) == 2


def lies_on(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Whether a value lies on a manifold of matrices; else E318."""
    import numpy

    if _generates(draft, term):
        return True
    with numpy.errstate(all="ignore"):
        value = _number(draft, term)
        held = value is not None and value.ndim and matrix_groups.hold(use.name, value)
    fix = f"write {WANTED[use.name]}, in numbers and parameters"
    if value is not None and (value.ndim or use.name in ("so", "su")):
        if held or (value.ndim == 0 and value == 0):
            return True
        text = f"this value is no point of {use}"
        if value.ndim > 1 and numpy.isfinite(value).all():
            off, point = _projected(use, value)
            text, fix = f"{text}: it is {off:.3g} off", f"write {WANTED[use.name]}: {point}"
    else:
        text = f"whether this value is a point of {use} is not known in advance"
    draft.errors.add("E318", text, term.span, fix)
    return False


def _projected(use: ManifoldUse, value: Any) -> tuple[float, str]:
    """How far off the manifold matrices are, and where they are projected to, in few digits."""
    import numpy

    point = matrix_groups.nearest(use.name, value)
    off = float(numpy.linalg.norm(value - point, axis=(-2, -1)).max())
    for digits in range(3, 17):
        found = numpy.vectorize(lambda z, d=digits: _shortened(z, d), otypes=[complex])(point)
        if matrix_groups.hold(use.name, found):
            return off, _spelled(found if use.dtype == "complex" else found.real)
    return off, _spelled(point)


def _shortened(z: complex, digits: int) -> complex:
    """A number rounded to so many digits after the point."""
    return complex(round(z.real, digits) + 0.0, round(z.imag, digits) + 0.0)


def _spelled(value: Any) -> str:
    """Numbers as the language writes them."""
    if value.ndim:
        return f"[{', '.join(map(_spelled, value))}]"
    number = complex(value)
    if not number.imag:
        return repr(number.real + 0.0).removesuffix(".0")
    imaginary = f"{repr(abs(number.imag)).removesuffix('.0')}i"
    sign = "-" if number.imag < 0 else ""
    if not number.real:
        return sign + imaginary
    return f"{repr(number.real).removesuffix('.0')} {sign or '+'} {imaginary}"


def is_written(draft: Draft, term: Term) -> bool:
    """Whether a value is made of numbers and parameters, or is expm of a parameter on so or su."""
    return _generates(draft, term) or _number(draft, term) is not None


def _generates(draft: Draft, term: Term) -> bool:
    """Whether a value is expm of a parameter on so or su."""
    if term.op != "expm" or term.args[0].op != "parameter":
        return False
    found = draft.parameters.get(term.args[0].payload)
    return found is not None and found.manifold is not None and found.manifold.name in ("so", "su")


def _number(draft: Draft, term: Term) -> Any:
    """The numbers of a value made of numbers and parameters; None of any other."""
    import numpy

    if term.op == "number" or (term.op == "parameter" and term.payload in draft.values):
        value = term.payload if term.op == "number" else draft.values[term.payload]
        return numpy.asarray(value)
    values = [_number(draft, argument) for argument in term.args]
    if not values or any(value is None for value in values):
        return None
    if term.op == "array":
        return numpy.stack(numpy.broadcast_arrays(*values))
    if term.op == "let":
        return values[0]
    return ELEMENTWISE[term.op].value(numpy, *values) if term.op in ELEMENTWISE else None


# ── frustration ────────────────────────────────────────────────────────────────────────────────


def turned_kernel(
    context: Context, kernel: tree.Expr, lag: Term, name: str, state: State, span: Span
) -> Term | None:
    """The kernel with V x[j] in place of x[j], V under the name ``name``; None with E319."""
    if not _is_turn(context.draft, lag, state):
        return None
    bare = state.name.rsplit(".", 1)[-1]
    rows = len(state.manifold.shape) == 1 and len(state.shape) > 1
    found = _turned(kernel, bare, name, rows)
    if found is kernel:
        text = f"frustration turns {bare}[j], and this kernel has none"
        fix = f"write the kernel in {bare}[j], or leave out frustration"
        context.draft.errors.add("E319", text, span, fix)
        return None
    return translate(context, found)


def default_kernel(state: State) -> tree.Expr:
    """x[j] in the name of the state, as the text would have it."""
    from dynattn.syntax.parse import parse_expression

    bare = state.name.rsplit(".", 1)[-1]
    text = (MANIFOLDS[state.manifold.name].kernel or "").replace("x[", f"{bare}[")
    return parse_expression(text, "<formula>")


def _is_turn(draft: Draft, lag: Term, state: State) -> bool:
    if is_unknown(lag):
        return False
    wanted = (state.manifold.shape[-1],) * 2
    many = len(state.manifold.shape) == 2 and lag.type.shape == state.shape
    if lag.type.shape == wanted or many:
        return True
    group = MANIFOLDS[state.manifold.name].turns
    text = (
        f"frustration on {state.manifold} is a matrix {spell_shape(wanted)}, and this is "
        f"{spell_shape(lag.type.shape)}"
    )
    fix = f"write an element of {group}({wanted[0]}), such as expm(A) with A on {group.lower()}"
    draft.errors.add("E319", text, lag.span, f"{fix}({wanted[0]})")
    return False


def _turned(expr: Any, bare: str, name: str, rows: bool) -> Any:
    """The expression with V x[j] for x[j]; of several vectors, which are rows, x[j] V^T."""
    match expr:
        case tree.Index(value=tree.Name(name=found), items=(tree.Name(name="j"),)):
            if found != bare:
                return expr
            turn = tree.Name(expr.span, name)
            if rows:
                back = tree.Call(expr.span, tree.Name(expr.span, "transpose"), (turn,), ())
                return tree.Binary(expr.span, "@", expr, back)
            return tree.Binary(expr.span, "@", turn, expr)
    return mapped(expr, lambda part: _turned(part, bare, name, rows))
