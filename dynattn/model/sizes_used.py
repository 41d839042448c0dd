"""The sizes that stand in a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from dynattn.diagnostics.report import Source, Span
from dynattn.vocabulary.sizes import Size


def sizes_in(value: Any) -> tuple[Size, ...]:
    """Every size that stands anywhere in it, each once: dataclasses, tuples and mappings are
    walked with a stack of their own, as terms may be deep.
    """
    found: dict[Size, None] = {}
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Size):
            found[item] = None
        elif isinstance(item, Mapping):
            stack.extend(item.values())
        elif isinstance(item, tuple | list):
            stack.extend(item)
        elif is_dataclass(item) and not isinstance(item, Span | Source) and id(item) not in seen:
            seen.add(id(item))
            stack.extend(getattr(item, part.name) for part in fields(item))
    return tuple(found)
