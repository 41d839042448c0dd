"""The form of one entry in the catalogue of error codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What ``dynattn explain E…`` tells about a code: a title, the reasons, and an example.

    ``wrong`` is a piece of a spec (or a command) that is refused with this code, ``right`` the
    same piece mended.
    """

    title: str
    text: str
    wrong: str = ""
    right: str = ""
