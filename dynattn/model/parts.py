"""What a model is made of, checked: parameters, states, populations, couplings and laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Span
from dynattn.model.summands import Counter, Summand
from dynattn.model.terms import ManifoldUse, Place, Term, Type
from dynattn.vocabulary.sizes import Size

if TYPE_CHECKING:
    from dynattn.vocabulary.node_selection import Condition


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
    dtype: str = "real"
    """``real`` or ``complex``."""


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
    coupling: str = ""
    """The coupling whose edges it lives on, where it does; it has no population then."""
    averaged: bool = False
    """Whether it holds the stages of a distributed delay, which are its law."""

    @property
    def place(self) -> Place:
        """Where it lives."""
        return Place("edges", self.coupling) if self.coupling else Place("nodes", self.population)

    @property
    def shape(self) -> tuple[Size, ...]:
        """Coordinates per node."""
        return self.axes + self.manifold.shape


@dataclass(frozen=True)
class NodesOf:
    """Nodes of a graph, in its order: all, or those for which the condition holds."""

    graph: GraphUse
    condition: Condition | None = None
    most: int | None = None
    """With a number, no more than that many of them, near each other in the graph."""


@dataclass(frozen=True)
class Population:
    """Nodes: how many, and their states."""

    name: str
    size: Size
    states: tuple[State, ...]
    span: Span = field(repr=False)
    made_from: NodesOf | None = None
    """The nodes of a graph that it was made from, where it was."""
    attributes: tuple[str, ...] = ()
    """The node attributes that expressions may read: numbers that each of its nodes has."""
    members: tuple[str, ...] = ()
    """Of a group: the populations whose nodes it counts through; its states are what they share."""
    layer: str | None = None
    """The layer that owns it: its nodes are there anew at every use of the layer."""

    @property
    def is_sequence(self) -> bool:
        """Whether these are no declared nodes but the places of a sequence, called ``[T]``."""
        return self.name.startswith("[")


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
    nodes: Size | None = None
    """How many nodes there are, where the text alone says it."""


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
    """The state acted on; '' for a readout, ``bus.theta`` where a group receives."""
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
    form: str = ""
    """A word of FORMS; '' leaves the choice to the compiler."""
    heads: Size | None = None
    shape: tuple[Size, ...] = ()
    """Shape of S_i per node: the receiving state's; of a readout, the kernel's."""
    layer: str | None = None
    frustration: Term | None = None
    """As written, for showing; the kernel has it already."""
    edge_weights: bool = True
    counters: tuple[Counter, ...] = ()
    parts: tuple[Summand, ...] = ()
    """Empty without counters."""
    states: tuple[State, ...] = ()
    """Of its edges: one point of a manifold per edge."""
    reads: tuple[Term, ...] = ()
    """What is computed at its edges beside the clauses: initial values, definitions and laws."""
    energy: Term | None = None
    """The symmetric pair potential that the kernel is minus the gradient of; edge-level."""
    acts: bool = True
    """False for a ``readout``: the sum is a quantity of the receiving nodes, and part of no law."""
    delay: Term | None = None
    """Of all edges (global) or of each; kernel and weight have ``delayed`` states already."""
    averages: tuple[State, ...] = ()
    """Of a delay that is a distribution: chains that average states of the senders over the past,
    at the nodes or the edges.
    """
    moves: tuple[str, ...] = ()
    """The states acted on, by their full names: in a group, one of each member."""

    @property
    def type(self) -> Type:
        """The type of S_i, at the receiving nodes: complex if anything in it is."""
        terms = [self.kernel, self.weight, self.strength]
        for part in self.parts:
            terms += [part.kernel, part.strength]
        whole = any(term is not None and term.type.dtype == "complex" for term in terms)
        place = Place("nodes", self.receiver)
        dtype = "complex" if whole else "real"
        return Type(place, self.shape, dtype, matrix=self.kernel.type.matrix)

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
    def terms(self) -> tuple[Term, ...]:
        """What it computes: the rate, and the noise where there is some."""
        return (self.rate,) if self.noise is None else (self.rate, self.noise)

    @property
    def is_velocity(self) -> bool:
        """Whether the law only says that the rate of a state is its velocity."""
        return self.rate.op == "state" and self.rate.payload == f"{self.state}'"


@dataclass(frozen=True)
class Observable:
    """``observe r = order(theta)``."""

    name: str
    value: Term
    span: Span = field(repr=False)
