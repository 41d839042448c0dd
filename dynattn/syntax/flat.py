"""A spec with all that it extends and uses as one text: its own comments and those of its parts
stay where what they stand beside is still there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dynattn.diagnostics.report import Source
from dynattn.syntax import tree as t
from dynattn.syntax.format import format_source
from dynattn.syntax.inherit import parse_whole, relocated
from dynattn.syntax.merge import key_of
from dynattn.syntax.parse import parse
from dynattn.syntax.unparse import INDENT, block_of, line_of

Spot = tuple[int, int]


def flat_text(source: Source) -> str:
    """The merged text in canonical layout: nothing in it rests on another file.

    Raises SpecError as ``parse_whole`` does.
    """
    tree = parse_whole(source)
    if tree.source is source:
        return format_source(source)
    moved = relocated(tree, Path(source.path).parent)
    text = "\n".join(Writer(source, moved.declarations).lines()) + "\n"
    return format_source(Source(source.path, text))


class Writer:
    """Writes declarations that come from several files, each with the comments beside it."""

    def __init__(self, source: Source, declarations: Sequence[Any]):
        self.declarations = declarations
        self.own = source
        self.notes = {id(source): Notes(source)}
        for node in (one for item in declarations for one in items_below(item)):
            self.notes_of(node)

    def lines(self) -> Iterator[str]:
        """All lines, unindented blocks and all; a blank one where the sources have one."""
        previous: Source | None = None
        for item in joined(self.declarations):
            notes = self.notes_of(item)
            if previous is not None and (item.span.source is not previous or notes.apart(item)):
                yield ""
            previous = item.span.source
            yield from self.written(item)
        yield from self.notes[id(self.own)].last

    def notes_of(self, item: Any) -> Notes:
        source = item.span.source
        if id(source) not in self.notes:
            self.notes[id(source)] = Notes(source)
        return self.notes[id(source)]

    def written(self, item: Any) -> list[str]:
        """One declaration, clause or statement with its comments."""
        notes = self.notes_of(item)
        above, beside, parts = notes.above(item), notes.beside(item), block_of(item)
        if parts is None:
            return [*above, line_of(item) + beside]
        above += self.of_changes(item)
        head, body = parts
        inner = [line for one in joined(body) for line in self.written(one)] + notes.tail(item)
        short = item.span.line == item.span.end_line and not any("#" in one for one in inner)
        if not inner or (short and not any(one.endswith("{") for one in inner)):
            inside = f" {'; '.join(inner)} " if inner else " "
            return [*above, f"{head} {{{inside}}}{beside}"]
        opening = notes.at_head(item)
        return [
            *above, f"{head} {{{opening}", *(f"{INDENT}{one}" for one in inner),
            "}" + beside,
        ]  # fmt: skip

    def of_changes(self, item: t.Node) -> Iterator[str]:
        """The comments of what changes the body of an item alone: lines above it."""
        for notes in reversed(self.notes.values()):
            for change in notes.changes:
                if notes.source is not item.span.source and key_of(change) == key_of(item):
                    beside = (notes.at_head(change), notes.beside(change))
                    yield from (*notes.above(change), *(text.strip() for text in beside if text))
                    yield from notes.tail(change)


class Notes:
    """The comments of one file, and where they belong: each to one thing."""

    def __init__(self, source: Source):
        tree = parse(source)
        self.source = source
        self.found = {(c.span.line, c.span.column): c.text.rstrip() for c in tree.comments}
        ends = [node for item in tree.declarations for node in items_below(item)]
        closing = [ending(node) for node in ends if block_of(node) is not None]
        self.starts = sorted([*((n.span.line, n.span.column) for n in ends), *closing])
        self.last = [] if not self.starts else [
            text for spot, text in self.found.items() if spot > self.starts[-1] and self.alone(spot)
        ]  # fmt: skip
        self.changes = tuple(item for item in tree.declarations if changes_body_alone(item))

    def alone(self, spot: Spot) -> bool:
        """Whether nothing stands before the comment on its line."""
        return not self.source.lines[spot[0] - 1][: spot[1] - 1].strip()

    def above(self, item: t.Node) -> list[str]:
        """The lines of comment between what stands before an item and the item."""
        start = (item.span.line, item.span.column)
        earlier = [spot for spot in self.starts if spot < start]
        floor = earlier[-1] if earlier else (0, 0)
        return [
            text for spot, text in self.found.items()
            if floor < spot < start and self.alone(spot) and spot[0] < item.span.line
        ]  # fmt: skip

    def tail(self, item: t.Node) -> list[str]:
        """The lines of comment between the last part of a block and its closing brace."""
        end = ending(item)
        floor = max(spot for spot in self.starts if spot < end)
        return [
            text for spot, text in self.found.items() if floor < spot < end and self.alone(spot)
        ]

    def beside(self, item: t.Node) -> str:
        """The comment behind the end of an item, where nothing stands between them."""
        return self._after(item.span.end_line, item.span.end_column)

    def at_head(self, item: t.Node) -> str:
        """The comment behind the brace that opens a block."""
        line = self.source.lines[item.span.line - 1]
        brace = line.find("{", item.span.column - 1)
        return self._after(item.span.line, brace + 2) if brace >= 0 else ""

    def _after(self, line: int, column: int) -> str:
        rest = self.source.lines[line - 1][column - 1 :]
        blanks = re.match(r"[\s;]*", rest)
        spot = (line, column + (blanks.end() if blanks else 0))
        return f"  {self.found[spot]}" if spot in self.found else ""

    def apart(self, item: t.Node) -> bool:
        """Whether a blank line stands above an item and the comments that belong to it."""
        line = item.span.line - 1
        while line and self.source.lines[line - 1].lstrip().startswith("#"):
            line -= 1
        return line > 0 and not self.source.lines[line - 1].strip()


def ending(item: t.Node) -> Spot:
    """Where the closing brace of a block stands."""
    return item.span.end_line, item.span.end_column - 1


def changes_body_alone(item: Any) -> bool:
    """Whether a declaration leaves its head to what it changes, whose place in a file it takes."""
    if isinstance(item, t.Population):
        return item.size is None
    return isinstance(item, t.Coupling) and item.sender is None


def items_below(item: Any) -> Iterator[t.Node]:
    """A declaration and all clauses and statements in it; of a list of quantities, each."""
    yield item
    if isinstance(item, t.Quantities):
        yield from item.entries
    for one in getattr(item, "body", None) or getattr(item, "clauses", None) or ():
        yield from items_below(one)


def joined(items: Iterable[Any]) -> Iterator[Any]:
    """The items, with quantities that stand in one line of the source in one declaration again."""
    group: list[t.Quantities] = []
    for item in items:
        if group and not continues(group[-1], item):
            yield one_of(group)
            group = []
        if isinstance(item, t.Quantities):
            group.append(item)
        else:
            yield item
    if group:
        yield one_of(group)


def continues(first: t.Quantities, second: Any) -> bool:
    """Whether only a comma stands between the two in the source."""
    if not isinstance(second, t.Quantities) or second.keyword != first.keyword:
        return False
    a, b = first.span, second.span
    if a.source is not b.source or a.end_line != b.line:
        return False
    return a.source.lines[a.end_line - 1][a.end_column - 1 : b.column - 1].strip() == ","


def one_of(group: Sequence[t.Quantities]) -> t.Quantities:
    entries = tuple(entry for item in group for entry in item.entries)
    return replace(group[0], span=group[0].span.to(group[-1].span), entries=entries)
