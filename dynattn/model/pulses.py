"""``pulse(t, a, b)``: 1 from a to b; solvers stop at its ends."""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.expressions import Context
from dynattn.model.terms import GLOBAL, Term
from dynattn.model.typing import combine, is_unknown, unknown


def pulse(context: Context, time: Term, ends: tuple[Term, Term], span: Span) -> Term:
    """a <= t and t < b, as a number; its ends join the times at which rates jump."""
    errors = context.draft.errors
    if is_unknown(time, *ends):
        return unknown(span)
    if time.op != "time":
        text = "the first argument of pulse is the time"
        errors.add("E310", text, time.span, "write pulse(t, a, b)")
        return unknown(span)
    for end in ends:
        if end.type.place != GLOBAL or end.type.shape or _changes(end):
            text = "the ends of a pulse are two times, the same for all nodes"
            errors.add("E310", text, end.span, "write numbers or parameters of the model")
            return unknown(span)
    context.draft.jumps += ends
    begun = combine(errors, "ge", [time, ends[0]], span)
    on = combine(errors, "and", [begun, combine(errors, "lt", [time, ends[1]], span)], span)
    return combine(errors, "mul", [on, typing.number(1.0, span)], span)


def _changes(term: Term) -> bool:
    """Whether a quantity changes in time."""
    return term.op in ("time", "state", "coupling") or any(_changes(arg) for arg in term.args)
