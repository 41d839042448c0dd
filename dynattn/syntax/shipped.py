"""Where the specs that ship with dynattn lie: in the package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped_specs() -> dict[str, Path]:
    """Every shipped spec by name."""
    package = Path(__file__).parents[1]
    for folder in (package / "_specs", package.parent / "specs"):
        found = {path.stem: path for path in sorted(folder.glob("*.dyn"))}
        if found:
            return found
    raise FileNotFoundError(f"no specs beside the package {package}")
