"""What experiments and training are asked to do, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model.terms import Term


@dataclass(frozen=True)
class Record:
    """What an experiment keeps: ``series`` of r, ``average`` of r after a time, ``final`` value
    of r.
    """

    kind: str
    label: str
    """As written: ``average(r) after 50``."""
    value: Term
    after: float | None = None


@dataclass(frozen=True)
class Simulation:
    """``simulate``: the first one holds the defaults of every other experiment."""

    name: str
    span: Span = field(repr=False)
    start: float = 0.0
    stop: float | None = None
    every: float | None = None
    steps: int | None = None
    method: str = "dopri5"
    step: float | None = None
    rtol: float = 1e-6
    atol: float | None = None
    """None: the same as rtol."""
    seed: int = 0
    repeat: int = 1
    settings: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Parameters and the values they take; several make a grid. Empty for a plain simulation."""
    records: tuple[Record, ...] = ()
    """Empty: every state and observable as a series."""


@dataclass(frozen=True)
class Choice:
    """A named choice with options: ``adamw(lr=3e-3, betas=[0.9, 0.95])``, ``text("a.txt",
    context=128)``.
    """

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Training:
    """``train``."""

    span: Span = field(repr=False)
    data: Choice
    loss: Term
    records: tuple[Record, ...]
    """kind ``value``; measured on validation data."""
    optimizer: Choice
    schedule: Choice | None
    clip: float | None
    batch: int
    steps: int | None
    epochs: float | None
    seed: int
