"""Where quantities have their values: nodes, edges of a list, or pairs, numbered in one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy
from numpy.typing import ArrayLike

from dynattn.model.terms import Place
from dynattn.program import duals
from dynattn.program.duals import Array, Dual
from dynattn.program.moments import Edge, Moment, View

if TYPE_CHECKING:
    from dynattn.program.reference import Reference


def front_of(reference: Reference, place: Place) -> tuple[int, ...]:
    """The axes of a place: [nodes], [edges], or [receivers, senders]."""
    if place.kind == "nodes":
        return (reference.count(place.name),)
    connections = reference.network.connections[place.name]
    if connections.kind == "edges":
        return (connections.edge_count or 0,)
    coupling = reference.model.coupling[place.name]
    return (reference.count(coupling.receiver), reference.count(coupling.sender))


def site_of(view: View) -> int:
    """The number of the edge that a view is taken from."""
    edge = view.edge
    assert edge is not None, "an edge's own quantity read away from the edge"
    if edge.number is not None:
        return edge.number
    reference = view.moment.reference
    count = reference.count(reference.model.coupling[edge.coupling].sender)
    return edge.receiver * count + edge.sender


def view_of(
    moment: Moment, place: Place, site: int, holes: Mapping[str, Dual] | None = None
) -> View | None:
    """The moment seen from a node or an edge; None from a pair that is no edge."""
    if place.kind == "nodes":
        return View(moment, node=site, holes=holes) if holes else moment.node(site)
    edge = _edge(moment.reference, place.name, site)
    return None if edge is None else View(moment, edge=edge, holes=holes or {})


def _edge(reference: Reference, coupling: str, site: int) -> Edge | None:
    connections = reference.network.connections[coupling]
    if connections.kind == "edges":
        assert connections.receivers is not None and connections.senders is not None
        ends = int(connections.receivers[site]), int(connections.senders[site])
        return Edge(coupling, *ends, site)
    count = reference.count(reference.model.coupling[coupling].sender)
    receiver, sender = divmod(site, count)
    there = sender <= receiver if connections.kind == "causal" else True
    there = there and (connections.include_self or sender != receiver)
    return Edge(coupling, receiver, sender, None) if there else None


def at_sites(
    reference: Reference, place: Place, shape: Sequence[int], per_site: Callable[[int], Dual]
) -> Dual:
    """A quantity at all its sites: [axes of the place, coordinates...]."""
    front = front_of(reference, place)
    rows = [per_site(site) for site in range(prod(front))]
    if not rows:
        return duals.plain(numpy.zeros((*front, *shape)))
    return duals.reshape(duals.stack(rows), (*front, *shape))


def entry_of(reference: Reference, place: Place, array: Dual, site: int) -> Dual:
    """What an array over the axes of a place has at one site."""
    front = front_of(reference, place)
    return array[site] if len(front) == 1 else array[site // front[1]][site % front[1]]


def rows_of(reference: Reference, place: Place, array: ArrayLike) -> Array:
    """An array over the axes of a place as one row of sites."""
    numbers, axes = duals.numbers(array), len(front_of(reference, place))
    return numbers.reshape(-1, *numbers.shape[axes:])
