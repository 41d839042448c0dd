"""A spec as it is laid out: its tokens, the comments between them, and what the tree says of both.

Tokens are named by their number; separators are no tokens here, they stand after one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lark import Token

from dynattn.diagnostics.report import Source
from dynattn.syntax import tree as t
from dynattn.syntax.layout import CLOSES, END, Layout
from dynattn.syntax.parse import read
from dynattn.syntax.places import span_of
from dynattn.syntax.read import refuse_empty
from dynattn.syntax.walk import parts_of

ITEMS = (
    t.ModelHeader | t.Use | t.Drop | t.Quantities | t.Let | t.Graph | t.Population
    | t.TypeDeclaration | t.Group | t.Coupling | t.Input | t.Layer | t.Network | t.Observe
    | t.Experiment | t.Clause | t.Equation | t.Evolve | t.Output | t.Assign | t.Apply | t.Repeat
    | t.Setting
)  # fmt: skip
"""What stands on its own between two separators."""

Spot = tuple[int, int]
"""Line and column."""


class Recording(Layout):
    """A layout that keeps what it passes on."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[Token] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        for token in super().process(stream):
            self.passed.append(token)
            yield token


def read_script(source: Source) -> Script:
    """The tokens, comments and tree of a spec; SpecError as ``parse``."""
    refuse_empty(source)
    layout = Recording()
    declarations = read(source, "spec", layout)
    comments = tuple(t.Comment(span_of(source, item), str(item)) for item in layout.comments)
    tokens: list[Token] = []
    separated = set()
    for token in layout.passed:
        if token.type == END:
            separated.add(len(tokens) - 1)
        else:
            tokens.append(token)
    tree = t.SyntaxTree(source, declarations, comments)
    return Script(tree, tuple(tokens), frozenset(separated))


@dataclass(frozen=True)
class Script:
    """``separated`` holds the tokens after which a separator stands."""

    tree: t.SyntaxTree
    tokens: tuple[Token, ...]
    separated: frozenset[int]

    # ── where things stand ─────────────────────────────────────────────────────────────────────

    def line(self, k: int) -> int:
        return self.tokens[k].line or 0

    def column(self, k: int) -> int:
        return self.tokens[k].column or 0

    def source_gap(self, k: int) -> int:
        """How many blanks stand before a token that is not the first of its line."""
        return self.column(k) - (self.tokens[k - 1].end_column or 0)

    def starts_line(self, k: int) -> bool:
        return k == 0 or self.line(k) > self.line(k - 1)

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        return tuple((self.line(k), self.column(k)) for k in range(len(self.tokens)))

    @cached_property
    def occupied(self) -> frozenset[int]:
        """The lines on which a token or a comment stands."""
        comments = {item.span.line for item in self.tree.comments}
        return frozenset(comments | {line for line, _ in self.spots})

    # ── brackets ───────────────────────────────────────────────────────────────────────────────

    @cached_property
    def brackets(self) -> tuple[dict[int, int], dict[int, int | None]]:
        """What closes each opening bracket, and the innermost bracket round each token."""
        closing: dict[int, int] = {}
        around: dict[int, int | None] = {}
        pending: list[int] = []
        for k, token in enumerate(self.tokens):
            around[k] = pending[-1] if pending else None
            if token in CLOSES:
                closing[pending.pop()] = k
            elif token in CLOSES.values():
                pending.append(k)
        return closing, around

    # ── comments ───────────────────────────────────────────────────────────────────────────────

    @cached_property
    def trailing(self) -> dict[int, t.Comment]:
        """Comments at the end of a line, by the token before them."""
        found = {}
        for comment in self.tree.comments:
            before = self.tokens_before(comment) - 1
            if before >= 0 and self.line(before) == comment.span.line:
                found[before] = comment
        return found

    @cached_property
    def above(self) -> dict[int, list[t.Comment]]:
        """Comments on lines of their own, by the token after them."""
        ends = {id(comment) for comment in self.trailing.values()}
        found: dict[int, list[t.Comment]] = {}
        for comment in self.tree.comments:
            if id(comment) not in ends:
                found.setdefault(self.tokens_before(comment), []).append(comment)
        return found

    def tokens_before(self, comment: t.Comment) -> int:
        return bisect_left(self.spots, (comment.span.line, comment.span.column))

    @cached_property
    def continuing(self) -> frozenset[int]:
        """The lines of comments that go on with a comment at the end of the line before."""
        lines = {comment.span.line: comment.span.column for comment in self.trailing.values()}
        found = set()
        for comment in self.tree.comments:
            line, column = comment.span.line, comment.span.column
            if line not in lines and lines.get(line - 1) == column:
                lines[line] = column
                found.add(line)
        return frozenset(found)

    # ── what the tree says of a token ──────────────────────────────────────────────────────────

    @cached_property
    def items(self) -> dict[Spot, t.Node]:
        """Declarations, clauses and statements by the place where they begin."""
        return {start(node): node for node in walk(self.tree.declarations) if is_item(node)}

    @cached_property
    def signs(self) -> frozenset[Spot]:
        """Where a sign stands that belongs to what follows it."""
        found = (node for node in walk(self.tree.declarations) if isinstance(node, t.Unary))
        return frozenset(start(node) for node in found)

    @cached_property
    def named(self) -> frozenset[Spot]:
        """Where the name of an argument stands, as n in ``f(n=2)``."""
        kinds = t.Keyword | t.TypeParameter
        found = (node for node in walk(self.tree.declarations) if isinstance(node, kinds))
        return frozenset(start(node) for node in found)

    @cached_property
    def set_off(self) -> frozenset[Spot]:
        """Words that a bracket follows at a distance: those of clauses, and ``edges``."""
        kinds = t.Clause | t.EdgeList
        found = (node for node in walk(self.tree.declarations) if isinstance(node, kinds))
        return frozenset(start(node) for node in found)


def is_item(node: t.Node) -> bool:
    return isinstance(node, ITEMS)


def start(node: t.Node) -> Spot:
    return node.span.line, node.span.column


def walk(root: Any) -> Iterator[t.Node]:
    """Every node below a node or a tuple of nodes."""
    pending = [root]
    while pending:
        item = pending.pop()
        if isinstance(item, t.Node):
            yield item
        pending.extend(parts_of(item))
