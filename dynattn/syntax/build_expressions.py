"""Expressions: what each grammar rule builds. The arguments are the children of the rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lark import Token

from dynattn.diagnostics.report import Span
from dynattn.syntax import tree as t
from dynattn.syntax.places import Place


def build_sequence(place: Place, *items: Any) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)


def build_name(place: Place, name: Token) -> t.Name:
    return t.Name(place.of(name), str(name))


def build_text(place: Place, text: Token) -> t.Text:
    return t.Text(place.span, text[1:-1])


def build_number(place: Place, token: Token) -> t.Number:
    digits, imaginary = token.removesuffix("i"), token.endswith("i")
    value = float(digits)
    nothing = value == 0 and digits.lower().split("e")[0].strip("0.") != ""
    if math.isinf(value) or nothing:
        size = "small" if nothing else "large"
        place.refuse("E113", f"a number too {size} to hold", "numbers reach from 1e-323 to 1e308")
    elif digits.isdecimal():
        return t.Number(place.span, int(digits), imaginary)
    return t.Number(place.span, value, imaginary)


def build_list(place: Place, items: tuple[t.Expr, ...] | None) -> t.ListOf:
    return t.ListOf(place.span, items or ())


def build_unary(place: Place, operator: Token, operand: t.Expr) -> t.Unary:
    return t.Unary(place.span, str(operator), operand)


def build_binary(place: Place, left: t.Expr, operator: Token, right: t.Expr) -> t.Binary:
    return t.Binary(place.span, str(operator), left, right)


def build_prime(place: Place, value: t.Expr) -> t.Prime:
    refuse_constant(place, value, "rate of change")
    return t.Prime(place.span, value)


def build_attribute(place: Place, value: t.Expr, name: Token) -> t.Attribute:
    refuse_constant(place, value, f"part '{name}'")
    return t.Attribute(place.span, value, str(name))


def refuse_constant(place: Place, value: t.Expr, what: str) -> None:
    if isinstance(value, t.Number | t.Text):
        kind = "number" if isinstance(value, t.Number) else "text"
        place.refuse("E115", f"a {kind} has no {what}", "only what has a name has one")


def build_index(place: Place, value: t.Expr, items: tuple[t.Expr, ...]) -> t.Index:
    refuse_constant(place, value, "parts to pick by an index")
    return t.Index(place.span, value, items)


def build_edge_list(place: Place, value: t.Expr, *entries: t.EdgeEntry) -> t.EdgeList:
    if not (isinstance(value, t.Name) and value.name == "edges"):
        fix = "an edge list is written edges [a -> b, b -> c: 0.5]"
        place.refuse("E116", "'->' stands in an edge list", fix, value.span)
    return t.EdgeList(place.span, entries)


def build_edge(
    place: Place, sender: t.Expr, receiver: t.Expr, weight: t.Expr | None
) -> t.EdgeEntry:
    return t.EdgeEntry(place.span, sender, receiver, weight)


def build_without(place: Place, value: t.Expr) -> t.Without:
    return t.Without(place.span, value)


def build_keyword(place: Place, name: Token, value: t.Expr) -> t.Keyword:
    return t.Keyword(place.span, str(name), value)


def build_call(place: Place, function: t.Expr, arguments: tuple[Any, ...] | None) -> t.Call:
    if not isinstance(function, t.Name | t.Attribute):
        place.refuse("E115", "only a name can be called", "to multiply, write `*`", function.span)
    return call(place, place.span, function, arguments or ())


def call(place: Place, span: Span, function: t.Expr, arguments: tuple[Any, ...]) -> t.Call:
    """A call of the arguments, positional before named."""
    named = [isinstance(item, t.Keyword) for item in arguments]
    if sorted(named) != named:
        late = arguments[len(named) - 1 - named[::-1].index(False)]
        place.refuse(
            "E117",
            "an argument without a name after a named one",
            "put it before the named arguments, or name it",
            late.span,
        )
    keywords = tuple(item for item in arguments if isinstance(item, t.Keyword))
    positional = tuple(item for item in arguments if not isinstance(item, t.Keyword))
    return t.Call(span, function, positional, keywords)


def build_range(place: Place, first: t.Expr, last: t.Expr, step: t.Expr | None = None) -> t.Range:
    return t.Range(place.span, first, last, step)


RULES: dict[str, Callable[..., Any]] = {
    "items": build_sequence,
    "arguments": build_sequence,
    "name": build_name,
    "text": build_text,
    "number": build_number,
    "list_of": build_list,
    "unary": build_unary,
    "binary": build_binary,
    "prime": build_prime,
    "attribute": build_attribute,
    "index": build_index,
    "edge_list": build_edge_list,
    "edge": build_edge,
    "without": build_without,
    "keyword": build_keyword,
    "call": build_call,
    "range": build_range,
    "limits": build_range,
}
