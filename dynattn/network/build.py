"""A checked Model to its Network: the edges of every coupling, and the picture of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

import numpy

from dynattn.diagnostics.report import Collector, Diagnostic, Span
from dynattn.model.graph_making import GraphMaker, chosen_nodes, title_of
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, GraphUse, Population
from dynattn.network.blocks import Blocks, module_blocks
from dynattn.network.collisions import edge_collisions, node_collisions
from dynattn.network.connections import Array, Connections
from dynattn.network.diagram import draw_diagram
from dynattn.network.structure import (
    Facts,
    connections_of,
    edge_terms,
    lattice_connections,
    measure,
    round_connections,
    used_attributes,
)
from dynattn.network.symmetry import empty_mistakes, pair_mistakes, symmetry_mistakes
from dynattn.vocabulary.graph_files import GraphFileError, lacks
from dynattn.vocabulary.graphs import SOURCES, GraphError
from dynattn.vocabulary.lattices import torus_of
from dynattn.vocabulary.node_graph import NodeGraph, matching_of
from dynattn.vocabulary.node_selection import joined_nodes, node_values, restrict
from dynattn.vocabulary.sizes import Size, SizeError

if TYPE_CHECKING:
    import networkx

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Network:
    """The coupling graph of a model."""

    model: Model = field(repr=False)
    connections: Mapping[str, Connections]
    """Of every coupling, by name."""
    attributes: Mapping[tuple[str, str], Array] = field(default_factory=dict, repr=False)
    """Node attributes by (population, name): float64, one number per node."""
    matching: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of each population made from a file's nodes: which id became which node, in words."""

    @cached_property
    def diagram(self) -> networkx.MultiDiGraph:
        """Populations, inputs and outputs, and what connects them: a graph to look at."""
        return draw_diagram(self.model, self.connections)

    @property
    def weighted(self) -> frozenset[str]:
        """The couplings whose graph has edge weights of its own."""
        return frozenset(name for name, c in self.connections.items() if "weight" in c.attributes)

    def facts(self, coupling: str) -> Facts:
        """What is worth telling about the edges of one coupling."""
        ends = self.model.coupling[coupling]
        one = ends.sender == ends.receiver
        return measure(self.connections[coupling], one_population=one)


def build_network(model: Model, *, seed: int = 0, repeat: int = 0) -> Network:
    """The Network; a graph without ``seed=`` is drawn anew for each (seed, repeat).

    Raises SpecError with every graph that cannot be made (E451), does not fit its populations
    (E452, E453), whose file is refused (E454 to E459), or that has a direction under an energy
    (E424).
    """
    builder = _Builder(model, GraphMaker(model.sizes, seed, repeat))
    for population in model.populations:
        builder.describe(population)
    found = {coupling.name: builder.connect(coupling) for coupling in model.couplings}
    connections = {name: value for name, value in found.items() if value is not None}
    for mistakes in (symmetry_mistakes, pair_mistakes, empty_mistakes):
        builder.tell(mistakes(model, connections))
    builder.errors.raise_if_any()
    return Network(model, connections, builder.attributes, builder.matching)


