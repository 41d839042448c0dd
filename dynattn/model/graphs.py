"""Graph expressions into GraphUse: which source or generator, with which arguments."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, graph_sources
from dynattn.model.draft import Draft
from dynattn.model.parts import GraphUse
from dynattn.model.scope import Symbol
from dynattn.syntax import tree
from dynattn.vocabulary import graphs
from dynattn.vocabulary.sizes import Size, fixed

MOST_SIDES = 40
"""Of a hypercube whose nodes can be counted."""

LARGEST = 10**7
"""Nodes of a graph that is a list of edges."""


def declare_graph(draft: Draft, declaration: tree.Graph) -> None:
    """``graph g = watts_strogatz_graph(n=N, k=10, p=0.1)``."""
    use = graph_use(draft, declaration.value)
    found = replace(use, name=declaration.name) if use else None
    draft.scope.declare(Symbol("graph", declaration.name, declaration.span, found), draft.errors)


def over(draft: Draft, expr: tree.Expr | None, span: Span) -> GraphUse | None:
    """The graph of a coupling; without one: everyone, a node itself excepted."""
    if expr is None:
        return GraphUse("everyone", span=span)
    return graph_use(draft, expr)


def _named(draft: Draft, expr: tree.Name) -> GraphUse | None:
    symbol = draft.scope.find(expr.name)
    if symbol is not None and symbol.kind == "graph":
        return symbol.value
    known = [n for n in draft.scope.names() if _kind(draft, n) == "graph"]
    fix = did_you_mean(expr.name, known, "declare it: graph g = ring(N, reach=2)")
    draft.errors.add("E209", f"there is no graph '{expr.name}'", expr.span, fix)
    return None


def _kind(draft: Draft, name: str) -> str:
    symbol = draft.scope.find(name)
    return symbol.kind if symbol else ""


def graph_use(draft: Draft, expr: tree.Expr) -> GraphUse | None:
    """A declared graph, or a call of a source or a generator, perhaps ``without self``."""
    match expr:
        case tree.Name():
            return _named(draft, expr)
        case tree.Without(value=value):
            use = graph_use(draft, value)
            return replace(use, include_self=False) if use else None
        case tree.Call(function=tree.Name(name=name)):
            return _called(draft, expr, name)
        case tree.EdgeList():
            return graph_sources.listed(draft, expr)
        case tree.Binary(operator="+" | "*" as operator, left=left, right=right):
            first, second = graph_use(draft, left), graph_use(draft, right)
            both = first and second and (first, second)
            return graph_sources.joined(operator, both, expr) if both else None
        case _:
            draft.errors.add(
                "E209", "this is no graph", expr.span,
                "write a source such as everyone(N), ring(N, reach=2), or a networkx generator",
            )  # fmt: skip
    return None


def _called(draft: Draft, expr: tree.Call, name: str) -> GraphUse | None:
    if name in graphs.FILED:
        return graph_sources.filed(draft, expr, name)
    own = name in graphs.SOURCES
    if not own and name not in graphs.networkx_generators():
        known = [*graphs.SOURCES, *graphs.networkx_generators()]
        fix = did_you_mean(name, known, "see the generators of networkx")
        draft.errors.add("E209", f"there is no graph source '{name}'", expr.span, fix)
        return None
    numbers = graphs.SOURCES[name].numbers if own else ()
    places = graphs.SOURCES[name].parameters if own else ()
    real = [place in numbers for place in places] + [False] * len(expr.arguments)
    positional = [
        _argument(draft, item, own and not number)
        for item, number in zip(expr.arguments, real, strict=False)
    ]
    keywords = {
        k.name: _argument(draft, k.value, own and k.name not in numbers) for k in expr.keywords
    }
    if None in positional or None in keywords.values():
        return None
    bind = graphs.bind_source if own else graphs.bind_generator
    bound = bind(name, positional, keywords)
    if isinstance(bound, str):
        fact, _, fix = bound.partition(": ")
        draft.errors.add("E212", fact, expr.span, fix or f"see the arguments of {name}")
        return None
    problem = _problem(draft, name, bound, own)
    if problem:
        fix = "choose smaller numbers" if "memory" in problem else "choose a value in range"
        draft.errors.add("E306", problem, expr.span, fix)
        return None
    arguments = tuple(bound.items())
    if own:
        source = graphs.SOURCES[name]
        loops, nodes = source.include_self, source.nodes(bound)
        return GraphUse(name, "", arguments, loops, span=expr.span, nodes=nodes)
    nodes = _counted(draft, expr, name)
    return GraphUse("networkx", name, arguments, include_self=True, span=expr.span, nodes=nodes)


def _counted(draft: Draft, expr: tree.Call, name: str) -> Size | None:
    """The number of nodes where a generator makes n of them, with the names it is made of."""
    words = ("m", "n") if name == "grid_2d_graph" else ("n",)
    given = dict(zip(words, expr.arguments, strict=False))
    given |= {keyword.name: keyword.value for keyword in expr.keywords}
    if name == "hypercube_graph":
        sides = constants.size_or_none(draft, given["n"]) if "n" in given else None
        count = constants.count(draft, sides) if sides is not None else None
        return fixed(2**count) if count is not None and count <= MOST_SIDES else None
    if name == "grid_graph":
        sides = given.get("dim", given.get("n"))
        counts = sides.items if isinstance(sides, tree.ListOf) else ()
    elif name == "grid_2d_graph" or name in graphs.MAKE_N:
        counts = tuple(given[word] for word in words if word in given)
    else:
        return None
    found = [constants.size_or_none(draft, count) for count in counts]
    known = [size for size in found if size is not None]
    return math.prod(known[1:], start=known[0]) if known and len(known) == len(found) else None


def _problem(draft: Draft, name: str, bound: dict[str, Any], own: bool) -> str:
    if not own:
        large = _too_large(bound.get("n")) if name != "complete_graph" else ""
        return large or graphs.generator_check(name, bound)
    sizes = {key: int(value) for key, value in draft.values.items() if value == int(value)}
    known: dict[str, Any] = {}
    for word, value in bound.items():
        if isinstance(value, Size):
            if value.names & set(draft.dims):
                return ""
            known[word] = value.value(sizes)
        else:
            known[word] = value
    source = graphs.SOURCES[name]
    listed = source.kind == "edges" and source.offsets is None
    return source.check(known) or (_too_large(source.nodes(known)) if listed else "")


def _too_large(nodes: Any) -> str:
    if not isinstance(nodes, int | float) or nodes <= LARGEST:
        return ""
    return f"a list of edges over {nodes:g} nodes does not fit in memory"


def _argument(draft: Draft, expr: tree.Expr, own: bool) -> Any:
    """A Size for our own sources; a number, a truth value or a word for networkx."""
    if own:
        return constants.size(draft, expr)
    match expr:
        case tree.Text(value=value):
            return value
        case tree.Name(name="true" | "false" as word):
            return word == "true"
        case tree.ListOf(items=items):
            found = tuple(_argument(draft, item, own) for item in items)
            return None if None in found else found
    return constants.number_or_none(draft, expr)
