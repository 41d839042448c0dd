"""Harmonics and successors: what the compiled sums are, against sums written out by hand."""

from __future__ import annotations

import math

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import attention_kernels
from dynattn.lower.certify import certify
from dynattn.network.equations import spell_coupling
from dynattn.network.styles import PLAIN

SPEC = """\
model m
param N = 7, M = 3
param K[m in 1 .. M, l in 0 .. 2] ~ normal(0, 1), a[m in 1 .. M] ~ normal(0, 1)
population osc[N] { state theta on circle; param g ~ normal(1, 0.2) }
coupling pull: osc -> osc over GRAPH { CLAUSES }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""


def compiled(clauses: str, graph: str = "everyone(N)") -> Compilation:
    text = SPEC.replace("GRAPH", graph).replace("CLAUSES", clauses)
    return Compilation(Source("m.dyn", text))


def numbers(system, name):
    return dict(system.named_buffers())[name].numpy()


def rate(spec: Compilation):
    """(K, a, g, theta, found rate)."""
    system = spec.build()
    states = system.initial_states()
    found = system.rates(0.0, states)["osc.theta"].numpy()
    given = [numbers(system, name) for name in ("K", "a", "osc.g")]
    return (*given, states["osc.theta"].numpy(), found)


def by_hand(k, a, g, theta, seen, places=(0,), weight=None):
    found = numpy.zeros(len(theta))
    for i in range(len(theta)):
        senders = [j for j in range(len(theta)) if seen(i, j)]
        for j in senders:
            for m in (1, 2, 3):
                for far in places:
                    if j + far in senders:
                        w = 1.0 if weight is None else weight[i, j]
                        d = m * (theta[j + far] - theta[i]) - a[m - 1]
                        found[i] += k[m - 1, far] * w * math.sin(d) * g[i]
    return found


HARMONIC = "harmonics m in 1 .. M; frustration a[m]; strength g[i] * K[m, 0]"
BOTH = "harmonics m in 1 .. M; successors l in 0 .. 2; frustration a[m]; strength g[i] * K[m, l]"


@pytest.mark.parametrize(
    "kernel", ["", "kernel sin(theta[j] - theta[i]);", "kernel -sin(theta[i] - theta[j]);"]
)
def test_harmonics_multiply_the_phase_difference_and_add_up(kernel):
    spec = compiled(kernel + HARMONIC)
    k, a, g, theta, found = rate(spec)
    expected = by_hand(k, a, g, theta, lambda i, j: True)
    numpy.testing.assert_allclose(found, expected, atol=1e-12)


def test_harmonics_separate_into_order_parameters():
    spec = compiled(HARMONIC)
    assert spec.program.field is not None
    assert "edge_sum" not in {node.op for node in spec.program.field.nodes}
    assert certify(spec).passed


SEEN = {
    "everyone(N)": lambda i, j: True,
    "everyone(N) without self": lambda i, j: i != j,
    "causal(N)": lambda i, j: j <= i,
    "causal(N) without self": lambda i, j: j < i,
}


@pytest.mark.parametrize("graph", SEEN)
def test_successors_are_dropped_where_they_are_no_senders(graph):
    spec = compiled(BOTH, graph)
    k, a, g, theta, found = rate(spec)
    expected = by_hand(k, a, g, theta, SEEN[graph], (0, 1, 2))
    numpy.testing.assert_allclose(found, expected, atol=1e-12)
    assert certify(spec).passed


@pytest.mark.parametrize("graph", SEEN)
def test_successors_have_the_weight_of_the_node_before_them(graph):
    spec = compiled(BOTH + "; weight softmax(cos(theta[i] - theta[j]) * g[j])", graph)
    k, a, g, theta, found = rate(spec)
    allowed = [[SEEN[graph](i, j) for j in range(7)] for i in range(7)]
    raw = numpy.exp(numpy.cos(theta[:, None] - theta) * g) * allowed
    weight = raw / numpy.maximum(raw.sum(1, keepdims=True), 1e-300)
    expected = by_hand(k, a, g, theta, SEEN[graph], (0, 1, 2), weight)
    numpy.testing.assert_allclose(found, expected, atol=1e-12)
    assert certify(spec).passed


def test_the_equation_is_shown_with_its_sums():
    model = compiled(BOTH).model
    assert spell_coupling(model, model.couplings[0], PLAIN) == (
        "sum_m sum_l g[i] * K[m, l] * sum_j sin(m * (theta[j+l] - theta[i]) - a[m])"
    )


def test_another_number_of_harmonics_is_another_sum():
    spec = compiled("harmonics m in 2 .. 2; strength K[m, 1]")
    k, _, _, theta, found = rate(spec)
    expected = [k[1, 1] * sum(math.sin(2 * (b - a)) for b in theta) for a in theta]
    numpy.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_sweep_over_the_number_of_harmonics_makes_each_model_anew():
    from dynattn.run.experiment import run_experiment

    text = """\
