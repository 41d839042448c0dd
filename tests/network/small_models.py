"""Small models made by hand: populations of phases and couplings over a graph."""

from __future__ import annotations

from dynattn.diagnostics.report import Source, Span
from dynattn.model.composition import Dim
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Draw, GraphUse, Population, State
from dynattn.model.terms import ManifoldUse, Place, Term, Type
from dynattn.vocabulary.sizes import Size, fixed, named

SOURCE = Source("small.dyn", "over graph\n")
SPAN = Span(SOURCE, 1, 6, 1, 11)
CIRCLE = ManifoldUse("circle", (), ())


def population(name: str, size: int | str | Size) -> Population:
    """Nodes with one phase each."""
    count = fixed(size) if isinstance(size, int) else named(size) if isinstance(size, str) else size
    state = State(f"{name}.theta", name, CIRCLE, (), Draw("on_manifold", (), SPAN), SPAN)
    return Population(name, count, (state,), SPAN)


def phase(name: str) -> Term:
    """The state of a population."""
    return Term("state", (), Type(Place("nodes", name)), SPAN, f"{name}.theta")


def coupling(graph: GraphUse, sender: str = "a", receiver: str = "a", name: str = "c") -> Coupling:
    """sin(theta[j] - theta[i]) over a graph."""
    kind = Type(Place("edges", name))
    ends = (
        Term("sender", (phase(sender),), kind, SPAN),
        Term("receiver", (phase(receiver),), kind, SPAN),
    )
    kernel = Term("sin", (Term("sub", ends, kind, SPAN),), kind, SPAN)
    return Coupling(name, sender, receiver, f"{receiver}.theta", graph, kernel, SPAN)


def generator(
    name: str, label: str = "", *, include_self: bool = True, **arguments: object
) -> GraphUse:
    """A networkx generator."""
    return GraphUse("networkx", name, tuple(arguments.items()), include_self, label, SPAN)


def model(
    populations: tuple[Population, ...],
    couplings: tuple[Coupling, ...],
    sizes: dict[str, int] | None = None,
    dims: tuple[str, ...] = (),
) -> Model:
    """A model of these and nothing else."""
    return Model(
        "small", "", SOURCE, sizes or {}, tuple(Dim(name, None, SPAN) for name in dims), (),
        populations, couplings, (), (), (), (), (), (), None,
    )  # fmt: skip


def over(graph: GraphUse, nodes: int) -> Model:
    """One population of ``nodes`` phases, coupled over ``graph``."""
    return model((population("a", nodes),), (coupling(graph),))
