"""Expressions as text, with no more parentheses than needed."""

from __future__ import annotations

from collections.abc import Iterable

from dynattn.syntax import tree as t

WITHOUT, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, POSTFIX, ATOM = range(11)
"""How tightly each form binds, loosest first: the staircase of the grammar."""

LEVELS = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), COMPARE),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "@"), PRODUCT),
    "^": POWER,
}


def spell(expr: t.Expr) -> str:
    """An expression as it is written in a spec."""
    return spelled(expr)[0]


def spelled(expr: t.Expr) -> tuple[str, int]:
    """The text of an expression, and how tightly its outermost form binds."""
    match expr:
        case t.Number():
            sign = SIGN if expr.value < 0 else ATOM
            return f"{expr.value!r}{'i' if expr.imaginary else ''}", sign
        case t.Text(value=value):
            return f'"{value}"', ATOM
        case t.Name(name=name):
            return name, ATOM
        case t.ListOf(items=items):
            return f"[{listed(items)}]", ATOM
        case t.Unary(operator="not", operand=operand):
            return f"not {within(operand, NOT)}", NOT
        case t.Unary(operator=operator, operand=operand):
            return f"{operator}{within(operand, SIGN)}", SIGN
        case t.Binary():
            return binary(expr)
        case t.Without(value=value):
            return f"{within(value, WITHOUT)} without self", WITHOUT
        case t.Range():
            return spell_range(expr), WITHOUT - 1
        case _:
            return postfix(expr), POSTFIX


def within(expr: t.Expr, level: int) -> str:
    """The text of a part that must bind at least as tightly as ``level``."""
    text, own = spelled(expr)
    return text if own >= level else f"({text})"


def listed(items: Iterable[t.Expr]) -> str:
    return ", ".join(spell(item) for item in items)


def binary(expr: t.Binary) -> tuple[str, int]:
    level = LEVELS[expr.operator]
    if level == POWER:  # to the right it takes a sign and another power: 2^-x, a^b^c
        return f"{within(expr.left, POSTFIX)}^{within(expr.right, SIGN)}", POWER
    left = within(expr.left, level + (level == COMPARE))
    right = within(expr.right, level + 1)
    space = "" if level == PRODUCT and expr.operator != "@" else " "
    return f"{left}{space}{expr.operator}{space}{right}", level


def spell_range(expr: t.Range) -> str:
    step = f" by {spell(expr.step)}" if expr.step else ""
    return f"{spell(expr.first)} .. {spell(expr.last)}{step}"


def postfix(expr: t.Expr) -> str:
    match expr:
        case t.Prime(value=value):
            return f"{within(value, POSTFIX)}'"
        case t.Attribute(value=value, name=name):
            return f"{within(value, POSTFIX)}.{name}"
        case t.Index(value=value, items=items):
            return f"{within(value, POSTFIX)}[{listed(items)}]"
        case t.Call(function=function, arguments=arguments, keywords=keywords):
            return f"{within(function, POSTFIX)}({spell_arguments(arguments, keywords)})"
        case t.EdgeList(entries=entries):
            return f"edges [{', '.join(map(spell_edge, entries))}]"
    raise TypeError(f"not an expression: {type(expr).__name__}")


def spell_arguments(arguments: Iterable[t.Expr], keywords: Iterable[t.Keyword]) -> str:
    named = [f"{item.name}={spell(item.value)}" for item in keywords]
    return ", ".join([*map(spell, arguments), *named])


def spell_edge(entry: t.EdgeEntry) -> str:
    weight = f": {spell(entry.weight)}" if entry.weight else ""
    return f"{spell(entry.sender)} -> {spell(entry.receiver)}{weight}"
