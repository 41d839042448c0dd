"""Experiments: ``simulate`` and ``sweep``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, typing
from dynattn.model.draft import Draft, head
from dynattn.model.expressions import Context, translate
from dynattn.model.plans import Record, Simulation
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell
from dynattn.vocabulary.solvers import METHOD_NAMES

PLANNED = ("until", "start", "detect", "follow", "free")
MAX_POINTS = 1_000_000
"""A range with more values than this is a slip of the pen."""


def declare_simulation(
    draft: Draft, declaration: tree.Experiment, defaults: Simulation | None
) -> Simulation:
    """One experiment; what it does not say is as in the first ``simulate``."""
    span = head(declaration.span)
    name = declaration.name or declaration.kind
    found = Simulation(name, span)
    if defaults is not None:
        found = replace(_other_clock(declaration, defaults), records=(), settings=())
    found = replace(found, name=name, span=span)
    seen: dict[str, tree.Clause] = {}
    for clause in declaration.clauses:
        if isinstance(clause, tree.Setting):
            found = _setting(draft, clause, found)
        elif clause.word in seen and clause.word != "record":
            earlier = (seen[clause.word].span, "first given here")
            text = f"{clause.word} is given twice"
            draft.errors.add("E402", text, clause.span, "keep one of the two", [earlier])
        else:
            seen[clause.word] = clause
            found = _clause(draft, clause, found)
    if "steps" in seen:
        found = _updates(draft, seen, found)
    varies = any(isinstance(clause, tree.Setting) for clause in declaration.clauses)
    if declaration.kind == "sweep" and not varies and "repeat" not in seen:
        text = f"the sweep '{name}' varies nothing"
        draft.errors.add("E403", text, span, "write K = 0 .. 4 by 0.1, or repeat 20")
    if found.stop is None and found.steps is None and "t" not in seen:
        draft.errors.add(
            "E403", f"'{name}' does not say how long", span, "write t 0 .. 100 every 0.1"
        )
    return found


def _clause(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    rule = CLAUSES.get(clause.word)
    if rule is not None:
        return rule(draft, clause, found)
    if clause.word in PLANNED:
        draft.not_yet(f"'{clause.word}' in an experiment", clause.span)
    else:
        fix = did_you_mean(clause.word, (*CLAUSES, *PLANNED), f"there are {', '.join(CLAUSES)}")
        draft.errors.add("E216", f"unknown word '{clause.word}' in an experiment", clause.span, fix)
    return found


def _time(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    value = clause.values[0].value if clause.values else None
    if not isinstance(value, tree.Range):
        draft.errors.add(
            "E309", "t takes a range of times", clause.span, "write t 0 .. 100 every 0.1"
        )
        return found
    start = constants.number_or_none(draft, value.first)
    stop = constants.number_or_none(draft, value.last)
    every = found.every
    for modifier in clause.values[0].modifiers:
        if modifier.word == "every" and not isinstance(modifier.value, tree.At):
            every = constants.number_or_none(draft, modifier.value)
    if start is None or stop is None:
        return found
    if stop <= start or (every is not None and (every <= 0 or every > stop - start)):
        text = f"from {start:g} to {stop:g}" + (f" every {every:g}" if every else "")
        fix = "let time run forward, in steps above 0"
        draft.errors.add("E306", f"this is no stretch of time: {text}", clause.span, fix)
    return replace(found, start=start, stop=stop, every=every)


def _method(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    name = spell(clause.values[0].value) if clause.values else ""  # type: ignore[arg-type]
    if name not in METHOD_NAMES:
        listing = "the methods are " + ", ".join(METHOD_NAMES)
        guess = did_you_mean(name, METHOD_NAMES)
        draft.errors.add("E601", f"there is no method '{name}'", clause.span, guess or listing)
    return replace(found, method=name)


def _positive(name: str, whole: bool) -> Callable[[Draft, tree.Clause, Simulation], Simulation]:
    def rule(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
        value = positive(draft, clause, whole, zero=name == "seed")
        return found if value is None else replace(found, **{name: value})

    return rule


def positive(draft: Draft, clause: tree.Clause, whole: bool, zero: bool = False) -> Any:
    """The number of a clause such as ``step 0.01`` or ``repeat 20``; None with a diagnostic."""
    if len(clause.values) != 1 or isinstance(clause.values[0].value, tree.At):
        fix = f"write {clause.word} 1"
        draft.errors.add("E309", f"{clause.word} takes one number", clause.span, fix)
        return None
    value = constants.number_or_none(draft, clause.values[0].value)
    if value is None:
        return None
    if (whole and value != int(value)) or value < 0 or (value == 0 and not zero):
        wanted = "a whole number" if whole else "a number"
        fix = "choose 0 or more" if zero else "choose a value above 0"
        text = f"{clause.word} takes {wanted} {'from 0 on' if zero else 'above 0'}, not {value:g}"
        draft.errors.add("E306", text, clause.span, fix)
        return None
    return int(value) if whole else float(value)


def _setting(draft: Draft, setting: tree.Setting, found: Simulation) -> Simulation:
    name = setting.name.name if isinstance(setting.name, tree.Name) else ""
    if name not in draft.values:
        fix = did_you_mean(name, draft.values, "name a parameter with a value")
        text = f"there is no parameter '{spell(setting.name)}' to set"
        draft.errors.add("E217", text, setting.span, fix)
        return found
    values = _values(draft, setting.value)
    limits = draft.parameters[name].limits if name in draft.parameters else None
    for value in values:
        if limits is not None and not limits[0] <= value <= limits[1]:
            text = f"{name} = {value:g} is outside its range {limits[0]:g} .. {limits[1]:g}"
            draft.errors.add("E306", text, setting.value.span, "choose values inside")
            return found
    return replace(found, settings=(*found.settings, (name, values))) if values else found


def _values(draft: Draft, expr: tree.Expr) -> tuple[float, ...]:
    if isinstance(expr, tree.ListOf):
        found = [constants.number_or_none(draft, item) for item in expr.items]
        return tuple(value for value in found if value is not None)
    if not isinstance(expr, tree.Range):
        value = constants.number_or_none(draft, expr)
        return () if value is None else (value,)
    first = constants.number_or_none(draft, expr.first)
    last = constants.number_or_none(draft, expr.last)
    step = constants.number_or_none(draft, expr.step) if expr.step else 1.0
    if first is None or last is None or step is None:
        return ()
    if step <= 0 or last < first or (last - first) / step > MAX_POINTS:
        text = f"{first:g} .. {last:g} by {step:g} is no range"
        draft.errors.add("E306", text, expr.span, "let it run upwards, in steps above 0")
        return ()
    # Both ends are included: a last step that rounding makes a hair too long still counts.
    count = math.floor((last - first) / step + 1e-9) + 1
    # Rounded, so that 3 * 0.1 is the 0.3 that was written.
    return tuple(round(first + step * k, 12) for k in range(count))


def _record(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    records = [record(draft, item) for item in clause.values]
    return replace(found, records=(*found.records, *(r for r in records if r is not None)))


def record(draft: Draft, item: tree.Modified) -> Record | None:
    """``r``, ``average(r) after 50``, ``final(r)``."""
    kind, expr = "series", item.value
    match expr:
        case tree.Call(function=tree.Name(name="average" | "final" as kind), arguments=(expr,)):
            pass
    if isinstance(expr, tree.At):
        draft.not_yet("this record", item.span)
        return None
    label = spell(item.value)  # type: ignore[arg-type]
    after = None
    for modifier in item.modifiers:
        if (
            modifier.word == "after"
            and kind == "average"
            and not isinstance(modifier.value, tree.At)
        ):
            after = constants.number_or_none(draft, modifier.value)
            label += f" after {spell(modifier.value)}"
        else:
            draft.not_yet(f"'{modifier.word}' in a record", modifier.span)
            return None
    term = translate(Context(draft, draft.scope, sums=""), expr)
    return None if typing.is_unknown(term) else Record(kind, label, term, after)


CLAUSES: dict[str, Callable[[Draft, tree.Clause, Simulation], Simulation]] = {
    "t": _time,
    "method": _method,
    "record": _record,
    "step": _positive("step", whole=False),
    "steps": _positive("steps", whole=True),
    "rtol": _positive("rtol", whole=False),
    "atol": _positive("atol", whole=False),
    "seed": _positive("seed", whole=True),
    "repeat": _positive("repeat", whole=True),
}


def _other_clock(declaration: tree.Experiment, defaults: Simulation) -> Simulation:
    """The defaults for an experiment that has a clock of its own: updates, or time again."""
    words = {clause.word for clause in declaration.clauses if isinstance(clause, tree.Clause)}
    if "t" in words and defaults.steps is not None:
        plain = Simulation(defaults.name, defaults.span)
        return replace(defaults, steps=None, every=None, method=plain.method, step=None)
    return defaults


def _updates(draft: Draft, seen: dict[str, tree.Clause], found: Simulation) -> Simulation:
    """``steps n``: n updates of maps, n Euler steps of size 1 of flows."""
    for word in ("t", "method", "step", "rtol", "atol"):
        if word in seen:
            draft.errors.add(
                "E402", f"steps is the clock, and {word} says otherwise", seen[word].span,
                f"leave out {word}, or steps", [(seen["steps"].span, "the updates")],
            )  # fmt: skip
    count = found.steps or 1
    return replace(found, start=0.0, stop=float(count), every=1.0, method="euler", step=1.0)


def declare_simulations(
    draft: Draft, declarations: Sequence[tree.Experiment]
) -> tuple[Simulation, ...]:
    """All ``simulate`` and ``sweep`` experiments; ``continue`` has no engine yet."""
    found: dict[str, Simulation] = {}
    first: Simulation | None = None
    for declaration in declarations:
        if declaration.kind == "continue":
            draft.not_yet("continue", head(declaration.span), declares=True)
            continue
        item = declare_simulation(draft, declaration, first)
        first = first or (item if declaration.kind == "simulate" else None)
        if item.name in found:
            earlier = (found[item.name].span, "first declared here")
            text = f"two experiments are called '{item.name}'"
            draft.errors.add(
                "E203", text, item.span, "name one of them: simulate NAME {", [earlier]
            )
        found[item.name] = item
    return tuple(found.values())
