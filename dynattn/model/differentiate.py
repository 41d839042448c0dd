"""Gradients of Terms: from a number back to what it is made of, in the language's own functions.

The derivative of a function stands beside the function, in ``vocabulary.functions``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dynattn.model import constants, typing
from dynattn.model.complex_numbers import is_complex
from dynattn.model.expressions import Context
from dynattn.model.functions import contract, formula
from dynattn.model.matrices import product_slope, transposed
from dynattn.model.terms import GLOBAL, Place, Term, Type
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.sizes import ONE

ENDS = ("receiver", "sender")
OPEN = ("let", "spread")
"""Terms that are their argument under another name or in another shape."""


class NoDerivative(Exception):
    """A term that the value depends on and whose derivative the language cannot say."""

    def __init__(self, term: Term):
        self.term = term
        super().__init__(term.op)


def gradient(context: Context, value: Term, leaf: Callable[[Term], bool]) -> Term:
    """The gradient of a single number along the leaves, all of which are one quantity.

    NoDerivative where a term between has no derivative.
    """
    value = _with_squares(value, {})
    order = _between(value, leaf)
    slopes: dict[int, Term] = {id(value): typing.number(1.0, value.span)}
    for term in reversed(order):
        if leaf(term):
            continue
        for argument, part in _parts(context, term, slopes[id(term)], {id(t) for t in order}):
            known = slopes.get(id(argument))
            slopes[id(argument)] = part if known is None else plus(context, known, part)
    found = [slopes[id(term)] for term in order if leaf(term)]
    if not found:
        return typing.number(0.0, value.span)
    total = found[0]
    for part in found[1:]:
        total = plus(context, total, part)
    return total


def _with_squares(term: Term, done: dict[int, Term]) -> Term:
    """The term with ``norm(x)^2`` as ``dot(x, x)``, whose slope needs no care where x is 0, and
    with the formulas of distance, expmap and logmap in place of their calls.
    """
    if id(term) not in done:
        if term.op == "called":
            done[id(term)] = _with_squares(term.args[0], done)
            return done[id(term)]
        args = tuple(_with_squares(argument, done) for argument in term.args)
        same = all(a is b for a, b in zip(args, term.args, strict=True))
        found = term if same else replace(term, args=args)
        if term.op == "pow" and args[0].op == "norm" and _is_two(args[1]):
            x = args[0].args[0]
            if x.type.dtype != "complex" and not x.type.matrix:
                found = Term("dot", (x, x), args[0].type, term.span)
        done[id(term)] = found
    return done[id(term)]


def _is_two(term: Term) -> bool:
    return term.op == "number" and term.payload == 2


def _between(value: Term, leaf: Callable[[Term], bool]) -> list[Term]:
    """The terms that the value is made of and that depend on a leaf, arguments first."""
    depends: dict[int, bool] = {}
    order: list[Term] = []

    def visit(term: Term) -> bool:
        if id(term) not in depends:
            found = leaf(term)
            if not found:
                found = any([visit(argument) for argument in term.args])
            depends[id(term)] = found
            if found:
                order.append(term)
        return depends[id(term)]

    visit(value)
    return order


def _parts(context: Context, term: Term, slope: Term, wanted: set[int]) -> list[tuple[Term, Term]]:
    """Of each argument that counts: the argument, and its share of the slope."""
    found = []
    for number, argument in enumerate(term.args):
        if id(argument) in wanted:
            part = _share(context, term, number, slope)
            found.append((argument, _narrowed(context, part, argument)))
    return found


def _share(context: Context, term: Term, number: int, slope: Term) -> Term:
    if is_complex(term, term.args[number]):
        raise NoDerivative(term)
    if term.op in OPEN:
        return slope
    if term.op == "dot" and term.args[0] is term.args[1]:
        twice = times(context, typing.number(2.0 * (number == 0), term.span), slope)
        return twice if number else times(context, _beside(twice), term.args[0])
    if term.op == "dot":
        return times(context, _beside(slope), term.args[1 - number])
    if term.op == "norm":
        # A length has no slope at its tip: 0 there, where 0 over 0 would be no number.
        length = formula(replace(context, ends=None), "x + (x == 0)", {"x": term}, term.span)
        parts = [term.args[0], _beside(length)]
        unit = typing.combine(context.draft.errors, "div", parts, term.span)
        return times(context, _beside(slope), unit)
    if term.op == "matmul":
        found = product_slope(context, term, number, slope)
        if found is None:
            raise NoDerivative(term)
        return found
    if term.op == "transpose":
        return transposed(slope, term.span)
    if term.op == "entry":
        return _at_entry(context, term, slope)
    if term.op not in ELEMENTWISE or not ELEMENTWISE[term.op].derivatives:
        raise NoDerivative(term)
    return times(context, slope, _derivative(context, term, number))


def _at_entry(context: Context, term: Term, slope: Term) -> Term:
    """The slope at the place of a vector that is read, and 0 at the others."""
    (size, *more), place = term.args[0].type.shape, term.payload[0][0]
    count = constants.count(context.draft, size)
    if more or count is None or not isinstance(place, int):
        raise NoDerivative(term)
    ones = [typing.number(float(k == place), term.span) for k in range(count)]
    unit = Term("array", tuple(ones), Type(GLOBAL, (size,)), term.span)
    return typing.combine(context.draft.errors, "mul", [_beside(slope), unit], term.span)


def _derivative(context: Context, term: Term, number: int) -> Term:
    power = term.args[1].payload if term.op == "pow" and term.args[1].op == "number" else None
    if power is not None and number == 0:
        errors, rest = context.draft.errors, typing.number(power - 1, term.span)
        base = term.args[0]
        if power != 2:
            base = typing.combine(errors, "pow", [base, rest], term.span)
        return times(context, typing.number(power, term.span), base)
    holes = dict(zip("xy", term.args, strict=False))
    inside = replace(context, ends=None)
    found = formula(inside, ELEMENTWISE[term.op].derivatives[number], holes, term.span)
    return minus(context, found.args[0]) if found.op == "neg" else found


def _beside(term: Term) -> Term:
    """A number per group beside the coordinates of the group."""
    if not term.type.shape:
        return term
    kind = replace(term.type, shape=(*term.type.shape, ONE))
    return Term("column", (term,), kind, term.span)


def _narrowed(context: Context, part: Term, argument: Term) -> Term:
    """A share summed over the coordinates that the argument was the same for."""
    if len(part.type.shape) <= len(argument.type.shape):
        return part
    if argument.type.shape:
        raise NoDerivative(argument)
    while part.type.shape:
        part = contract(context, "dot", [part, typing.number(1.0, part.span)], part.span)
    return part


# ── sums and products without their zeros and ones ─────────────────────────────────────────────


def is_number(term: Term, value: float) -> bool:
    """Whether a term is this number as it stands."""
    return term.op == "number" and term.payload == value


def plus(context: Context, a: Term, b: Term) -> Term:
    """a + b."""
    if is_number(a, 0) or is_number(b, 0):
        return b if is_number(a, 0) else a
    if b.op == "neg":
        return typing.combine(context.draft.errors, "sub", [a, b.args[0]], b.span)
    return typing.combine(context.draft.errors, "add", [a, b], b.span)


def times(context: Context, a: Term, b: Term) -> Term:
    """a * b."""
    for one, other in ((a, b), (b, a)):
        if is_number(one, 0):
            return typing.number(0.0, one.span)
        if is_number(one, 1):
            return other
        if is_number(one, -1):
            return minus(context, other)
        if other.op == "neg":
            return minus(context, times(context, one, other.args[0]))
    return typing.combine(context.draft.errors, "mul", [a, b], b.span)


def minus(context: Context, a: Term) -> Term:
    """-a."""
    if a.op == "neg":
        return a.args[0]
    if a.op == "number":
        return typing.number(-a.payload, a.span)
    if a.op == "mul" and a.args[0].op in ("neg", "number"):
        return times(context, minus(context, a.args[0]), a.args[1])
    if a.op == "mul" and a.args[1].op == "sub":
        return times(context, a.args[0], minus(context, a.args[1]))
    if a.op == "sub":
        return typing.combine(context.draft.errors, "sub", [a.args[1], a.args[0]], a.span)
    return typing.combine(context.draft.errors, "neg", [a], a.span)


# ── the ends of an edge ────────────────────────────────────────────────────────────────────────


def at_leaves(term: Term, edges: Place) -> Term:
    """The term with ``receiver`` and ``sender`` moved inwards, to single quantities."""
    if term.op in ENDS:
        return _at_end(term.args[0], term.op, edges)
    args = tuple(at_leaves(argument, edges) for argument in term.args)
    if all(a is b for a, b in zip(args, term.args, strict=True)):
        return term
    return replace(term, args=args)


def _at_end(term: Term, end: str, edges: Place) -> Term:
    if term.type.place.kind != "nodes":
        return term
    kind = replace(term.type, place=edges)
    if not term.args or term.op == "joined":
        return Term(end, (term,), kind, term.span)
    if term.op not in (*ELEMENTWISE, *OPEN, "called", "dot", "norm", "matmul", "transpose"):
        raise NoDerivative(term)
    inner: Sequence[Term] = tuple(_at_end(argument, end, edges) for argument in term.args)
    return replace(term, args=tuple(inner), type=kind)
