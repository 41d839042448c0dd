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
