"""The options of ``data``, ``optimizer`` and ``schedule``: checked, and defaults filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.plans import Choice

KNOWN = "known data"
"""Under this name the options of a source hold the facts of other data whose vocabulary is to be
used, or None; no option of a spec is called so.
"""
REQUIRED = object()
"""The default of an option that has to be given."""


@dataclass(frozen=True)
class Option:
    """One option. ``kind``: ``number``, ``whole``, ``numbers`` (a list), ``word``, ``name`` (any
    word), ``text``, or ``call``: one of ``words`` with whole numbers, ``logmel(40, 49)``.

    ``low`` and ``high`` bound numbers, both ends included; ``above`` excludes the lower end.
    """

    name: str
    kind: str
    default: Any = REQUIRED
    low: float | None = None
    high: float | None = None
    above: bool = False
    words: tuple[str, ...] = ()
    length: tuple[int, ...] = ()
    """For a list: the numbers of items it may have."""

    @property
    def accepts(self) -> str:
        """What the option takes, in words: "a number above 0"."""
        if self.kind == "word":
            return " or ".join(self.words)
        if self.kind == "text":
            return 'a text in quotes, "..."'
        if self.kind == "name":
            return "a name"
        if self.kind == "call":
            return f"{self.words[0]} with {self.length[0]} whole numbers{self._range}"
        one = "whole number" if self.kind == "whole" else "number"
        if self.kind == "numbers":
            return f"a list of {' or '.join(map(str, self.length))} numbers{self._range}"
        return f"a {one}{self._range}"

    @property
    def _range(self) -> str:
        if self.low is not None and self.high is not None and self.above:
            return f" above {self.low:g}, at most {self.high:g}"
        if self.low is not None and self.high is not None:
            return f" from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f" above {self.low:g}" if self.above else f" from {self.low:g} on"
        return ""

    def fits(self, value: Any) -> bool:
        """Whether ``value`` is of the right kind and within the bounds."""
        match self.kind:
            case "word":
                return value in self.words
            case "text" | "name":
                return isinstance(value, str)
            case "call":
                return self._is_call(value)
            case "numbers":
                listed = isinstance(value, (list, tuple)) and len(value) in self.length
                return listed and all(self._bounded(item) for item in value)
            case "whole":
                return self._bounded(value) and float(value).is_integer()
        return self._bounded(value)

    def _is_call(self, value: Any) -> bool:
        """Whether this is one of the calls it may be, with whole numbers in range."""
        known = isinstance(value, Choice) and value.name in self.words and not value.options
        return known and len(value.arguments) in self.length and all(
            self._bounded(item) and float(item).is_integer() for item in value.arguments
        )  # fmt: skip

    def _bounded(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        too_low = self.low is not None and (value <= self.low if self.above else value < self.low)
        return not too_low and not (self.high is not None and value > self.high)


def option_span(choice: Choice, name: str) -> Span:
    """Where ``name=`` stands within the choice; the whole choice where it is not found."""
    return _find(choice.span, rf"\b{re.escape(name)}\b(?=\s*=)")


def _find(span: Span, pattern: str) -> Span:
    """The first place within the span that matches; the whole span where none does."""
    for number in range(span.line, min(span.end_line, len(span.source.lines)) + 1):
        line = span.source.lines[number - 1]
        first = span.column - 1 if number == span.line else 0
        last = span.end_column - 1 if number == span.end_line else len(line)
        found = re.compile(pattern).search(line, first, last)
        if found:
            return Span(span.source, number, found.start() + 1, number, found.end() + 1)
    return span


def read_options(
    choice: Choice,
    options: tuple[Option, ...],
    found: Collector,
    positional: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The value of every option, defaults filled in; mistakes go to ``found``."""
    known = {option.name: option for option in options}
    given = _given(choice, known, positional, found)
    values: dict[str, Any] = {}
    for name, option in known.items():
        value = given.get(name, option.default)
        if name in given and not option.fits(value):
            _refuse_value(choice, option, value, found)
        if value is REQUIRED:
            example = '"..."' if option.kind == "text" else "..."
            wanted = f"{choice.name}({example})" if name in positional else f"{name}=..."
            found.add(
                "E513", f"'{choice.name}' needs {name}", choice.span,
                f"give {option.accepts}: {wanted}",
            )  # fmt: skip
        values[name] = value
    return values


def _given(
    choice: Choice, known: Mapping[str, Option], positional: tuple[str, ...], found: Collector
) -> dict[str, Any]:
    if len(choice.arguments) > len(positional):
        found.add(
            "E512",
            f"'{choice.name}' takes {_count(positional)} without a name, "
            f"{len(choice.arguments)} given",
            choice.span,
            "name the options: " + ", ".join(f"{name}=..." for name in known),
        )
    given = dict(zip(positional, choice.arguments, strict=False))
    for name, value in choice.options.items():
        if name in known:
            given[name] = value
        else:
            fix = did_you_mean(name, known, "its options are " + ", ".join(known))
            message = f"unknown option '{name}' of '{choice.name}'"
            found.add("E511", message, option_span(choice, name), fix)
    return given


def _count(positional: tuple[str, ...]) -> str:
    return f"{len(positional)} value" + ("" if len(positional) == 1 else "s")


def _refuse_value(choice: Choice, option: Option, value: Any, found: Collector) -> None:
    fix = did_you_mean(str(value), option.words) if option.kind == "word" else ""
    shown = f"'{value}'" if isinstance(value, str) else _shown(value)
    found.add(
        "E512",
        f"{option.name}={shown}: {option.name} is {option.accepts}",
        option_span(choice, option.name),
        fix or f"write {option.name}= and {option.accepts}",
    )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, Choice):
        return f"{value.name}(..)"
    return f"{value:g}" if isinstance(value, float) else str(value)


def find_entry(table: Mapping[str, Any], choice: Choice, kind: str, code: str, found: Collector):
    """The table's entry called ``choice.name``, or None with a diagnostic."""
    if choice.name not in table:
        fix = did_you_mean(choice.name, table, f"there are: {', '.join(table)}")
        word = _find(choice.span, rf"\b{re.escape(choice.name)}\b")
        found.add(code, f"unknown {kind} '{choice.name}'", word, fix)
    return table.get(choice.name)
