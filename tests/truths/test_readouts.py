"""Readouts against plain numpy, in every form that a sum can take, and through certification."""

from __future__ import annotations

import numpy
import pytest
import torch
from scipy.linalg import expm

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.model.check import check
from dynattn.present.summary import chosen_forms
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory

HEAD = """model m
param N = 12, d = 4, H = 2
"""
STATES = "population p[N] { state x[2] on real ~ normal(0, 1); drift -x }\n"


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", HEAD + text))


def observed(text: str, name: str, **states: numpy.ndarray) -> numpy.ndarray:
    system = compiled(text).build()
    given = {key.replace("_", ".", 1): torch.as_tensor(value) for key, value in states.items()}
    return system.observe(0.0, given)[name].numpy()


def points(*shape: int) -> numpy.ndarray:
    return numpy.random.default_rng(3).standard_normal(shape)


def hops(n: int) -> numpy.ndarray:
    """[i, j]: how far apart two nodes of a ring are."""
    away = numpy.abs(numpy.arange(n)[:, None] - numpy.arange(n)[None, :])
    return numpy.minimum(away, n - away)


GRAPHS = {
    "everyone(N) without self": ("mean_field", lambda n: ~numpy.eye(n, dtype=bool)),
    "ring(N, reach=2)": ("roll", lambda n: (hops(n) <= 2) & (hops(n) > 0)),
    "ring(N, reach=5)": ("window", lambda n: (hops(n) <= 5) & (hops(n) > 0)),
    "causal(N)": ("prefix", lambda n: numpy.tri(n, dtype=bool)),
    "edges [0 -> 3, 1 -> 3, 2 -> 0, 3 -> 2]": ("dense", None),
}


def adjacency(graph: str, n: int) -> numpy.ndarray:
    make = GRAPHS[graph][1]
    if make is not None:
        return make(n)
    found = numpy.zeros((n, n), dtype=bool)
    found[[3, 3, 0, 2], [0, 1, 2, 3]] = True
    return found


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_sum_is_that_over_the_edges_in_every_form(graph: str) -> None:
    n = 4 if graph.startswith("edges") else 12
    text = STATES + (
        f"readout near: p -> p over {graph}"
        " { kernel [cos(x[j]), 1 + x[j]^2]; strength 3; normalize degree }\nobserve r = near\n"
    ).replace("[cos(x[j]), 1 + x[j]^2]", "cos(x[j])*x[i]")
    text = text.replace("[N]", f"[{n}]").replace("(N", f"({n}")
    x = points(n, 2)
    a = adjacency(graph, n)
    degree = numpy.maximum(a.sum(1), 1)[:, None]
    expected = 3 * (a @ numpy.cos(x)) * x / degree
    assert observed(text, "r", p_x=x) == pytest.approx(expected, abs=1e-12)
    form = chosen_forms(compiled(text).program)["near"].name
    assert form == GRAPHS[graph][0]
    assert certify(compiled(text)).passed


def test_a_vector_of_the_senders_is_summed_as_one_array() -> None:
    text = (
        "population p[N] { state x on circle; drift 1 }\n"
        "readout near: p -> p over ring(N, reach=2) { kernel [cos(x[j]), sin(x[j])] }\n"
        "observe r = norm(near)\n"
    )
    x = points(12)
    near = (hops(12) <= 2) & (hops(12) > 0)
    expected = numpy.abs(near @ numpy.exp(1j * x))
    assert observed(text, "r", p_x=x) == pytest.approx(expected, abs=1e-12)
    assert chosen_forms(compiled(text).program)["near"].name == "roll"
    assert certify(compiled(text)).passed


@pytest.mark.parametrize("rule", ["softmax", "normalized"])
def test_weights_of_heads_and_what_heads_split_is_joined_again(rule: str) -> None:
    score = "dot(x[i], x[j])" if rule == "softmax" else "1 + dot(x[i], x[j])^2"
    text = (
        "population p[N] { state x on real(d) ~ normal(0, 1); drift -x }\n"
        f"readout mix: p -> p over causal(N) {{ heads H; weight {rule}({score}); kernel x[j] }}\n"
        "readout count: p -> p over causal(N) { heads H; weight dot(x[i], x[j]); kernel 1 }\n"
        "observe r = mix\nobserve c = count\n"
    )
    x = points(12, 4)
    z = x.reshape(12, 2, 2)
    scores = numpy.einsum("ihk,jhk->hij", z, z)
    weights = numpy.exp(scores) if rule == "softmax" else 1 + scores**2
    weights = weights * numpy.tri(12)
    shares = weights / weights.sum(-1, keepdims=True)
    expected = numpy.einsum("hij,jhk->ihk", shares, z).reshape(12, 4)
    assert observed(text, "r", p_x=x) == pytest.approx(expected, abs=1e-12)
    counts = (scores * numpy.tri(12)).sum(-1).T
    assert observed(text, "c", p_x=x) == pytest.approx(counts, abs=1e-12)
    assert certify(compiled(text)).passed