model m
param N = 5, M = 1
population osc[N] { state theta on circle }
coupling pull: osc -> osc { harmonics m in 1 .. M; strength 1/m }
observe r = order(theta)
simulate { t 0 .. 0.5; method rk4; step 0.01 }
sweep count { M = 1 .. 3 by 1; record final(r) }
"""
    swept = run_experiment(Compilation(Source("m.dyn", text)), "count")
    one_by_one = []
    for count in (1, 2, 3):
        spec = Compilation(Source("m.dyn", text.replace("M = 1\n", f"M = {count}\n")))
        one_by_one.append(float(run_experiment(spec)["r"][-1]))
    numpy.testing.assert_allclose(numpy.asarray(swept["final(r)"]).ravel(), one_by_one, rtol=1e-12)
    assert len(set(one_by_one)) == 3


# ── attention to successors, without an array of pairs ─────────────────────────────────────────


def plain_attention(q, k, v, causal, places):
    count = len(q)
    scores = q @ k.T
    if causal:
        scores = numpy.where(numpy.tri(count) > 0, scores, -numpy.inf)
    share = numpy.exp(scores - scores.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    found = numpy.zeros_like(v)
    for i in range(count):
        for j in range(count - places):
            if not causal or j + places <= i:
                found[i] += share[i, j] * v[j + places]
    return found


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("places", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_attention_to_successors_is_the_plain_sum(count, places, causal):
    rng = numpy.random.default_rng(0)
    q, k, v = (3 * rng.standard_normal((2, count, 4)) for _ in range(3))
    tensors = [torch.tensor(part) for part in (q, k, v)]
    found = attention_kernels.attend_successors(
        tensors[0], tensors[1], [tensors[2]], causal, (places,), True
    ).numpy()
    for b in range(2):
        expected = plain_attention(q[b], k[b], v[b], causal, places)
        numpy.testing.assert_allclose(found[b], expected, atol=1e-13)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_to_senders_and_successors_is_the_sum_of_each(causal):
    rng = numpy.random.default_rng(2)
    q, k, *values = (torch.tensor(rng.standard_normal((2, 6, 4))) for _ in range(5))
    places = (0, 1, 3)
    found = attention_kernels.attend_successors(q, k, values, causal, places, True).numpy()
    for b in range(2):
        expected = sum(
            plain_attention(q[b].numpy(), k[b].numpy(), v[b].numpy(), causal, n)
            for v, n in zip(values, places, strict=True)
        )
        numpy.testing.assert_allclose(found[b], expected, atol=1e-13)


def test_attention_to_successors_stays_exact_where_a_token_sees_itself_alone():
    q = torch.tensor([[1.0], [40.0], [-40.0]], dtype=torch.float64)
    v = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    found = attention_kernels.attend_successors(q, q, [v], True, (1,), True).numpy()
    expected = plain_attention(q.numpy(), q.numpy(), v.numpy(), True, 1)
    numpy.testing.assert_allclose(found, expected, rtol=1e-12)
    assert 0 < found[1, 0] < 1e-300 or found[1, 0] == expected[1, 0]


def test_gradients_of_attention_to_successors():
    rng = numpy.random.default_rng(1)
    parts = [torch.tensor(rng.standard_normal((5, 2, 3)), requires_grad=True) for _ in range(3)]
    for causal in (True, False):

        def attend(q, k, v, causal=causal):
            return attention_kernels.attend_successors(q, k, [v], causal, (2,), False)

        assert torch.autograd.gradcheck(attend, parts)
