"""Sums over the same offsets everywhere: shifted copies and Fourier transforms are the edge sum."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.network.structure import round_connections
from dynattn.program.nodes import OFFSETS
from dynattn.program.text import text
from tests.lower.programs import ALL, RNG, Hand, context, matrix_of, routine_of, run
from tests.lower.test_graph_sums import BATCHES, edge_form


def hears(count: int, *offsets: int):
    """Nodes that hear the same offsets, each with a weight of its own."""
    places = numpy.array(sorted(offsets))
    weights = numpy.random.default_rng(3).standard_normal(len(places))
    return round_connections(count, places, {"weight": weights}, {"weight"})


GRAPHS = {
    "narrow ring": hears(6, 1, 5),
    "one way": hears(7, 1, 2),
    "odd, with itself": hears(9, 0, 2, 3, 8),
    "opposite": hears(8, 4),
    "wide": hears(13, *range(1, 13)),
    "prime": hears(31, 1, 5, 30),
    "one node": hears(1, 0),
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("form", ["roll", "fft", "csr", "dense"])
@pytest.mark.parametrize("name", GRAPHS)
def test_all_forms_are_the_edge_sum(name, form, weight, batch):
    edges = GRAPHS[name]
    count = edges.receivers_count or 0
    hand, where = Hand(edges), context(edges)
    x, y = hand.state("x"), hand.state("y", 2)
    sums = hand.op("graph_sum", x, y, payload=("c", form, weight), dtype="tuple")
    arrays = {
        "x": RNG.standard_normal((*batch, count)),
        "y": RNG.standard_normal((*batch, count, 2)),
    }
    matrix = matrix_of(edges, weight)
    for k, (state, title) in enumerate(((x, "x"), (y, "y"))):
        expected = run(edge_form(hand, state, weight), where, **arrays)
        found = run(hand.op("pick", sums, payload=k), where, **arrays)
        numpy.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        columns = arrays[title].reshape(*batch, count, -1)
        by_matrix = (matrix @ columns).reshape(arrays[title].shape)
        numpy.testing.assert_allclose(found, by_matrix, rtol=1e-12, atol=1e-12)


def weighed(edges, form):
    """The sum with the weights squared, computed per offset."""
    hand = Hand(edges)
    weights = hand.op("edge", payload=("c", "weight"), place=type(ALL)("offsets", "c"), shape=())
    squares = hand.op("mul", weights, weights)
    features = (hand.state("x"), hand.state("y", 2))
    return hand.op("graph_sum", *features, squares, payload=("c", form, OFFSETS), dtype="tuple")


@pytest.mark.parametrize("form", ["roll", "fft"])
@pytest.mark.parametrize("name", GRAPHS)
def test_weights_per_offset_may_be_computed(name, form):
    edges = GRAPHS[name]
    sums, hand, count = weighed(edges, form), Hand(edges), edges.receivers_count or 0
    arrays = {"x": RNG.standard_normal((3, count)), "y": RNG.standard_normal((3, count, 2))}
    matrix = matrix_of(edges, "weight") ** 2
    for k, name in enumerate("xy"):
        found = run(hand.op("pick", sums, payload=k), context(edges), **arrays)
        expected = (matrix @ arrays[name].reshape(3, count, -1)).reshape(arrays[name].shape)
        numpy.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("form", ["roll", "fft"])
@pytest.mark.parametrize("weight", [None, "weight", OFFSETS])
def test_gradients_and_every_transform(form, weight):
    edges = GRAPHS["odd, with itself"]
    hand = Hand(edges)
    if weight == OFFSETS:
        sums, matrix = weighed(edges, form), matrix_of(edges, "weight") ** 2
    else:
        sums = hand.op("graph_sum", hand.state("x"), payload=("c", form, weight), dtype="tuple")
        matrix = matrix_of(edges, weight)
    routine = routine_of(hand.op("pick", sums, payload=0), context(edges))

    def value(x):
        return routine({"state x": x, "state y": torch.zeros(*x.shape, 2, dtype=x.dtype)})["result"]

    x = torch.randn(9, dtype=torch.float64)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        expected = torch.as_tensor(matrix)
        torch.testing.assert_close(jacobian(value)(x), expected, rtol=1e-12, atol=1e-12)
    batch = torch.randn(4, 9, dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(value)(batch), batch @ expected.T)
    assert torch.autograd.gradgradcheck(lambda x: value(x) ** 2, (x.requires_grad_(),))


@pytest.mark.parametrize("form", ["roll", "fft"])
def test_complex_features_and_single_precision(form):
    from dynattn.lower import kernels
    from dynattn.lower.context import make_array

    edges, matrix = GRAPHS["odd, with itself"], matrix_of(GRAPHS["odd, with itself"])
    where = context(edges)
    spectrum = torch.as_tensor(make_array(("spectrum", "c", None), where))
    z = torch.randn(9, dtype=torch.complex128)
    single = torch.randn(9, dtype=torch.float32)
    call = {
        "roll": lambda x, s: kernels.roll_nodes(x, 0, (0, 2, 3, -1)),
        "fft": lambda x, s: kernels.convolve_nodes(x, s, 0),
    }[form]
    torch.testing.assert_close(call(z, spectrum), torch.as_tensor(matrix).to(torch.complex128) @ z)
    found = call(single, spectrum.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.as_tensor(matrix).float() @ single)


@pytest.mark.parametrize("form", ["roll", "fft"])
def test_a_graph_without_common_offsets_has_no_such_form(form):
    from tests.lower.programs import sparse

    hand = Hand(sparse())
    node = hand.op("graph_sum", hand.state("x"), payload=("c", form, None), dtype="tuple")
    with pytest.raises(ValueError, match=f"the graph sum of c has no {form} form"):
        routine_of(node, context(sparse()))


# ── from a spec ────────────────────────────────────────────────────────────────────────────────


def ring(over: str, clauses: str = "", **sizes: int) -> Compilation:
    spec = f"""model m "a ring"
