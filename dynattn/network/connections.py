"""The edges of one coupling as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy

from dynattn.network.blocks import Blocks, find_blocks
from dynattn.network.low_rank import thin_factors
from dynattn.vocabulary.node_graph import edges_of as edges_of
from dynattn.vocabulary.node_graph import number_nodes as number_nodes
from dynattn.vocabulary.node_graph import sort_edges as sort_edges
from dynattn.vocabulary.node_graph import without_self as without_self

Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Connections:
    """Who sends to whom in one coupling.

    Counts are None for a population indexed by a dim, whose length each sample has itself; those of
    an edge list are always known. Where every node hears the same ``offsets``, the lists of edges
    are made only when something reads them.
    """

    kind: str
    """``complete``, ``causal`` (senders up to and with the receiver's number), or ``edges``."""
    receivers_count: int | None
    senders_count: int | None
    include_self: bool
    """Complete and causal: whether node i sends to node i."""
    listed_receivers: Array | None = field(default=None, repr=False)
    listed_senders: Array | None = field(default=None, repr=False)
    listed: Mapping[str, Array] = field(default_factory=dict, repr=False)
    """float64 numbers per edge; per offset where there are offsets."""
    structure: str = ""
    """``complete``, ``causal``, ``circulant``, ``lattice``, ``sparse``, ``dense`` or ``empty``."""
    offsets: Array | None = field(default=None, repr=False)
    """Ascending int64: node i hears the nodes i + offset, counted round; else None."""
    sides: tuple[int, ...] = ()
    """Of a lattice closed in every direction, its lengths: nodes are numbered row by row, and
    offsets are counted round along each side by itself. () for a single row."""
    words: Mapping[str, Array] = field(default_factory=dict, repr=False)
    """Texts per edge."""
    matching: str = ""
    """In words: which id of a file became which node; '' where there was nothing to match."""
    points: int | None = None
    """How many graphs of as many nodes the lists hold, one after another, the nodes of each counted
    on; None: the one graph that all points of a batch share."""
    found_blocks: dict[str | None, Blocks | None] = field(default_factory=dict, repr=False)
    """By attribute that weighs the edges: what ``blocks`` has found."""

    def blocks(self, weight: str | None) -> Blocks | None:
        """Listed edges as those of classes of nodes; None where they are no such edges."""
        if self.kind != "edges" or self.offsets is not None or self.points:
            return None
        if weight not in self.found_blocks:
            counts = (self.receivers_count or 0, self.senders_count or 0)
            values = None if weight is None else self.attributes[weight]
            assert self.receivers is not None and self.senders is not None
            found = find_blocks(self.receivers, self.senders, values, counts)
            self.found_blocks[weight] = found
        return self.found_blocks[weight]

    found_factors: dict[str, tuple[Array, Array] | None] = field(default_factory=dict, repr=False)
    """By attribute that weighs the edges: what ``factors`` has found."""

    def factors(self, weight: str | None) -> tuple[Array, Array] | None:
        """Thin factors of the matrix of listed weights; None where its rank is not low."""
        if self.kind != "edges" or self.offsets is not None or weight is None or self.points:
            return None
        if weight not in self.found_factors:
            counts = (self.receivers_count or 0, self.senders_count or 0)
            assert self.receivers is not None and self.senders is not None
            found = thin_factors(self.receivers, self.senders, self.attributes[weight], counts)
            self.found_factors[weight] = found
        return self.found_factors[weight]

    @cached_property
    def receivers(self) -> Array | None:
        """int64 numbers of nodes, one entry per edge, sorted by receiver, then sender."""
        if self.offsets is None:
            return self.listed_receivers
        return numpy.repeat(numpy.arange(self.receivers_count or 0), len(self.offsets))

    @cached_property
    def senders(self) -> Array | None:
        """int64 numbers of nodes, in the same order."""
        if self.offsets is None:
            return self.listed_senders
        return numpy.sort(self._round(), axis=1).reshape(-1)

    @cached_property
    def attributes(self) -> Mapping[str, Array]:
        """float64 numbers per edge, in the same order."""
        return self.listed if self.offsets is None else _Spread(self)

    def _round(self) -> Array:
        """The senders of every node, [receivers, offsets], in the order of the offsets."""
        return self.heard_by(numpy.arange(self.receivers_count or 0))

    def heard_by(self, nodes: Array) -> Array:
        """The nodes at the offsets from each of these, [.., offsets]."""
        assert self.offsets is not None
        if not self.sides:
            return (nodes[..., None] + self.offsets) % (self.receivers_count or 1)
        near = zip(*(numpy.unravel_index(a, self.sides) for a in (nodes, self.offsets)),
                   self.sides, strict=True)  # fmt: skip
        places = tuple((place[..., None] + step) % side for place, step, side in near)
        return numpy.asarray(numpy.ravel_multi_index(places, self.sides))

    @property
    def steps(self) -> Array:
        """The offsets along each side, [offsets, sides], the shorter way round."""
        assert self.offsets is not None
        sides = self.sides or (self.receivers_count or 1,)
        steps = numpy.stack(numpy.unravel_index(self.offsets, sides), -1)
        return numpy.where(2 * steps <= sides, steps, steps - numpy.array(sides))

    @property
    def window(self) -> tuple[int, int] | None:
        """First and last of offsets that, 0 aside, leave no gap between them; else None."""
        if self.offsets is None or self.sides:
            return None
        steps = numpy.union1d(self.steps[:, 0], [0])
        gapless = steps[-1] - steps[0] == len(steps) - 1
        return (int(steps[0]), int(steps[-1])) if gapless else None

    @property
    def opposite(self) -> Array:
        """The offset the other way of each offset."""
        sides = self.sides or (self.receivers_count or 1,)
        back = tuple((-self.steps % numpy.array(sides)).T)
        return numpy.asarray(numpy.ravel_multi_index(back, sides))

    def spread(self, name: str) -> Array:
        """An attribute per offset as one per edge."""
        order = numpy.argsort(self._round(), axis=1)
        return self.listed[name][order].reshape(-1)

    @cached_property
    def back(self) -> Array | None:
        """Of each listed edge the one the other way; None where one lacks it, or is a loop."""
        receivers, senders = self.receivers, self.senders
        if receivers is None or senders is None or self.receivers_count != self.senders_count:
            return None
        if (receivers == senders).any():
            return None
        order = numpy.lexsort((receivers, senders))
        fits = (senders[order] == receivers).all() and (receivers[order] == senders).all()
        twice = (numpy.diff(receivers) == 0) & (numpy.diff(senders) == 0)
        return order if fits and not twice.any() else None

    @cached_property
    def once(self) -> Array:
        """The listed edges whose receivers come before their senders: of two opposite ones one."""
        assert self.receivers is not None and self.senders is not None
        return numpy.flatnonzero(self.receivers < self.senders)

    @property
    def is_undirected(self) -> bool:
        """Whether every edge has its opposite; edges that loop aside, of pairs."""
        if self.kind != "edges":
            known = self.receivers_count is not None
            return known and self.kind == "complete" and self.receivers_count == self.senders_count
        return self.back is not None

    def exchange_sign(self, attribute: str) -> int:
        """1 for one that opposite edges share, -1 for one of opposite signs, 0 for others."""
        if attribute == "one":
            return 1
        if self.kind != "edges" or self.back is None or attribute not in self.listed:
            return 0
        values = self.attributes[attribute]
        other = values[self.back]
        return 1 if (values == other).all() else -1 if (values == -other).all() else 0

    def senders_of(self, receiver: int) -> Iterator[tuple[int, int]]:
        """(number of the edge, sender) for every edge of a list into one receiver."""
        if self.offsets is not None:
            heard = numpy.sort(self.heard_by(numpy.array(receiver)))
            first, last = receiver * len(heard), (receiver + 1) * len(heard)
        else:
            assert self.receivers is not None and self.senders is not None
            first, last = numpy.searchsorted(self.receivers, [receiver, receiver + 1]).tolist()
            heard = self.senders[first:last]
        return zip(range(first, last), heard.tolist(), strict=True)

    def value(self, name: str, edge: int) -> float:
        """An attribute of one edge."""
        if self.offsets is None:
            return float(self.listed[name][edge])
        receiver, place = divmod(edge, len(self.offsets))
        heard = self.heard_by(numpy.array(receiver))
        return float(self.listed[name][numpy.argsort(heard)[place]])

    @property
    def edge_count(self) -> int | None:
        """How many edges there are; None where it depends on the sample."""
        if self.offsets is not None:
            return len(self.offsets) * (self.receivers_count or 0)
        if self.receivers is not None:
            return len(self.receivers)
        receivers, senders = self.receivers_count, self.senders_count
        if receivers is None or senders is None:
            return None
        both = min(receivers, senders)
        every = receivers * senders
        if self.kind == "causal":
            every = both * (both + 1) // 2 + (receivers - both) * senders
        return every - (0 if self.include_self else both)

    @property
    def density(self) -> float:
        """Edges over pairs (receiver, sender); over a dim, what long samples tend to."""
        if self.receivers_count is None or self.senders_count is None:
            return 1.0 if self.kind == "complete" else 0.5
        pairs = self.receivers_count * self.senders_count * (self.points or 1)
        return (self.edge_count or 0) / pairs if pairs else 0.0

    def degree(self, nodes: int | None = None) -> Array:
        """The number of senders of each receiver, [points, receivers] of several graphs; ``nodes``
        is the length of the sample.
        """
        receivers = self.receivers_count if self.receivers_count is not None else nodes
        senders = self.senders_count if self.senders_count is not None else nodes
        if receivers is None or senders is None:
            raise ValueError("the number of nodes is the sample's own: degree(nodes) needs it")
        if self.offsets is not None:
            return numpy.full(receivers, len(self.offsets))
        if self.receivers is not None and self.points:
            counts = numpy.bincount(self.receivers, minlength=self.points * receivers)
            return counts.reshape(self.points, receivers)
        if self.receivers is not None:
            return numpy.bincount(self.receivers, minlength=receivers)
        number = numpy.arange(receivers)
        up_to = number + 1 if self.kind == "causal" else numpy.full(receivers, senders)
        own = 0 if self.include_self else (number < senders).astype(numpy.int64)
        return numpy.minimum(up_to, senders) - own

    def rows(self) -> Array:
        """CSR row pointers: the edges of receiver i are rows()[i] to rows()[i + 1]."""
        return numpy.concatenate([[0], numpy.cumsum(self.degree())])


class _Spread(Mapping[str, Array]):
    """Attributes per offset, seen as attributes per edge; each is laid out when first read."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._made: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._made:
            self._made[name] = self._connections.spread(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._connections.listed)

    def __len__(self) -> int:
        return len(self._connections.listed)

    def __contains__(self, name: object) -> bool:
        return name in self._connections.listed
