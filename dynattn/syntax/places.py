"""Where in the source a token or a parse tree stands."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.report import Collector, Source, Span


def span_of(source: Source, piece: Any) -> Span:
    """The span of a token, or of the meta of a parse tree."""
    return Span(source, piece.line, piece.column, piece.end_line, piece.end_column)


def start_of(source: Source) -> Span:
    return Span(source, 1, 1, 1, 1)


class Place:
    """What a building function is told beside the children: the span, and where to complain."""

    __slots__ = ("collector", "source", "span")

    def __init__(self, source: Source, meta: Any, collector: Collector):
        self.source = source
        self.span = start_of(source) if meta.empty else span_of(source, meta)
        self.collector = collector

    def of(self, token: Any) -> Span:
        """The span of one token of this piece."""
        return span_of(self.source, token)

    def to_end(self, first: Span) -> Span:
        """From ``first`` to the end of this piece."""
        return first.to(Span(self.source, 1, 1, self.span.end_line, self.span.end_column))

    def refuse(self, code: str, message: str, fix: str, span: Span | None = None) -> None:
        self.collector.add(code, message, span or self.span, fix)
