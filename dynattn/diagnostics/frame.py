"""Diagnostics as text: code, message, place, the line with a caret, notes, fix."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dynattn.diagnostics.report import Diagnostic, Span

if TYPE_CHECKING:
    from rich.text import Text

MAX_COLUMNS = 120
"""A longer line is shown as an excerpt around the caret."""

TAB = 4
"""Columns from one tab stop to the next."""

Part = tuple[str, str]
"""A piece of text and the name of its style."""

STYLES = {"plain": "", "error": "bold red", "title": "bold", "edge": "blue", "fix": "green"}


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as plain text, without a line end at its end."""
    return "".join(text for text, _ in parts(diagnostic))


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics one after the other, and how many they are."""
    return "".join(text for text, _ in all_parts(tuple(diagnostics)))


def styled(diagnostics: Iterable[Diagnostic]) -> Text:
    """The same for a terminal. Spec text is never read as markup."""
    from rich.text import Text

    text = Text()
    for piece, style in all_parts(tuple(diagnostics)):
        text.append(piece, STYLES[style])
    return text


def all_parts(found: tuple[Diagnostic, ...]) -> Iterator[Part]:
    """The pieces of all. Of those that say the like of one place, as points of a sweep that fail
    do, only the first shows the place."""
    before = None
    for item in found:
        again = before is not None and _where(item) == _where(before)
        if before is not None:
            yield "\n" if again else "\n\n", "plain"
        yield from heading(item) if again else parts(item)
        before = item
    yield "\n\n" if found else "", "plain"
    yield counted(len(found)), "error"


def _where(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.code, diagnostic.span, diagnostic.notes, diagnostic.fix


def counted(number: int) -> str:
    return "1 error" if number == 1 else f"{number} errors"


def heading(diagnostic: Diagnostic) -> Iterator[Part]:
    """Its code and what it says."""
    yield f"error[{diagnostic.code}]", "error"
    yield f": {diagnostic.message}", "title"


def parts(diagnostic: Diagnostic) -> Iterator[Part]:
    """The pieces of one diagnostic in reading order."""
    yield from heading(diagnostic)
    spans = [diagnostic.span, *(span for span, _ in diagnostic.notes)]
    width = max((len(str(span.line)) for span in spans if span), default=1)
    if diagnostic.span:
        yield from frame(diagnostic.span, width, "error")
    for span, note in diagnostic.notes:
        yield f"\n{' ' * width} = note: {note}", "plain"
        yield from frame(span, width, "edge")
    if diagnostic.fix:
        yield f"\n{' ' * width} = ", "edge"
        yield f"fix: {diagnostic.fix}", "fix"


def frame(span: Span, width: int, style: str) -> Iterator[Part]:
    """The place of a span and its first line, underlined."""
    margin = " " * width
    yield f"\n{margin}--> ", "edge"
    yield f"{span.source.path}:{span.line}:{span.column}", "plain"
    lines = span.source.lines
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    end = span.end_column if span.end_line == span.line else len(line) + 1
    shown, start, stop = laid_out(line, span.column - 1, max(end - 1, span.column))
    yield f"\n{margin} |\n", "edge"
    yield f"{span.line:>{width}} | ", "edge"
    yield shown, "plain"
    yield f"\n{margin} | ", "edge"
    yield f"{' ' * start}{'^' * max(stop - start, 1)}", style


def laid_out(line: str, start: int, end: int) -> tuple[str, int, int]:
    """A line as a terminal shows it, and the columns where its characters start..end stand.

    Tabs become blanks, what cannot be shown a full stop; a long line an excerpt.
    """
    first, last = excerpt(line, start, end)
    pieces, columns, column = [], [], 0
    if first:
        pieces.append("...")
        column = 3
    for sign in line[first:last]:
        columns.append(column)
        piece = visible(sign, column)
        pieces.append(piece)
        column += columns_of(piece)
    columns.append(column)
    if last < len(line):
        pieces.append("...")
    final = len(columns) - 1
    past = max(start - max(first, len(line)), 0)
    begin = columns[min(start - first, final)] + past
    return "".join(pieces), begin, columns[min(end - first, final)]


def excerpt(line: str, start: int, end: int) -> tuple[int, int]:
    """The part of a line to show: all of it, or what fits round the caret, dots included."""
    if len(line) <= MAX_COLUMNS:
        return 0, len(line)
    room = MAX_COLUMNS - 6
    middle = min((start + end) // 2, start + room // 3)
    first = max(0, min(middle - room // 2, len(line) - room))
    return first, first + room


def visible(sign: str, column: int) -> str:
    if sign == "\t":
        return " " * (TAB - column % TAB)
    return sign if sign.isprintable() or unicodedata.combining(sign) else "."


def columns_of(piece: str) -> int:
    """The number of terminal columns a piece of text takes."""
    return sum(
        0 if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf")
        else 2 if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in piece
    )  # fmt: skip
