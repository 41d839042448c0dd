"""Columns: which tokens of neighbouring rows stand below each other.

A column is one that the language's own lines suggest (the values of clauses, the ``=`` of ``param``
lines), or one that the writer made with blanks. Laying out again finds the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dynattn.syntax import tree as t
from dynattn.syntax.rows import Row
from dynattn.syntax.script import Script
from dynattn.syntax.spacing import width

T = TypeVar("T")

GAP = 2
"""The least number of blanks before a description or a comment."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Token ``token`` of row ``row`` may stand in a column with that of the next row.

    Rows of one ``kind`` always share a column; those of one ``family`` where the writer has them
    share it. ``kind`` is empty for what only follows the writer.
    """

    row: int
    token: int
    family: str
    kind: str = ""


def padding(script: Script, rows: Sequence[Row]) -> dict[int, int]:
    """How many blanks stand before a token, beyond those it would have on its own."""
    extra: dict[int, int] = {}
    ruler = Ruler(script, rows, extra)
    for stops in (value_stops(script, rows), brace_stops(script, rows)):
        for group in groups(ruler, stops):
            ruler.align(group, 0)
    for group in described(ruler, doc_stops(script, rows)):
        gap = min(script.source_gap(stop.token) for stop in group)
        ruler.align(group, max(gap, GAP) - 1)
    return extra


@dataclass(frozen=True, slots=True)
class Ruler:
    """Measures rows with the ``extra`` blanks found so far."""

    script: Script
    rows: Sequence[Row]
    extra: dict[int, int]

    def align(self, group: Sequence[Stop], gap: int) -> None:
        """Put the tokens of a group below each other, ``gap`` blanks behind the longest text."""
        reaches = [self.reach(stop) for stop in group]
        for stop, reach in zip(group, reaches, strict=True):
            self.extra[stop.token] = max(reaches) - reach + gap

    def reach(self, stop: Stop) -> int:
        """How far a row reaches before the token, indent left out."""
        first = self.rows[stop.row].first
        blanks = sum(self.extra.get(k, 0) for k in range(first + 1, stop.token))
        return width(self.script, first, stop.token - 1) + blanks

    def offset(self, stop: Stop) -> int:
        """Where the writer has the token, counted from the start of its row."""
        first = self.rows[stop.row].first
        return self.script.column(stop.token) - self.script.column(first)

    def neighbours(self, first: Stop, second: Stop) -> bool:
        """Whether nothing stands between two rows of one body."""
        above, below = self.rows[first.row], self.rows[second.row]
        ends_body = above.is_head or above.is_closing
        return second.row == first.row + 1 and not ends_body and not below.apart

    def share_column(self, first: Stop, second: Stop) -> bool:
        """Whether the writer put one token below the other, and not by chance."""
        meant = max(self.script.source_gap(stop.token) for stop in (first, second)) > 1
        return meant and self.offset(first) == self.offset(second)


def groups(ruler: Ruler, stops: Sequence[Stop]) -> Iterator[list[Stop]]:
    """The stops of one column each."""

    def joined(first: Stop, second: Stop) -> bool:
        if not ruler.neighbours(first, second) or first.family != second.family:
            return False
        alike = bool(first.kind) and first.kind == second.kind
        return alike or ruler.share_column(first, second)

    return chains(stops, joined)


def described(ruler: Ruler, stops: Sequence[Stop]) -> Iterator[list[Stop]]:
    """The descriptions of one column each; there may be rows without one between them."""

    def joined(first: Stop, second: Stop) -> bool:
        same_depth = ruler.rows[first.row].depth == ruler.rows[second.row].depth
        below = ruler.offset(first) == ruler.offset(second)
        return ruler.neighbours(first, second) or (same_depth and below)

    return chains(stops, joined)


def chains(items: Sequence[T], joined: Callable[[T, T], bool]) -> Iterator[list[T]]:
    """Consecutive items, each joined with the one before."""
    chain: list[T] = []
    for item in items:
        if chain and not joined(chain[-1], item):
            yield chain
            chain = []
        chain.append(item)
    if chain:
        yield chain


# ── where stops are ────────────────────────────────────────────────────────────────────────────


def value_stops(script: Script, rows: Sequence[Row]) -> list[Stop]:
    """What follows the word of a clause, the name of a quantity, the colon of a coupling."""
    found = []
    for number, row in enumerate(rows):
        if row.is_closing:
            continue
        node = script.items[script.spots[row.first]]
        stop = value_stop(script, row.first, node)
        if stop is not None and unbroken(script, row.first, stop[0]):
            token, family, kind = stop
            alone = len(row.items) == 1 and not row.is_head
            found.append(Stop(number, token, family, kind if alone else ""))
    return found


def value_stop(script: Script, first: int, node: t.Node) -> tuple[int, str, str] | None:
    """The token of an item that may stand in a column, its family and its kind."""
    match node:
        case t.Clause(target=target):
            return first + (3 if target else 1), "clause", "clause"
        case t.Quantities(keyword=keyword, entries=entries):
            kind = keyword if len(entries) == 1 else ""
            token = after_name(script, first + 1, entries[0])
            return None if token is None else (token, "name", kind)
        case t.Let() | t.Graph() | t.Observe():
            return first + 2, "name", type(node).__name__
        case t.Equation(operator="'"):
            return first + 2, "name", ""
        case t.Assign() | t.Equation():
            return first + 1, "name", ""
        case t.Coupling(sender=sender) if sender is not None:
            return first + 3, "coupling", "coupling"
    return None


def after_name(script: Script, name: int, entry: t.Quantity) -> int | None:
    """The token after the name of a quantity and its axes; None where a description follows."""
    if not (entry.manifold or entry.init or entry.limits):
        return None
    closing, _ = script.brackets
    last = closing[name + 1] if entry.axes else name + entry.prime
    return last + 1


def brace_stops(script: Script, rows: Sequence[Row]) -> list[Stop]:
    """Opening braces: those of blocks on one line always, others as the writer has them."""
    found = []
    for number, row in enumerate(rows):
        if len(row.items) != 1 or (token := row.items[0].opening) is None:
            continue
        if unbroken(script, row.first, token):
            node = script.items[script.spots[row.first]]
            kind = "" if row.is_head else type(node).__name__
            found.append(Stop(number, token, "brace", kind))
    return found


def doc_stops(script: Script, rows: Sequence[Row]) -> list[Stop]:
    """Descriptions at the end of a row."""
    found = []
    for number, row in enumerate(rows):
        if len(row.items) != 1 or not unbroken(script, row.first, row.last):
            continue
        node = script.items[script.spots[row.first]]
        if isinstance(node, t.Quantities) and node.entries[-1].doc is not None:
            found.append(Stop(number, row.last, "doc"))
    return found


def unbroken(script: Script, first: int, last: int) -> bool:
    return script.line(first) == script.line(last)
