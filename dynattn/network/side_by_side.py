"""Graphs that are drawn anew for each repeat, side by side: one after another in the same lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy

from dynattn.model.graph_making import is_drawn
from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.network.connections import Connections


def drawn_couplings(model: Model) -> tuple[str, ...]:
    """The couplings whose graphs may differ from repeat to repeat."""
    return tuple(c.name for c in model.couplings if is_drawn(c.graph))


def side_by_side(networks: Mapping[int, Network], points: Sequence[int]) -> Network:
    """The network of points that each have a repeat; ``networks`` are those of the repeats.

    Only of models whose drawn graphs are lists of edges, and whose other graphs are the same.
    """
    first = networks[points[0]]
    found = dict(first.connections)
    for name in drawn_couplings(first.model):
        found[name] = _stacked([networks[repeat].connections[name] for repeat in points])
    return replace(first, connections=found)


def _stacked(graphs: Sequence[Connections]) -> Connections:
    listed = [_listed(graph) for graph in graphs]
    ends = {graph.receivers_count for graph in graphs}, {graph.senders_count for graph in graphs}
    ((receivers,), (senders,)) = ends
    shifts = zip(listed, range(len(graphs)), strict=True)
    pairs = [(r + k * (receivers or 0), s + k * (senders or 0)) for (r, s, _), k in shifts]
    names = set.intersection(*(set(values) for *_, values in listed))
    return Connections(
        "edges", receivers, senders, any(graph.include_self for graph in graphs),
        numpy.concatenate([r for r, _ in pairs]), numpy.concatenate([s for _, s in pairs]),
        {n: numpy.concatenate([values[n] for *_, values in listed]) for n in sorted(names)},
        "sparse", points=len(graphs),
    )  # fmt: skip


def _listed(graph: Connections) -> tuple[numpy.ndarray, numpy.ndarray, Mapping[str, numpy.ndarray]]:
    """Receivers, senders and attributes of every edge, of a complete graph too."""
    if graph.receivers is not None and graph.senders is not None:
        return graph.receivers, graph.senders, graph.attributes
    i, j = numpy.indices((graph.receivers_count or 0, graph.senders_count or 0)).reshape(2, -1)
    kept = numpy.ones(len(i), bool) if graph.include_self else i != j
    return i[kept], j[kept], {}
