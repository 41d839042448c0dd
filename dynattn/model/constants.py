"""Numbers and sizes that are known before anything runs: parameter values, ranges, axes."""

from __future__ import annotations

import math
from collections.abc import Callable

from dynattn.diagnostics.report import Span
from dynattn.model.draft import Draft
from dynattn.model.terms import Term
from dynattn.syntax import tree
from dynattn.vocabulary.functions import CONSTANTS, ELEMENTWISE
from dynattn.vocabulary.sizes import Size, SizeError, fixed, named

BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}
_CALLS: dict[str, Callable[[float], float]] = {
    name: getattr(math, name)
    for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "floor")
}

CALLS = frozenset(_CALLS)
"""Functions that may stand where a number must be known in advance."""

LARGEST = 10**12
"""Sizes beyond this are a slip of the pen: no machine holds such an array."""


_PLAIN = {"add": BINARY["+"], "sub": BINARY["-"], "mul": BINARY["*"], "div": BINARY["/"]}


class NotConstant(Exception):
    """An expression whose value is not fixed by the text; ``span`` is the part that is to blame.

    ``silent``: it rests on a number that has been refused already.
    """

    def __init__(self, span: Span, reason: str, silent: bool = False):
        self.span = span
        self.reason = reason
        self.silent = silent
        super().__init__(reason)


def number(draft: Draft, expr: tree.Expr) -> float:
    """The value of an expression of numbers and model parameters; NotConstant where it has none."""
    match expr:
        case tree.Number(value=value, imaginary=False):
            return value
        case tree.Name(name=name):
            return _named_number(draft, name, expr.span)
        case tree.Unary(operator="-", operand=operand):
            return -number(draft, operand)
        case tree.Unary(operator="+", operand=operand):
            return number(draft, operand)
        case tree.Binary(operator=operator, left=left, right=right) if operator in BINARY:
            return compute(expr.span, BINARY[operator], number(draft, left), number(draft, right))
        case tree.Call(function=tree.Name(name=name), arguments=(argument,)) if name in _CALLS:
            return compute(expr.span, _CALLS[name], number(draft, argument))
        case tree.Attribute():
            raise NotConstant(expr.span, "only the settings of experiments know points of others")
        case tree.Call(function=tree.Name(name="logspace" | "linspace" as name)):
            raise NotConstant(expr.span, f"{name} gives several values, and one is needed here")
    raise NotConstant(expr.span, "a number is needed here")


def _named_number(draft: Draft, name: str, span: Span) -> float:
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in draft.values:
        return draft.values[name]
    if name in draft.valueless:
        raise NotConstant(span, "", silent=True)
    members = [s.symbols[name] for s in draft.population_scopes.values() if name in s.symbols]
    symbol = draft.scope.find(name) or (members[0] if members else None)
    kind = draft.later.get(name) if symbol is None else symbol.kind
    if kind is None:
        raise NotConstant(span, f"unknown name '{name}'")
    raise NotConstant(span, f"'{name}' is {article(kind)}, not a number known in advance")


def article(kind: str) -> str:
    """``a state``, ``an input``."""
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


def compute(span: Span, function: Callable[..., float], *arguments: float) -> float:
    try:
        value = function(*arguments)
        if math.isfinite(value):
            return value
    except (ArithmeticError, ValueError, TypeError):  # of a complex number: isfinite's TypeError
        pass
    raise NotConstant(span, f"{span.text} is no finite real number")


def number_or_none(draft: Draft, expr: tree.Expr) -> float | None:
    """The value of an expression, or None with a diagnostic."""
    try:
        return number(draft, expr)
    except NotConstant as error:
        refuse(draft, error)
        return None


def refuse(draft: Draft, error: NotConstant) -> None:
    """Say what is wrong, unless it has been said."""
    if error.silent:
        return
    unknown = error.reason.startswith("unknown name")
    fix = draft.scope.suggestion(error.span.text) if unknown else ""
    fix = fix or "write a number, or an expression of numbers and parameters"
    draft.errors.add("E201" if unknown else "E309", error.reason, error.span, fix)


def size(draft: Draft, expr: tree.Expr) -> Size | None:
    """The size an expression stands for, or None with a diagnostic."""
    return _checked_size(draft, expr, lambda: _size(draft, expr))


def size_or_none(draft: Draft, expr: tree.Expr) -> Size | None:
    """The same without a word where there is none."""
    try:
        found = _size(draft, expr)
        return found if found.value(_whole(draft, found)) >= 1 else None
    except (NotConstant, SizeError):
        return None


