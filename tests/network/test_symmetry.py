"""Pair potentials need graphs that are the same in both directions."""

from __future__ import annotations

import numpy
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.network.connections import Connections
from dynattn.network.symmetry import symmetry_mistakes
from tests.run.specs import compiled

SPEC = """
model m
param N = 12
graph net = {}
population p[N] {{ state x on real }}
coupling bond: p -> p over net {{ energy (x[i] - x[j])^2 }}
simulate {{ t 0 .. 1 }}
"""


@pytest.mark.parametrize(
    "graph",
    ["cycle_graph(n=N)", "complete_graph(n=N)", "ring(N, reach=3)", "everyone(N)",
     "watts_strogatz_graph(n=N, k=4, p=0.5, seed=1)"],
)  # fmt: skip
def test_undirected_graphs(graph: str) -> None:
    assert compiled(SPEC.format(graph)).network.connections["bond"]


@pytest.mark.parametrize(
    "graph", ["gnp_random_graph(n=N, p=0.3, seed=1, directed=true)", "causal(N)"]
)
def test_directed_graphs(graph: str) -> None:
    with pytest.raises(SpecError) as caught:
        _ = compiled(SPEC.format(graph)).network
    assert [item.code for item in caught.value.diagnostics] == ["E424"]


def told(edges: Connections) -> list[str]:
    model = compiled(SPEC.format("cycle_graph(n=N)")).model
    return [item.message for item in symmetry_mistakes(model, {"bond": edges})]


def test_weights_differ_between_the_directions() -> None:
    i, j = numpy.array([0, 1]), numpy.array([1, 0])
    same = Connections("edges", 2, 2, False, i, j, {"weight": numpy.array([2.0, 2.0])})
    assert told(same) == []
    other = Connections("edges", 2, 2, False, i, j, {"weight": numpy.array([2.0, 3.0])})
    text = "an energy belongs to pairs, and 'weight' differs between the two directions"
    assert told(other) == [text]


def test_offsets_to_one_side() -> None:
    ring = Connections("edges", 12, 12, False, structure="circulant", offsets=numpy.array([1, 11]))
    assert told(ring) == []
    around = Connections("edges", 12, 12, False, structure="circulant", offsets=numpy.array([1, 2]))
    text = "an energy belongs to pairs, and an edge of this graph has none the other way"
    assert told(around) == [text]
