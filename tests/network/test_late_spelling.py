"""How a delay is written: in the law, per edge, and of a mean."""

from __future__ import annotations

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.equations import spell_laws
from dynattn.network.styles import MINUS, PLAIN, PRETTY

TEXT = """
model late
param N = 5, tau = 0.3, K = 2, speed = 4
population osc[N] { state theta on circle; let away = cos(theta) - mean(cos(theta)); drift 1 }
coupling pull: osc -> osc { strength K; delay tau }
coupling tract: osc -> osc over ring(N, reach=2) { kernel cos(theta[j]); delay distance / speed }
coupling crowd: osc -> osc { kernel away[j]; delay tau + 1 }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""


def test_delays_in_the_law() -> None:
    model = Compilation(Source("late.dyn", TEXT)).model
    (law,) = spell_laws(model, model.laws, PRETTY)
    assert law.replace(MINUS, "-") == (
        "θ_i' = 1 + K Σ_j sin(θ_j(t - τ) - θ_i) + Σ_j cos(θ_j(t - distance_ij/speed)) "
        "+ Σ_j (cos(θ_j(t - (τ + 1))) - mean(cos(θ(t - (τ + 1)))))"
    )
    (law,) = spell_laws(model, model.laws, PLAIN)
    assert "K * sum_j sin(theta[j](t - tau) - theta[i])" in law


EDGES = """
model edges
population osc[5] { state theta on circle }
coupling pull: osc -> osc over ring(5, reach=2) {
  state m on real = 1
  inertia distance; drift -m; noise distance
  let far = distance^2
  weight far * m
}
simulate { t 0 .. 1; method heun; step 0.1 }
"""


def test_what_edges_have_carries_both_indices() -> None:
    model = Compilation(Source("edges.dyn", EDGES)).model
    phase, moved, far = spell_laws(model, model.laws, PRETTY)
    assert phase.replace(MINUS, "-") == "θ_i' = Σ_j far_ij m_ij sin(θ_j - θ_i)"
    assert moved.replace(MINUS, "-") == "distance_ij m_ij'' = -m_ij - m_ij' + distance_ij W_ij'"
    assert far == "far_ij = distance_ij^2"
    assert "distance[i,j] * m[i,j]''" in spell_laws(model, model.laws, PLAIN)[1]
