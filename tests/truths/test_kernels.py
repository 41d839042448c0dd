"""Every lowered form of every shape of kernel and weight against the reference, on five graphs."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.certify import certify
from dynattn.program.reference import Reference

GRAPHS = {
    "all but oneself": "",
    "everyone": "over everyone(N)",
    "causal": "over causal(N)",
    "ring": "over ring(N, reach=2)",
    "directed": "over gnp_random_graph(n=N, p=0.4, seed=1, directed=true)",
}
SEPARABLE = (
    "kernel 1",
    "kernel a",
    "kernel 0",
    "kernel exp(a)",
    "kernel cos(t)",
    "kernel x[i]",
    "kernel -x[j]",
    "kernel index[j]",
    "kernel index[j] - index[i]",
    "kernel (x[j] > 0)",
    "kernel sin(a) * x[j]",
    "kernel x[j] - x[i]",
    "kernel x[j]^2 * x[i] - x[j] * x[i]^2",
    "kernel x[j] / x[i]",
    "kernel 1 / (x[j] * x[i])",
    "kernel abs(x[j]) - abs(x[i])",
    "kernel sin(2 * (x[j] - x[i]) + a)",
    "kernel cos(x[j] - x[i] + t)",
    "kernel sin(x[j]) * cos(x[i]) * w[j]; normalize size",
    "strength x[i] * a; kernel 2 * x[j]",
    "weight a",
    "weight (x[j] > 0)",
    "weight x[i] * x[j]; kernel 1; normalize degree",
)
OTHER = (
    "kernel (x[j] - x[i])^2",
    "kernel (x[j] - x[i])^3 / (1 + x[i]^2)",
    "kernel exp(x[i] - x[j])",
    "weight exp(-a); kernel exp(x[j] - x[i])",
    "kernel (x[i] > x[j])",
    "kernel tanh(x[j] - x[i])",
    "kernel atan2(x[j], x[i])",
    "weight sign(x[j] - x[i]); kernel x[j]",
    "weight softmax(0)",
    "weight softmax(a); kernel 1",
    "weight softmax(index[j]); kernel a",
    "weight softmax(x[i])",
    "weight softmax(2 * x[j]); kernel x[i]",
    "weight softmax(abs(x[i] - x[j]))",
    "weight softmax(x[i] * x[j]); kernel x[j] - x[i]",
    "weight softmax(x[i] * x[j] + x[j]^2 * w[j]); kernel x[j] * w[j]",
    "weight normalized(a)",
    "weight normalized(x[i]^2 * x[j]^2); kernel sin(x[j])",
)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("clauses", SEPARABLE + OTHER)
def test_a_lowered_sum_is_the_plain_sum(graph: str, clauses: str) -> None:
    text = f"""model m
param N = 7, a = 0.7
population p[N] {{ state x on real ~ normal(0, 1); param w ~ uniform(1, 2) }}
coupling c: p -> p {GRAPHS[graph]} {{ {clauses} }}
"""
    spec = Compilation(Source("m.dyn", text))
    system = spec.build(seed=1)
    states = system.initial_states()
    values = {n: v.numpy() for n, v in system.named_buffers() if not n.startswith("_fixed")}
    found = system.rates(0.3, states)["p.x"].numpy()
    reference = Reference(spec.model, spec.network, values, states=dict(states), time=0.3)
    expected = reference.rates()["p.x"].value
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("clauses", SEPARABLE)
def test_a_separable_kernel_needs_nothing_per_pair_of_nodes(clauses: str) -> None:
    text = f"""model m
param N = 7, a = 0.7
population p[N] {{ state x on real ~ normal(0, 1); param w ~ uniform(1, 2) }}
coupling c: p -> p {{ {clauses} }}
"""
    kinds = {
        n.type.place.kind
        for b in Compilation(Source("m.dyn", text)).program.blocks
        for n in b.nodes
    }
    assert "pairs" not in kinds


def test_squares_of_small_differences_of_large_numbers_keep_their_digits() -> None:
    text = """model m
param N = 7
population p[N] { state x on real; param y ~ normal(0, 1e-3) }
coupling c: p -> p { kernel (1e6 + y[j] - (1e6 + y[i]))^2 }
"""
    system = Compilation(Source("m.dyn", text)).build(seed=1)
    y = 1e6 + dict(system.named_buffers())["p.y"].numpy()
    expected = ((y[None, :] - y[:, None]) ** 2).sum(1)
    found = system.rates(0.0, system.initial_states())["p.x"].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


AXES = """model axes
param N = 6, H = 3, D = 4
population unit[N] {
  state z[H] on sphere(D); state a[H] on circle
  state b[2, H] on real(3) ~ normal(0, 1); state c[H] on torus(2)
  param w[H, D] ~ normal(0, 1)
  drift z: w
}
coupling pull: unit -> unit.z { normalize size }
coupling heed: unit -> unit.z over everyone(N) { heads H; weight softmax(dot(z[i], z[j])) }
coupling turn: unit -> unit.a over ring(N) { frustration 0.1 }
coupling meet: unit -> unit.b
coupling wind: unit -> unit.c { normalize degree }
observe r = order(z)
simulate { t 0 .. 3 every 0.5; method tsit5; step 0.1 }
"""


def test_states_with_axes_are_points_of_their_own() -> None:
    spec = Spec(Source("axes.dyn", AXES))
    system = spec.build()
    states = system.initial_states()
    values = {n: v.numpy() for n, v in system.named_buffers() if not n.startswith("_fixed")}
    found = system.rates(0.0, states)
    reference = Reference(spec.model, spec.network, values, states=dict(states))
    for name, rate in reference.rates().items():
        np.testing.assert_allclose(found[name].numpy(), rate.value, rtol=1e-12, atol=1e-12)
    inward = (found["unit.z"] * states["unit.z"]).sum(-1).numpy()
    np.testing.assert_allclose(inward, 0, atol=1e-14)
    run = spec.run()
    assert np.abs(np.linalg.norm(run["unit.z"], axis=-1) - 1).max() < 1e-12
    assert run["r"] == pytest.approx(np.linalg.norm(run["unit.z"].mean(1), axis=-1))


def test_softmax_over_everyone_else_has_no_fused_kernel_and_the_right_value() -> None:
    text = """model m
    param N = 7, beta = 2.0
    population unit[N] { state x on sphere(3) }
    coupling c: unit -> unit { weight softmax(beta * dot(x[i], x[j])) }
    """
    spec = Compilation(Source("m.dyn", text))
    system = spec.build()
    states = system.initial_states()
    x = states["unit.x"].numpy()
    weights = np.exp(2 * x @ x.T) * (1 - np.eye(7))
    force = (weights / weights.sum(1, keepdims=True)) @ x
    expected = force - (force * x).sum(1, keepdims=True) * x
    np.testing.assert_allclose(system.rates(0.0, states)["unit.x"].numpy(), expected, atol=1e-12)
    assert certify(spec).passed
