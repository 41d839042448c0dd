"""Which layer a line of a spec stands in."""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model.model import Model


def layer_at(model: Model, span: Span) -> str:
    """The name of the layer whose braces are open where the span begins; '' outside of layers."""
    for layer in model.layers:
        first, source = layer.span.line, layer.span.source
        if source.path != span.source.path or first > span.line:
            continue
        above = [line.partition("#")[0] for line in source.lines[first - 1 : span.line - 1]]
        opened = sum(line.count("{") - line.count("}") for line in above)
        if opened > 0 or first == span.line:
            return layer.name
    return ""
