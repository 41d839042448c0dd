"""Text to syntax tree."""

from __future__ import annotations

import re
from typing import Any

from dynattn.diagnostics.report import Collector, Source, Span, SpecError
from dynattn.syntax.build import build
from dynattn.syntax.grammar import grammar_text
from dynattn.syntax.layout import Layout
from dynattn.syntax.messages import character
from dynattn.syntax.places import span_of
from dynattn.syntax.read import refuse_empty
from dynattn.syntax.recovery import Recovery
from dynattn.syntax.tree import Comment, Expr, SyntaxTree

__all__ = ["grammar_text", "parse", "parse_expression"]

# What Python takes for a line end and an editor does not, and what no editor shows.
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff]|\r(?!\n)")


def parse(source: Source) -> SyntaxTree:
    """The syntax tree of a spec.

    Raises SpecError with every syntax error of the text (E101 to E119, E123).
    """
    refuse_empty(source)
    layout = Layout()
    declarations = read(source, "spec", layout)
    comments = tuple(Comment(span_of(source, item), str(item)) for item in layout.comments)
    return SyntaxTree(source, declarations, comments)


def parse_expression(text: str, path: str) -> Expr:
    """The tree of one expression; ``path`` is what messages show in place of a file name.

    Raises SpecError with the syntax errors of the text.
    """
    return read(Source(path, text), "expr", Layout())


def read(source: Source, start: str, layout: Layout) -> Any:
    """What the text is by the grammar rule ``start``."""
    refuse_unseen(source)
    collector = Collector()
    root = Recovery(source, start, layout, collector).run()
    collector.raise_if_any()
    built = build(source, root, collector)
    collector.raise_if_any()
    return built


def refuse_unseen(source: Source) -> None:
    """Refuse control characters: they would shift every line or column that we report."""
    found = UNSEEN.search(source.text)
    if found:
        before = source.text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SpecError(character(Span(source, line, column, line, column + 1), found[0]))