@dataclass
class _Builder:
    """The graphs made so far: couplings over one named graph share its draw."""

    model: Model
    maker: GraphMaker
    errors: Collector = field(default_factory=Collector)
    graphs: dict[str, NodeGraph | None] = field(default_factory=dict)
    attributes: dict[tuple[str, str], Array] = field(default_factory=dict)
    matching: dict[str, str] = field(default_factory=dict)

    def tell(self, mistakes: Iterable[Diagnostic]) -> None:
        """Keep mistakes that others have found."""
        for item in mistakes:
            self.errors.add(item.code, item.message, item.span, item.fix, item.notes)

    def describe(self, population: Population) -> None:
        """The node attributes of a population that is made from a graph."""
        if population.made_from is None:
            return
        use, span = population.made_from.graph, population.span
        if population.made_from.most is None and self._is_plain(use):
            return
        graph = self._make(use, use.name, [population], span)
        nodes = self._nodes(graph, use, population, span) if graph else None
        if graph is None or nodes is None:
            return
        self.tell(node_collisions(self.model, population, graph))
        if graph.labels:
            self.matching[population.name] = matching_of(
                [graph.labels[n] for n in nodes], whole=len(nodes) == graph.nodes
            )
        for name in population.attributes:
            read = partial(node_values, graph, nodes, name, title_of(use))
            found = self._attempt(use, [population], span, read)
            if found is not None:
                self.attributes[population.name, name] = found

    def connect(self, coupling: Coupling) -> Connections | None:
        """The edges of one coupling; None with a diagnostic where there are none to be had."""
        use, span = coupling.graph, coupling.graph.span or coupling.span
        ends = [self.model.population[name] for name in (coupling.receiver, coupling.sender)]
        kind = _kind(use)
        if kind == "edges":
            return self._connect_edges(coupling, ends, span)
        size = dict(use.arguments).get("n")
        whole = [end for end in ends if not self._is_cut(end, use)]
        if size is not None and not all(self._fits(size, end, use, span) for end in whole):
            return None
        counts = [self._count(end.size) for end in ends]
        # Without `over` a node itself is excepted; between two populations there is no such node.
        unsaid = size is None and coupling.sender != coupling.receiver
        include_self = unsaid or (use.include_self and use.source != "networkx")
        return Connections(kind, counts[0], counts[1], include_self, structure=kind)

    def _connect_edges(
        self, coupling: Coupling, ends: list[Population], span: Span
    ) -> Connections | None:
        use = coupling.graph
        cut = any(self._is_cut(end, use) for end in ends)
        if not cut and use.source in SOURCES and SOURCES[use.source].offsets is not None:
            return self._connect_round(coupling, ends, span)
        torus = None if cut else self._torus(use)
        if torus is not None:
            nodes = int(numpy.prod(torus[0]))
            fits = all(self._fits(nodes, end, use, span) for end in ends)
            return lattice_connections(*torus) if fits and self._is_bare(coupling) else None
        graph = self._make(use, use.name or coupling.name, ends, span)
        graph = self._grown(graph, ends) if graph else None
        if graph is not None:
            self.tell(edge_collisions(self.model, coupling, graph))
        nodes = [self._nodes(graph, use, end, span) for end in ends] if graph else []
        if graph is None or any(chosen is None for chosen in nodes):
            return None
        receivers, senders = (n for n in nodes if n is not None)
        every = numpy.arange(graph.nodes)
        whole = all(numpy.array_equal(chosen, every) for chosen in (receivers, senders))
        edges = graph.edges if whole else restrict(graph, receivers, senders)
        if not self._has_attributes(coupling, graph):
            return None
        found = connections_of(edges, (len(receivers), len(senders)), used_attributes(coupling))
        if whole and use.source == "ring_of_modules":
            found.found_blocks.update(self._of_modules(use))
        by_order = [end for end in ends if not self._is_made_from(end, use)]
        return replace(found, matching=graph.matching if by_order else "")

    def _connect_round(
        self, coupling: Coupling, ends: list[Population], span: Span
    ) -> Connections | None:
        """A graph whose nodes all hear the same offsets: no edge of it is ever made here."""
        use = coupling.graph
        source = SOURCES[use.source]
        arguments = self._attempt(use, ends, span, lambda: self.maker.arguments(use))
        wrong = "" if arguments is None else source.check(arguments)
        if wrong:
            self.errors.add("E451", wrong, span, "change the arguments of the graph")
        if arguments is None or wrong or source.offsets is None:
            return None
        nodes = source.nodes(arguments)
        if not all(self._fits(nodes, end, use, span) for end in ends):
            return None
        offsets, attributes = source.offsets(**arguments)
        if not use.include_self:
            kept = offsets != 0
            offsets, attributes = offsets[kept], {k: v[kept] for k, v in attributes.items()}
        return round_connections(nodes, offsets, attributes, used_attributes(coupling))

    def _of_modules(self, use: GraphUse) -> dict[str | None, Blocks | None]:
        """The blocks of modules, by what weighs the edges: they need not be looked for."""
        given = self.maker.arguments(use)
        modules, agents = int(given["modules"]), int(given["agents"])
        if agents == 1:
            return {}
        weights = float(given["inside"]), float(given["between"])
        plain = module_blocks(modules, agents, 1.0, 1.0)
        return {"weight": module_blocks(modules, agents, *weights), None: plain}

    def _grown(self, graph: NodeGraph, ends: list[Population]) -> NodeGraph:
        """A list of edges by number, with as many nodes as the populations have."""
        counts = {self._count(end.size) for end in ends}
        most = counts.pop()
        if graph.open and not counts and most is not None and most > graph.nodes:
            return replace(graph, nodes=most)
        return graph

    def _nodes(self, graph: NodeGraph, use: GraphUse, end: Population, span: Span) -> Array | None:
        """The nodes of the graph that a population's are; None with a diagnostic."""
        if end.members and self._is_made_from(end, use):
            return self._joined(graph, use, end, span)
        made_from = end.made_from
        if made_from is None or not self._is_made_from(end, use):
            fits = self._fits(graph.nodes, end, use, span)
            return numpy.arange(graph.nodes) if fits else None
        nodes = self._attempt(use, [end], span, lambda: chosen_nodes(graph, made_from))
        fits = nodes is not None and self._fits(len(nodes), end, use, span)
        return nodes if fits else None

    def _torus(self, use: GraphUse) -> tuple[tuple[int, ...], Array] | None:
        """Shape and offsets of a lattice closed in every direction."""
        if use.source != "networkx":
            return None
        return torus_of(use.generator, self.maker.arguments(use))

    def _is_plain(self, use: GraphUse) -> bool:
        """Whether the number of nodes is all there is to know of them: no edge need be made."""
        if use.source in SOURCES:
            return SOURCES[use.source].node_attributes is None
        return self._torus(use) is not None

    def _is_cut(self, end: Population, use: GraphUse) -> bool:
        """Whether a population has but a few of the nodes of this graph."""
        if not self._is_made_from(end, use):
            return False
        members = [self.model.population[name] for name in end.members] or [end]
        return any(m.made_from is not None and m.made_from.most is not None for m in members)

    def _is_bare(self, coupling: Coupling) -> bool:
        """Whether a coupling reads no attribute of edges that have none; else E457."""
        nothing = numpy.zeros(0, dtype=numpy.int64)
        return self._has_attributes(coupling, NodeGraph(0, (nothing, nothing, {})))

    def _joined(self, graph: NodeGraph, use: GraphUse, end: Population, span: Span) -> Array | None:
        """The nodes of a group in the graph, each once; None with a diagnostic."""
        members = [self.model.population[name] for name in end.members]
        found = [self._nodes(graph, use, member, span) for member in members]
        parts = [nodes for nodes in found if nodes is not None]
        if len(parts) < len(found):
            return None
        nodes = joined_nodes(parts)
        values, counts = numpy.unique(nodes, return_counts=True)
        if (counts == 1).all():
            return nodes
        twice = int(values[numpy.argmax(counts > 1)])
        called = graph.labels[twice] if graph.labels else str(twice)
        both = [m.name for m, part in zip(members, parts, strict=True) if twice in part]
        self.errors.add(
            "E466",
            f"node {called} of {title_of(use)} belongs to both '{both[0]}' and '{both[1]}', "
            f"and the group '{end.name}' would have it twice",
            span,
            "choose the nodes of the members by conditions of which one holds at each node",
            [(end.span, f"group '{end.name}'")],
        )
        return None

    def _is_made_from(self, end: Population, use: GraphUse) -> bool:
        """Whether the nodes of a population are nodes of this graph, loops aside."""
        if end.members:
            members = [self.model.population[name] for name in end.members]
            return all(self._is_made_from(member, use) for member in members)
        if end.made_from is None:
            return False
        own = end.made_from.graph
        return replace(own, include_self=True) == replace(use, include_self=True)

    def _has_attributes(self, coupling: Coupling, graph: NodeGraph) -> bool:
        """Whether the edges have every attribute that the coupling reads; else E457."""
        there = {name for name, v in graph.edges[2].items() if v.dtype.kind == "f"}
        missing = [t for t in edge_terms(coupling) if t.payload not in there | {"one"}]
        for term in missing:
            if term.payload in graph.edges[2]:
                message = f"the edge attribute '{term.payload}' is a text, not a number"
                self.errors.add("E457", message, term.span, "use an attribute that is a number")
            else:
                problem = lacks(graph, f"the graph {title_of(coupling.graph)}", str(term.payload))
                self.errors.add(problem.code, str(problem), term.span, problem.fix)
        return not missing

    def _make(
        self, use: GraphUse, name: str, ends: list[Population], span: Span
    ) -> NodeGraph | None:
        """The graph, made once for each name and told once where it cannot be made."""
        key = f"{name} {use}"
        if key not in self.graphs:
            self.graphs[key] = self._attempt(use, ends, span, lambda: self.maker.make(use, name))
        return self.graphs[key]

    def _attempt(
        self, use: GraphUse, ends: list[Population], span: Span, make: Callable[[], T]
    ) -> T | None:
        """What ``make`` gives; None with a diagnostic where it refuses."""
        try:
            return make()
        except SizeError as problem:
            self.errors.add(
                "E453",
                f"the graph {title_of(use)} needs a number of nodes: {problem}",
                span,
                "couple nodes over a dim with everyone(..) or causal(..)",
                [
                    (e.span, f"population '{e.name}' has {e.size} nodes")
                    for e in dict.fromkeys(ends)
                ],
            )
        except GraphFileError as problem:
            self.errors.add(problem.code, str(problem), span, problem.fix)
        except GraphError as problem:
            self.errors.add("E451", str(problem), span, "change the arguments of the graph")
        return None

    def _count(self, size: Size) -> int | None:
        dims = {dim.name for dim in self.model.dims}
        return None if size.names & dims else size.value(self.model.sizes)

    def _fits(self, size: Size | int, end: Population, use: GraphUse, span: Span) -> bool:
        """Whether graph and population have the same number of nodes; E452 where they have not."""
        count = self._count(size) if isinstance(size, Size) else size
        expected = self._count(end.size)
        if count == expected and (count is not None or size == end.size):
            return True
        word = "group" if end.members else "population"
        self.errors.add(
            "E452",
            f"the graph {title_of(use)} has {size if count is None else count} nodes, "
            f"the {word} '{end.name}' has {end.size if expected is None else expected}",
            span,
            "give both the same number of nodes",
            [(end.span, f"{word} '{end.name}'")],
        )
        return False


def _kind(use: GraphUse) -> str:
    """``complete``, ``causal`` or ``edges``; networkx's complete_graph(n) needs no list."""
    if use.source in SOURCES:
        return SOURCES[use.source].kind
    if use.generator != "complete_graph":
        return "edges"
    plain = [name for name, _ in use.arguments] == ["n"]
    return "complete" if plain and isinstance(dict(use.arguments)["n"], int | Size) else "edges"
