"""What a check must know of graphs: how many nodes, and the names of what edges and nodes have.

A file is read where a coupling or a population of the spec may name its attributes; a generator's
graph is made only where nothing else has the name. numpy and networkx are loaded then, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dynattn.diagnostics.report import Span
from dynattn.model import constants
from dynattn.model.draft import Draft
from dynattn.model.parts import GraphUse, NodesOf
from dynattn.syntax import tree
from dynattn.vocabulary.graphs import SOURCES, GraphError
from dynattn.vocabulary.sizes import Size, SizeError, fixed

if TYPE_CHECKING:
    from dynattn.model.graph_making import GraphMaker, NodeFacts
    from dynattn.vocabulary.graph_files import GraphFileError
    from dynattn.vocabulary.node_selection import Condition

T = TypeVar("T")


def maker_of(draft: Draft) -> GraphMaker:
    """What makes the graphs of this check, each once."""
    from dynattn.model.graph_making import GraphMaker

    if draft.graphs is None:
        whole = {name: int(v) for name, v in draft.values.items() if v == int(v)}
        draft.graphs = GraphMaker(whole)
    return draft.graphs


def attempt(draft: Draft, use: GraphUse, span: Span, make: Callable[[], T]) -> T | None:
    """What ``make`` gives; None with a diagnostic, told once for each graph."""
    try:
        return make()
    except GraphError as problem:
        code, text = getattr(problem, "code", "E451"), str(problem)
        fix = getattr(problem, "fix", "change the arguments of the graph")
    except SizeError as problem:
        code, text = "E453", f"the graph needs a number of nodes: {problem}"
        fix = "give the graph a size that is a number"
    told = (code, text)
    if told not in draft.graphs_refused:
        draft.graphs_refused.add(told)
        where = span if code == "E457" else use.span or span
        draft.errors.add(code, text, where, fix)
    return None


def is_generated(use: GraphUse) -> bool:
    """Whether only a generator knows the names: the graph, or a part of it, is made for them."""
    sources = set(_sources(use))
    combined = use.source in ("sum", "product")
    return "file" not in sources and ("networkx" in sources or combined)


def _sources(use: GraphUse) -> Iterator[str]:
    yield use.source
    if use.source in ("sum", "product"):
        for part in dict(use.arguments)["parts"]:
            yield from _sources(part)


# ── edges ──────────────────────────────────────────────────────────────────────────────────────


def edge_kinds(draft: Draft, use: GraphUse, span: Span) -> Mapping[str, str] | None:
    """What every edge has, ``number`` or ``text`` by name; None where the graph is refused."""
    if use.source in SOURCES:
        return dict.fromkeys(SOURCES[use.source].attributes, "number")
    from dynattn.model.graph_making import edge_attributes

    return attempt(draft, use, span, lambda: edge_attributes(use, maker_of(draft)))


def edge_names(draft: Draft, use: GraphUse) -> tuple[str, ...]:
    """The names of edge attributes that are known by now, for suggestions; nothing is made."""
    if use.source in SOURCES:
        return SOURCES[use.source].attributes
    made = draft.graphs.made.values() if draft.graphs is not None else ()
    return tuple(name for graph in made for name in graph.edge_attributes)


def lost_edge(draft: Draft, use: GraphUse, name: str) -> GraphFileError | None:
    """Why an attribute that only some edges have cannot be used; None where no edge has it."""
    from dynattn.model.graph_making import title_of
    from dynattn.vocabulary.graph_files import lacks

    if use.source in SOURCES or use.source == "matrix":
        return None
    graph = maker_of(draft).make(use)
    return lacks(graph, f"the graph {title_of(use)}", name) if name in graph.lost else None


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class MadeFrom:
    """The nodes of a population that is made from a graph."""

    nodes: NodesOf
    size: Size
    attributes: tuple[tuple[str, str], ...]
    """(name, ``number`` or ``text``); what only a generator knows is left out."""


def is_graph(draft: Draft, size: tree.Expr) -> bool:
    """Whether what stands for the size of a population is a graph."""
    symbol = draft.scope.find(size.name) if isinstance(size, tree.Name) else None
    return symbol is not None and symbol.kind == "graph"


def from_graph(draft: Draft, declaration: tree.Population) -> MadeFrom | None:
    """The nodes of ``p[g]`` or ``p[g where CONDITION]``; None with a diagnostic."""
    assert isinstance(declaration.size, tree.Name)
    symbol = draft.scope.find(declaration.size.name)
    use = symbol.value if symbol is not None else None
    found = _nodes_of(draft, declaration, use) if use is not None else None
    if found is None:
        draft.nodes_refused.add(declaration.name)
    return found


def refuse_condition(draft: Draft, declaration: tree.Population) -> None:
    """Refuse the condition of a population that is made from no graph."""
    if declaration.condition is not None and declaration.size is not None:
        text = f"'{declaration.size.span.text}' is no graph: it has no nodes to choose from"
        fix = "name a declared graph before where, or leave the condition out"
        draft.errors.add("E461", text, declaration.condition.span, fix)


def _nodes_of(draft: Draft, declaration: tree.Population, use: GraphUse) -> MadeFrom | None:
    cut = draft.most_nodes is not None and use.nodes is not None and not use.nodes.names
    if declaration.condition is None and use.nodes is not None and not cut:
        names = SOURCES[use.source].node_numbers if use.source in SOURCES else ()
        return MadeFrom(NodesOf(use), use.nodes, tuple((name, "number") for name in names))
    where = declaration.condition or declaration.size
    span = where.span if where is not None else declaration.span
    condition = None
    if declaration.condition is not None:
        condition = _condition(draft, declaration.condition, use, span)
        if condition is None:
            return None
    nodes = NodesOf(use, condition, draft.most_nodes)
    facts = facts_of(draft, nodes, span)
    if facts is None:
        return None
    if facts.size == 0:
        text = f"the condition chooses no node: '{declaration.name}' would be empty"
        fix = "choose by a condition that holds for some nodes"
        draft.errors.add("E460", text, span, fix)
        return None
    return MadeFrom(nodes, fixed(facts.size), facts.attributes)


def facts_of(draft: Draft, nodes: NodesOf, span: Span) -> NodeFacts | None:
    """How many nodes there are and what they have; None with a diagnostic."""
    from dynattn.model.graph_making import node_facts

    return attempt(draft, nodes.graph, span, lambda: node_facts(nodes, maker_of(draft)))


def _condition(draft: Draft, expr: tree.Expr, use: GraphUse, span: Span) -> Condition | None:
    from dynattn.diagnostics.suggest import did_you_mean
    from dynattn.model.graph_making import title_of
    from dynattn.model.graph_sources import node_condition

    graph = attempt(draft, use, span, lambda: maker_of(draft).make(use))
    if graph is None:
        return None
    names = tuple(graph.attributes)
    try:
        return node_condition(draft, expr, names)
    except constants.NotConstant as problem:
        if problem.silent:
            return None
        fix = f"the nodes of {title_of(use)} have {', '.join(names) or 'no attributes'}"
        fix += "; texts stand in quotes"
        text = problem.reason
        if text.startswith("unknown name"):
            fix = did_you_mean(problem.span.text, names, fix)
            text = f"{text} in a condition on nodes"
        draft.errors.add("E461", text, problem.span, fix)
    return None


def partial_reason(draft: Draft, nodes: NodesOf, name: str) -> GraphFileError | None:
    """Why a node attribute that only some of the nodes have cannot be read; else None."""
    from dynattn.model.graph_making import chosen_nodes, title_of
    from dynattn.vocabulary.graph_files import GraphFileError
    from dynattn.vocabulary.node_selection import node_values

    graph = maker_of(draft).make(nodes.graph)
    try:
        node_values(graph, chosen_nodes(graph, nodes), name, title_of(nodes.graph))
    except GraphFileError as problem:
        return problem if name in graph.attributes else None
    return None
