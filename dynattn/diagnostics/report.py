"""What a user is told: where in the text (Span), what is wrong and how to mend it (Diagnostic)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Source:
    """The text of one spec and the name it is shown under."""

    path: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text line by line, without line ends."""
        return tuple(self.text.splitlines()) or ("",)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source; lines and columns count from 1, the end column is exclusive."""

    source: Source = field(repr=False, compare=False)
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def text(self) -> str:
        """The words of the spec that this span covers (first line only, where it covers
        several).
        """
        line = self.source.lines[self.line - 1] if self.line <= len(self.source.lines) else ""
        end = self.end_column - 1 if self.end_line == self.line else len(line)
        return line[self.column - 1 : end]

    def to(self, last: Span) -> Span:
        """The stretch from the start of this span to the end of ``last``."""
        return Span(self.source, self.line, self.column, last.end_line, last.end_column)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong: a stable code, the fact, the place, and the fix.

    ``notes`` point at further places, such as an earlier declaration. ``fix`` says what to do
    about it, in a sentence. ``span`` is None for what has no place in a spec (a data file).
    """

    code: str
    message: str
    span: Span | None = None
    fix: str = ""
    notes: tuple[tuple[Span, str], ...] = ()

    @property
    def place(self) -> tuple[int, int]:
        """Sort key: the order in which a reader of the file meets the diagnostics."""
        return (self.span.line, self.span.column) if self.span else (0, 0)


class SpecError(Exception):
    """The user's spec, data or settings are wrong: carries every diagnostic found. Exit code 1."""

    exit_code = 1

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]):
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics = tuple(sorted(found, key=lambda item: item.place))
        super().__init__("\n".join(f"{item.code}: {item.message}" for item in self.diagnostics))


class UsageError(SpecError):
    """The command line is wrong (an unknown name in --set, a device this machine lacks). Exit
    code 2.
    """

    exit_code = 2


class NumericalError(SpecError):
    """The numbers went wrong: NaN, a failed solve, a failed certification. Exit code 3."""

    exit_code = 3

    partial: Any = None
    """What was computed before a solve failed: a Solution of ``solve``, a Trajectory or a Sweep of
    an experiment; None where nothing was."""


class Collector:
    """Gathers diagnostics, so that a stage reports all of a file's mistakes at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        fix: str = "",
        notes: Sequence[tuple[Span, str]] = (),
    ) -> None:
        """Remember one mistake; the same mistake at the same place is kept once."""
        item = Diagnostic(code, message, span, fix, tuple(notes))
        if item not in self.found:
            self.found.append(item)

    def raise_if_any(self, error: Callable[[Iterable[Diagnostic]], SpecError] = SpecError) -> None:
        """Raise everything found so far as one error; do nothing where nothing was found."""
        if self.found:
            raise error(self.found)
