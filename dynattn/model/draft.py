"""The model while it is being checked: what has been found so far, and every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.model.cascades import without_consequences
from dynattn.model.composition import Argument, Dim, InputUse, Layer
from dynattn.model.parts import Coupling, Law, Observable, Parameter, Population, State
from dynattn.model.scope import Scope, Symbol
from dynattn.model.summands import AxisUse
from dynattn.model.terms import Term
from dynattn.syntax import tree

if TYPE_CHECKING:
    from dynattn.model.graph_making import GraphMaker


@dataclass
class Draft:
    """Everything gathered on the way from a SyntaxTree to a Model."""

    overrides: Mapping[str, Any]
    declarations: tuple[tree.Declaration, ...] = ()
    """What the spec consists of, as it is written."""
    errors: Collector = field(default_factory=Collector)
    scope: Scope = field(default_factory=lambda: Scope("the model"))
    values: dict[str, float] = field(default_factory=dict)
    """Values of scalar model parameters, settings applied."""
    complex_names: set[str] = field(default_factory=set)
    """Model parameters that are arrays or complex: no number known in advance."""
    valueless: set[str] = field(default_factory=set)
    """Scalar model parameters whose values have been refused."""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    axes: dict[str, tuple[AxisUse, ...]] = field(default_factory=dict)
    """The declared axes of each parameter that has some."""
    dims: dict[str, Dim] = field(default_factory=dict)
    populations: dict[str, Population] = field(default_factory=dict)
    places: dict[str, Population] = field(default_factory=dict)
    """Nodes without a population: the places of sequences, called ``[T]``."""
    population_scopes: dict[str, Scope] = field(default_factory=dict)
    groups: dict[str, Population] = field(default_factory=dict)
    groups_refused: set[str] = field(default_factory=set)
    later: dict[str, str] = field(default_factory=dict)
    """What the names of populations and groups will be, before they are declared."""
    coupling_scopes: dict[str, Scope] = field(default_factory=dict)
    """The names of the edges of each coupling."""
    states: dict[str, State] = field(default_factory=dict)
    drifts: dict[str, Term] = field(default_factory=dict)
    """Drift of each state, as declared in its population."""
    couplings: dict[str, Coupling] = field(default_factory=dict)
    laws: dict[str, Law] = field(default_factory=dict)
    parts: dict[str, dict[str, Term]] = field(default_factory=dict)
    """Of each state: its inertia, dissipation and noise, and the force of its energies."""
    equations: dict[str, tuple[Term, tree.Equation]] = field(default_factory=dict)
    """Of each state that writes its own law: the value, and where it stands."""
    energies: list[tuple[str, Term]] = field(default_factory=list)
    """The own potentials of populations, per node."""
    jumps: list[Term] = field(default_factory=list)
    """Ends of pulses."""
    layers: dict[str, Layer] = field(default_factory=dict)
    inputs: dict[str, InputUse] = field(default_factory=dict)
    layer_trees: dict[str, tree.Layer] = field(default_factory=dict)
    """Every layer of the text whose name is not refused."""
    layer_arguments: dict[str, tuple[Argument, ...] | None] = field(default_factory=dict)
    """Of the layers that have some; None where they have been refused."""
    layers_inside: set[str] = field(default_factory=set)
    """Layers that other layers call."""
    layers_named: set[str] = field(default_factory=set)
    """Layers that the network names or a layer calls, in refused statements too."""
    layers_refused: set[str] = field(default_factory=set)
    """Layers that call themselves."""
    outputs: dict[str, Term] = field(default_factory=dict)
    observables: dict[str, Observable] = field(default_factory=dict)
    branches: dict[str, tree.Experiment] = field(default_factory=dict)
    """The ``continue`` experiments, whose points other experiments name."""
    has_network: bool = False
    searches: dict[str, tree.Experiment] = field(default_factory=dict)
    """The ``equilibria`` experiments, where other experiments start."""
    points: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    """Values that are known of points of experiments: by experiment, event and parameter."""
    unsized: set[str] = field(default_factory=set)
    """Populations whose size has been refused."""
    rates: list[tuple[str, State, Term]] = field(default_factory=list)
    """What moves the states, here and in layers: the clause's word, or the operator of an
    equation.
    """
    variables: set[str] = field(default_factory=set)
    """Of the network, which a loss does not see."""
    signs: dict[str, int] = field(default_factory=dict)
    """Of the variables of the network that hold no number below 0: 1 where none is 0, else 0."""
    whole: dict[str, Span] = field(default_factory=dict)
    """Parameters that multiply angles, and so are whole numbers; where they do."""
    moved: set[str] = field(default_factory=set)
    """States with a drift or a coupling, refused ones too."""
    waiting: dict[str, tree.Coupling] = field(default_factory=dict)
    """Readouts of the model that nothing has asked for yet."""
    declaring: set[str] = field(default_factory=set)
    """Readouts that are being declared."""
    definitions: list[Symbol] = field(default_factory=list)
    """Those whose value is a Definition as long as nothing has asked for it."""
    most_nodes: int | None = None
    """The most nodes that a population takes from a graph whose size no parameter sets."""
    graphs: GraphMaker | None = None
    """What has made the graphs whose facts were needed."""
    nodes_refused: set[str] = field(default_factory=set)
    """Populations whose graph has been refused: nobody knows what their nodes have."""
    graphs_refused: set[tuple[str, str]] = field(default_factory=set)
    """Codes and texts of graphs that could not be made: each is told once."""
    names_missing: bool = False
    """Something that declares names has been refused: unknown names may be its."""

    def seen_from(self, layer: str | None) -> dict[str, Population]:
        """The populations of the model, and of the layer an expression stands in."""
        return {n: p for n, p in self.populations.items() if p.layer in (None, layer)}

    def layer_of(self, state: State) -> str | None:
        """The layer whose population or coupling has the state; None for the model's own."""
        if state.coupling:
            return state.coupling.rpartition(".")[0] or None
        return self.populations[state.population].layer

    def states_seen(self, layer: str | None) -> list[State]:
        """The states of the model, and of the layer an expression stands in."""
        return [s for s in self.states.values() if self.layer_of(s) in (None, layer)]

    def population_called(self, word: str, layer: str | None) -> Population | None:
        """The population of this name: of the layer, else of the model."""
        return self.populations.get(f"{layer}.{word}") or self.populations.get(word)

    def not_yet(self, what: str, span: Span, fix: str = "", declares: bool = False) -> None:
        """Refuse a construct of the language that has no meaning in this version.

        ``declares``: it would have declared names, so that complaints about missing ones are void.
        """
        self.names_missing |= declares
        self.errors.add(
            "E401",
            f"{what} has no meaning in this version of dynattn yet",
            span,
            fix or "leave it out",
        )

    def clauses(self) -> dict[str, dict[str, Term]]:
        """What the populations say of each state that has a law, by the clause's word."""
        found: dict[str, dict[str, Term]] = {}
        for name in self.laws:
            if self.states[name].velocity_of is None:
                found[name] = dict(self.parts.get(name, {}))
                found[name] |= {"drift": self.drifts[name]} if name in self.drifts else {}
                found[name] |= (
                    {"equation": self.equations[name][0]} if name in self.equations else {}
                )
        return found

    def finish(self) -> None:
        """Raise every mistake found, without those that only follow from a refused declaration."""
        if self.names_missing:
            kept = [item for item in self.errors.found if item.code not in FOLLOWING]
            self.errors.found = kept
        self.errors.found = without_consequences(self.errors.found, self.declarations)
        self.errors.raise_if_any()


FOLLOWING = frozenset(
    {"E201", "E206", "E209", "E210", "E215", "E217", "E308", "E403", "E404", "E405"}
)
"""Codes of what is missing: void where the missing thing may have been refused."""


def value_of(clause: tree.Clause) -> tree.Expr:
    """The expression of a clause with one value, such as ``kernel EXPR``."""
    value = clause.values[0].value
    assert not isinstance(value, tree.At), "only experiments take points"
    return value


def head(span: Span) -> Span:
    """The first line of a declaration, up to its opening brace: what a caret should point at."""
    if span.end_line == span.line:
        return span
    text = span.source.lines[span.line - 1][span.column - 1 :]
    kept = text.split("{", 1)[0].rstrip()
    return Span(span.source, span.line, span.column, span.line, span.column + max(len(kept), 1))
