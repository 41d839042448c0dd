"""Experiments that measure how a model moves: one entry of MEASUREMENTS for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A clause that only some kinds of measurement have."""

    takes: str
    """``count``, ``number`` above 0, ``time`` from 0 on, ``condition`` or ``records``."""
    default: float | None = None
    """None: as the measurement itself chooses, or says that it is missing."""


@dataclass(frozen=True)
class Measurement:
    """A kind of experiment."""

    words: Mapping[str, Word]
    """Its own clauses."""
    doc: str
    moves: bool = False
    """Whether its one parameter moves while it is measured; each point of a grid stands still."""


MEASUREMENTS: dict[str, Measurement] = {
    "lyapunov": Measurement(
        {"exponents": Word("count"), "after": Word("time")},
        "how fast small disturbances grow, direction by direction",
    ),
    "passage": Measurement(
        {"when": Word("condition"), "starts": Word("count")},
        "when a condition first holds, from many starts",
    ),
    "hysteresis": Measurement(
        {"record": Word("records")},
        "what a parameter that goes up and down again leads to",
        moves=True,
    ),
}
