"""The checked model: every name resolved, every shape known, nothing left to guess.

Names are qualified by where the declaration stands: ``K`` in the model, ``osc.omega`` in a
population, ``attend.eta`` in a layer. Couplings have plain names; those of a layer are
``attend.sync``. Weights of learned functions are named by their place in the spec:
``attend.gate_q.linear.weight``, ``theta.embed.weight``, ``logits.linear.bias``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dynattn.diagnostics.report import Source, Span
from dynattn.model.summands import Counter, Summand
from dynattn.model.terms import ManifoldUse, Place, Term, Type
from dynattn.vocabulary.sizes import Size


@dataclass(frozen=True)
class Draw:
    """``~ normal(0, 0.5)``: a distribution of ``vocabulary.distributions`` and its arguments.

    Drawn from its own stream, fixed by (seed, full name of the quantity, repeat).
    """

    distribution: str
    arguments: tuple[Term, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Parameter:
    """A number or array with a name: ``param`` (``learned`` False) or ``learn`` and weights
    (True).
    """

    name: str
    place: Place
    shape: tuple[Size, ...]
    init: Term | Draw
    span: Span = field(repr=False)
    learned: bool = False
    manifold: ManifoldUse | None = None
    limits: tuple[float, float] | None = None
    doc: str = ""
    layer: str | None = None
    """The layer that owns it: one copy per use of the layer in the network."""
    role: str = "free"
    """``matrix`` (the weight of a linear map), ``bias``, ``table`` (of embed) or ``free``."""


@dataclass(frozen=True)
class State:
    """A state of a population: one point of a manifold per node."""

    name: str
    population: str
    manifold: ManifoldUse
    axes: tuple[Size, ...]
    """Extra axes in front of the manifold's own: ``state z[H] on sphere(D)`` has (H,)."""
    init: Term | Draw
    span: Span = field(repr=False)
    velocity_of: str | None = None
    """The state whose rate of change this is, where that state has inertia."""

    @property
    def shape(self) -> tuple[Size, ...]:
        """Coordinates per node."""
        return self.axes + self.manifold.shape


@dataclass(frozen=True)
class Population:
    """Nodes: how many, and their states."""

    name: str
    size: Size
    states: tuple[State, ...]
    span: Span = field(repr=False)
    graph: str | None = None
    """The graph it was made from, where it was."""


@dataclass(frozen=True)
class GraphUse:
    """Over which edges a coupling sums: a source of ``vocabulary.graphs`` or a networkx
    generator.
    """

    source: str
    """``everyone``, ``causal``, ``ring``, ``one_to_one``, or ``networkx``."""
    generator: str = ""
    """For networkx: the generator's own name."""
    arguments: tuple[tuple[str, Any], ...] = ()
    """Keyword arguments as numbers, strings, or Size; positional ones are named already."""
    include_self: bool = False
    name: str = ""
    """The name the spec gave it (``net``), or ''."""
    span: Span | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Coupling:
    """S_i = strength_i / normalize * sum_j weight_ij * kernel(x_i, x_j), over the senders j of i.

    With ``counters`` the sum runs over them too: ``summands`` are its parts, and ``kernel`` and
    ``strength`` are for showing, with ``counter`` Terms in them.

    With ``heads`` H, ``kernel`` has shape (H, n/H), ``weight`` shape (H,), and S_i is seen as the
    state's own shape again. The graph's own edge weights multiply unless ``weight`` says otherwise
    (``edge_weights``).
    """

    name: str
    sender: str
    receiver: str
    state: str
    graph: GraphUse
    kernel: Term
    """Edge-level."""
    span: Span = field(repr=False)
    weight: Term | None = None
    """Edge-level; None where none is written."""
    adaptive: str | None = None
    """``softmax``: exp(weight) over its sum over the senders of i; ``normalized``: weight over
    its sum.
    """
    strength: Term | None = None
    """At the receiving node (or global); split into heads where there are heads."""
    normalize: str = "none"
    """``none``, ``size`` (number of nodes of the sending population) or ``degree`` (senders of
    i).
    """
    heads: Size | None = None
    shape: tuple[Size, ...] = ()
    """Shape of S_i per node: the receiving state's."""
    layer: str | None = None
    frustration: Term | None = None
    """As written, for showing; the kernel has it already."""
    edge_weights: bool = True
    counters: tuple[Counter, ...] = ()
    parts: tuple[Summand, ...] = ()
    """Empty without counters."""
    energy: Term | None = None
    """The symmetric pair potential that the kernel is minus the gradient of; edge-level."""

    @property
    def summands(self) -> tuple[Summand, ...]:
        """What adds up to the sum."""
        return self.parts or (Summand(self.kernel, self.strength),)


