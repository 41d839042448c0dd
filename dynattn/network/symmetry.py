"""Whether a graph is the same in both directions, as a pair potential needs it, or has no edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy

from dynattn.diagnostics.report import Diagnostic
from dynattn.model.model import Model
from dynattn.model.network_steps import values_of
from dynattn.model.parts import Draw
from dynattn.model.readouts import terms_of
from dynattn.model.terms import Term, walk
from dynattn.vocabulary.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from dynattn.network.connections import Connections


def symmetry_mistakes(model: Model, connections: Mapping[str, Connections]) -> Iterator[Diagnostic]:
    """E424 for every coupling with an energy over a graph with a direction."""
    for coupling in model.couplings:
        if coupling.energy is not None and coupling.name in connections:
            problem = asymmetry(connections[coupling.name])
            if problem:
                problem = f"an energy belongs to pairs, and {problem}"
                fix = "couple over an undirected graph, or write the kernel"
                yield Diagnostic("E424", problem, coupling.span, fix)


OF_PAIRS = frozenset(name for name, entry in DISTRIBUTIONS.items() if entry.place == "edges")
"""Distributions that draw for the two edges between two nodes together."""


def pair_mistakes(model: Model, connections: Mapping[str, Connections]) -> Iterator[Diagnostic]:
    """E431 for every draw for pairs of edges over a graph that lacks some of the edges back."""
    for quantity in (*model.parameters, *model.states.values()):
        init = quantity.init
        if not isinstance(init, Draw) or init.distribution not in OF_PAIRS:
            continue
        edges = connections.get(quantity.place.name)
        if edges is not None and not goes_both_ways(edges):
            text = f"{init.distribution} draws for edges both ways, and some edges have none back"
            fix = "couple over an undirected graph, or draw ~ normal(mean, sd)"
            yield Diagnostic("E431", text, init.span, fix)


def empty_mistakes(model: Model, connections: Mapping[str, Connections]) -> Iterator[Diagnostic]:
    """E475 for every mean, spread or extreme over edges of which the graph has none."""
    for term in walk(*_computed(model)):
        if term.op not in ("mean", "std", "min", "max"):
            continue
        place = term.args[0].type.place
        edges = connections.get(place.name) if place.kind == "edges" else None
        if edges is None or edges.edge_count or (edges.edge_count is None and edges.include_self):
            continue
        text = f"{term.op} runs over the edges of '{place.name}', whose graph has none"
        fix = "couple over a graph with edges, or take sum"
        if edges.edge_count is None:
            text += " in a sample of one node"
            fix = "couple over everyone(..) or causal(..), nodes themselves too, or take sum"
        yield Diagnostic("E475", text, term.span, fix)


def _computed(model: Model) -> Iterator[Term]:
    """What observables, laws, layers, networks, couplings and losses compute."""
    yield from (item.value for item in model.observables)
    laws = [*model.laws, *(law for layer in model.layers for law in layer.laws)]
    yield from (term for law in laws for term in law.terms)
    plans = model.plans
    yield from (record.value for plan in plans for record in plan.records)
    yield from (layer.output for layer in model.layers if layer.output is not None)
    yield from values_of(model.network)
    yield from (term for coupling in model.couplings for term in terms_of(coupling))
    if model.training is not None:
        yield model.training.loss
        yield from (record.value for record in model.training.records)


def goes_both_ways(edges: Connections) -> bool:
    """Whether to every edge there is the edge back."""
    if edges.kind != "edges":
        return edges.kind == "complete"
    there, back = _ends(edges)
    forward, backward = numpy.lexsort(there[::-1]), numpy.lexsort(back[::-1])
    pairs = zip(there, back, strict=True)
    return all(numpy.array_equal(a[forward], b[backward]) for a, b in pairs)


def _ends(edges: Connections) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Numbers that tell the edges, and those of the edges back, in the same order."""
    if edges.offsets is not None:
        return (edges.offsets,), (edges.opposite,)
    assert edges.listed_receivers is not None and edges.listed_senders is not None
    there = (edges.listed_receivers, edges.listed_senders)
    return there, there[::-1]


def asymmetry(edges: Connections) -> str:
    """What is not the same in both directions, in words; '' where everything is."""
    if edges.kind == "complete":
        return ""
    if edges.kind == "causal":
        return "this graph has a direction"
    if not goes_both_ways(edges):
        return "an edge of this graph has none the other way"
    there, back = _ends(edges)
    forward, backward = numpy.lexsort(there[::-1]), numpy.lexsort(back[::-1])
    for name, values in edges.listed.items():
        if not numpy.array_equal(values[forward], values[backward]):
            return f"'{name}' differs between the two directions"
    return ""
