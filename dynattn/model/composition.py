"""Layers, the network they are composed into, and what comes in from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dynattn.diagnostics.report import Span
from dynattn.model.parts import Law
from dynattn.model.terms import Term, Type
from dynattn.vocabulary.sizes import Size, fixed


@dataclass(frozen=True)
class Argument:
    """``x: real[T, d]`` in the head of a layer: read inside as the variable ``layer.x``."""

    name: str
    """Full: ``feed.x``."""
    type: Type
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Evolution:
    """How far a layer evolves: so many steps of a fixed-step method, of the same size."""

    steps: Size
    method: str = "euler"
    start: float = 0.0
    step: float = 1.0
    has_time: bool = False
    """Whether ``t`` has a value: from ``start`` on, ``step`` more after every step."""
    gradient: str | None = None
    """``checkpointed``: some states are kept for the backward pass; ``backpropagation``: all that
    the steps make; None: as memory allows."""


@dataclass(frozen=True)
class Adaptive:
    """A layer evolves through time by a method that chooses its steps, for each sample its own."""

    method: str
    start: float
    stop: float
    rtol: float
    atol: float
    span: Span = field(repr=False)
    gradient: str | None = None
    """As of ``Evolution``."""

    def in_steps(self, count: int) -> Evolution:
        """The same stretch in so many steps of one size."""
        size = (self.stop - self.start) / count
        return Evolution(fixed(count), self.method, self.start, size, True, self.gradient)


@dataclass(frozen=True)
class Rest:
    """Where a state is at rest, in closed form: h/|h| on a sphere, for a field h apart from it."""

    state: str
    point: Term


@dataclass(frozen=True)
class Settling:
    """A layer runs until it is at rest, wherever that is; Newton's method goes the last way."""

    rtol: float
    """The relative tolerance of the way there."""
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Layer:
    """An open system: its laws, on the model's states or on its own, and how far it evolves.

    With arguments it is a function: its ``output`` is read after it has evolved. A layer's own
    states begin at their initial values at each use.
    """

    name: str
    laws: tuple[Law, ...]
    couplings: tuple[str, ...]
    span: Span = field(repr=False)
    evolution: Evolution | Adaptive | Settling | None = None
    """None where nothing moves, and where all states are put at ``rests``."""
    rests: tuple[Rest, ...] = ()
    own: tuple[str, ...] = ()
    """Its own states: they are there for one use of the layer."""
    arguments: tuple[Argument, ...] = ()
    output: Term | None = None
    """At its arguments and, where it moves states, after it has evolved; None without arguments."""


@dataclass(frozen=True)
class AssignStep:
    """``theta = embed(text)``: sets a state or a network variable."""

    name: str
    is_state: bool
    value: Term
    owner: str | None = None
    """In a repeat: what the learned parameters of ``value`` are copied as, see ``CallStep``."""


@dataclass(frozen=True)
class CallStep:
    """``x = feed(y)``: the variable ``target`` becomes what the layer makes of the arguments.

    ``owner``: the arguments stand in a repeat and have learned parameters of their own, with this
    for their ``layer``: one copy per time that the step is reached.
    """

    layer: str
    arguments: tuple[tuple[str, Term], ...]
    """By full name (``feed.x``)."""
    target: str
    span: Span = field(repr=False)
    owner: str | None = None


@dataclass
class Calls:
    """The layers that a statement of the network calls, in the order in which they act."""

    repeated: bool
    """Whether the statement stands in a repeat."""
    free: Callable[[str], str]
    """A name for weights, numbered where an earlier statement has it."""
    take: Callable[[str], None]
    """Keeps the name, where there are weights of it."""
    steps: list[CallStep] = field(default_factory=list)

    def target(self, layer: str) -> str:
        """The variable that holds what the next call of the layer gives."""
        before = sum(step.layer == layer for step in self.steps)
        return f"{layer}.output" + (f" {before + 1}" if before else "")


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
    owner: str | None = None
    """As in ``AssignStep``."""


Step = AssignStep | CallStep | LayerStep | RepeatStep | OutputStep


@dataclass(frozen=True)
class InputUse:
    """``input text: token(V)[T]``."""

    name: str
    type: Type
    """For ``token(V)[T]``: place nodes of the population indexed by T, dtype integer."""
    axes: tuple[Size, ...]
    span: Span = field(repr=False)
    signal: bool = False
    """A function of time."""


@dataclass(frozen=True)
class Dim:
    """``dim T <= 50``: a sample's own length."""

    name: str
    limit: int | None
    span: Span = field(repr=False)
