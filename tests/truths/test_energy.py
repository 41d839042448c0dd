"""Energies: forces against autograd, conservation without dissipation, decrease with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory

SPEC = """
model chain
param N = 8, k = 1.3, h = 0.7, g = 0.0 in -1 .. 1
graph net = watts_strogatz_graph(n=N, k=4, p=0.3, seed=2)
population bead[N] {
  state x on MANIFOLD ~ normal(0, 1)
  param m ~ uniform(0.5, 2)
  inertia m
  dissipation g
  energy OWN
}
coupling bond: bead -> bead over net { strength k; normalize size; energy PAIR }
coupling gravity: bead -> bead { weight m[i]*m[j]; energy (x[i] - x[j])^2 / 10 }
observe E = total_energy()
simulate { t 0 .. 10 every 0.5; rtol 1e-9 }
"""
POTENTIALS = {
    "circle": ("1 - h*cos(x)", "1 - cos(x[j] - x[i])"),
    "real": ("h*x^4/4 + exp(-x^2)", "log(1 + (x[j] - x[i])^2) + atan(x[i]*x[j])"),
    "real(2)": ("h*dot(x, x)^2/4 + norm(x)", "tanh(dot(x[i], x[j])) + norm(x[j] - x[i])"),
    "torus(2)": ("-h*dot(sin(x), cos(x))", "-dot(cos(x[j] - x[i]), [1, 2])"),
}


def chain(manifold: str, **overrides: float) -> Compilation:
    own, pair = POTENTIALS[manifold]
    text = SPEC.replace("MANIFOLD", manifold).replace("OWN", own).replace("PAIR", pair)
    away = "x[i] - x[j]" if manifold.startswith("real") else "sin(x[i] - x[j])"
    square = f"dot({away}, {away})" if manifold.endswith("(2)") else f"({away})^2"
    text = text.replace("(x[i] - x[j])^2", square)
    return Compilation(Source("chain.dyn", text), overrides)


def run(compilation: Compilation) -> Trajectory:
    found = run_experiment(compilation)
    assert isinstance(found, Trajectory)
    return found


@pytest.mark.parametrize("manifold", POTENTIALS)
def test_forces_are_minus_the_gradient_of_the_total_energy(manifold: str) -> None:
    system = chain(manifold).build()
    rng = np.random.default_rng(0)
    start = {
        n: torch.from_numpy(rng.normal(size=x.shape)) for n, x in system.initial_states().items()
    }
    x = start["bead.x"].requires_grad_()
    (slope,) = torch.autograd.grad(system.observe(0.0, start)["E"].sum(), x)
    mass = dict(system.named_buffers())["bead.m"].reshape(-1, *[1] * (x.dim() - 1))
    pushed = mass * system.rates(0.0, start)["bead.x'"]
    torch.testing.assert_close(pushed, -slope, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("manifold", POTENTIALS)
def test_energy_is_conserved_without_dissipation_and_falls_with_it(manifold: str) -> None:
    kept = run(chain(manifold))["E"]
    assert np.ptp(kept) < 1e-6 * (1 + abs(kept[0]))
    falling = run(chain(manifold, g=0.4))["E"]
    assert np.all(np.diff(falling) < 1e-9)
    assert falling[0] - falling[-1] > 0.1
    assert kept[0] == pytest.approx(falling[0])


@pytest.mark.parametrize("manifold", ["real", "real(2)"])
def test_energies_are_certified(manifold: str) -> None:
    assert certify(chain(manifold)).passed


def test_the_total_counts_every_pair_once() -> None:
    import networkx

    compilation = chain("real")
    found = run(compilation)
    values = dict(compilation.build().named_buffers())
    x, m = found["bead.x"][0], values["bead.m"].numpy()
    v = found["bead.x'"][0]
    assert np.all(v == 0)
    graph = networkx.watts_strogatz_graph(8, 4, 0.3, seed=2)
    total = np.sum(0.7 * x**4 / 4 + np.exp(-(x**2)))
    for a, b in graph.edges:
        total += 1.3 / 8 * (np.log(1 + (x[a] - x[b]) ** 2) + np.arctan(x[a] * x[b]))
    for a in range(8):
        for b in range(a):
            total += m[a] * m[b] * (x[a] - x[b]) ** 2 / 10
    assert found["E"][0] == pytest.approx(total, rel=1e-12)


def test_energy_of_points_on_a_sphere_falls_to_alignment() -> None:
    found = run(Compilation(Source("s.dyn", """
model spins
population p[6] { state x on sphere(3); energy -0.5 * dot(x, [0, 0, 1]) }
coupling bond: p -> p { energy -dot(x[i], x[j]) }
observe E = total_energy()
simulate { t 0 .. 20 every 0.5; rtol 1e-9 }
"""), {}))  # fmt: skip
    assert np.all(np.diff(found["E"]) < 1e-8)
    assert found["E"][-1] == pytest.approx(-6 * 0.5 - 15, abs=1e-4)


def test_an_energy_of_two_states_moves_both() -> None:
    found = run(Compilation(Source("two.dyn", """
model two
population p[1] {
  state x on real = 1
  state y on real = 0
  energy (x - y)^2 / 2 + x^2 / 2
}
observe E = total_energy()
simulate { t 0 .. 2 every 0.5; rtol 1e-10 }
"""), {}))  # fmt: skip
    from scipy.linalg import expm

    matrix = np.array([[-2.0, 1.0], [1.0, -1.0]])
    for t, x, y in zip(found.times, found["p.x"][:, 0], found["p.y"][:, 0], strict=True):
        np.testing.assert_allclose([x, y], expm(matrix * t) @ [1.0, 0.0], atol=1e-8)
