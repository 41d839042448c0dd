"""The clauses of experiments: what each grammar rule builds from its children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lark import Token

from dynattn.syntax import tree as t
from dynattn.syntax.build_expressions import build_name
from dynattn.syntax.places import Place


def build_experiment(
    place: Place, kind: Token, name: Token | None, clauses: tuple[t.Clause | t.Setting, ...]
) -> t.Experiment:
    return t.Experiment(place.span, str(kind), None if name is None else str(name), clauses)


def build_setting(place: Place, name: t.Expr, value: t.Expr) -> t.Setting:
    if not isinstance(name, t.Name | t.Attribute | t.Index):
        place.refuse("E118", "only a name can be set", "write NAME = VALUE", name.span)
    return t.Setting(name.span.to(value.span), name, value)


def build_place(place: Place, *parts: Any) -> t.Expr:
    """``K``, ``osc.K`` or ``kappa[1]``: names joined by points, then perhaps an index."""
    *names, items = parts
    node: t.Expr = build_name(place, names[0])
    for name in names[1:]:
        node = t.Attribute(node.span.to(place.of(name)), node, str(name))
    return node if items is None else t.Index(place.span, node, items)


def build_experiment_clause(place: Place, word: Token, values: tuple[t.Modified, ...]) -> t.Clause:
    return t.Clause(place.span, str(word), values)


def build_values(place: Place, *items: t.Modified | t.Setting) -> tuple[t.Modified, ...]:
    """The values of a clause; a setting among them belongs to the `at` before it."""
    values: list[t.Modified] = []
    for item in items:
        if isinstance(item, t.Modified):
            values.append(item)
        elif (joined := with_setting(values[-1], item)) is None:
            fix = "settings follow `at NAME = VALUE`; a sweep is a line of its own"
            place.refuse("E118", "a setting after what has no `at`", fix, item.span)
        else:
            values[-1] = joined
    return tuple(values)


def with_setting(value: t.Modified, setting: t.Setting) -> t.Modified | None:
    """``value`` with one more setting in its last ``at``; None where it has none."""
    span = value.span.to(setting.span)
    if not value.modifiers:
        inner = join(value.value, setting)
        return inner and t.Modified(span, inner)
    *before, last = value.modifiers
    inner = join(last.value, setting)
    if inner is None:
        return None
    modifier = t.Modifier(last.span.to(setting.span), last.word, inner)
    return t.Modified(span, value.value, (*before, modifier))


def join(value: t.Expr | t.At, setting: t.Setting) -> t.At | None:
    if not isinstance(value, t.At) or not value.settings:
        return None
    return t.At(value.span.to(setting.span), (*value.settings, setting))


def build_modified(place: Place, value: t.Expr | t.At, *modifiers: t.Modifier) -> t.Modified:
    return t.Modified(place.span, value, modifiers)


def build_modifier(place: Place, first: Any, value: t.Expr | None = None) -> t.Modifier:
    if isinstance(first, t.At):
        return t.Modifier(place.span, "at", first)
    assert value is not None  # the grammar: every other modifier is a word and a value
    return t.Modifier(place.span, str(first), value)


def build_at_settings(place: Place, name: t.Expr, value: t.Expr) -> t.At:
    return t.At(place.span, (build_setting(place, name, value),))


def build_at_point(place: Place, point: t.Expr) -> t.At:
    return t.At(place.span, point=point)


RULES: dict[str, Callable[..., Any]] = {
    "experiment": build_experiment,
    "setting": build_setting,
    "also": build_setting,
    "place": build_place,
    "experiment_clause": build_experiment_clause,
    "values": build_values,
    "modified": build_modified,
    "modifier": build_modifier,
    "at_settings": build_at_settings,
    "at_point": build_at_point,
}
