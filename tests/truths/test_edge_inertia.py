"""States of edges with inertia: closed forms, and adaptive couplings against SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.lower.certify import certify
from tests.truths.solved import compiled, run, solved

SPRINGS = """
model springs "Every edge a damped oscillator of its own"
param N = 4
population p[N] { state x on real; x' = pull * 0 }
coupling pull: p -> p OVER {
  param m = 1 + 0.1 * index[j], k = 2 + 0.3 * index[i], c = 0.3
  state w on real ~ normal(0, 1)
  state w' ~ normal(0, c)
  let push = 1 - k * w
  inertia     m
  dissipation c
  drift       push
  kernel      w
}
observe E = total_energy()
simulate { t 0 .. 3 every 0.5; rtol 1e-10; record pull.w, pull.w', E }
"""
OVERS = ["over gnp_random_graph(n=N, p=0.7, seed=1, directed=true)", "", "over causal(N)"]


def oscillation(times, m, c, k, start, speed):
    """m w'' + c w' + k w = 1, underdamped: w and w' at every time."""
    rest, away = 1 / k, start - 1 / k
    rate = c / (2 * m) - 1j * np.sqrt(k / m - (c / (2 * m)) ** 2)
    # away e^{-rate t}, real part, with the amplitude that gives the speed at the start
    sine = (speed + rate.real * away) / rate.imag
    amplitude = away + 1j * sine
    moved = amplitude * np.exp(-np.multiply.outer(times, rate))
    return rest + moved.real, (-rate * moved).real


@pytest.mark.parametrize("over", OVERS)
def test_every_edge_is_an_oscillator(over: str) -> None:
    spec, found = compiled(SPRINGS.replace("OVER", over)), run(SPRINGS.replace("OVER", over))
    assert certify(spec).passed
    w, speed, pull = found["pull.w"], found["pull.w'"], dict(spec.build().named_buffers())
    m, k = pull["pull.m"].numpy(), pull["pull.k"].numpy()
    there = np.ones(k.shape, dtype=bool)  # pairs that are no edge stay at 0
    if not over:
        there = ~np.eye(4, dtype=bool)
    elif "causal" in over:
        there = np.tril(there)
    assert (w[:, ~there] == 0).all() and (speed[:, ~there] == 0).all()
    first = (w[0][there], speed[0][there])
    expected = oscillation(found.times, m[there], 0.3, k[there], *first)
    np.testing.assert_allclose(w[:, there], expected[0], atol=1e-7)
    np.testing.assert_allclose(speed[:, there], expected[1], atol=1e-7)
    kinetic = (m[there] * speed[:, there] ** 2).sum(1) / 2
    np.testing.assert_allclose(found["E"], kinetic, rtol=1e-12)


ADAPTIVE = """
model heavy_weights "Phase oscillators whose couplings follow the phases with inertia"
param N = 5, eps = 0.7, mu = 2.0
graph net = watts_strogatz_graph(n=N, k=2, p=0.5, seed=2)
population osc[N] { state phi on circle; param omega ~ normal(0, 0.3); drift omega }
coupling pull: osc -> osc over GRAPH {
  state kappa on real ~ uniform(-1, 1)
  state kappa' ~ normal(0, 0.5)
  inertia     mu
  dissipation 1 / eps + 0.2 * kappa'^2
  drift       -kappa - sin(phi[i] - phi[j] + 0.4)
  weight      kappa + 0.1 * kappa'
  strength    -1 / N
}
simulate { t 0 .. 4 every 0.5; CLOCK }
"""


@pytest.mark.parametrize("graph", ["net", "everyone(N)"])
@pytest.mark.parametrize("clock", ["rtol 1e-9", "method rk4; step 0.02"])
def test_adaptive_couplings_of_the_second_order_against_scipy(graph: str, clock: str) -> None:
    text = ADAPTIVE.replace("GRAPH", graph).replace("CLOCK", clock)
    spec, found = compiled(text), run(text)
    edges, omega = spec.network.connections["pull"], dict(spec.build().named_buffers())["osc.omega"]
    ends = np.divmod(np.arange(25), 5)
    if edges.receivers is not None and edges.senders is not None:
        ends = edges.receivers, edges.senders
    i, j = ends
    count = len(i)

    def rate(t: float, z: np.ndarray) -> np.ndarray:
        phi, kappa, speed = z[:5], z[5 : 5 + count], z[5 + count :]
        pulls = (kappa + 0.1 * speed) * np.sin(phi[j] - phi[i])
        turn = omega.numpy() - np.bincount(i, pulls, 5) / 5
        force = -kappa - np.sin(phi[i] - phi[j] + 0.4) - (1 / 0.7 + 0.2 * speed**2) * speed
        return np.concatenate([turn, speed, force / 2.0])

    names = ("osc.phi", "pull.kappa", "pull.kappa'")
    series = np.concatenate([found[name].reshape(9, -1) for name in names], axis=1)
    np.testing.assert_allclose(series, solved(rate, series[0], found.times), atol=1e-6)
    assert certify(spec).passed


def test_noise_pushes_the_velocity_of_an_edge() -> None:
    """A Langevin particle per edge: in the long run <v^2> = s^2 / (2 c m)."""
    text = """
model langevin
param N = 50
population p[N] { state x on real; x' = pull * 0 }
coupling pull: p -> p over everyone(N) {
  state w on real; inertia 0.5; dissipation 1.5; noise 0.6; kernel w
}
observe spread = std(pull.w')
simulate { t 0 .. 4; method euler; step 0.01; seed 3 }
"""
    assert run(text)["spread"][-1] == pytest.approx(0.6 / (2 * 1.5 * 0.5) ** 0.5, rel=0.05)
