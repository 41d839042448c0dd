"""A GraphUse made into a graph with numbered nodes: drawn, read, listed, or put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dynattn.model.parts import GraphUse, NodesOf
from dynattn.vocabulary.distributions import stream
from dynattn.vocabulary.graph_algebra import add_graphs, multiply_graphs
from dynattn.vocabulary.graph_files import read_graph, read_matrix
from dynattn.vocabulary.graphs import MOST_EDGES, SOURCES, GraphError, generate
from dynattn.vocabulary.node_graph import (
    Edges,
    NodeGraph,
    matching_of,
    merge_parallel,
    node_graph_of,
    number_nodes,
    without_self,
)
from dynattn.vocabulary.node_selection import attribute_names, choose_nodes, near_nodes
from dynattn.vocabulary.sizes import Size


@dataclass
class GraphMaker:
    """Makes graphs for one (seed, repeat); equal uses of one name share one graph."""

    sizes: Mapping[str, int]
    seed: int = 0
    repeat: int = 0
    made: dict[str, NodeGraph] = field(default_factory=dict)

    def make(self, use: GraphUse, name: str = "") -> NodeGraph:
        """The graph, loops left out where the use says so; ``name`` fixes the stream of its draws.

        Raises GraphError (GraphFileError for a file), and SizeError where a size has no value.
        """
        key = f"{use.name or name} {use.source} {use.generator} {use.arguments} {use.include_self}"
        if key not in self.made:
            graph = self._made(use, use.name or name)
            if not use.include_self:
                graph = replace(graph, edges=without_self(graph.edges))
            self.made[key] = graph
        return self.made[key]

    def arguments(self, use: GraphUse) -> dict[str, Any]:
        """The arguments with sizes as numbers."""
        return {word: self._value(value) for word, value in use.arguments}

    def _value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(self._value(item) for item in value)
        return value.value(self.sizes) if isinstance(value, Size) else value

    def _made(self, use: GraphUse, name: str) -> NodeGraph:
        arguments = self.arguments(use)
        match use.source:
            case "networkx":
                drawn = int(stream(self.seed, f"graph {name}", self.repeat).integers(2**31))
                return node_graph_of(generate(use.generator, arguments, seed=drawn))
            case "file":
                return read_graph(folder_of(use), arguments.pop("path"), **arguments)
            case "matrix":
                return read_matrix(folder_of(use), arguments.pop("path"), arguments)
            case "edges":
                return listed_graph(arguments["entries"])
            case "sum" | "product":
                parts = arguments["parts"]
                made = [self.make(part, f"{name}.{k}") for k, part in enumerate(parts)]
                join = add_graphs if use.source == "sum" else multiply_graphs
                return join(*made)
        return _own_graph(use.source, arguments)


@dataclass(frozen=True)
class NodeFacts:
    """What a check must know of the nodes of a graph that a population is made from."""

    size: int
    attributes: tuple[tuple[str, str], ...]
    """What all these nodes have: (name, ``number`` or ``text``)."""
    partial: tuple[str, ...] = ()
    """What only some of them have."""


_KINDS = {"f": "number", "U": "text"}


def node_facts(made_from: NodesOf, maker: GraphMaker) -> NodeFacts:
    """How many nodes are chosen, and what they have; raises as ``make`` and choose_nodes do."""
    graph = maker.make(made_from.graph)
    nodes = chosen_nodes(graph, made_from)
    names = attribute_names(graph, nodes)
    found = tuple((name, _KINDS[graph.attributes[name].dtype.kind]) for name in names)
    return NodeFacts(len(nodes), found, tuple(set(graph.attributes) - set(names)))


def chosen_nodes(graph: NodeGraph, made_from: NodesOf) -> Any:
    """The numbers of the nodes in the graph, ascending int64; raises as choose_nodes does."""
    nodes = choose_nodes(graph, made_from.condition, title_of(made_from.graph))
    return nodes if made_from.most is None else near_nodes(graph, nodes, made_from.most)


def edge_attributes(use: GraphUse, maker: GraphMaker) -> dict[str, str]:
    """What every edge of the graph has: ``number`` or ``text`` by name; raises as ``make`` does."""
    if use.source in SOURCES:
        return dict.fromkeys(SOURCES[use.source].attributes, "number")
    if use.source == "matrix":
        words = [word for word, _ in use.arguments if word != "path"]
        return dict.fromkeys(["weight", *words], "number")
    attributes = maker.make(use).edges[2]
    return {name: _KINDS[values.dtype.kind] for name, values in attributes.items()}


def title_of(use: GraphUse) -> str:
    """A graph in a few words: its name, or what makes it."""
    if use.source in ("sum", "product", "edges"):
        title = {"sum": "sum", "product": "product", "edges": "edges [..]"}[use.source]
    else:
        title = use.generator or use.source
    return f"'{use.name}'" if use.name else title


def folder_of(use: GraphUse) -> Path:
    """Where the paths of a graph count from: the folder of its spec."""
    return Path(use.span.source.path).parent if use.span else Path()


def parts_of(use: GraphUse) -> Iterator[GraphUse]:
    """The graphs that a sum or product is made of, down to the last; else the use itself."""
    if use.source not in ("sum", "product"):
        yield use
        return
    for part in dict(use.arguments)["parts"]:
        yield from parts_of(part)


def is_drawn(use: GraphUse) -> bool:
    """Whether the graph may differ from repeat to repeat: a generator is given no seed."""
    return any(
        part.source == "networkx" and "seed" not in dict(part.arguments) for part in parts_of(use)
    )


def listed_graph(entries: tuple[tuple[Any, Any, Any], ...]) -> NodeGraph:
    """``edges [a -> b: 0.5]``: (sender, receiver, weight or None), by number or by name."""
    import numpy

    ends = [end for entry in entries for end in entry[:2]]
    kinds = {isinstance(end, str) for end in ends}
    if len(kinds) > 1:
        raise GraphError("some ends of these edges are numbers and some are names")
    if kinds == {False} and any(end < 0 or end != int(end) for end in ends):
        wrong = next(end for end in ends if end < 0 or end != int(end))
        raise GraphError(f"a node is a whole number from 0, not {wrong:g}")
    if kinds == {False} and max(ends) >= MOST_EDGES:
        raise GraphError(f"node {max(ends):g} is one of more nodes than fit in memory")
    named = kinds == {True}
    numbers = number_nodes(dict.fromkeys(ends)) if named else {}
    tails, heads = (
        numpy.array([numbers[e[k]] if named else int(e[k]) for e in entries], dtype=numpy.int64)
        for k in (0, 1)
    )
    nodes = len(numbers) if named else int(max(ends, default=-1)) + 1
    weights = {}
    if any(entry[2] is not None for entry in entries):
        weights["weight"] = numpy.array([1.0 if e[2] is None else float(e[2]) for e in entries])
    edges = merge_parallel((heads, tails, weights), nodes)
    said = matching_of(numbers) if named else ""
    return NodeGraph(nodes, edges, {}, tuple(numbers), said, open=not named)


def _own_graph(name: str, arguments: dict[str, Any]) -> NodeGraph:
    source = SOURCES[name]
    if wrong := source.check(arguments):
        raise GraphError(wrong)
    nodes = source.nodes(arguments)
    if nodes * max(1, 2 * arguments.get("reach", 0)) > MOST_EDGES:
        raise GraphError(f"a list of its edges over {nodes:.4g} nodes does not fit in memory")
    attributes = source.node_attributes(**arguments) if source.node_attributes else {}
    if source.edges is not None:
        return NodeGraph(nodes, source.edges(**arguments), attributes)
    return NodeGraph(nodes, _all_pairs(nodes, source.kind), attributes)


def _all_pairs(nodes: int, kind: str) -> Edges:
    """Complete and causal graphs as lists, for sums with others."""
    import numpy

    if nodes**2 > MOST_EDGES:
        raise GraphError(f"all pairs of {nodes} nodes are too many to be listed for a sum")
    i, j = numpy.indices((nodes, nodes)).reshape(2, -1)
    kept = j <= i if kind == "causal" else numpy.ones(len(i), dtype=bool)
    return i[kept], j[kept], {}