def range_size(draft: Draft, expr: tree.Range) -> tuple[int, Size] | None:
    """The first value of a range of whole numbers and how many it has; None with a diagnostic."""
    first = number_or_none(draft, expr.first)
    if first is None:
        return None
    if expr.step is not None or not float(first).is_integer():
        text = "an index runs through whole numbers one by one"
        draft.errors.add("E307", text, expr.span, "write FIRST .. LAST in whole numbers")
        return None
    start = int(first)
    found = _checked_size(draft, expr, lambda: _last(draft, expr.last) - fixed(start - 1))
    return None if found is None else (start, found)


def _last(draft: Draft, expr: tree.Expr) -> Size:
    match expr:
        case tree.Unary(operator="-", operand=operand):
            return -_size(draft, operand)
    return _size(draft, expr)


def count(draft: Draft, found: Size) -> int | None:
    """The number a size is, None where a dim decides."""
    return None if found.names & set(draft.dims) else found.value(_whole(draft, found))


def _checked_size(draft: Draft, expr: tree.Expr, compute: Callable[[], Size]) -> Size | None:
    try:
        found = compute()
        if not found.names & set(draft.dims):
            value = found.value(_whole(draft, found))
            if not 1 <= value <= LARGEST:
                called = f"the size {found}" if found.names else "the size"
                raise NotConstant(expr.span, f"{called} is {float(value):g}")
        return found
    except NotConstant as error:
        if error.silent:
            return None
        unknown = error.reason.startswith("unknown name")
        word = error.span.text
        fix = "a size is a whole number from 1 to 10^12"
        if unknown:
            fix = draft.scope.suggestion(word, otherwise=f"declare it: param {word} = 100")
        draft.errors.add("E201" if unknown else "E307", error.reason, error.span, fix)
    except SizeError as error:
        draft.errors.add(
            "E307", f"this is no size: {error}", expr.span, "let the division leave no remainder"
        )
    return None


def divides(draft: Draft, width: Size, heads: Size, span: Span) -> bool:
    """Whether ``width`` coordinates split into ``heads`` equal groups; else a diagnostic."""
    part = width / heads
    if part.names & set(draft.dims):
        return True
    try:
        part.value(_whole(draft, part))
    except SizeError:
        numbers = [size.value(_whole(draft, size)) for size in (width, heads)]
        text = f"{numbers[0]} coordinates do not split into {numbers[1]} equal heads"
        fix = f"let {width} be a multiple of {heads}"
        draft.errors.add("E307", text, span, fix)
        return False
    return True


def _whole(draft: Draft, size: Size) -> dict[str, int]:
    """The whole numbers among the parameters that a size names."""
    named = {name: draft.values[name] for name in size.names if name in draft.values}
    return {name: int(value) for name, value in named.items() if value == int(value)}


def _size(draft: Draft, expr: tree.Expr) -> Size:
    match expr:
        case tree.Number(value=value, imaginary=False) if float(value).is_integer():
            return fixed(int(value))
        case tree.Name(name=name):
            return _named_size(draft, name, expr.span)
        case tree.Binary(operator="+", left=left, right=right):
            return _size(draft, left) + _size(draft, right)
        case tree.Binary(operator="-", left=left, right=right):
            return _size(draft, left) - _size(draft, right)
        case tree.Binary(operator="*", left=left, right=right):
            return _size(draft, left) * _size(draft, right)
        case tree.Binary(operator="/", left=left, right=right):
            return _size(draft, left) / _size(draft, right)
    short = isinstance(expr, tree.Number | tree.Unary | tree.Binary) and len(expr.span.text) < 30
    what = f"{expr.span.text} is no size" if short else "a size is needed here"
    raise NotConstant(expr.span, what)


def _named_size(draft: Draft, name: str, span: Span) -> Size:
    if name in draft.dims:
        return named(name)
    value = _named_number(draft, name, span)
    if not float(value).is_integer():
        raise NotConstant(span, f"'{name}' is {value:g} and cannot be a size")
    return named(name)


def of_term(draft: Draft, term: Term) -> float | None:
    """The value of a term of real numbers and parameters with values; None of any other."""
    if term.op in ("number", "parameter"):
        value = term.payload if term.op == "number" else draft.values.get(term.payload)
        return float(value) if isinstance(value, int | float) else None
    values = [of_term(draft, argument) for argument in term.args]
    known = [value for value in values if value is not None]
    if not values or len(known) < len(values):
        return None
    if term.op in ("let", "called"):
        return known[0]
    return _computed(term.op, known) if term.op in ELEMENTWISE else None


def _computed(op: str, values: list[float]) -> float | None:
    """A function of numbers, infinite or not a number where numpy says so."""
    if op == "neg":
        return -values[0]
    if op in _PLAIN and (op != "div" or values[1]):
        return _PLAIN[op](*values)  # without numpy, which takes longer to load than to check
    import numpy

    with numpy.errstate(all="ignore"):
        result = ELEMENTWISE[op].value(numpy, *[numpy.float64(value) for value in values])
    return None if numpy.iscomplexobj(result) else float(result)
