"""``lyapunov`` and its like: what is measured of a model as it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.balances import balance_records
from dynattn.model.clauses import by_word, only_value, positive
from dynattn.model.draft import Draft, head
from dynattn.model.expressions import Context, translate
from dynattn.model.plans import Measurement, Record, Simulation
from dynattn.model.records import first_time, record
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell
from dynattn.vocabulary.measurements import MEASUREMENTS

CLOCK = ("t", "steps", "method", "step", "rtol", "atol", "start", "seed")
"""Clauses that every kind shares with ``simulate``."""


def measurement(
    draft: Draft, declaration: tree.Experiment, clock_of: Callable[[tree.Experiment], Simulation]
) -> Measurement:
    """One of them, with diagnostics for all that is wrong in it; ``clock_of`` reads the clauses
    that it shares with ``simulate``.
    """
    kind = MEASUREMENTS[declaration.kind]
    settings: list[tree.Setting] = []
    found = by_word(
        draft, declaration.clauses, (*kind.words, *CLOCK),
        f"{{}} has no place in {declaration.kind}", settings.append,
    )  # fmt: skip
    shared = [clause for word, clause in found.items() if word in CLOCK]
    clock = clock_of(replace(declaration, clauses=(*settings, *shared)))
    timed = any(modifier.word == "every" for clause in shared for item in clause.values
                for modifier in item.modifiers)  # fmt: skip
    clock = clock if timed or clock.steps is not None else replace(clock, every=None)
    _check(draft, declaration.kind, clock)
    name, span = declaration.name or declaration.kind, head(declaration.span)
    if kind.moves:
        _moved(draft, declaration.kind, name, span, clock)
    options: dict[str, Any] = {}
    kept: tuple[Record, ...] = ()
    for word, own in kind.words.items():
        if own.takes == "condition":
            kept += _awaited(draft, found.get(word), name, span)
        elif own.takes == "records":
            kept += _recorded(draft, found.get(word), declaration.kind)
        elif own.takes == "energy":
            options[word], kept = balance_records(draft, found.get(word), name, span)
        elif own.takes == "phases":
            options[word] = _phases(draft, found.get(word), name, span)
        elif word in found:
            options[word] = positive(draft, found[word], own.takes == "count", own.takes == "time")
        else:
            options[word] = own.default
    return Measurement(declaration.kind, name, span, clock, options, kept)


def _phases(draft: Draft, clause: tree.Clause | None, name: str, span: Span) -> str | None:
    """The state of one angle a node that is looked at; None with a diagnostic."""
    known = {s.name for s in draft.states.values()
             if s.manifold.name == "circle" and not s.shape and not s.coupling}  # fmt: skip
    if clause is None:
        if len(known) == 1:
            return known.pop()
        listed = f"write of {sorted(known)[0]}" if known else "give a population a phase on circle"
        text = f"'{name}' looks at one state of phases, and there are {len(known)}"
        draft.errors.add("E403", text, span, listed)
        return None
    expr = only_value(draft, clause, "write of theta")
    term = None if expr is None else translate(Context(draft, draft.scope, sums=""), expr)
    if term is None or typing.is_unknown(term):
        return None
    if term.op == "state" and term.payload in known:
        return term.payload
    text = f"'{spell(expr) if expr is not None else ''}' is no state with one angle a node"
    draft.errors.add("E321", text, clause.span, "name a state on circle: of theta")
    return None


def _moved(draft: Draft, kind: str, name: str, span: Span, clock: Simulation) -> None:
    """E403 and E306 where no single parameter goes from one value to others."""
    if len(clock.settings) != 1:
        text = f"'{name}' moves one parameter up and down, and has {len(clock.settings)}"
        draft.errors.add("E403", text, span, "write K = 0 .. 4 by 0.1, of one parameter")
        return
    ((parameter, values),) = clock.settings
    gaps = [b - a for a, b in pairwise(values)]
    if len(values) < 3 or not (all(gap > 0 for gap in gaps) or all(gap < 0 for gap in gaps)):
        text = f"{kind} takes three values of {parameter} or more, in order"
        draft.errors.add("E306", text, span, f"write {parameter} = 0 .. 4 by 0.1")


def _recorded(draft: Draft, clause: tree.Clause | None, kind: str) -> tuple[Record, ...]:
    """What is recorded of each stay; no time of it."""
    found = []
    for item in clause.values if clause is not None else ():
        kept = record(draft, item)
        if kept is not None and kept.kind == "time":
            text = f"{kind} keeps one number of each stay, and '{kept.label}' is a time"
            draft.errors.add("E321", text, item.span, "record r, or average(r) after 50")
        elif kept is not None:
            found.append(kept)
    return tuple(found)


def _awaited(draft: Draft, clause: tree.Clause | None, name: str, span: Span) -> tuple[Record, ...]:
    """What a passage waits for: one comparison of two numbers; () with a diagnostic."""
    if clause is None:
        text = f"'{name}' does not say what it waits for"
        draft.errors.add("E403", text, span, "write when x > 1, of one quantity of the model")
        return ()
    expr = only_value(draft, clause, "write when r > 0.5")
    if expr is None:
        return ()
    found = first_time(draft, expr, f"when {spell(expr)}")
    if found is None or found.margin is not None:
        return () if found is None else (found,)
    text = f"a passage is located where two numbers meet, and '{spell(expr)}' compares none"
    draft.errors.add("E321", text, expr.span, "write one comparison: when r > 0.5")
    return ()


def _check(draft: Draft, kind: str, clock: Simulation) -> None:
    """What other experiments may have, and these have not."""
    for item in clock.awaited:
        text = f"{kind} takes numbers, and '{item.label}' waits for another experiment"
        fix = "run that one, and write the number it finds"
        draft.errors.add("E654", text, item.span, fix)
    if clock.begins is not None and clock.begins.kind == "previous":
        text = f"each point of {kind} begins anew, and none goes on from another"
        draft.errors.add("E322", text, clock.begins.span, "leave start previous out")
