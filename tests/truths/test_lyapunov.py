"""Lyapunov exponents against literature, closed forms and what structure demands of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.analyse.lyapunov import lyapunov
from dynattn.diagnostics.report import SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

LORENZ = """
model lorenz
param s = 10, r = 28, b = 8/3
population p[1] {
  state x on real = 1; state y on real = 1; state z on real = 20
  x' = s*(y - x)
  y' = x*(r - z) - y
  z' = x*y - b*z
}
lyapunov all { t 0 .. 75 every 25; after 10 }
lyapunov first { t 0 .. 25; exponents 1; r = [0.5, 28] }
"""


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


def test_lorenz_has_the_exponents_of_the_literature() -> None:
    found = measured(LORENZ, "all")
    known, errors = np.array([0.9056, 0, -14.5723]), found["errors"]
    assert (abs(found["exponents"] - known) < 4 * errors).all() and errors.max() < 0.15
    # The divergence of the field is the same everywhere.
    assert found["exponents"].sum() == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-4)
    assert found["zeros"] == 1 and found["dimension"] == pytest.approx(2.062, abs=0.012)
    assert found.axes["time"].tolist() == [25, 50, 75]
    assert found["averages so far"][-1] == pytest.approx(found["exponents"], abs=1e-12)


def test_some_exponents_at_settings() -> None:
    found = measured(LORENZ, "first")
    assert found["exponents"].shape == (2, 1) and found.swept == ["r"]
    # Below r = 1 the origin attracts, with the larger eigenvalue of its 2 x 2 part.
    known = (-11 + np.sqrt(81 + 40 * 0.5)) / 2
    assert found["exponents"][0, 0] == pytest.approx(known, abs=1e-3)
    assert found["exponents"][1, 0] > 0.5 and np.isnan(found["dimension"][1])


def test_linear_systems_have_the_real_parts_of_their_eigenvalues() -> None:
    text = """
    model linear
    population p[1] {
      state x on real = 1; state y on real = 1; state z on real = 1
      x' = -x + 2*y
      y' = -2*x - y + 0.3*z
      z' = 0.5*z
    }
    lyapunov { t 0 .. 41.4159265358979; after 10; rtol 1e-10 }
    """
    found = measured(text)  # pairs turn by pi in pi/2: over such times the average is exact
    assert found["exponents"] == pytest.approx([0.5, -1, -1], abs=1e-6)


def test_locked_oscillators_have_the_eigenvalues_of_their_equilibrium() -> None:
    text = """
    model locked
    param N = 5
    population osc[N] { state theta on circle ~ uniform; param w ~ normal(0, 0.5); drift w }
    coupling pull: osc -> osc { strength 4; normalize size }
    observe r = order(theta)
    lyapunov { t 0 .. 40; after 20; rtol 1e-9 }
    equilibria rest { starts 1 }
    """
    found, rest = measured(text, "lyapunov"), measured(text, "rest")
    known = np.sort(rest["eigenvalues"][0].real)[::-1]
    # Eigenvalues this close take long to be told apart; their sum does not.
    assert found["exponents"] == pytest.approx([0, *known], abs=3e-3)
    assert found["exponents"].sum() == pytest.approx(known.sum(), abs=1e-6)
    assert found["exponents"][0] == pytest.approx(0, abs=1e-9)
    assert found["zeros"] == 1


def test_exponents_on_a_sphere_are_those_of_its_tangent_space() -> None:
    text = """
    model pole
    population p[3] { state x on sphere(3) ~ uniform; drift [0, 0, 1] }
    lyapunov { t 0 .. 40; after 20; rtol 1e-9 }
    """
    # At the pole x' = F - <F, x> x contracts at rate 1 in both directions.
    assert measured(text)["exponents"] == pytest.approx([-1] * 6, abs=1e-6)


def test_rare_species_invade_at_their_rate_per_capita() -> None:
    text = """
    model web
    population s[2] { state n on positive = [0.5, 0.7]; drift 1 - n }
    lyapunov { t 0 .. 40; after 20; rtol 1e-9 }
    """
    assert measured(text.replace(" = [0.5, 0.7]", " ~ uniform(0.4, 0.8)"))[
        "exponents"
    ] == pytest.approx([-1, -1], abs=1e-6)


def test_hamiltonian_exponents_come_in_pairs() -> None:
    text = """
    model henon_heiles
    population p[1] {
      state q on real(2) = [0, -0.15]
      state q' = [0.49, 0]
      inertia 1; dissipation 0
      energy dot(q, q)/2 + q[0]^2*q[1] - q[1]^3/3
    }
    lyapunov { t 0 .. 80; rtol 1e-8 }
    """
    found = measured(text)["exponents"]
    assert found[0] > 0.04
    assert found.sum() == pytest.approx(0, abs=1e-6)
    assert found[0] + found[3] == pytest.approx(0, abs=0.03)


def test_maps_have_exponents_per_update() -> None:
    text = """
    model henon
    population p[1] {
      state x on real = 0.1; state y on real = 0.1
      x <- 1 - 1.4*x^2 + y
      y <- 0.3*x
    }
    lyapunov { steps 1500; after 100 }
    """
    found = measured(text)
    assert found["exponents"].sum() == pytest.approx(np.log(0.3), abs=1e-12)
    assert abs(found["exponents"][0] - 0.4192) < 4 * found["errors"][0] < 0.1


def test_the_same_exponents_where_few_directions_of_many_are_carried() -> None:
    text = """
    model diagonal
    param N = 44
    population p[N] { state x on real = 1; x' = 0.02*sin(t) - x*(1 + index)/5 }
    """
    system = compiled(text).build()
    found = lyapunov(system, times=[0, 40], exponents=2, after=25)
    assert found.exponents == pytest.approx([-0.2, -0.4], abs=2e-3)


def test_what_has_no_exponents() -> None:
    noisy = "population p[1] { state x on real; drift -x; noise 1 }\n"
    late = "population p[2] { state x on real; drift -x }\ncoupling c: p -> p { delay 1 }\n"
    mixed = "population p[1] { state x on real; x <- x }\npopulation q[1] { state y on real }\n"
    for body, end in (
        (noisy, "t 0 .. 9; after 10; method euler; step 0.1"),
        (late, "t 0 .. 9; after 9"),
        (mixed + "coupling c: p -> q { kernel x[j] }\n", "steps 5; after 9"),
    ):
        with pytest.raises(SpecError) as caught:
            measured(f"model m\n{body}lyapunov {{ {end} }}\n")
        assert [item.code for item in caught.value.diagnostics] == ["E670", "E606"]


def test_a_stiff_oscillator_has_its_mean_divergence() -> None:
    """Of van der Pol's at mu = 20 one exponent is 0, the other the mean of mu (1 - x^2)."""
    text = """
    model stiff
    population p[1] { state x on real = 2; state y on real = 0; x' = y; y' = 20*(1 - x^2)*y - x }
    lyapunov { t 0 .. 60 every 60; after 10; method rodas5p; rtol 1e-5 }
    """
    found = run_experiment(compiled(text))

    def rates(t: float, y: Any) -> list[float]:
        return [y[1], 20 * (1 - y[0] ** 2) * y[1] - y[0], 20 * (1 - y[0] ** 2)]

    known = solve_ivp(rates, (0, 60), [2, 0, 0], "DOP853", [10, 60], rtol=1e-8, atol=1e-10).y[2]
    assert found["exponents"].sum() == pytest.approx((known[1] - known[0]) / 50, rel=1e-3)
    assert abs(found["exponents"][0]) < 0.2 and int(found["zeros"]) == 1
