"""Walking through a SyntaxTree, and changing it part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from dynattn.diagnostics.report import Source, Span


def parts_of(node: Any) -> tuple[Any, ...]:
    """What stands directly below a node or in a tuple, in the order of the text."""
    if isinstance(node, tuple):
        return node
    if not is_dataclass(node) or isinstance(node, Span | Source | type):
        return ()
    return tuple(getattr(node, part.name) for part in fields(node))


def mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """A node or tuple with all that stands directly below it changed; the same one where nothing
    changes.
    """
    before = parts_of(node)
    after = tuple(change(part) for part in before)
    if all(new is old for new, old in zip(after, before, strict=True)):
        return node
    if isinstance(node, tuple):
        return after
    names = [part.name for part in fields(node)]
    return replace(node, **dict(zip(names, after, strict=True)))
