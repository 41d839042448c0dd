"""Characters that are no part of the language."""
# ruff: noqa: RUF001

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from dynattn.diagnostics.report import Diagnostic, Source, Span, SpecError

# What Python takes for a line end and an editor does not, and what no editor shows.
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff]|\r(?!\n)")

HABITS = {
    "“": 'texts stand in straight double quotes, "..."',
    "”": 'texts stand in straight double quotes, "..."',
    "„": 'texts stand in straight double quotes, "..."',
    "‘": "a rate of change is written with a straight quote, theta'",
    "’": "a rate of change is written with a straight quote, theta'",
    "&": "write `and`",
    "|": "write `or`, and abs(x) for |x|",
    "!": "write `not`",
    "?": "a condition is 1 or 0: (x > 0)*a + (x <= 0)*b",
    "%": "there is no remainder; a comment begins with #",
    "−": "a minus sign is written -",
    "–": "a minus sign is written -",
    "×": "multiplication is written *",
    "·": "multiplication is written *",
    "÷": "division is written /",
    "→": "an arrow is written ->",
    "←": "an arrow is written <-",
    "≤": "at most is written <=",
    "≥": "at least is written >=",
    "≠": "unequal is written !=",
    "…": "a range is written 0 .. 1",
    "′": "a rate of change is written with a straight quote, theta'",
    "⋅": "multiplication is written *",
    "—": "a minus sign is written -",
    "²": "powers are written with ^, x^2",
    "³": "powers are written with ^, x^3",
}


WORDS = re.compile(r"\"[^\"\n]*\"|#[^\n]*|(\w+)")

LOOKALIKES = dict(
    zip(
        "аеорсухкіјѕАВЕКМНОРСТУХІЈЅοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxkijsABEKMHOPCTYXIJSoABEZHIKMNOPTYX",
        strict=True,
    )
)
"""Cyrillic and Greek letters that nobody tells from Latin ones, which they stand for here."""


def character(span: Span, sign: str) -> Diagnostic:
    name = unicodedata.name(sign, "a control character").lower()
    shown = f"'{sign}' " if sign.isprintable() else ""
    code = f"U+{ord(sign):04X}, {name}"
    return Diagnostic(
        "E103", f"unexpected character {shown}({code})", span, HABITS.get(sign, "take it out")
    )


def refuse_lookalikes(source: Source) -> None:
    """Refuse letters and digits in names and numbers that look like those of a keyboard (E103).

    A word that mixes scripts so, or has nothing else, would be another name than the one it shows.
    """
    if source.text.isascii():
        return
    places = [m.span(1) for m in WORDS.finditer(source.text) if m[1] and not m[1].isascii()]
    found = [item for start, end in places for item in _lookalikes(source, start, end)]
    if found:
        raise SpecError(found)


def _lookalikes(source: Source, start: int, end: int) -> list[Diagnostic]:
    word = source.text[start:end]
    mixed = any(sign.isascii() for sign in word) or all(sign in LOOKALIKES for sign in word)
    found: list[Diagnostic] = []
    for place, sign in enumerate(word, start):
        plain = unicodedata.normalize("NFKC", sign)
        plain = plain if plain.isascii() else LOOKALIKES.get(sign, "") if mixed else ""
        if plain and plain != sign:
            line = source.text.count("\n", 0, place) + 1
            column = place - source.text.rfind("\n", 0, place)
            item = character(Span(source, line, column, line, column + 1), sign)
            fix = HABITS.get(sign, f"write the plain {plain} of the keyboard")
            found.append(replace(item, fix=fix))
    return found


def refuse_unseen(source: Source) -> None:
    """Refuse control characters: they would shift every line or column that we report."""
    found = UNSEEN.search(source.text)
    if found:
        before = source.text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SpecError(character(Span(source, line, column, line, column + 1), found[0]))
