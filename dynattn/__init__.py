"""dynattn: systems of coupled units, written as one reads them, compiled to PyTorch.

``load("spec.dyn")`` gives a compiled spec, ``load("runs/...")`` a trained one; ``.build()`` makes
the torch module. ``compare(["a.dyn", "b.dyn"])`` trains specs over the same seeds. Importing the
package loads neither torch nor anything else that is heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.interface import Spec, compare, evaluate, load

__version__ = "0.1.0"

__all__ = ["Compilation", "Spec", "__version__", "compare", "evaluate", "load"]

_HOMES = {
    "Compilation": "dynattn.compilation",
    "Spec": "dynattn.interface",
    "compare": "dynattn.interface",
    "evaluate": "dynattn.interface",
    "load": "dynattn.interface",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dynattn' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
