"""Clauses of experiments that take one number or one value."""

from __future__ import annotations

from typing import Any

from dynattn.model import constants
from dynattn.model.draft import Draft
from dynattn.syntax import tree


def positive(draft: Draft, clause: tree.Clause, whole: bool, zero: bool = False) -> Any:
    """The number of a clause such as ``step 0.01`` or ``repeat 20``; None with a diagnostic."""
    expr = _alone(clause)
    if expr is None:
        fix = f"write {clause.word} 1"
        draft.errors.add("E309", f"{clause.word} takes one number", clause.span, fix)
        return None
    value = constants.number_or_none(draft, expr)
    if value is None:
        return None
    if (whole and value != int(value)) or value < 0 or (value == 0 and not zero):
        wanted = "a whole number" if whole else "a number"
        fix = "choose 0 or more" if zero else "choose a value above 0"
        text = f"{clause.word} takes {wanted} {'from 0 on' if zero else 'above 0'}, not {value:g}"
        draft.errors.add("E306", text, clause.span, fix)
        return None
    return int(value) if whole else float(value)


def only_value(draft: Draft, clause: tree.Clause, fix: str) -> tree.Expr | None:
    """The value of a clause that has one; None with a diagnostic."""
    expr = _alone(clause)
    if expr is None:
        draft.errors.add("E321", f"{clause.word} takes one value", clause.span, fix)
    return expr


def _alone(clause: tree.Clause) -> tree.Expr | None:
    """The one expression after the word, where nothing else stands there."""
    if len(clause.values) != 1 or clause.values[0].modifiers:
        return None
    value = clause.values[0].value
    return None if isinstance(value, tree.At | tree.Range) else value
