"""Text to syntax tree."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.report import Collector, Source
from dynattn.syntax.build import build
from dynattn.syntax.characters import refuse_lookalikes, refuse_unseen
from dynattn.syntax.grammar import grammar_text
from dynattn.syntax.layout import Layout
from dynattn.syntax.places import span_of
from dynattn.syntax.read import refuse_empty
from dynattn.syntax.recovery import Recovery
from dynattn.syntax.tree import Comment, Expr, SyntaxTree

__all__ = ["grammar_text", "parse", "parse_expression"]


def parse(source: Source) -> SyntaxTree:
    """The syntax tree of a spec.

    Raises SpecError with every syntax error of the text (E101 to E119, E123).
    """
    refuse_empty(source)
    layout = Layout()
    declarations = read(source, "spec", layout)
    comments = tuple(Comment(span_of(source, item), str(item)) for item in layout.comments)
    return SyntaxTree(source, declarations, comments)


def parse_rest(source: Source) -> SyntaxTree | None:
    """The tree of a text with syntax errors, without the declarations and clauses that have them.

    None where the text has none, or too many to say what the rest is.
    """
    layout, collector = Layout(), Collector()
    reader = Recovery(source, "spec", layout, collector)
    reader.run()
    if reader.rest is None or not collector.found:
        return None
    return SyntaxTree(source, build(source, reader.rest, Collector()))


def parse_expression(text: str, path: str) -> Expr:
    """The tree of one expression; ``path`` is what messages show in place of a file name.

    Raises SpecError with the syntax errors of the text.
    """
    return read(Source(path, text), "expr", Layout())


def read(source: Source, start: str, layout: Layout) -> Any:
    """What the text is by the grammar rule ``start``."""
    refuse_unseen(source)
    refuse_lookalikes(source)
    collector = Collector()
    root = Recovery(source, start, layout, collector).run()
    collector.raise_if_any()
    built = build(source, root, collector)
    collector.raise_if_any()
    return built
