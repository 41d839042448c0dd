"""What a result was made with."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynattn.compilation import Compilation


@dataclass(frozen=True)
class Origin:
    """The spec that results are of."""

    text: str
    notes: Mapping[str, Mapping[str, str]]
    """By name: ``long_name``, what the spec says of a parameter."""


def origin_of(compilation: Compilation) -> Origin:
    """What a data set says of its spec."""
    documented = [item for item in compilation.model.parameters if item.doc]
    notes = {item.name: {"long_name": item.doc} for item in documented}
    return Origin(compilation.tree.source.text, notes)


def versions() -> dict[str, str]:
    """Versions of everything that touches the numbers."""
    found = {"python": platform.python_version()}
    for name in ("dynattn", "torch", "torchdiffeq", "numpy", "networkx"):
        number = getattr(sys.modules.get(name), "__version__", None) or _installed(name)
        if number:
            found[name] = str(number)
    return found


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