NESTED = """
param P = 3, beta = 2.0
population memory[P] { param m[d] ~ normal(0, 1) }
population p[N] { state x on real(d) ~ normal(0, 1); let pull = recall - x; drift pull*size }
let size = norm(near)
readout recall: memory -> p { weight softmax(beta*dot(x[i], m[j])); kernel m[j] }
readout near: p -> p over ring(N, reach=2) { kernel x[j]*level[i]; normalize size }
readout level: p -> p { kernel x[j]; normalize size }
readout score: p -> memory { kernel dot(m[i], x[j]) }
observe s = score
"""


def test_readouts_stand_anywhere_and_populations_need_no_state() -> None:
    compilation = compiled(NESTED)
    system = compilation.build()
    x = points(12, 4)
    m = dict(system.named_buffers())["memory.m"].numpy()
    states = {"p.x": torch.as_tensor(x)}
    assert system.observe(0.0, states)["s"].numpy() == pytest.approx((m @ x.T).sum(1), abs=1e-12)
    shares = numpy.exp(2 * x @ m.T)
    recall = shares / shares.sum(1, keepdims=True) @ m
    level = (x.sum(0) - x) / 12
    near = ((hops(12) <= 2) & (hops(12) > 0)) @ x * level / 12
    expected = (recall - x) * numpy.linalg.norm(near, axis=1)[:, None]
    assert system.rates(0.0, states)["p.x"].numpy() == pytest.approx(expected, abs=1e-11)
    assert certify(compilation).passed


def test_the_rate_of_a_batch_is_that_of_each_point() -> None:
    system = compiled(NESTED).build()
    x = torch.as_tensor(points(3, 12, 4))
    together = system.rates(0.0, {"p.x": x})["p.x"]
    alone = torch.stack([system.rates(0.0, {"p.x": one})["p.x"] for one in x])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)


def test_a_readout_acts_on_nothing() -> None:
    model = check(compiled(NESTED).tree)
    assert {c.name for c in model.couplings if c.acts} == set()
    assert [law.state for law in model.laws] == ["p.x"]


def test_the_diagram_draws_what_is_only_read_dashed() -> None:
    from dynattn.present.diagram import acts, is_coupling

    edges = compiled(NESTED).network.diagram.edges(data=True)
    assert [(is_coupling(facts), acts(facts)) for *_, facts in edges] == [(True, False)] * 4


SHIFTED = """
param K[m in 1 .. 3] = 1/m^2, lag[m in 1 .. 3] = 0.3*m
param A on so(3) = [[0, 0.4, 0], [-0.4, 0, 0.2], [0, -0.2, 0]]
population p[N] { state x on circle; state z on sphere(3); drift x: 1; drift z: [1, 0, 0] }
readout near: p -> p over ring(N, reach=2) {
  harmonics   m in 1 .. 3
  frustration lag[m]
  strength    K[m]
  kernel      cos(x[j] - x[i])
  normalize   degree
}
readout turned: p -> p { frustration expm(A); kernel z[j] }
observe found = near
observe points = turned
"""


def test_frustration_and_harmonics_are_those_of_a_coupling() -> None:
    x, z = points(12), points(12, 3)
    found = observed(SHIFTED, "found", p_x=x, p_z=z)
    there = (hops(12) <= 2) & (hops(12) > 0)
    expected = numpy.zeros(12)
    for m in (1, 2, 3):
        expected += (there * numpy.cos(m * (x[None, :] - x[:, None]) - 0.3 * m)).sum(1) / m**2 / 4
    numpy.testing.assert_allclose(found, expected, rtol=1e-12)
    turn = expm(numpy.array([[0, 0.4, 0], [-0.4, 0, 0.2], [0, -0.2, 0]]))
    expected = (z.sum(0) - z) @ turn.T
    numpy.testing.assert_allclose(observed(SHIFTED, "points", p_x=x, p_z=z), expected, rtol=1e-12)
    assert certify(compiled(SHIFTED)).passed


CLAUSES = "harmonics m in 1 .. 2; frustration 0.3 * m; strength 2/m; normalize size"
LAW = "population p[N] { state x on circle; drift 1 + index/9 %s }\n"
RUN = "\nsimulate { t 0 .. 2 every 1; method rk4; step 0.05 }\n"


def test_a_readout_in_a_drift_moves_as_the_coupling_does() -> None:
    coupled = LAW % "" + f"coupling c: p -> p {{ {CLAUSES} }}" + RUN
    read = LAW % "+ c" + f"readout c: p -> p {{ {CLAUSES}; kernel sin(x[j] - x[i]) }}" + RUN
    found = [run_experiment(compiled(text)) for text in (coupled, read)]
    series = [each["p.x"] for each in found if isinstance(each, Trajectory)]
    numpy.testing.assert_allclose(series[0], series[1], rtol=1e-12)
