"""Line ends: which of them separate, and which only break a long line."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token
from lark.lark import PostLex

MAX_BRACKETS = 100
"""Deepest nesting of brackets of any kind."""

END = "_END"
CLOSES = {")": "(", "]": "[", "}": "{"}

CONTINUING = frozenset(
    (
        *("=", "~", ",", ":", "..", "->", "<-", "+", "-", "*", "/", "^", "@", "(", "[", "{"),
        *("==", "!=", "<", "<=", ">", ">=", "and", "or", "not"),
    )
)
"""What cannot end a declaration: a line end after one of these breaks the line and no more."""


class TooDeep(Exception):
    """More than MAX_BRACKETS brackets are open at ``token``."""

    def __init__(self, token: Token):
        super().__init__(token)
        self.token = token


class Layout(PostLex):
    """Passes on the tokens of one text, merges separators, drops line ends that only break a line.

    Holds what the messages need: the brackets open and the token passed on before the present one.
    """

    # Accepted in every state, so that a wrong word or sign is always a whole token, and the parser
    # (which knows what it expected) is the one to refuse it. UPDATE is not: in `n <-1` the `<`
    # compares, at the start of a line `n <- 1` is an equation.
    always_accept = (
        *(END, "COMMENT", "NAME", "NUMBER", "STRING", "UNTERMINATED", "STRAY", "AND", "OR", "NOT"),
        *("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE", "COMMA", "COLON", "EQUAL", "TILDE"),
        *("PLUS", "MINUS", "STAR", "SLASH", "MATMUL", "CARET", "PRIME", "DOT", "DOTS", "ARROW"),
        *("EQ", "NE", "LE", "GE", "LT", "GT"),
    )

    def __init__(self) -> None:
        self.open: list[Token] = []
        self.comments: list[Token] = []
        self.last: Token | None = None

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        for token in stream:
            if token.type == "COMMENT":
                self.comments.append(token)
            elif token.type != END or self.separates(token):
                yield token
                self.follow_brackets(token)
                self.last = token

    def separates(self, token: Token) -> bool:
        """Whether a ``;`` or line end stands between two things."""
        if self.last is None or self.last.type == END or self.last == "{":
            return False
        if token == ";":
            return True
        return not self.in_brackets and self.last not in CONTINUING

    @property
    def in_brackets(self) -> bool:
        """Whether the innermost open bracket is ``(`` or ``[``."""
        return bool(self.open) and self.open[-1] != "{"

    def follow_brackets(self, token: Token) -> None:
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            self.open.append(token)
            if len(self.open) > MAX_BRACKETS:
                raise TooDeep(token)
        elif token.type in ("RPAR", "RSQB", "RBRACE"):
            self.close(CLOSES[token])

    def close(self, opening: str) -> None:
        """Take away the innermost ``opening`` and what was left open inside it.

        A ``)`` or ``]`` never reaches past a ``{``.
        """
        if self.would_close(opening):
            while self.open.pop() != opening:
                pass

    def would_close(self, opening: str) -> bool:
        """Whether there is an ``opening`` to close here."""
        for token in reversed(self.open):
            if token == opening or token == "{":
                return token == opening
        return False

    def forget_brackets(self) -> None:
        """Take the ``(`` and ``[`` opened since the last ``{`` as closed."""
        while self.in_brackets:
            self.open.pop()
