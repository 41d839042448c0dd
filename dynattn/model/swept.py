"""What the settings of experiments stand for: ``K = 0 .. 4 by 0.1``, ``mu = [0, -3]``,
``c = branch.fold.c + logspace(-4, -2, 9)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants
from dynattn.model.constants import NotConstant
from dynattn.model.draft import Draft
from dynattn.model.plans import EVENT_WORDS, Awaited
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell

MAX_POINTS = 1_000_000
"""More values than this are a slip of the pen."""

Values = tuple[float, ...]
SPACED: dict[str, Callable[[float], float]] = {
    "linspace": lambda x: x,
    "logspace": lambda x: 10.0**x,
}
"""Evenly spaced values, and what is made of each."""


def setting(draft: Draft, item: tree.Setting) -> tuple[str, Values] | Awaited | None:
    """The parameter of a setting and its values; None with a diagnostic."""
    name = parameter_named(draft, item)
    if name is None:
        return None
    points = _points(item.value)
    named = [point_value(draft, point) for point in points]
    needed = tuple(dict.fromkeys(key for key in named if key is not None))
    if any(key not in draft.points for key in needed) or None in named:
        # The rest of the expression is checked with 0 in place of what is not known yet.
        fine = None not in named and values(draft, item.value) is not None
        label = f"{name} = {spell(item.value)}"
        return Awaited(name, label, item.span, needed) if fine else None
    found = values(draft, item.value)
    if not found or not inside(draft, name, found, item.value):
        return None
    return name, found


def parameter_named(draft: Draft, item: tree.Setting) -> str | None:
    """The parameter that a setting sets; None with a diagnostic."""
    name = item.name.name if isinstance(item.name, tree.Name) else ""
    if name in draft.values or name in draft.valueless:
        return name
    fix = did_you_mean(name, draft.values, "name a parameter with a value")
    text = f"there is no parameter '{spell(item.name)}' to set"
    if name in draft.parameters:
        text = f"'{name}' is not one number, and an experiment sets single numbers"
        fix = f"multiply it: param s = 1, then s*{name} where it is used, and set s"
    draft.errors.add("E217", text, item.span, fix)
    return None


def inside(draft: Draft, name: str, found: Values, expr: tree.Expr) -> bool:
    """Whether all values are in the parameter's range; else a diagnostic."""
    limits = draft.parameters[name].limits if name in draft.parameters else None
    for value in found:
        if limits is not None and not limits[0] <= value <= limits[1]:
            text = f"{name} = {value:g} is outside its range {limits[0]:g} .. {limits[1]:g}"
            draft.errors.add("E306", text, expr.span, "choose values inside")
            return False
        if not float(value).is_integer() and not may_be_broken(draft, name, value, expr):
            return False
    return True


def may_be_broken(draft: Draft, name: str, value: float, expr: tree.Expr) -> bool:
    """Whether a parameter may be between two whole numbers; else E329: it multiplies angles."""
    if name not in draft.whole:
        return True
    text = f"'{name}' multiplies an angle, and would be {value:g}: {value:g} times an angle is none"
    notes = [(draft.whole[name], "here")]
    draft.errors.add("E329", text, expr.span, "let it be whole numbers alone", notes)
    return False


def values(draft: Draft, expr: tree.Expr) -> Values | None:
    """All values of an expression; None with a diagnostic."""
    try:
        found = _array(draft, expr)
    except NotConstant as error:
        constants.refuse(draft, error)
        return None
    return found if isinstance(found, tuple) else (found,)


def _array(draft: Draft, expr: tree.Expr) -> Values | float:
    match expr:
        case tree.ListOf(items=items) if items:
            return tuple(constants.number(draft, item) for item in items)
        case tree.Range():
            return _range(draft, expr)
        case tree.Call(function=tree.Name(name=name)) if name in SPACED:
            return _spaced(draft, expr, name)
        case tree.Attribute():
            key = point_value(draft, expr)
            return 0.0 if key is None else draft.points.get(key, 0.0)
        case tree.Unary(operator="-" | "+" as sign, operand=operand):
            return _each(lambda a, b: a * b, -1.0 if sign == "-" else 1.0, _array(draft, operand))
        case tree.Binary(operator=operator, left=left, right=right) if operator in "+-*/^":
            rule = constants.BINARY[operator]
            compute = lambda a, b: constants.compute(expr.span, rule, a, b)  # noqa: E731
            return _each(compute, _array(draft, left), _array(draft, right), expr)
    return constants.number(draft, expr)