param N = 40, A = 0.9 in 0.1 .. 2
population osc[N] {{ state theta on circle ~ uniform }}
coupling c: osc -> osc over {over} {{ {clauses} }}
observe r = order(theta)
simulate {{ t 0 .. 1 every 0.1 }}
"""
    return Compilation(Source("ring.dyn", spec), sizes)


SPECS = [
    ("ring(N, reach=2)", "", "roll"),
    ("ring(N, reach=N/4)", "", "window"),
    ("ring(N, reach=N/4)", "weight 1 + A*cos(2*pi*distance/N)", "fft"),
    ("ring(N, reach=2)", "weight exp(-A*distance)", "roll"),
    ("ring(N, reach=N/4)", "weight 1/distance; kernel cos(theta[j])", "fft"),
    ("ring(N)", "kernel tanh(A*sin(theta[j] - theta[i]))", "edges"),
    ("ring(N, reach=N/2)", "", "mean_field"),
    ("cycle_graph(n=N)", "normalize degree", "roll"),
    ("circulant_graph(n=N, offsets=[1, 2, 3, 4, 5])", "", "window"),
    ("circulant_graph(n=N, offsets=[1, 2, 3, 4, 6])", "", "fft"),
    ("ring(N)", "weight ~ normal(0, A)", "csr"),
    ("one_to_one(N)", "kernel A*cos(theta[j])", "roll"),
]


@pytest.mark.parametrize(("over", "clauses", "form"), SPECS)
def test_a_spec_takes_the_form_and_is_certified(over, clauses, form):
    compilation = ring(over, clauses)
    block = compilation.program.field
    assert block is not None
    forms = {node.payload[1] for node in block.nodes if node.op == "graph_sum"}
    assert forms == (set() if form == "edges" else {form})
    assert certify(compilation).passed


@pytest.mark.parametrize(("over", "clauses"), [s[:2] for s in SPECS])
def test_the_program_is_the_same_for_every_size(over, clauses):
    small, large = (ring(over, clauses, N=n) for n in (40, 4000))
    assert text(small.program) == text(large.program).replace("constant 4000", "constant 40")


def test_no_edge_of_a_large_ring_is_ever_made():
    compilation = ring("ring(N, reach=N/4)", "weight 1 + A*cos(2*pi*distance/N)", N=200_000)
    system = compilation.build()
    x = torch.rand(200_000, dtype=torch.float64)
    found = system.rates(torch.zeros(()), {"osc.theta": x})["osc.theta"]
    connections = compilation.network.connections["c"]
    assert connections.edge_count == 200_000 * 100_000
    assert not {"receivers", "senders"} & set(vars(connections))
    hops = numpy.concatenate([numpy.arange(1, 50_001), numpy.arange(-50_000, 0)])
    node, states = 17, x.numpy()
    weights = 1 + 0.9 * numpy.cos(2 * numpy.pi * abs(hops) / 200_000)
    expected = (weights * numpy.sin(states[(node + hops) % 200_000] - states[node])).sum()
    numpy.testing.assert_allclose(found[node], expected, rtol=1e-10)


@pytest.mark.parametrize(("over", "clauses"), [SPECS[k][:2] for k in (2, 3)])
def test_an_emitted_file_computes_the_same(over, clauses, tmp_path):
    from tests.lower.test_emit import executed, write

    compilation = ring(over, clauses)
    theta = torch.rand(40, dtype=torch.float64)
    found, _ = executed(write(tmp_path, compilation), "M", "flow", theta)
    expected = compilation.build().rates(torch.zeros(()), {"osc.theta": theta})["osc.theta"]
    torch.testing.assert_close(found["rate"], expected, rtol=1e-12, atol=1e-12)
