"""Sums over lattices closed in every direction: shifts and Fourier transforms are the edge sum."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.model.terms import Place
from dynattn.network.structure import lattice_connections
from dynattn.program.nodes import OFFSETS
from tests.lower.programs import RNG, Hand, context, matrix_of, run
from tests.lower.test_graph_sums import BATCHES, edge_form

SIDES = {"flat": (4, 5), "even": (6, 2), "high": (3, 2, 4), "row": (7,), "cube": (2, 2, 2)}


def lattice(name: str):
    """A lattice whose nodes hear their neighbours and one more, each with a weight of its own."""
    sides = SIDES[name]
    steps = {int(numpy.ravel_multi_index(numpy.eye(len(sides), dtype=int)[k], sides))
             for k in range(len(sides))}  # fmt: skip
    offsets = numpy.array(sorted(steps | {int(numpy.prod(sides)) - 1}))
    weights = numpy.random.default_rng(5).standard_normal(len(offsets))
    return replace(lattice_connections(sides, offsets), listed={"weight": weights})


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("weight", [None, "weight", OFFSETS])
@pytest.mark.parametrize("form", ["roll", "fft"])
@pytest.mark.parametrize("name", SIDES)
def test_all_forms_are_the_edge_sum(name, form, weight, batch):
    edges = lattice(name)
    count = edges.receivers_count or 0
    hand, where = Hand(edges), context(edges)
    x, y = hand.state("x"), hand.state("y", 2)
    inputs = [x, y]
    if weight == OFFSETS:
        place = Place("offsets", "c")
        inputs.append(hand.op("edge", payload=("c", "weight"), place=place))
    sums = hand.op("graph_sum", *inputs, payload=("c", form, weight), dtype="tuple")
    arrays = {
        "x": RNG.standard_normal((*batch, count)),
        "y": RNG.standard_normal((*batch, count, 2)),
    }
    matrix = matrix_of(edges, weight and "weight")
    for k, title in enumerate("xy"):
        found = run(hand.op("pick", sums, payload=k), where, **arrays)
        by_matrix = (matrix @ arrays[title].reshape(*batch, count, -1)).reshape(found.shape)
        numpy.testing.assert_allclose(found, by_matrix, rtol=1e-12, atol=1e-12)
        plain = run(edge_form(hand, (x, y)[k], weight and "weight"), where, **arrays)
        numpy.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "graph",
    ["grid_2d_graph(m=n, n=4, periodic=true)", "grid_graph(dim=[2, 3, n], periodic=true)",
     "hypercube_graph(n=n)", "hypercube_graph(n=9)"],
)  # fmt: skip
def test_specs_over_lattices_are_certified(graph):
    text = f"""
model lattice_spec
param n = 5
graph net = {graph}
population osc[net] {{ state x on sphere(3); param w[3] ~ normal(0, 1); drift w }}
coupling pull: osc -> osc over net {{ strength 0.3; normalize degree }}
coupling push: osc -> osc over net {{ weight 1 + 0.2*cos(n); kernel 0.1 * x[j] * x[i] }}
"""
    spec = Compilation(Source("lattice.dyn", text))
    assert spec.network.connections["pull"].listed_receivers is None
    assert certify(spec).passed
