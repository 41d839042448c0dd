"""Terms at random numbers: what a check compares that no rule about the text can decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynattn.model.differentiate import NoDerivative
from dynattn.model.matrices import numbers_of
from dynattn.model.terms import Term
from dynattn.vocabulary.functions import ELEMENTWISE

Leaf = Callable[[Term], Any]
"""The value of a term that is not computed from its parts; None of any other."""


def value(term: Term, leaf: Leaf) -> Any:
    """The value of a term, of which the leaves have these; NoDerivative of what is no formula."""
    import numpy

    known = leaf(term)
    if known is not None:
        return known
    args = [value(argument, leaf) for argument in term.args]
    if term.op in ("let", "spread", "called"):
        return args[0]
    if term.op == "array":
        return numpy.stack(numpy.broadcast_arrays(*args))
    if term.op in ("matmul", "transpose"):
        return numbers_of(term.op, args)
    if term.op == "dot":
        return (args[0] * args[1]).sum(-1)
    if term.op == "norm":
        return (args[0] ** 2).sum(-1) ** 0.5
    if term.op == "entry":
        return args[0][(..., *term.payload[0], *[slice(None)] * len(term.type.shape))]
    if term.op in ELEMENTWISE:
        with numpy.errstate(all="ignore"):
            return ELEMENTWISE[term.op].value(numpy, *args)
    raise NoDerivative(term)
