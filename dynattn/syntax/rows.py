"""What stands on one line: the writer's own lines, where they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dynattn.syntax.script import Script
from dynattn.syntax.spacing import width

WIDTH = 100
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Item:
    """The tokens ``first`` to ``last`` of one declaration, clause or statement; ``opening`` is
    its brace, ``body`` what stands behind it.
    """

    first: int
    last: int
    opening: int | None = None
    body: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """The tokens ``first`` to ``last``: whole items, or what stands before or behind a body.

    ``items`` is empty for a closing brace. ``apart`` tells of a blank line before the row or
    before a comment above it.
    """

    first: int
    last: int
    depth: int
    items: tuple[Item, ...]
    apart: bool

    @property
    def is_head(self) -> bool:
        """Whether a body follows."""
        return len(self.items) == 1 and self.items[0].opening == self.last

    @property
    def is_closing(self) -> bool:
        return not self.items

    @property
    def indent(self) -> str:
        return INDENT * self.depth


def rows_of(script: Script) -> tuple[Row, ...]:
    """The rows of a spec, from top to bottom."""
    return tuple(Arrangement(script).rows(items_between(script, 0, len(script.tokens)), 0))


def items_between(script: Script, first: int, stop: int) -> tuple[Item, ...]:
    """The items that the tokens from ``first`` to before ``stop`` are."""
    found = []
    while first < stop:
        found.append(item_at(script, first, stop))
        first = found[-1].last + 1
    return tuple(found)


def item_at(script: Script, first: int, stop: int) -> Item:
    closing, _ = script.brackets
    for k in range(first, stop):
        if script.tokens[k] == "{":
            return Item(first, closing[k], k, items_between(script, k + 1, closing[k]))
        if k in script.separated:
            return Item(first, k)
    return Item(first, stop - 1)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Decides what goes on one line. Widths are those without alignment, so that the decision
    is the same when the result is laid out again.
    """

    script: Script

    def rows(self, items: Sequence[Item], depth: int) -> Iterator[Row]:
        for group in self.on_one_line(items):
            if len(group) > 1 and self.fits(group, depth):
                yield self.row(group[0].first, group[-1].last, depth, tuple(group))
            else:
                for item in group:
                    yield from self.item_rows(item, depth)

    def on_one_line(self, items: Sequence[Item]) -> list[list[Item]]:
        """The items by the lines of the source."""
        groups: list[list[Item]] = []
        for item in items:
            if groups and not self.script.starts_line(item.first):
                groups[-1].append(item)
            else:
                groups.append([item])
        return groups

    def item_rows(self, item: Item, depth: int) -> Iterator[Row]:
        if item.opening is None or self.stays_closed(item, depth):
            yield self.row(item.first, item.last, depth, (item,))
            return
        yield self.row(item.first, item.opening, depth, (item,))
        if self.script.line(item.opening) == self.script.line(item.last):
            for inner in item.body:  # too long for one line: a line for each
                yield from self.item_rows(inner, depth + 1)
        else:
            yield from self.rows(item.body, depth + 1)
        yield self.row(item.last, item.last, depth, ())

    def stays_closed(self, item: Item, depth: int) -> bool:
        """Whether a block stands on one line."""
        if item.body or item.opening in self.script.trailing or item.last in self.script.above:
            return self.fits([item], depth)
        return True

    def fits(self, items: Sequence[Item], depth: int) -> bool:
        """Whether items that stand on one line have room there."""
        first, last = items[0].first, items[-1].last
        if self.script.line(first) != self.script.line(last):
            return False
        return depth * len(INDENT) + width(self.script, first, last) <= WIDTH

    def row(self, first: int, last: int, depth: int, items: tuple[Item, ...]) -> Row:
        before = self.script.line(first - 1) if first else 0
        lines = range(before + 1, self.script.line(first))
        apart = any(line not in self.script.occupied for line in lines)
        return Row(first, last, depth, items, apart)
