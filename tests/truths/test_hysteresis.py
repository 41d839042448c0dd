"""Loops of hysteresis: folds in closed form, and oscillators with inertia that lock late."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

FOLDS = """
model folds
param a = 0
population p[1] { state x on real = -1; drift a + x - x^3 }
observe m = mean(x)
hysteresis loop { a = -0.6 .. 0.6 by 0.2; t 0 .. 100 every 100; record m, final(m^2) }
hysteresis back { a = linspace(0.6, -0.6, 5); t 0 .. 60 every 60 }
"""


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


def test_both_folds_of_a_cubic_are_where_the_closed_form_has_them() -> None:
    found = measured(FOLDS, "loop")
    fold = 2 / (3 * np.sqrt(3))
    assert found["jump direction"].tolist() == [0, 1]
    assert found["jump error"].max() < 3e-5
    # A stay of 100 sees nothing of a bottleneck that takes longer: pi / sqrt(sqrt(3) excess).
    late = found["jump at"] * [1, -1] - fold
    assert (late > 0).all() and late.max() < 1.5 * (np.pi / 100) ** 2 / np.sqrt(3)
    assert found["jump from"] == pytest.approx([-1, 1] / np.sqrt(3), abs=0.08)
    assert found["jump to"] == pytest.approx([2, -2] / np.sqrt(3), abs=0.01)


def test_what_is_recorded_on_both_ways() -> None:
    found = measured(FOLDS, "loop")
    values = found.axes["a"]
    for way in (0, 1):
        m = found["m"][way]
        assert values + m - m**3 == pytest.approx(np.zeros(len(values)), abs=1e-5)
    assert found["final(m^2)"] == pytest.approx(found["m"] ** 2, abs=1e-12)
    assert found["m"][:, 3] == pytest.approx([-1, 1], abs=1e-5)
    assert found["m"][0, -1] == pytest.approx(found["m"][1, -1], abs=1e-5) and found.swept == []


def test_a_loop_may_begin_with_the_way_down() -> None:
    found = measured(FOLDS, "back")
    assert found.axes["a"][0] == 0.6 and found["m"].shape == (2, 5)
    assert found["m"][0, 0] > 1 and found["m"][0, 2] > 0 > found["m"][1, 2]


def test_oscillators_with_inertia_lock_later_than_they_let_go() -> None:
    text = """
    model pendulum
    param I = 0.5
    population p[1] {
      state phi on circle = 0
      inertia 4; dissipation 1; drift I - sin(phi)
    }
    observe spin = mean(phi')
    hysteresis loop { I = 0.3 .. 1.2 by 0.15; t 0 .. 60 every 0.5; record average(spin) after 40 }
    """
    found = measured(text)
    # At rest until I = 1; turning, with little friction, down to about (4 / pi) / sqrt(4) = 0.637.
    assert found["jump direction"].tolist() == [0, 1]
    up, down = found["jump at"]
    assert up == pytest.approx(1, abs=0.02) and down == pytest.approx(0.61, abs=0.04)


def test_what_has_no_loop() -> None:
    law = "population p[N] { state x on real; drift a - x }\n"
    late = "coupling c: p -> p { delay 1 }\n"
    for body, end in ((law, "N = [2, 3, 4]; t 0 .. 9"), (law + late, "a = [1, 2, 3]; t 0 .. 9")):
        with pytest.raises(SpecError) as caught:
            measured(f"model m\nparam N = 2, a = 0\n{body}hysteresis {{ {end} }}\n")
        assert [item.code for item in caught.value.diagnostics] == ["E672"]
    runaway = "population p[1] { state x on real = 1; drift a * x^2 }\n"
    with pytest.raises(NumericalError, match="at a = 2"):
        measured(f"model m\nparam a = 0\n{runaway}hysteresis {{ a = [-1, 2, 3]; t 0 .. 9 }}\n")


def test_two_oscillators_with_inertia_lock_and_come_apart() -> None:
    """4 phi'' + phi' = 1 - K sin(phi): turning ends where SciPy has it, rest at K = 1 exactly.

    For large mK Tanaka, Lichtenberg and Oishi (1997) have turning end at K = m (pi/4)^2 = 2.47.
    """
    text = """
    model pair
    param K = 1
    population osc[2] { state theta on circle = index; inertia 4; drift index - 0.5 }
    coupling pull: osc -> osc { strength K; normalize size }
    observe turning = mean(abs(theta'))
    hysteresis { K = 0.4 .. 3.4 by 0.5; t 0 .. 160; record average(turning) after 120; rtol 1e-4 }
    """
    found = run_experiment(compiled(text))

    def stay(strength: float, y: Any) -> Any:
        def rates(t: float, y: Any) -> list[float]:
            return [y[1], (1 - strength * np.sin(y[0]) - y[1]) / 4]

        return solve_ivp(rates, (0, 160), y, rtol=1e-7, atol=1e-9).y[:, -40:]

    y: Any = [0.0, 1.0]
    for strength in np.arange(0.5, 2.5, 0.25):
        y = stay(strength, y)[:, -1]
    low, high = 2.25, 3.25
    for _ in range(10):
        middle = (low + high) / 2
        last = stay(middle, y)
        low, high, y = (middle, high, last[:, -1]) if np.ptp(last[0]) > 1 else (low, middle, y)
    assert found["jump direction"].tolist() == [0, 1]
    assert found["jump at"][0] == pytest.approx(high, abs=0.02)
    assert found["jump at"][1] == pytest.approx(1, abs=2e-3)
    assert abs(high - 4 * (np.pi / 4) ** 2) < 0.2