@dataclass(frozen=True)
class Law:
    """x' = rate, and how a finite step v is taken from x: ``retraction``.

    ``rate`` is P_x(drift + couplings), with op ``coupling`` terms for the sums. ``retraction`` is a
    formula in the placeholders ``x`` and ``v``.
    """

    state: str
    rate: Term
    retraction: Term
    noise: Term | None = None
    """The white noise of the rate, in the placeholder ``W'``: independent standard white noises."""
    discrete: bool = False
    """A map ``h <- EXPR``: ``rate`` is the new value, and the retraction takes it as it is."""

    @property
    def is_velocity(self) -> bool:
        """Whether the law only says that the rate of a state is its velocity."""
        return self.rate.op == "state" and self.rate.payload == f"{self.state}'"


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


@dataclass(frozen=True)
class Observable:
    """``observe r = order(theta)``."""

    name: str
    value: Term
    span: Span = field(repr=False)


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


@dataclass(frozen=True)
class Model:
    """Everything a spec says, checked."""

    name: str
    doc: str
    source: Source = field(repr=False)
    sizes: Mapping[str, int]
    """Values of the parameters that are whole numbers (N, C, H ...); dims (T) are absent."""
    dims: tuple[Dim, ...]
    parameters: tuple[Parameter, ...]
    populations: tuple[Population, ...]
    couplings: tuple[Coupling, ...]
    """All of them, those of layers too."""
    laws: tuple[Law, ...]
    """Of the model outside layers; empty where every law stands in a layer."""
    layers: tuple[Layer, ...]
    inputs: tuple[InputUse, ...]
    network: tuple[Step, ...]
    observables: tuple[Observable, ...]
    simulations: tuple[Simulation, ...]
    """``simulate`` and ``sweep`` experiments, in the order of the text."""
    training: Training | None
    jumps: tuple[Term, ...] = ()
    """Times at which a rate jumps: the ends of pulses, where a solver must stop."""

    @cached_property
    def varied(self) -> frozenset[str]:
        """Parameters that an experiment varies."""
        return frozenset(name for s in self.simulations for name, _ in s.settings)

    @cached_property
    def switches(self) -> Mapping[str, int]:
        """Parameters declared ``in 0 .. 1`` with the value 0 or 1: they choose what is compiled.

        What a switch multiplies by 0 is not part of the program. A parameter that an experiment
        varies is no switch.
        """
        found = {
            p.name: self.sizes[p.name]
            for p in self.parameters
            if p.limits == (0, 1) and self.sizes.get(p.name) in (0, 1) and not p.learned
        }
        return {name: value for name, value in found.items() if name not in self.varied}

    @cached_property
    def states(self) -> Mapping[str, State]:
        """Every state by its full name (``osc.theta``)."""
        return {s.name: s for p in self.populations for s in p.states}

    @cached_property
    def population(self) -> Mapping[str, Population]:
        """Populations by name."""
        return {p.name: p for p in self.populations}

    @cached_property
    def coupling(self) -> Mapping[str, Coupling]:
        """Couplings by name."""
        return {c.name: c for c in self.couplings}

    @cached_property
    def layer(self) -> Mapping[str, Layer]:
        """Layers by name."""
        return {item.name: item for item in self.layers}

    @cached_property
    def parameter(self) -> Mapping[str, Parameter]:
        """Parameters by name."""
        return {p.name: p for p in self.parameters}
