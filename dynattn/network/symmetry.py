"""Whether a graph is the same in both directions, as a pair potential needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy

from dynattn.diagnostics.report import Diagnostic
from dynattn.model.model import Model

if TYPE_CHECKING:
    from dynattn.network.connections import Connections


def symmetry_mistakes(model: Model, connections: Mapping[str, Connections]) -> Iterator[Diagnostic]:
    """E424 for every coupling with an energy over a graph with a direction."""
    for coupling in model.couplings:
        if coupling.energy is not None and coupling.name in connections:
            problem = asymmetry(connections[coupling.name])
            if problem:
                problem = f"an energy belongs to pairs, and {problem}"
                fix = "couple over an undirected graph, or write the kernel"
                yield Diagnostic("E424", problem, coupling.span, fix)


def asymmetry(edges: Connections) -> str:
    """What is not the same in both directions, in words; '' where everything is."""
    if edges.kind == "complete":
        return ""
    if edges.kind == "causal":
        return "this graph has a direction"
    if edges.offsets is not None:
        there, back = (edges.offsets,), (edges.opposite,)
    else:
        assert edges.listed_receivers is not None and edges.listed_senders is not None
        there = (edges.listed_receivers, edges.listed_senders)
        back = there[::-1]
    forward, backward = numpy.lexsort(there[::-1]), numpy.lexsort(back[::-1])
    pairs = zip(there, back, strict=True)
    if not all(numpy.array_equal(a[forward], b[backward]) for a, b in pairs):
        return "an edge of this graph has none the other way"
    for name, values in edges.listed.items():
        if not numpy.array_equal(values[forward], values[backward]):
            return f"'{name}' differs between the two directions"
    return ""
