"""Attributes of nodes and edges as names: what a graph has beside what the spec declares."""

from __future__ import annotations

from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import graph_facts, typing
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.graph_facts import MadeFrom
from dynattn.model.parts import NodesOf
from dynattn.model.scope import NODE, RESERVED, Symbol
from dynattn.model.terms import Place, Term, Type
from dynattn.vocabulary.functions import CONSTANTS

# ── edges ──────────────────────────────────────────────────────────────────────────────────────


def read_edge(context: Context, name: str, span: Span) -> Term | None:
    """The attribute of a coupling's edges that a bare name stands for; None where it is none."""
    ends, draft = context.ends, context.draft
    if ends is None or ends.graph is None or name in RESERVED:
        return None
    use, declared = ends.graph, context.scope.find(name)
    if declared is not None and graph_facts.is_generated(use):
        return None
    kinds = graph_facts.edge_kinds(draft, use, span)
    if kinds is None:
        return typing.unknown(span) if declared is None else None
    if name not in kinds:
        return None if declared is not None else _lost(context, name, span)
    if declared is not None:
        refuse_both(draft, name, declared, "an edge attribute of the graph", span)
        return typing.unknown(span)
    if kinds[name] == "text":
        text = f"the edge attribute '{name}' is a text, not a number"
        draft.errors.add("E219", text, span, "use an attribute that is a number")
        return typing.unknown(span)
    if ends.receiver_only:
        text = f"strength stands outside the sum and knows no edge: '{name}' belongs to edges"
        draft.errors.add("E304", text, span, "put what depends on the edge into weight or kernel")
        return typing.unknown(span)
    return Term("edge", (), Type(Place("edges", ends.name)), span, name)


def _lost(context: Context, name: str, span: Span) -> Term | None:
    assert context.ends is not None and context.ends.graph is not None
    problem = graph_facts.lost_edge(context.draft, context.ends.graph, name)
    if problem is None:
        return None
    context.draft.errors.add(problem.code, str(problem), span, problem.fix)
    return typing.unknown(span)


def known_edges(context: Context) -> tuple[str, ...]:
    """The names of edge attributes that an expression may be meant to use."""
    if context.ends is None or context.ends.graph is None:
        return ()
    return graph_facts.edge_names(context.draft, context.ends.graph)


def fix_unknown(context: Context, name: str, known: tuple[str, ...]) -> str:
    """What to do about an unknown name: one of ``known``, an attribute of edges read from a file,
    or, in a loss, what the network does not put out.
    """
    if context.averages and name in context.draft.variables:
        return f"'{name}' stays inside the network: write output NAME = {name} there"
    fix, graph = "declare it with param, learn or let", context.ends and context.ends.graph
    if graph is None or graph.source not in ("file", "matrix"):
        return context.scope.suggestion(name, known, fix)
    names = ", ".join(known_edges(context)) or "no attributes"
    fix = f"{fix}; the edges of {graph.name or 'the file'} have {names}"
    return context.scope.suggestion(name, known, fix)


def refuse_both(draft: Draft, name: str, declared: Symbol, what: str, span: Span) -> None:
    """Refuse a name that is declared and an attribute too."""
    draft.errors.add(
        "E218", f"'{name}' is a {declared.kind}, and {what} too", span,
        f"rename the {declared.kind}", [(declared.span, "declared here")],
    )  # fmt: skip


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────


def declare_nodes(draft: Draft, population: str, made: MadeFrom) -> tuple[str, ...]:
    """The node attributes as symbols of the population's scope; the names of the numbers."""
    names = []
    for name, kind in made.attributes:
        if name not in RESERVED and name not in CONSTANTS:
            _declare(draft, population, made.nodes, name, kind)
            names += [name] if kind == "number" else []
    return tuple(names)


def _declare(draft: Draft, population: str, nodes: NodesOf, name: str, kind: str) -> Symbol:
    span = nodes.graph.span
    assert span is not None, "a graph of a spec stands somewhere in it"
    place = Type(Place("nodes", population))
    value = Term("node", (), place, span, name) if kind == "number" else None
    symbol = Symbol(NODE, f"{population}.{name}", span, value)
    draft.population_scopes[population].symbols[name] = symbol
    return symbol


def find_node(context: Context, population: str, name: str, span: Span) -> Symbol | None:
    """A node attribute that only the graph itself knows of; None, perhaps with a diagnostic."""
    draft = context.draft
    found = draft.populations.get(population)
    if found is None or found.made_from is None or name in RESERVED:
        return None
    facts = graph_facts.facts_of(draft, found.made_from, span)
    kinds = dict(facts.attributes) if facts is not None else {}
    if name not in kinds:
        return None
    if kinds[name] == "number":
        draft.populations[population] = replace(found, attributes=(*found.attributes, name))
    return _declare(draft, population, found.made_from, name, kinds[name])


def refuse_partial(context: Context, population: str, name: str, span: Span) -> bool:
    """Whether the name is an attribute that not all of the nodes have; with a diagnostic.

    Silently so where the graph of the population has been refused.
    """
    found = context.draft.populations.get(population)
    if found is None or found.made_from is None:
        return population in context.draft.nodes_refused
    facts = graph_facts.facts_of(context.draft, found.made_from, span)
    if facts is None or name not in facts.partial:
        return facts is None
    problem = graph_facts.partial_reason(context.draft, found.made_from, name)
    if problem is not None:
        context.draft.errors.add(problem.code, str(problem), span, problem.fix)
    return problem is not None


def read_node(context: Context, symbol: Symbol, span: Span) -> Term:
    """The value of a node attribute, unless it is a text or hides a declared name."""
    population, name = symbol.name.rsplit(".", 1)
    declared = context.draft.scope.find(name)
    if declared is not None:
        refuse_both(context.draft, name, declared, f"a {NODE} of '{population}'", span)
        return typing.unknown(span)
    if symbol.value is None:
        text = f"the {NODE} '{name}' is a text, not a number"
        fix = f'use it in a condition: population p[g where {name} == "..."]'
        context.draft.errors.add("E219", text, span, fix)
        return typing.unknown(span)
    return Term("node", (), symbol.value.type, span, name)
