"""The sum of a coupling at one receiver, sender by sender."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy

from dynattn.model.parts import Coupling
from dynattn.model.summands import Summand
from dynattn.program import duals
from dynattn.program.duals import Dual
from dynattn.program.meanings import evaluate
from dynattn.program.moments import Edge, Moment, View

if TYPE_CHECKING:
    from dynattn.network.connections import Connections
    from dynattn.program.reference import Reference


def sum_into(coupling: Coupling, receiver: int, moment: Moment) -> Dual:
    """S_i = strength_i / normalize * sum over the senders j of i of w_ij k(x_i, x_j)."""
    reference = moment.reference
    edges = list(senders(reference, coupling, receiver))
    shape = tuple(size.value(reference.sizes) for size in coupling.shape)
    if not edges:
        return duals.plain(numpy.zeros(shape))
    reference.visit(len(edges))
    views = [View(moment, edge=edge) for edge in edges]
    grouped = _grouped(reference, coupling, shape)
    weights = [_behind(weight, len(grouped)) for weight in _weights(coupling, edges, views)]
    parts = [_summed(part, weights, views, grouped) for part in coupling.summands]
    by = {"none": 1, "size": reference.count(coupling.sender), "degree": len(edges)}
    found = duals.divide(duals.total(parts), duals.plain(by[coupling.normalize]))
    return duals.reshape(found, shape)


def _summed(part: Summand, weights: list[Dual], views: list[View], shape: tuple[int, ...]) -> Dual:
    """strength_i * sum over j of w_ij k(x_i, x_j+l), where j + l is a sender of i itself."""
    edges = [view.edge for view in views if view.edge is not None]
    known = {edge.sender for edge in edges}
    found = duals.plain(numpy.zeros(shape))
    for weight, view, edge in zip(weights, views, edges, strict=True):
        if edge.sender + part.successor in known:
            kernel = duals.broadcast(evaluate(part.kernel, view), shape)
            found = duals.add(found, duals.multiply(weight, kernel))
    if part.strength is None:
        return found
    receiver = views[0].moment.node(edges[0].receiver)
    return duals.multiply(evaluate(part.strength, receiver), found)


def senders(reference: Reference, coupling: Coupling, receiver: int) -> Iterator[Edge]:
    """The edges into one receiver, senders ascending."""
    connections = reference.network.connections[coupling.name]
    if connections.kind == "edges":
        for number, sender in connections.senders_of(receiver):
            yield Edge(coupling.name, receiver, sender, number)
        return
    last = reference.count(coupling.sender) - 1
    for sender in range((min(receiver, last) if connections.kind == "causal" else last) + 1):
        if connections.include_self or sender != receiver:
            yield Edge(coupling.name, receiver, sender, None)


def _weights(coupling: Coupling, edges: list[Edge], views: list[View]) -> list[Dual]:
    """w_ij per edge, [] or [heads]; softmax and normalized divide by the sum over the edges."""
    weights = [duals.plain(1.0) for _ in edges]
    if coupling.weight is not None:
        weights = [evaluate(coupling.weight, view) for view in views]
    if coupling.adaptive == "softmax":
        largest = duals.plain(numpy.max([weight.value for weight in weights], axis=0))
        weights = [duals.apply("exp", duals.apply("sub", w, largest)) for w in weights]
    if coupling.adaptive is not None:
        together = duals.total(weights)
        weights = [duals.divide(weight, together) for weight in weights]
    connections = views[0].moment.reference.network.connections[coupling.name]
    if coupling.edge_weights and "weight" in connections.attributes:
        pairs = zip(weights, edges, strict=True)
        weights = [duals.multiply(w, duals.plain(_own(connections, edge))) for w, edge in pairs]
    return weights


def _own(connections: Connections, edge: Edge) -> float:
    assert edge.number is not None
    return connections.value("weight", edge.number)


def _grouped(reference: Reference, coupling: Coupling, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of S_i as the kernel sees it: the last axis in heads where there are heads."""
    if coupling.heads is None or coupling.shape[:1] in ((), (coupling.heads,)):
        return shape
    heads = coupling.heads.value(reference.sizes)
    return (*shape[:-1], heads, shape[-1] // heads)


def _behind(weight: Dual, axes: int) -> Dual:
    """A weight per head beside values per head and coordinate: axes of 1 put behind."""
    return duals.reshape(weight, weight.shape + (1,) * max(axes - weight.value.ndim, 0))
