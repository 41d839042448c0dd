"""``train`` without data: numbers of the model are moved until what it does at rest is as wanted.

``train place { loss (branch.fold.c - 0.7)^2; free b; steps 50 }``: quantities in the loss are those
of the equilibrium that the initial states lead to, ``branch.fold.c`` is where ``continue branch``
has its fold, ``branch.fold.r`` what is observed as ``r`` there, ``branch.hopf.frequency`` that of
the oscillations which begin at a Hopf point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

from dynattn.model import branches, swept, typing
from dynattn.model.clauses import by_word, positive
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.expressions import Context, translate
from dynattn.model.plans import Choice, Placement, Record
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import GLOBAL
from dynattn.model.training import choice, free_parameters, refuse_setting
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell

CLAUSES = ("loss", "record", "free", "optimizer", "schedule", "steps", "clip", "seed")

Point = tuple[str, str, str]
"""Experiment, event, and what is read there."""

FREQUENCY = "frequency"
"""Of the oscillations that a Hopf point begins."""


def is_placement(draft: Draft, declaration: tree.Experiment) -> bool:
    """Whether a ``train`` moves the model itself: it has no data, and the spec no network."""
    words = {item.word for item in declaration.clauses if isinstance(item, tree.Clause)}
    return declaration.kind == "train" and "data" not in words and not draft.has_network


def placement(draft: Draft, declaration: tree.Experiment) -> Placement | None:
    """One of them; None with diagnostics."""
    span = head(declaration.span)
    found = _clauses(draft, declaration)
    for word in ("loss", "steps"):
        if word not in found:
            fix = "write steps 50" if word == "steps" else "write loss (branch.fold.c - 0.7)^2"
            draft.errors.add("E403", f"train has no {word}", span, fix)
    points: dict[Point, None] = {}
    exprs = [value_of(found["loss"])] if "loss" in found else []
    exprs += _recorded(draft, found.get("record"))
    records = [_record(draft, expr, points, k == 0) for k, expr in enumerate(exprs)]
    free = free_parameters(draft, found["free"]) if "free" in found else ()
    learned = any(p.learned and p.layer is None for p in draft.parameters.values())
    if not learned and "free" not in found:
        text = "nothing is there to be moved"
        draft.errors.add("E653", text, span, "write free K, or declare what moves with learn")
    numbers: dict[str, Any] = {
        word: value
        for word in ("steps", "clip", "seed")
        if word in found
        and (value := positive(draft, found[word], word != "clip", word == "seed")) is not None
    }
    if not exprs or None in records or "steps" not in numbers:
        return None
    default = Choice("adam", (), {}, span)
    chosen = choice(draft, found["optimizer"]) if "optimizer" in found else default
    return Placement(
        declaration.name or declaration.kind, span, tuple(r for r in records if r is not None),
        tuple(points), free, chosen or default,
        choice(draft, found["schedule"]) if "schedule" in found else None, **numbers,
    )  # fmt: skip


def _clauses(draft: Draft, declaration: tree.Experiment) -> dict[str, tree.Clause]:
    unknown = "{} has no place in train without data"
    setting = partial(refuse_setting, draft)
    return by_word(draft, declaration.clauses, CLAUSES, unknown, setting, near=("data",))


def _recorded(draft: Draft, clause: tree.Clause | None) -> list[tree.Expr]:
    found = []
    for item in clause.values if clause is not None else ():
        if isinstance(item.value, tree.At) or item.modifiers:
            text, fix = "train records quantities as they are", "name one: record branch.fold.c, r"
            draft.errors.add("E321", text, item.span, fix)
        else:
            found.append(item.value)
    return found


def _record(
    draft: Draft, expr: tree.Expr, points: dict[Point, None], is_loss: bool
) -> Record | None:
    """A quantity of the whole model; the points that it names are added."""
    scope = Scope("the loss", draft.scope)
    for item in _points(expr):
        key = _point(draft, item)
        if key is None:
            return None
        points[key] = None
        _declare(draft, scope, key, item)
    term = translate(Context(draft, scope, sums=""), _named(expr))
    what = "a loss" if is_loss else "what train records"
    if typing.is_unknown(term) or not must_be_real(draft.errors, term, what):
        return None
    if term.type.place != GLOBAL or term.type.shape:
        text = f"{what} is one number, and this has one for every node or coordinate"
        draft.errors.add("E653", text, expr.span, "take the mean or the sum over the nodes")
        return None
    label = f"loss {spell(expr)}" if is_loss else spell(expr)
    return Record("series", label, term)


def _point(draft: Draft, item: tree.Attribute) -> Point | None:
    """What is read at a point, and where; None with a diagnostic."""
    key = swept.point_value(draft, item, (*draft.observables, FREQUENCY))
    if key is None:
        return None
    branch, event, name = key
    if not branches.is_of_equilibria(draft, branch):
        text = f"'{spell(item)}' has no derivative here: those of points of equilibria are known"
        fix = "name a fold, a branch_point or a hopf of a branch of equilibria"
    elif name in swept.parameters_of(draft.branches[branch]):
        return key
    elif name in draft.observables:
        kind = draft.observables[name].value.type
        if kind.place == GLOBAL and not kind.shape and kind.dtype == "real":
            return key
        text = f"'{name}' is no single real number, at a point of a branch or elsewhere"
        fix = "observe one: the mean or the sum over the nodes"
    elif event == "hopf":
        return key
    else:
        text, fix = f"a {event} has no frequency", "name that of a hopf"
    draft.errors.add("E653", text, item.span, fix)
    return None


def _declare(draft: Draft, scope: Scope, key: Point, item: tree.Attribute) -> None:
    """A number of the model for what is read at a point, which the run sets."""
    name, moved = ".".join(key), swept.parameters_of(draft.branches[key[0]])
    value = translate(Context(draft, draft.scope), tree.Name(item.span, moved[0]))
    number = typing.number(0.0, item.span)
    known = replace(
        draft.parameters[moved[0]], name=name, init=number, limits=None, doc="", learned=False
    )
    if key[2] in moved:
        number = replace(number, type=value.type)
        known = replace(known, init=number)
    else:
        known = replace(known, place=GLOBAL, shape=(), manifold=None)
    draft.parameters.setdefault(name, known)
    term = replace(value, payload=name, type=number.type)
    scope.symbols[name] = Symbol("definition", name, item.span, term)


def _points(node: Any) -> Iterator[tree.Attribute]:
    """``branch.fold.c`` wherever it stands in an expression."""
    if _is_point(node):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _points(item)
    elif is_dataclass(node) and isinstance(node, tree.Node):
        for item in fields(node):
            yield from _points(getattr(node, item.name))


def _is_point(node: Any) -> bool:
    return isinstance(node, tree.Attribute) and isinstance(node.value, tree.Attribute)


def _named(node: Any) -> Any:
    """The expression with the name of its number for every point."""
    if _is_point(node):
        return tree.Name(node.span, spell(node))
    if isinstance(node, tuple):
        return tuple(_named(item) for item in node)
    if is_dataclass(node) and isinstance(node, tree.Node):
        parts = {item.name: getattr(node, item.name) for item in fields(node)}
        changed = {name: _named(part) for name, part in parts.items() if name != "span"}
        return replace(node, **changed)  # type: ignore[type-var]
    return node
