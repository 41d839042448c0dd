"""The canonical layout of a spec: every token and comment stays, blanks and lines are put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dynattn.diagnostics.report import Source
from dynattn.syntax import tree as t
from dynattn.syntax.columns import GAP, chains, padding
from dynattn.syntax.parse import parse
from dynattn.syntax.rows import INDENT, Row, rows_of
from dynattn.syntax.script import Script, read_script
from dynattn.syntax.spacing import between


class FormatFault(Exception):
    """The formatter changed more than the layout: a fault of dynattn."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the result; ``comment`` stands at its end, with nothing before it where it goes
    on with the comment of the line above.
    """

    text: str = ""
    comment: t.Comment | None = None
    gap: int | None = None
    """How many blanks the source has before the comment."""


def format_source(source: Source) -> str:
    """The text of a spec in canonical layout: the same tree, the same comments.

    Raises SpecError with every syntax error of the text, FormatFault where the result would say
    something else.
    """
    script = read_script(source)
    text = "\n".join(commented(tuple(Writer(script).lines()))) + "\n"
    refuse_change(script.tree, Source(source.path, text))
    return text


def refuse_change(tree: t.SyntaxTree, result: Source) -> None:
    again = parse(result)
    if again.declarations != tree.declarations:
        raise FormatFault(f"{result.path}: the layout would change the meaning")
    if [shown(item) for item in again.comments] != [shown(item) for item in tree.comments]:
        raise FormatFault(f"{result.path}: the layout would change the comments")


def shown(comment: t.Comment) -> str:
    return comment.text.rstrip()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the rows of a script. ``columns`` and ``indents`` say of the tokens written so far
    where they stand, and where their line begins.
    """

    script: Script
    extra: dict[int, int] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)
    indents: dict[int, int] = field(default_factory=dict)

    def lines(self) -> Iterator[Line]:
        rows = rows_of(self.script)
        self.extra.update(padding(self.script, rows))
        fresh = True  # no blank line at the start of the text or of a body
        for row in rows:
            indent = row.indent + INDENT * row.is_closing
            for comment in self.script.above.get(row.first, ()):
                yield from self.own_line(comment, indent, fresh)
                fresh = False
            first = self.script.line(row.first)
            if self.script.starts_line(row.first) and not (fresh or row.is_closing):
                yield from self.blank(first)
            yield from self.row_lines(row)
            fresh = row.is_head
        for comment in self.script.above.get(len(self.script.tokens), ()):
            yield from self.own_line(comment, "", False)

    def own_line(self, comment: t.Comment, indent: str, fresh: bool) -> Iterator[Line]:
        """A comment on a line of its own, below a blank line where one is in the source."""
        if comment.span.line in self.script.continuing:
            yield Line("", comment)
            return
        if not fresh:
            yield from self.blank(comment.span.line)
        yield Line(indent + shown(comment))

    def blank(self, line: int) -> Iterator[Line]:
        """A blank line where one stands before ``line`` in the source."""
        if line - 1 not in self.script.occupied:
            yield Line()

    def row_lines(self, row: Row) -> Iterator[Line]:
        """A row, broken where the writer broke it."""
        script, text = self.script, row.indent
        indent = len(text)
        for k in range(row.first, row.last + 1):
            if k > row.first and script.starts_line(k) and script.tokens[k] != "}":
                yield self.ending(text, k - 1)
                indent, inner = self.continuation(k, row)
                for comment in script.above.get(k, ()):
                    yield from self.own_line(comment, " " * inner, True)
                text = " " * indent
            elif k > row.first:
                text += between(script, k) + " " * self.extra.get(k, 0)
            self.columns[k], self.indents[k] = len(text), indent
            text += script.tokens[k]
        yield self.ending(text, row.last)

    def ending(self, text: str, k: int) -> Line:
        """A line that ends with token ``k``."""
        comment = self.script.trailing.get(k)
        gap = comment and comment.span.column - (self.script.tokens[k].end_column or 0)
        return Line(text, comment, gap)

    def continuation(self, k: int, row: Row) -> tuple[int, int]:
        """Where the line that begins with token ``k`` of a row starts, and a comment above it.

        In brackets: below the first thing in them, or a step in where the bracket ended its line.
        """
        script = self.script
        bracket = script.brackets[1][k]
        if bracket is None or bracket < row.first:
            listed = script.tokens[k - 1] == ","
            start = self.columns[row.first + 1] if listed else len(row.indent) + 2 * len(INDENT)
            return start, start
        hanging = script.starts_line(bracket + 1)
        closes = script.brackets[0][bracket] == k
        if hanging:
            start = self.indents[bracket]
            inner = start + len(INDENT)
        else:
            start, inner = self.columns[bracket], self.columns[bracket + 1]
        return (start if closes else inner), inner


def commented(lines: Sequence[Line]) -> Iterator[str]:
    """The lines with their comments: in one column where they follow each other, and where they
    stand below each other in the source.
    """

    def joined(first: int, second: int) -> bool:
        return second == first + 1 or place(lines[first]) == place(lines[second])

    columns: dict[int, int] = {}
    for group in chains([k for k, line in enumerate(lines) if line.comment], joined):
        gap = max(GAP, min(lines[k].gap or GAP for k in group if lines[k].text))
        reach = max(len(lines[k].text) for k in group)
        columns |= dict.fromkeys(group, reach + gap)
    for k, line in enumerate(lines):
        comment = shown(line.comment) if line.comment else ""
        yield line.text.ljust(columns.get(k, 0)) + comment


def place(line: Line) -> int:
    return line.comment.span.column if line.comment else 0
