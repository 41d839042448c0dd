"""Layers, the network they are composed into, and what comes in from outside."""

from __future__ import annotations

from dataclasses import dataclass, field

from dynattn.diagnostics.report import Span
from dynattn.model.parts import Law
from dynattn.model.terms import Term, Type
from dynattn.vocabulary.sizes import Size


@dataclass(frozen=True)
class Layer:
    """An open system that acts on the model's states: its laws, taken ``steps`` Euler steps of
    size 1.
    """

    name: str
    laws: tuple[Law, ...]
    steps: Size
    couplings: tuple[str, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True)
class AssignStep:
    """``theta = embed(text)``: sets a state or a network variable."""

    name: str
    is_state: bool
    value: Term


@dataclass(frozen=True)
class LayerStep:
    """``attend``: the layer acts on the populations' states."""

    layer: str


@dataclass(frozen=True)
class RepeatStep:
    """``repeat depth { ... }``; ``tied``: one copy of the weights for all rounds."""

    count: Size
    tied: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class OutputStep:
    """``output logits = ...``."""

    name: str
    value: Term


Step = AssignStep | LayerStep | RepeatStep | OutputStep


@dataclass(frozen=True)
class InputUse:
    """``input text: token(V)[T]``."""

    name: str
    type: Type
    """For ``token(V)[T]``: place nodes of the population indexed by T where there is one, dtype
    integer.
    """
    axes: tuple[Size, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Dim:
    """``dim T <= 50``: a sample's own length."""

    name: str
    limit: int | None
    span: Span = field(repr=False)
