"""Clauses of a block by their words, and those that take one number or one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dynattn.diagnostics.suggest import NONE, did_you_mean
from dynattn.model import constants
from dynattn.model.draft import Draft
from dynattn.syntax import tree


def by_word(
    draft: Draft,
    clauses: Iterable[tree.Clause | tree.Setting],
    known: Sequence[str],
    unknown: str,
    setting: Callable[[tree.Setting], None],
    repeated: Sequence[str] = (),
    near: Sequence[str] = (),
    habits: Mapping[str, str] = NONE,
) -> dict[str, tree.Clause]:
    """The clauses of a block; diagnostics for words that are not ``known`` (``unknown`` says so, {}
    standing for the word) and for those that stand twice, but for ``repeated`` ones. A misspelt
    word may also be one of ``near``, which would make another thing of the block; ``habits`` says
    what to write for words of other languages.
    """
    found: dict[str, tree.Clause] = {}
    for clause in clauses:
        if isinstance(clause, tree.Setting):
            setting(clause)
        elif clause.word not in known:
            there = f"there are {', '.join(known)}"
            fix = did_you_mean(clause.word, (*known, *near), there, habits)
            draft.errors.add("E216", unknown.format(f"'{clause.word}'"), clause.span, fix)
        elif clause.word in found and clause.word not in repeated:
            earlier = (found[clause.word].span, "first given here")
            text = f"{clause.word} is given twice"
            draft.errors.add("E402", text, clause.span, "keep one of the two", [earlier])
        else:
            found.setdefault(clause.word, clause)
    return found


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
