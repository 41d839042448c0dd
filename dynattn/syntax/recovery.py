"""Feeds the tokens to the parser; after a mistake, sets it up to go on with the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedToken

from dynattn.diagnostics.report import Collector, Source
from dynattn.syntax.grammar import lark_parser
from dynattn.syntax.layout import CLOSES, END, MAX_BRACKETS, Layout, TooDeep
from dynattn.syntax.messages import explain, explain_depth
from dynattn.syntax.trouble import Cure, Trouble, Verdict
from dynattn.syntax.words import Block, Words

MAX_MISTAKES = 30
"""After so many the rest of the text is not read."""

CLOSING_TYPES = {"(": "RPAR", "[": "RSQB"}
SIGNS = {opening: sign for sign, opening in CLOSES.items()}


class Recovery:
    """One pass over one text. ``run`` gives the parse tree; mistakes go to ``collector``."""

    def __init__(self, source: Source, start: str, layout: Layout, collector: Collector):
        parser = lark_parser()
        self.source = source
        self.layout = layout
        self.collector = collector
        self.interactive = parser.parse_interactive(source.text, start=start)
        self.words = Words(parser, self.interactive.parser_state.parse_conf.states)
        self.history: list[Token] = []
        self.waiting: deque[Token] = deque()
        self.skipping = False
        self.skipped_braces = 0
        self.rest: Any = None
        """The parse tree without what was wrong, where the end of the text was reached."""

    def run(self) -> Any:
        """The parse tree; None where a mistake was found."""
        try:
            for token in self.layout.process(self.tokens()):
                self.waiting.append(token)
                if not self.work():
                    return None
        except TooDeep as error:
            explain_depth(self.source, error.token, self.collector)
            return None
        return self.finish()

    def tokens(self) -> Iterator[Token]:
        thread: Any = self.interactive.lexer_thread
        # The lexer under lark's own connection to the layout: each text has a layout of its own.
        return thread.lexer.lexer.lex(thread.state, self.interactive.parser_state)

    def work(self) -> bool:
        """Feed all that waits. False where there were too many mistakes."""
        while self.waiting:
            self.take(self.waiting.popleft())
        return len(self.collector.found) < MAX_MISTAKES

    def take(self, token: Token) -> None:
        if self.skipping:
            self.skip(token)
            return
        try:
            self.interactive.feed_token(token)
            self.history.append(token)
        except UnexpectedToken:
            self.fail(token)

    def finish(self) -> Any:
        """The end of the text: the parse tree, or None after a mistake."""
        self.skipping = False
        if self.collector.found and not self.blocks():
            return None  # one expression: all that can be told was told
        last = self.history[-1] if self.history else Token("$END", "", 0, 1, 1, 1, 1, 0)
        end = Token.new_borrow_pos("$END", "", last)
        for _ in range(2 * MAX_BRACKETS):  # each turn closes a bracket or a block
            try:
                self.rest = self.interactive.feed_token(end)
                return None if self.collector.found else self.rest
            except UnexpectedToken:
                self.fail(end)
                self.waiting.clear()
                self.skipping = False
                self.layout.forget_brackets()
                if not self.blocks():
                    return None
        return None

    # ── mistakes ───────────────────────────────────────────────────────────────────────────────

    def fail(self, token: Token) -> None:
        verdict = explain(self.trouble(token))
        if verdict.diagnostic and verdict.diagnostic not in self.collector.found:
            self.collector.found.append(verdict.diagnostic)
        self.mend(verdict, token)

    def trouble(self, token: Token) -> Trouble:
        return Trouble(
            self.source,
            token,
            tuple(self.statement()),
            tuple(self.statement(self.history[:-1])) if not self.statement() else (),
            self.history[-1] if self.history else None,
            frozenset(self.interactive.accepts()),
            tuple(filter(None, (self.words.block(self.stack[item]) for item in self.blocks()))),
            tuple(self.layout.open),
            self.words,
        )

    def statement(self, history: list[Token] | None = None) -> list[Token]:
        """What was taken since the last separator or brace; of a block, its closing brace."""
        history = self.history if history is None else history
        if history and history[-1].type == "RBRACE":
            return history[-1:]
        start = len(history)
        while start and history[start - 1].type not in (END, "LBRACE", "RBRACE"):
            start -= 1
        return history[start:]

    @property
    def stack(self) -> list[Any]:
        return self.interactive.parser_state.state_stack

    def blocks(self) -> list[int]:
        """The places in the parser's stack where a declaration or clause may begin, outer first.

        Of several places in one block the last counts: what came before stays parsed.
        """
        places: list[int] = []
        for place, state in enumerate(self.stack):
            block: Block | None = self.words.block(state)
            if block is not None:
                if places and self.same_block(places[-1], place):
                    places.pop()
                places.append(place)
        values = self.interactive.parser_state.value_stack
        closed = bool(values) and isinstance(values[-1], Token) and values[-1].type == "RBRACE"
        return places[:-1] if closed else places

    def same_block(self, first: int, second: int) -> bool:
        """Whether no brace was opened between two places of the stack."""
        values = self.interactive.parser_state.value_stack[first:second]
        return not any(isinstance(value, Token) and value.type == "LBRACE" for value in values)

    # ── going on ───────────────────────────────────────────────────────────────────────────────

    def mend(self, verdict: Verdict, token: Token) -> None:
        match verdict.cure:
            case Cure.SKIP:
                self.start_skipping()
                self.waiting.appendleft(token)
            case Cure.SWALLOW:
                self.start_skipping()
            case Cure.SKIP_BLOCK:
                self.start_skipping()
                self.skipped_braces = 1
            case Cure.CLOSE_BLOCK:
                self.close_block(token)
            case Cure.OPEN_BLOCK:
                self.open_block(token)
            case Cure.CLOSE_BRACKET:
                self.close_bracket(token)
            case Cure.SEPARATE:
                self.put(END, ";", token)
                self.waiting.appendleft(self.retyped(token))
            case Cure.RESTART:
                last = self.history[-1]
                self.back_to_block()
                self.layout.forget_brackets()
                self.waiting.extendleft((token, self.retyped(last)))

    def put(self, type_: str, text: str, near: Token) -> None:
        """Feed a token that the text lacks."""
        token = Token.new_borrow_pos(type_, text, self.history[-1] if self.history else near)
        self.interactive.feed_token(token)
        self.history.append(token)

    def retyped(self, token: Token) -> Token:
        """The token as the lexer would have read it where the parser stands now."""
        row = self.words.table[self.stack[-1]]
        type_ = self.words.types.get(str(token))
        if type_ is None or token.type == "STRING":
            return token
        return token.update(type=type_ if type_ in row else "NAME")

    def back_to_block(self) -> None:
        """Forget the unfinished declaration or clause."""
        places = self.blocks()
        place = places[-1] if places else 0
        del self.interactive.parser_state.state_stack[place + 1 :]
        del self.interactive.parser_state.value_stack[place:]
        self.history = self.history[: len(self.history) - len(self.statement())]

    def start_skipping(self) -> None:
        self.back_to_block()
        self.skipping, self.skipped_braces = True, 0

    def skip(self, token: Token) -> None:
        """Leave out tokens up to the separator or the closing brace of the present block."""
        if token.type == "LBRACE":
            self.skipped_braces += 1
        elif token.type == "RBRACE" and self.skipped_braces:
            self.skipped_braces -= 1
        elif token.type in (END, "RBRACE") and not self.skipped_braces:
            self.skipping = False
            self.layout.forget_brackets()
            if token.type == "RBRACE":
                self.waiting.appendleft(token)

    def close_block(self, token: Token) -> None:
        """Put in the brace that is missing before the present statement."""
        again = [] if token.type == "$END" else [*self.statement(), token]
        self.back_to_block()
        self.layout.forget_brackets()
        self.layout.close("{")
        self.put("RBRACE", "}", token)
        if again:
            self.put(END, ";", token)
            again[0] = self.retyped(again[0])
        self.waiting.extendleft(reversed(again))

    def open_block(self, token: Token) -> None:
        """Put in a missing opening brace; what closes it later is not asked for again."""
        self.put("LBRACE", "{", token)
        self.layout.open.append(Token.new_borrow_pos("SUPPLIED", "{", self.history[-1]))
        if token.type != END:
            self.waiting.appendleft(self.retyped(token))

    def close_bracket(self, token: Token) -> None:
        """Put in what closes the innermost bracket."""
        opening = str(self.layout.open.pop())
        self.put(CLOSING_TYPES[opening], SIGNS[opening], token)
        if token in CLOSES and not self.layout.would_close(CLOSES[token]):
            return  # it stands in place of the right one
        self.waiting.appendleft(token)
