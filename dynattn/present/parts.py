"""What pictures of a coupling graph are made of, apart from where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import SizeError

if TYPE_CHECKING:
    import networkx

    from dynattn.network.connections import Connections


@dataclass(frozen=True)
class CouplingEdges:
    """A coupling by name, from the population ``sender`` into the population ``receiver``, or
    from or into a group of populations.
    """

    name: str
    sender: str
    receiver: str
    edges: Connections
    groups: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """The members of the groups among the two, in order, and how many nodes each has."""

    def sender_name(self, node: int) -> str:
        """``osc[3]``: a sending node, by the population it belongs to."""
        return self._name(self.sender, node)

    def receiver_name(self, node: int) -> str:
        """A receiving node, by the population it belongs to."""
        return self._name(self.receiver, node)

    def _name(self, end: str, node: int) -> str:
        for member, size in self.groups.get(end, ()):
            if node < size:
                return f"{member}[{node}]"
            node -= size
        return f"{end}[{node}]"


@dataclass(frozen=True)
class NodeState:
    """One number per node to colour it by; ``cyclic``: an angle in radians."""

    name: str
    values: Any
    cyclic: bool


@dataclass(frozen=True)
class Attention:
    """Who attends to whom: ``weights[layer, head, receiver, sender]`` over ``tokens``.

    The weights of one receiver sum to 1.
    """

    tokens: tuple[str, ...]
    weights: Any
    layers: tuple[str, ...] = ()
    """Names of the layers; numbered where empty."""


@dataclass(frozen=True)
class GraphParts:
    """A coupling graph to draw."""

    name: str
    diagram: networkx.MultiDiGraph
    """Populations and couplings."""
    sizes: Mapping[str, int | None] = field(default_factory=dict)
    """Nodes per population; None where a sample brings its own length."""
    couplings: tuple[CouplingEdges, ...] = ()
    states: Mapping[str, NodeState] = field(default_factory=dict)
    """By population."""
    attention: Attention | None = None

    @property
    def drawable(self) -> tuple[CouplingEdges, ...]:
        """The couplings between populations whose number of nodes is known."""
        return tuple(
            c for c in self.couplings if all(self._is_known(end) for end in (c.sender, c.receiver))
        )

    def _is_known(self, end: str) -> bool:
        """Groups have members of known size only."""
        return end not in self.sizes or self.sizes[end] is not None

    @property
    def node_count(self) -> int:
        """All nodes of the populations that have a known number of them."""
        return sum(size for size in self.sizes.values() if size is not None)


def parts_of(
    compilation: Any,
    states: Mapping[str, Any] | None = None,
    attention: Attention | None = None,
) -> GraphParts:
    """The graph of a compilation (its ``model`` and ``network``), coloured by ``states``.

    ``states``: arrays [N] or [N, coordinates] by the state's full name (``osc.theta``); of several
    coordinates the first is shown.
    """
    model, network = compilation.model, compilation.network
    groups = {group.name: _members(model, group) for group in model.groups}
    couplings = tuple(
        CouplingEdges(c.name, c.sender, c.receiver, network.connections[c.name], groups)
        for c in model.couplings
    )
    return GraphParts(
        name=model.name,
        diagram=network.diagram,
        sizes={p.name: _known_size(p.size, model.sizes) for p in model.populations},
        couplings=couplings,
        states=_node_states(model, states or {}),
        attention=attention,
    )


def _members(model: Any, group: Any) -> tuple[tuple[str, int], ...]:
    sizes = {name: model.population[name].size.value(model.sizes) for name in group.members}
    return tuple(sizes.items())


def edge_arrays(edges: Connections) -> tuple[Any, Any]:
    """(receivers, senders): node numbers of every edge, sorted by receiver."""
    import numpy

    if edges.receivers is not None and edges.senders is not None:
        return edges.receivers, edges.senders
    i, j = (
        side.ravel()
        for side in numpy.indices((edges.receivers_count or 0, edges.senders_count or 0))
    )
    kept = (j <= i) if edges.kind == "causal" else numpy.ones_like(i, dtype=bool)
    if not edges.include_self:
        kept &= i != j
    return i[kept], j[kept]


def _known_size(size: Any, sizes: Mapping[str, int]) -> int | None:
    try:
        return size.value(sizes)
    except SizeError:
        return None


def _node_states(model: Any, states: Mapping[str, Any]) -> dict[str, NodeState]:
    """The first state of each population that ``states`` has."""
    found: dict[str, NodeState] = {}
    for name, state in model.states.items():
        if name in states and state.population and state.population not in found:
            cyclic = MANIFOLDS[state.manifold.name].phase
            found[state.population] = _node_state(name, states[name], cyclic)
    return found


def _node_state(name: str, values: Sequence[Any], cyclic: bool) -> NodeState:
    import numpy

    array = numpy.asarray(values)
    label = name if array.ndim == 1 else f"{name}[{','.join(['0'] * (array.ndim - 1))}]"
    first = array.reshape(len(array), -1)[:, 0]
    if numpy.iscomplexobj(first):
        return NodeState(f"abs({label})", numpy.abs(first), cyclic)
    return NodeState(label, first.astype(float), cyclic)
