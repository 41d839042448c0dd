"""A token that the parser refused, all around it, and how to go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from lark import Token

from dynattn.diagnostics.report import Diagnostic, Source, Span
from dynattn.syntax.layout import END
from dynattn.syntax.places import span_of, start_of
from dynattn.syntax.words import Block, Words


class Cure(Enum):
    """How to go on after a mistake."""

    SKIP = auto()
    """Leave out the rest of the declaration or clause."""
    SWALLOW = auto()
    """The same, the token that was refused first of all."""
    SKIP_BLOCK = auto()
    """Leave out everything up to and with the next closing brace."""
    CLOSE_BLOCK = auto()
    """Take a ``}`` as read before the present statement."""
    OPEN_BLOCK = auto()
    """Take a ``{`` as read."""
    CLOSE_BRACKET = auto()
    """Take a ``)`` or ``]`` as read."""
    SEPARATE = auto()
    """Take a ``;`` as read."""
    RESTART = auto()
    """The token before the refused one begins a new statement."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A token that the parser refused, and all around it that a message may need.

    ``statement``: what was read of the present declaration or clause; ``previous``: where that is
    nothing, the one before; ``before``: the last token read; ``accepts``: the terminals that would
    fit; ``blocks``: the blocks it stands in, outermost first; ``open``: the open brackets.
    """

    source: Source
    token: Token
    statement: tuple[Token, ...]
    previous: tuple[Token, ...]
    before: Token | None
    accepts: frozenset[str]
    blocks: tuple[Block, ...]
    open: tuple[Token, ...]
    words: Words

    @property
    def here(self) -> Span:
        return self.after if self.token.type in (END, "$END") else span_of(self.source, self.token)

    @property
    def after(self) -> Span:
        """One column, just behind the last token read: where something is missing."""
        if self.before is None:
            return start_of(self.source)
        line, column = self.before.end_line or 1, self.before.end_column or 1
        return Span(self.source, line, column, line, column + 1)

    @property
    def head(self) -> Token:
        """The first token of the present declaration or clause."""
        return self.statement[0] if self.statement else self.token

    @property
    def block(self) -> Block | None:
        return self.blocks[-1] if self.blocks else None

    @property
    def begins_line(self) -> bool:
        return self.before is not None and comes_below(self.token, self.before)

    @property
    def wants_expression(self) -> bool:
        return {"NAME", "NUMBER", "LPAR"} <= self.accepts

    @property
    def in_brackets(self) -> bool:
        return bool(self.open) and self.open[-1] != "{"


def comes_below(second: Token, first: Token) -> bool:
    """Whether a token begins on a later line than the other one ends."""
    return (second.line or 0) > (first.end_line or 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell (None: nothing new) and how to go on."""

    diagnostic: Diagnostic | None
    cure: Cure = Cure.SKIP
