"""Experiments that measure how a model moves: one entry of MEASUREMENTS for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A clause that only some kinds of measurement have."""

    takes: str
    """``count``, ``time`` from 0 on, ``condition``, ``records``, ``phases`` or ``energy``."""
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
    singly: bool = False
    """Whether points of a grid are measured one after another."""


MEASUREMENTS: dict[str, Measurement] = {
    "lyapunov": Measurement(
        {"exponents": Word("count"), "after": Word("time")},
        "how fast small disturbances grow, direction by direction",
    ),
    "passage": Measurement(
        {"when": Word("condition"), "starts": Word("count")},
        "when a condition first holds, from many starts",
    ),
    "basins": Measurement(
        {"starts": Word("count"), "record": Word("records")},
        "which share of the starts leads to each attractor",
        singly=True,
    ),
    "locking": Measurement(
        {"of": Word("phases"), "after": Word("time")},
        "mean frequencies of phases, and which of them are locked",
        singly=True,
    ),
    "balance": Measurement(
        {"of": Word("energy")},
        "what becomes of an energy: what dissipates it, what supplies it, what the method loses",
    ),
    "hysteresis": Measurement(
        {"record": Word("records")},
        "what a parameter that goes up and down again leads to",
        moves=True,
    ),
}