def _each(
    rule: Callable[[float, float], float], left: Values | float, right: Values | float,
    expr: tree.Expr | None = None,
) -> Values | float:  # fmt: skip
    """A sum, product .. of numbers or of lists of one length."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            assert expr is not None, "a sign has one operand"
            text = f"{len(left)} values and {len(right)} do not combine"
            raise NotConstant(expr.span, text)
        return tuple(map(rule, left, right))
    if isinstance(left, tuple):
        return tuple(rule(value, right) for value in left)  # type: ignore[arg-type]
    if isinstance(right, tuple):
        return tuple(rule(left, value) for value in right)
    return rule(left, right)


def _range(draft: Draft, expr: tree.Range) -> Values:
    first, last = constants.number(draft, expr.first), constants.number(draft, expr.last)
    step = constants.number(draft, expr.step) if expr.step else 1.0
    if step == 0 or (last - first) / step < 0 or (last - first) / step > MAX_POINTS:
        text = f"{first:g} .. {last:g} by {step:g} is no range"
        fix = "let the steps lead from the first value to the last"
        if step and (last - first) / step > MAX_POINTS:
            text = f"{first:g} .. {last:g} by {step:g} has more than {MAX_POINTS:,} values"
            fix = "take larger steps"
        draft.errors.add("E306", text, expr.span, fix)
        raise NotConstant(expr.span, "", silent=True)
    # Both ends are included: a last step that rounding makes a hair too long still counts.
    count = math.floor((last - first) / step + 1e-9) + 1
    # Rounded, so that 3 * 0.1 is the 0.3 that was written.
    return tuple(round(first + step * k, 12) for k in range(count))


def _spaced(draft: Draft, expr: tree.Call, name: str) -> Values:
    if len(expr.arguments) != 3 or expr.keywords:
        ends = "exponents of the first and the last value" if name == "logspace" else "two ends"
        raise NotConstant(expr.span, f"{name} takes the {ends} and how many values there are")
    first, last, count = (constants.number(draft, item) for item in expr.arguments)
    if not (count.is_integer() if isinstance(count, float) else True) or not count >= 2:
        raise NotConstant(expr.arguments[2].span, f"{name} gives 2 values or more, not {count:g}")
    if count > MAX_POINTS:
        raise NotConstant(expr.arguments[2].span, f"{count:g} values are too many")
    gap, rule = (last - first) / (count - 1), SPACED[name]
    return tuple(constants.compute(expr.span, rule, first + gap * k) for k in range(int(count)))


# ── points of other experiments ────────────────────────────────────────────────────────────────


def _points(node: tree.Expr) -> list[tree.Attribute]:
    match node:
        case tree.Attribute():
            return [node]
        case tree.Unary(operand=operand):
            return _points(operand)
        case tree.Binary(left=left, right=right):
            return [*_points(left), *_points(right)]
        case tree.ListOf(items=items) | tree.Call(arguments=items):
            return [point for item in items for point in _points(item)]
        case tree.Range(first=first, last=last, step=step):
            return [p for part in (first, last, step) if part is not None for p in _points(part)]
    return []


def point_value(
    draft: Draft, expr: tree.Attribute, others: Collection[str] = ()
) -> tuple[str, str, str] | None:
    """The experiment, event and parameter of ``branch.fold.c``, or one of ``others`` there; None
    with a diagnostic.
    """
    if not isinstance(expr.value, tree.Attribute):
        text = f"'{spell(expr)}' is a point, and a value is needed here"
        branch = draft.branches.get(expr.value.name) if isinstance(expr.value, tree.Name) else None
        moved = parameters_of(branch) if branch else []
        fix = f"name a parameter of it: {spell(expr)}.{moved[0] if moved else 'K'}"
        draft.errors.add("E320", text, expr.span, fix)
        return None
    found = point(draft, expr.value)
    if found is None:
        return None
    moved = parameters_of(draft.branches[found[0]])
    if expr.name in (*moved, *others):
        return (*found, expr.name)
    text = f"the experiment '{found[0]}' does not move '{expr.name}'"
    text += ", nor is it observed" if others else ""
    otherwise = f"it moves {', '.join(moved) or 'nothing'}"
    fix = did_you_mean(expr.name, (*moved, *others), otherwise)
    draft.errors.add("E320", text, expr.span, fix)
    return None


def point(draft: Draft, expr: tree.Expr) -> tuple[str, str] | None:
    """The experiment and event of ``branch.fold``; None with a diagnostic."""
    match expr:
        case tree.Attribute(value=tree.Name(name=branch), name=event):
            pass
        case _:
            text, fix = "this is no point of an experiment", "write NAME.fold"
            if isinstance(expr, tree.Name) and expr.name in draft.searches:
                fix = f"write {expr.name}[0]: it has several"
            draft.errors.add("E320", text, expr.span, fix)
            return None
    if branch not in draft.branches:
        text = f"there is no 'continue {branch}' whose points could be named"
        otherwise = f"add it: continue {branch} {{ K = 0 .. 1; detect {event} }}"
        fix = did_you_mean(branch, draft.branches, otherwise)
        draft.errors.add("E320", text, expr.span, fix)
        return None
    events = events_of(draft.branches[branch])
    if event in events:
        return branch, event
    if any(word not in EVENT_WORDS for word in events):
        return None  # a misspelt one is told where it stands, and may be this
    fix = f"write detect {event} in it"
    if event not in EVENT_WORDS:
        fix = did_you_mean(event, events or EVENT_WORDS, f"it detects {', '.join(events)}")
    text = f"the experiment '{branch}' does not detect '{event}'"
    draft.errors.add("E320", text, expr.span, fix)
    return None


def parameters_of(branch: tree.Experiment) -> list[str]:
    """The parameters that a ``continue`` moves."""
    return [spell(item.name) for item in branch.clauses if isinstance(item, tree.Setting)]


def events_of(branch: tree.Experiment) -> list[str]:
    """What a ``continue`` detects."""
    clauses = [item for item in branch.clauses if isinstance(item, tree.Clause)]
    values = [value.value for item in clauses if item.word == "detect" for value in item.values]
    return [value.name for value in values if isinstance(value, tree.Name)]
