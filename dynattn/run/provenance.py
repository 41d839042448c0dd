"""What a result was made with."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version


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
