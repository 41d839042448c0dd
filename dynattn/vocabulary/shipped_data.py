"""The data files that ship with the specs: in the package, or in a checkout's ``specs/data``."""

from __future__ import annotations

from pathlib import Path


def data_places() -> tuple[Path, ...]:
    """The folders where shipped files may lie."""
    package = Path(__file__).parents[1]
    return (package / "_specs" / "data", package.parent / "specs" / "data")


def shipped_data(name: str) -> Path | None:
    """The place of the shipped file with this bare name, or None where there is none."""
    for place in data_places():
        if place.is_dir() and name in {item.name for item in place.iterdir()}:
            return place / name
    return None


def beside_or_shipped(folder: Path, name: str) -> Path:
    """Where a file that a spec names lies: in the folder of the spec, else with what ships."""
    sample, beside = shipped_data(name), folder / name
    return beside if sample is None or beside.exists() else sample
