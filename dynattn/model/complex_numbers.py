"""Complex numbers: where they may stand, and what kind of number comes out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.model.terms import ManifoldUse, Term
from dynattn.syntax import tree
from dynattn.syntax.walk import parts_of
from dynattn.vocabulary.functions import ELEMENTWISE

if TYPE_CHECKING:
    from dynattn.model.parts import Draw

SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "and", "or": "or", "not": "not"}


def is_complex(*terms: Term | None) -> bool:
    """Whether any of the terms is a complex number."""
    return any(term is not None and term.type.dtype == "complex" for term in terms)


def dtype_of(errors: Collector, op: str, args: Sequence[Term], span: Span) -> str | None:
    """The dtype of an elementwise function; None where it takes no complex numbers, with E315."""
    entry = ELEMENTWISE[op]
    if is_complex(*args):
        if not entry.of_complex:
            refuse(errors, SIGNS.get(op, op), span)
            return None
        return entry.of_complex
    if entry.result == "same":
        return "integer" if all(arg.type.dtype == "integer" for arg in args) else "real"
    return entry.result


def refuse(errors: Collector, what: str, span: Span) -> None:
    """E315: this takes real numbers alone."""
    text = f"{what} takes real numbers, and this is complex"
    errors.add("E315", text, span, "make a real number of it by re, im, abs or arg")


def must_be_real(errors: Collector, term: Term, what: str, span: Span | None = None) -> bool:
    """Whether a value is real, as ``what`` has to be; else E316."""
    if not is_complex(term):
        return True
    text = f"{what} is a real number, and this value is complex"
    fix = "make a real number of it by re, im, abs or arg, or declare it on complex"
    errors.add("E316", text, span or term.span, fix)
    return False


def draws_fit(errors: Collector, draw: Draw, whole: bool) -> bool:
    """Whether the arguments of a draw are real; the mean of a complex normal may be complex."""
    for number, term in enumerate(draw.arguments):
        if whole and draw.distribution == "normal" and number == 0:
            continue
        if not must_be_real(errors, term, f"this argument of {draw.distribution}"):
            return False
    return True


def fits_kind(
    errors: Collector, entry: tree.Quantity, use: ManifoldUse | None, init: Term | Draw | None
) -> Term | Draw | None:
    """The initial value of a parameter, if a real one starts real and a range bounds a real one."""
    written = init if isinstance(init, Term) else None
    if use is not None and use.dtype == "real" and written is not None:
        return init if must_be_real(errors, written, f"'{entry.name}'") else None
    whole = (use is not None and use.dtype == "complex") or is_complex(written)
    if whole and entry.limits is not None:
        text = "complex numbers have no order, and so no range"
        errors.add("E315", text, entry.limits.span, "leave the range out")
        return None
    return init


def may_be_complex(entry: tree.Quantity, known: Collection[str]) -> bool:
    """Whether the text of a parameter gives no real number: what is ``known`` may be complex."""
    if isinstance(entry.manifold, tree.Name) and entry.manifold.name == "complex":
        return True
    return entry.init is not None and (mentions(entry.init.value, known) or
                                       is_written(entry.init.value))  # fmt: skip


def mentions(expr: Any, names: Collection[str]) -> bool:
    """Whether one of the names stands in an expression of the text."""
    if isinstance(expr, tree.Name):
        return expr.name in names
    return any(mentions(part, names) for part in parts_of(expr))


def is_written(expr: Any) -> bool:
    """Whether an imaginary number, or e^(i x), stands in an expression of the text."""
    if isinstance(expr, tree.Number):
        return expr.imaginary
    if isinstance(expr, tree.Call) and expr.function.span.text == "cis":
        return True
    return any(is_written(part) for part in parts_of(expr))
