"""The data files that ship with the package, each with its size and checksum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dynattn.vocabulary.shipped_data import data_places


@dataclass(frozen=True)
class Sample:
    """One shipped file: its size in bytes, the sha256 of those bytes, and what it is."""

    name: str
    size: int
    sha256: str
    doc: str


_ENTRIES = (
    Sample(
        "tinyshakespeare.txt",
        1115394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "Forty thousand lines of Shakespeare's plays; public domain",
    ),
)

SAMPLES: dict[str, Sample] = {entry.name: entry for entry in _ENTRIES}


def find_sample(name: str) -> Path | None:
    """The place of a shipped file, or None where no such file ships or it is gone."""
    if name not in SAMPLES:
        return None
    return next((place / name for place in data_places() if (place / name).is_file()), None)
