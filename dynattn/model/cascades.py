"""One mistake is told once: what only follows from a misspelt word is left out."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.syntax import tree

MISSPELT = ("E216", "E217")
"""Codes of a word, or of a parameter, that is not known."""
WANTING = ("E403", "E323")
"""Codes of what is not there: it may be what was misspelt."""
NEAR = "did you mean"


def without_consequences(
    found: Sequence[Diagnostic], declarations: Sequence[object]
) -> list[Diagnostic]:
    """``found`` without what is said to be missing where a misspelt word stands, and without the
    words of a kind of ``train`` that a misspelt ``data`` hides.
    """
    spans = [item.span for item in declarations if isinstance(item, tree.Experiment)]
    void: list[Diagnostic] = []
    for whole in spans:
        own = [item for item in found if item.span is not None and _within(item.span, whole)]
        told = [item for item in own if item.code in MISSPELT and item.fix.startswith(NEAR)]
        void += [item for item in own if told and item.code in WANTING]
        if any(item.fix == f"{NEAR} 'data'?" for item in told):
            void += [item for item in own if item.code == "E216" and item not in told]
    layers = [item.fix for item in found if item.code == "E215"]
    void += [
        item
        for item in found
        if item.code == "E404" and any(fix.removeprefix(NEAR).strip(" ?") in item.message
                                       for fix in layers if fix.startswith(NEAR))
    ]  # fmt: skip
    return [item for item in found if item not in void]


def _within(span: Span, whole: Span) -> bool:
    start, first = (span.line, span.column), (whole.line, whole.column)
    return span.source is whole.source and first <= start < (whole.end_line, whole.end_column)
