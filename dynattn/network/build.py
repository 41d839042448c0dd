"""A checked Model to its Network: the edges of every coupling, and the picture of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.model.model import Coupling, GraphUse, Model, Population
from dynattn.network.connections import Connections, edges_of, sort_edges, without_self
from dynattn.network.diagram import draw_diagram
from dynattn.network.structure import Facts, classify, measure
from dynattn.vocabulary.distributions import stream
from dynattn.vocabulary.graphs import SOURCES, Edges, GraphError, generate
from dynattn.vocabulary.sizes import Size, SizeError

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, eq=False)
class Network:
    """The coupling graph of a model."""

    model: Model = field(repr=False)
    connections: Mapping[str, Connections]
    """Of every coupling, by name."""

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

    Raises SpecError with every graph that cannot be made (E451) or does not fit its populations
    (E452, E453).
    """
    builder = _Builder(model, seed, repeat)
    found = {coupling.name: builder.connect(coupling) for coupling in model.couplings}
    builder.errors.raise_if_any()
    return Network(model, {name: value for name, value in found.items() if value is not None})


@dataclass
class _Builder:
    """The graphs made so far: couplings over one named graph share its draw."""

    model: Model
    seed: int
    repeat: int
    errors: Collector = field(default_factory=Collector)
    graphs: dict[str, tuple[Edges, int] | None] = field(default_factory=dict)

    def connect(self, coupling: Coupling) -> Connections | None:
        """The edges of one coupling; None with a diagnostic where there are none to be had."""
        use, span = coupling.graph, coupling.graph.span or coupling.span
        ends = [self.model.population[name] for name in (coupling.receiver, coupling.sender)]
        kind = _kind(use)
        if kind == "edges":
            return self._connect_edges(coupling, ends, span)
        size = dict(use.arguments).get("n")
        if size is not None and not all(self._fits(size, end, use, span) for end in ends):
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
        made = self._make(use, use.name or coupling.name, ends, span)
        if made is None or not all(self._fits(made[1], end, use, span) for end in ends):
            return None
        nodes = made[1]
        edges = made[0] if use.include_self else without_self(made[0])
        structure = classify(edges, nodes, nodes)
        if structure == "complete":
            return Connections("complete", nodes, nodes, False, structure=structure)
        receivers, senders, attributes = edges
        return Connections(
            "edges", nodes, nodes, use.include_self, receivers, senders, attributes, structure
        )

    def _make(
        self, use: GraphUse, name: str, ends: list[Population], span: Span
    ) -> tuple[Edges, int] | None:
        """Sorted edges and the number of nodes; made once for a graph with a name."""
        key = f"{name} {use.source} {use.generator} {use.arguments}"
        if key not in self.graphs:
            try:
                self.graphs[key] = self._call(use, name)
            except SizeError as problem:
                self.errors.add(
                    "E453",
                    f"the graph {_title(use)} needs a number of nodes: {problem}",
                    span,
                    "couple nodes over a dim with everyone(..) or causal(..)",
                    [(end.span, f"population '{end.name}' has {end.size} nodes") for end in ends],
                )
                self.graphs[key] = None
            except GraphError as problem:
                self.errors.add("E451", str(problem), span, "change the arguments of the graph")
                self.graphs[key] = None
        return self.graphs[key]

    def _call(self, use: GraphUse, name: str) -> tuple[Edges, int]:
        arguments = {word: self._value(value) for word, value in use.arguments}
        if use.source != "networkx":
            source = SOURCES[use.source]
            if wrong := source.check(arguments):
                raise GraphError(wrong)
            assert source.edges is not None
            return source.edges(**arguments), arguments["n"]
        drawn = int(stream(self.seed, f"graph {name}", self.repeat).integers(2**31))
        graph = generate(use.generator, arguments, seed=drawn)
        nodes = graph.number_of_nodes()
        return sort_edges(edges_of(graph), nodes), nodes

    def _value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(self._value(item) for item in value)
        return value.value(self.model.sizes) if isinstance(value, Size) else value

    def _count(self, size: Size) -> int | None:
        dims = {dim.name for dim in self.model.dims}
        return None if size.names & dims else size.value(self.model.sizes)

    def _fits(self, size: Size | int, end: Population, use: GraphUse, span: Span) -> bool:
        """Whether graph and population have the same number of nodes; E452 where they have not."""
        count = self._count(size) if isinstance(size, Size) else size
        expected = self._count(end.size)
        if count == expected and (count is not None or size == end.size):
            return True
        self.errors.add(
            "E452",
            f"the graph {_title(use)} has {size if count is None else count} nodes, "
            f"the population '{end.name}' has {end.size if expected is None else expected}",
            span,
            "give both the same number of nodes",
            [(end.span, f"population '{end.name}'")],
        )
        return False


def _kind(use: GraphUse) -> str:
    """``complete``, ``causal`` or ``edges``; networkx's complete_graph(n) needs no list."""
    if use.source != "networkx":
        return SOURCES[use.source].kind
    plain = use.generator == "complete_graph" and [name for name, _ in use.arguments] == ["n"]
    return "complete" if plain and isinstance(dict(use.arguments)["n"], int | Size) else "edges"


def _title(use: GraphUse) -> str:
    return f"'{use.name}'" if use.name else (use.generator or use.source)
