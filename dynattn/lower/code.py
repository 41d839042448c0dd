"""Pieces of Python text that know how tightly they bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

COMPARE, OR, AND, ADD, MULTIPLY, UNARY, POWER, ATOM = range(1, 9)

LEVELS = {
    "<": COMPARE, "<=": COMPARE, ">": COMPARE, ">=": COMPARE, "==": COMPARE, "!=": COMPARE,
    "|": OR, "&": AND, "+": ADD, "-": ADD, "*": MULTIPLY, "/": MULTIPLY, "**": POWER,
}  # fmt: skip
"""How tightly Python's operators bind."""


@dataclass(frozen=True, slots=True)
class Code:
    """One Python expression; ``format(code, "@")`` puts it in brackets where a dot may follow."""

    text: str
    level: int = ATOM

    def at_least(self, level: int) -> str:
        """The text, in brackets where it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"

    def __format__(self, form: str) -> str:
        return self.at_least(ATOM) if form == "@" else self.text


def number_code(value: Any) -> Code:
    """A number as Python text."""
    text = {"inf": 'float("inf")', "-inf": '-float("inf")', "nan": 'float("nan")'}.get(repr(value))
    if isinstance(value, complex):
        return Code(repr(value) if repr(value).startswith("(") else f"({value!r})")
    return Code(text or repr(value), UNARY if value < 0 else ATOM)


def binary_code(symbol: str, left: Code, right: Code) -> Code:
    """``left symbol right``."""
    level = LEVELS[symbol]
    if symbol == "**":
        return Code(f"{left:@} ** {right.at_least(UNARY)}", level)
    first = level + 1 if level == COMPARE else level
    return Code(f"{left.at_least(first)} {symbol} {right.at_least(level + 1)}", level)


def negative_code(operand: Code) -> Code:
    """``-operand``."""
    return Code(f"-{operand.at_least(UNARY)}", UNARY)


def call_code(function: str, *arguments: object) -> Code:
    """``function(arguments)``."""
    return Code(f"{function}({', '.join(str(_text(item)) for item in arguments)})")


def method_code(receiver: Code, method: str, *arguments: object) -> Code:
    """``receiver.method(arguments)``."""
    return call_code(f"{receiver:@}.{method}", *arguments)


def tuple_code(texts: Sequence[Code]) -> Code:
    """``(a, b)``, or ``(a,)``."""
    inside = ", ".join(code.text for code in texts)
    return Code(f"({inside},)" if len(texts) == 1 else f"({inside})")


def _text(item: object) -> object:
    return item.text if isinstance(item, Code) else item


WIDTH = 100
"""Lines of emitted text longer than this are broken at the commas of their last bracket."""


def wrapped(line: str) -> list[str]:
    """The line, broken inside its last bracket where it is too long."""
    if len(line) <= WIDTH or line.lstrip().startswith(("#", '"')) or line[-1] not in ")]":
        return [line]
    start = _opening(line)
    indent = " " * (len(line) - len(line.lstrip()))
    if start < 0 or (start > WIDTH and line[-1] == ")"):
        return [line]
    if line[-1] == "]" and (line[start - 1].isalnum() or line[start - 1] in "_)]"):
        return _in_brackets(line, indent)
    lines, inside = [line[: start + 1]], line[start + 1 : -1]
    parts = _parts(inside)
    called = line[start] == "[" or line[start - 1].isalnum() or line[start - 1] in "_)]"
    # A comma after the one value in plain brackets would make it a tuple.
    comma = "," if called or len(parts) > 1 or inside.endswith(",") else ""
    for part in parts:
        lines += wrapped(f"{indent}    {part}")
        lines[-1] += comma
    return [*lines, f"{indent}{line[-1]}"]


def _in_brackets(line: str, indent: str) -> list[str]:
    """A statement that ends in an index, its value in brackets: a comma would change the index."""
    name, sign, value = line.partition(" = ")
    if not sign:
        return [line]
    return [f"{name} = (", f"{indent}    {value}", f"{indent})"]


def _opening(line: str) -> int:
    """Where the bracket that the line's last character closes was opened."""
    depth = 0
    for place in range(len(line) - 1, -1, -1):
        depth += (line[place] in ")]}") - (line[place] in "([{")
        if depth == 0:
            return place
    return -1


def _parts(text: str) -> list[str]:
    """The text split at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in [*parts, text[start:].strip()] if part]
