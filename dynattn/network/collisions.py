"""Declared names that are attributes too, of a graph that nobody knew before it was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Population
from dynattn.model.terms import Term
from dynattn.vocabulary.node_graph import NodeGraph

_KINDS = {"parameter": "parameter", "let": "definition", "state": "state"}


def edge_collisions(model: Model, coupling: Coupling, graph: NodeGraph) -> Iterator[Diagnostic]:
    """E218 for every bare name in a coupling that its edges have as well."""
    clauses = (coupling.kernel, coupling.weight, coupling.strength, coupling.delay)
    terms = [term for term in (*clauses, *coupling.reads) if term is not None]
    what = "an edge attribute of the graph"
    # a weight that is drawn stands in place of the graph's own
    drawn = f"{coupling.name}.weight"
    terms = [term for term in terms if term.payload != drawn]
    yield from _collisions(model, terms, frozenset(graph.edges[2]), what)


def node_collisions(model: Model, population: Population, graph: NodeGraph) -> Iterator[Diagnostic]:
    """E218 for every bare name in the laws of a population that its nodes have as well."""
    states = {state.name for state in population.states}
    terms = [term for law in model.laws if law.state in states for term in law.terms]
    what = f"a node attribute of '{population.name}'"
    yield from _collisions(model, terms, frozenset(graph.attributes), what)


def _collisions(
    model: Model, terms: Iterable[Term], attributes: frozenset[str], what: str
) -> Iterator[Diagnostic]:
    told: set[str] = set()
    for term in _bare(terms):
        name = str(term.payload).rsplit(".", 1)[-1]
        if name not in attributes or name in told:
            continue
        told.add(name)
        kind, declared = _KINDS[term.op], model.parameter.get(str(term.payload))
        notes: tuple[tuple[Span, str], ...] = ()
        if declared is not None:
            notes = ((declared.span, "declared here"),)
        message = f"'{name}' is a {kind}, and {what} too"
        yield Diagnostic("E218", message, term.span, f"rename the {kind}", notes)


def _bare(terms: Iterable[Term]) -> Iterator[Term]:
    """The quantities read without an index, each once; not those that definitions are made of."""
    seen: set[int] = set()
    stack = list(terms)
    while stack:
        term = stack.pop()
        if id(term) in seen or term.op in ("receiver", "sender"):
            continue
        seen.add(id(term))
        if term.op in _KINDS:
            yield term
        if term.op != "let":
            stack.extend(term.args)
