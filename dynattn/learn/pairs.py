"""Pairs of sentences, one right and one wrong: ``pairs("file")``, read by the columns a file has.

Lines of JSON (``.jsonl``), or a table with a line of names: tabs between, or commas in ``.csv``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Collector
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.fitting import refused
from dynattn.learn.options import Option, read_options
from dynattn.learn.reading import DataFile, read_data
from dynattn.model.plans import Choice

OPTIONS = (
    Option("path", "text"),
    Option("condition", "name", None),
    Option("checksum", "text", None),
)
CONDITIONS = ("UID", "construction", "type", "n_attractors", "condition")
"""Columns that say of which kind a pair is; the first that a file has, unless one is named."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two sentences, of which ``good`` should be the more probable one."""

    good: str
    bad: str
    condition: str = ""


@dataclass(frozen=True)
class Pairs:
    """All pairs of a file, in its order, but those of the same sentence twice: they are counted."""

    pairs: tuple[Pair, ...] = field(repr=False)
    facts: Mapping[str, Any]


def load_pairs(choice: Choice) -> Pairs:
    """The pairs of the file that ``pairs(...)`` names; SpecError for the first mistake in it."""
    found = Collector()
    options = read_options(choice, OPTIONS, found, ("path",))
    found.raise_if_any()
    file = read_data(options["path"], choice.span, options["checksum"])
    rows = list(_rows(file, choice))
    if not rows:
        message = f"'{options['path']}' has no pairs, only names of columns"
        raise refused("E736", message, choice, "write one pair a line")
    columns = tuple(rows[0][1])
    make = _maker(columns, options["path"], choice)
    condition = _condition(columns, options["condition"], choice)
    every = [_pair(number, row, columns, make, condition, choice) for number, row in rows]
    pairs = tuple(pair for pair in every if pair.good != pair.bad)
    if not pairs:
        message = f"the two sentences of every pair of '{options['path']}' are the same"
        raise refused("E737", message, choice, "let them differ")
    facts = {
        "source": "pairs", "path": str(file.path), "bytes": file.size, "sha256": file.sha256,
        "pairs": len(pairs), "same": len(every) - len(pairs),
        "conditions": sorted({pair.condition for pair in pairs}),
    }  # fmt: skip
    return Pairs(pairs, facts)


# ── columns ────────────────────────────────────────────────────────────────────────────────────


def _maker(columns: tuple[str, ...], path: str, choice: Choice) -> Callable[[Row], tuple[str, str]]:
    """What makes two sentences of a row."""
    for wanted, make in _MAKERS.items():
        if set(wanted) <= set(columns):
            return make
    ways = "; ".join(", ".join(wanted) for wanted in _MAKERS)
    message = f"'{path}' has the columns {', '.join(columns)}, which make no pairs"
    raise refused("E736", message, choice, f"give it the columns of one kind: {ways}")


def _both(good: str, bad: str) -> Callable[[Row], tuple[str, str]]:
    return lambda row: (row[good].strip(), row[bad].strip())


def _after_prefix(row: Row) -> tuple[str, str]:
    """Up to the verb; what stands behind it is no part of the pair."""
    prefix = row["prefix"].strip()
    return f"{prefix} {row['correct'].strip()}", f"{prefix} {row['wrong'].strip()}"


def _in_place(row: Row) -> tuple[str, str]:
    """The sentence with one form or the other; ValueError where there is no such place."""
    words, place = row["sentence"].split(), int(row["target_index"])
    if not 0 <= place < len(words):
        raise ValueError(f"target_index is {place}, of {len(words)} words")
    forms = (row["correct"].strip(), row["wrong"].strip())
    good, bad = (" ".join([*words[:place], form, *words[place + 1 :]]) for form in forms)
    return good, bad


_MAKERS: dict[tuple[str, ...], Callable[[Row], tuple[str, str]]] = {
    ("good", "bad"): _both("good", "bad"),
    ("sentence_good", "sentence_bad"): _both("sentence_good", "sentence_bad"),
    ("prefix", "correct", "wrong"): _after_prefix,
    ("sentence", "target_index", "correct", "wrong"): _in_place,
}
"""The columns that make a pair, and how."""


def _condition(columns: tuple[str, ...], named: str | None, choice: Choice) -> str | None:
    if named is None:
        return next((name for name in CONDITIONS if name in columns), None)
    if named not in columns:
        message = f"there is no column '{named}' for the condition"
        fix = did_you_mean(named, columns, f"the columns are: {', '.join(columns)}")
        raise refused("E736", message, choice, fix)
    return named


# ── rows ───────────────────────────────────────────────────────────────────────────────────────


def _rows(file: DataFile, choice: Choice) -> Iterator[tuple[int, Row]]:
    """Each row with the number of its line."""
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the data file '{file.path.name}' is not UTF-8: byte {error.start} is wrong"
        raise refused("E517", message, choice, "save it as UTF-8") from None
    name = file.path.name.removesuffix(".xz")
    lines = [
        (number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()
    ]
    if name.endswith(".jsonl"):
        return ((number, _object(number, line, choice)) for number, line in lines)
    return _cells(lines, name.endswith(".csv"), choice)


def _object(number: int, line: str, choice: Choice) -> Row:
    try:
        found = json.loads(line)
    except ValueError as error:
        message = f"line {number} is no JSON: {error}"
        raise refused("E737", message, choice, "write one object a line") from None
    if isinstance(found, dict):
        return found
    message = f"line {number} is a JSON {type(found).__name__}, not an object"
    raise refused("E737", message, choice, "write one object a line")


def _cells(
    lines: list[tuple[int, str]], commas: bool, choice: Choice
) -> Iterator[tuple[int, Row]]:  # fmt: skip
    # quotes of a text between tabs are its own: `" weapons "`
    kind: dict[str, Any] = {"delimiter": ","} if commas else {
        "delimiter": "\t", "quoting": csv.QUOTE_NONE
    }  # fmt: skip
    if not lines:
        return
    (names,) = csv.reader([lines[0][1]], **kind)
    for number, line in lines[1:]:
        (cells,) = csv.reader([line], **kind)
        if len(cells) != len(names):
            message = f"line {number} has {len(cells)} cells, and there are {len(names)} columns"
            raise refused("E737", message, choice, "give every line a cell for each column")
        yield number, dict(zip(names, cells, strict=True))


def _pair(
    number: int, row: Row, columns: tuple[str, ...], make: Callable[[Row], tuple[str, str]],
    condition: str | None, choice: Choice,
) -> Pair:  # fmt: skip
    """One pair; SpecError E737 for a row that makes none."""
    try:
        good, bad = make(row)
        kind = str(row[condition]) if condition else ""
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        missing = isinstance(error, KeyError)
        reason = f"it has no {error}" if missing else str(error)
        fix = f"line {number} needs what the first has: {', '.join(columns)}"
        raise refused("E737", f"line {number} makes no pair: {reason}", choice, fix) from None
    if not good or not bad:
        message = f"line {number} makes no pair: a sentence is empty"
        raise refused("E737", message, choice, "leave out the line, or correct it")
    return Pair(good, bad, kind)
