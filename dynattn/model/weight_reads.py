"""Weights of physical networks: rounded to a few levels, and with noise whenever they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dynattn.model import constants
from dynattn.model.arguments import Arguments
from dynattn.model.expressions import Context
from dynattn.model.terms import Term
from dynattn.model.typing import is_unknown, unknown

MOST_BITS = 32
"""Levels beyond these are those of single precision, in which training computes."""

DRAWN_ANEW = {"dropout": "dropout", "disturbed": "weight noise"}
"""Operations of Terms that give other numbers at each use, and what a message calls them."""


@dataclass(frozen=True)
class Reading:
    """How the weights of a linear map are read."""

    noise: float
    """Standard deviation, in units of the largest size of an entry; 0: none."""
    bits: int
    """2^bits levels; 0: as they are."""


def drawn_anew(terms: Iterable[Term]) -> str:
    """What of the terms is another at each use, or ''."""
    return next((DRAWN_ANEW[term.op] for term in terms if term.op in DRAWN_ANEW), "")


def reading(context: Context, arguments: Arguments) -> Reading | None:
    """What ``noise=`` and ``bits=`` say; None with diagnostics."""
    noise, bits = _noise(context, arguments), _bits(context, arguments)
    return None if noise is None or bits is None else Reading(noise, bits)


def read(context: Context, product: Term, how: Reading) -> Term:
    """The linear map with its weights, matrix and bias each by itself, read like this."""
    if is_unknown(product) or how == Reading(0.0, 0):
        return product
    if how.noise and ((context.layer is None and context.calls is None) or context.ends):
        text = "weight noise acts in what a network or a layer computes"
        context.draft.errors.add("E440", text, product.span, "leave noise out here")
        return unknown(product.span)
    x, *weights = product.args
    return replace(product, args=(x, *(_read(weight, how) for weight in weights)))


def _read(weight: Term, how: Reading) -> Term:
    found, name = weight, weight.payload
    if how.bits:
        found = Term("rounded", (found,), weight.type, weight.span, how.bits)
    if how.noise:
        found = Term("disturbed", (found,), weight.type, weight.span, (how.noise, name))
    return found


def _noise(context: Context, arguments: Arguments) -> float | None:
    expr = arguments.expr.get("noise")
    value = 0.0 if expr is None else constants.number_or_none(context.draft, expr)
    if expr is not None and value is not None and value < 0:
        text = f"the noise of weights is {value:g}, and a standard deviation is not below 0"
        context.draft.errors.add("E306", text, expr.span, "write noise=0.05")
        return None
    return value


def _bits(context: Context, arguments: Arguments) -> int | None:
    expr = arguments.expr.get("bits")
    value = 0.0 if expr is None else constants.number_or_none(context.draft, expr)
    if value is None:
        return None
    if expr is not None and (value != int(value) or not 0 <= value <= MOST_BITS):
        text = f"weights of {value:g} bits: there can be 1 to {MOST_BITS}, or 0 for no levels"
        context.draft.errors.add("E306", text, expr.span, "write bits=6")
        return None
    return int(value)
