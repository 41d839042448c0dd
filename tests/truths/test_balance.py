"""Energy balances against closed forms, SciPy, and what steps are known to lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import SpecError
from dynattn.run.balance import over_steps
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

UNINFORMED = Path(__file__).parents[2] / "specs" / "uninformed.dyn"


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


def test_a_damped_oscillator_as_the_closed_form_has_it() -> None:
    found = measured("""
    model spring
    param c = 0.3
    population p[1] {
      state x on real = 1; state x' = 0
      inertia 2; dissipation c; energy 3*x^2/2
    }
    balance { t 0 .. 20 every 0.5; c = [0, 0.3]; rtol 1e-10 }
    """)
    t, m, c, k = found.axes["time"], 2.0, 0.3, 3.0
    a = c / (2 * m)
    w = np.sqrt(k / m - a**2)
    x = np.exp(-a * t) * (np.cos(w * t) + a / w * np.sin(w * t))
    v = -np.exp(-a * t) * (w + a**2 / w) * np.sin(w * t)
    energy = m * v**2 / 2 + k * x**2 / 2
    assert found["energy"][1] == pytest.approx(energy, abs=1e-8)
    assert found["dissipated"][1] == pytest.approx(energy[0] - energy, abs=1e-8)
    assert found["rate"][1] == pytest.approx(-c * v**2, abs=1e-8)
    assert not found["supplied"].any() and not found["dissipated"][0].any()
    assert found["largest discrepancy"] == pytest.approx([0, 0], abs=1e-8)
    assert found["fastest rise"][1] <= 1e-12
    assert found["dissipated in all"][1] == found["dissipated by x"][1, -1]


def test_a_driven_oscillator_dissipates_what_is_supplied() -> None:
    force, c, w = 0.7, 0.2, 1.3
    amplitude = force / (1 - w**2 + 1j * c * w)
    x, v = amplitude.real, (1j * w * amplitude).real
    period = 2 * np.pi / w
    found = measured(f"""
    model driven
    population p[2] {{
      state x on real = {x}; state x' = {v}
      inertia 1; dissipation {c}; energy x^2/2; drift {force}*cos({w}*t)
    }}
    balance {{ t 0 .. {period}; rtol 1e-10 }}
    """)
    known = 2 * np.pi * c * w * abs(amplitude) ** 2  # of two nodes, pi c w |X|^2 each
    assert found["dissipated by x"][-1] == pytest.approx(known, rel=1e-8)
    assert found["supplied by drift of x"][-1] == pytest.approx(known, rel=1e-8)
    assert float(found["change"]) == pytest.approx(0, abs=1e-8)


def test_a_driven_pendulum_against_scipy() -> None:
    found = measured("""
    model pendulum
    population p[1] {
      state q on circle = 1
      inertia 1; dissipation 0.4; energy 1 - cos(q); drift 1.1*cos(2*t/3)
    }
    balance { t 0 .. 30 every 1; rtol 1e-10 }
    """)

    def rates(t: float, y: Any) -> list[float]:
        drive = 1.1 * np.cos(2 * t / 3)
        return [y[1], drive - 0.4 * y[1] - np.sin(y[0]), 0.4 * y[1] ** 2, drive * y[1]]

    times = found.axes["time"]
    known = solve_ivp(rates, (0, 30), [1, 0, 0, 0], "DOP853", times, rtol=1e-12, atol=1e-12).y
    assert found["dissipated"] == pytest.approx(known[2], abs=1e-6)
    assert found["supplied"] == pytest.approx(known[3], abs=1e-6)
    assert found["energy"] == pytest.approx(known[1] ** 2 / 2 + 1 - np.cos(known[0]), abs=1e-6)


def test_what_a_moving_well_supplies_is_told() -> None:
    found = measured("""
    model dragged
    population p[1] { state x on real = -0.6; dissipation 2; energy 5*(x - 1.5*t)^2/2 }
    balance { t 0 .. 4 }
    """)
    t = found.axes["time"]  # it hangs behind by 2 * 1.5 / 5, and 2 * 1.5^2 are lost all along
    assert found["supplied by changes in time"] == pytest.approx(4.5 * t, abs=1e-6)
    assert found["dissipated"] == pytest.approx(4.5 * t, abs=1e-6)
    assert np.ptp(found["energy"]) < 1e-6


MIXED = """
model mixed
population a[3] { state q on circle = index; inertia 1 + index; dissipation 0.1; energy cos(q) }
population b[4] { state y on sphere(3) ~ uniform; energy y[0]*y[1]; drift [0.3, 0, t/10] }
population e[3] { state z on simplex(3) ~ uniform; energy z[0]^2 + z[1]*z[2] }
group both = a + a2
population a2[2] { state q on circle = 2; inertia 1; dissipation 0.2 }
coupling pull: both -> both { strength 0.4; kernel sin(q[j] - q[i]) }
coupling pair: b -> b { energy -dot(y[i], y[j])/4 }
coupling turn: b -> b over ring(4) { kernel [0, y[j][0], 0] }
balance { t 0 .. 5; rtol 1e-9 }
"""


def test_every_part_of_a_mixed_model_counts() -> None:
    found = measured(MIXED)
    names = [name for name in found.labelled.variables if " by " in name]
    assert {"dissipated by a.q", "dissipated by a2.q", "dissipated by y", "dissipated by z",
            "supplied by drift of y", "supplied by pull on a.q", "supplied by pull on a2.q",
            "supplied by turn"} == set(names)  # fmt: skip
    assert float(found["largest discrepancy"]) < 1e-6
    assert min(abs(found[name][-1]) for name in names) > 1e-3


def test_the_energy_of_the_decision_model_never_rises() -> None:
    text = UNINFORMED.read_text().replace("simulate ", "balance falls { t 0 .. 40 }\nsimulate ")
    found = measured(text, "falls")
    assert float(found["fastest rise"]) <= 1e-12 < float(found["dissipated in all"])
    assert (np.diff(found["energy"]) <= 1e-9).all()
    assert float(found["largest discrepancy"]) < 1e-6


def test_steps_lose_and_gain_what_they_are_known_to() -> None:
    text = """
    model circle_of_euler
    population p[1] { state x on real = 1; state y on real = 0; x' = y; y' = -x }
    observe H = (sum(x^2) + sum(y^2))/2
    balance rough { of H; t 0 .. 2 every 0.5; method euler; step 0.01 }
    balance fine  { of H; t 0 .. 2 every 0.5 }
    """
    found = measured(text, "rough")
    known = 0.5 * (1 + 0.01**2) ** np.array([0, 50, 100, 150, 200])
    assert found["energy"] == pytest.approx(known, rel=1e-12)
    assert found["discrepancy"] == pytest.approx(known - 0.5, abs=1e-12)
    assert abs(found["risen"]).max() < 1e-12 and abs(found["fallen"]).max() < 1e-12
    assert float(measured(text, "fine")["largest discrepancy"]) < 1e-5


def test_what_rises_and_falls_of_any_number() -> None:
    found = measured("""
    model swings
    population p[1] { state x on real = 0; x' = cos(t) }
    balance { of sum(x); t 0 .. 6.283185307179586; rtol 1e-8 }
    """)
    assert float(found["risen in all"]) == pytest.approx(2, abs=1e-4)
    assert float(found["fallen in all"]) == pytest.approx(2, abs=1e-4)
    assert float(found["change"]) == pytest.approx(0, abs=1e-6)
    assert float(found["fastest rise"]) == pytest.approx(1)


@pytest.mark.parametrize("nodes, off", [(np.linspace(0, 1, 41), 1e-7), (np.array([0, 0.5]), 0.03)])
def test_integrals_over_steps(nodes: Any, off: float) -> None:
    found = over_steps(np.exp(nodes)[:, None], nodes)[:, 0]
    assert found == pytest.approx(np.diff(np.exp(nodes)), abs=off)


@pytest.mark.parametrize(
    "text, said",
    [
        ("state x on real = 1; energy x^2/2; noise 0.1", "noise moves 'p.x'"),
        ("state x on real = 1; x <- x/2", "a map has no rates"),
    ],
)
def test_what_has_no_balance(text: str, said: str) -> None:
    how = "of sum(x); steps 5" if "<-" in text else "t 0 .. 1; method euler; step 0.1"
    with pytest.raises(SpecError, match="E782") as caught:
        measured(f"model m\npopulation p[2] {{ {text} }}\nbalance {{ {how} }}")
    assert said in caught.value.diagnostics[0].message


def test_a_delay_has_no_balance() -> None:
    with pytest.raises(SpecError, match=r"E782.*has a delay"):
        measured("""
        model late
        population p[2] { state x on real = 1; energy x^2/2 }
        coupling c: p -> p { kernel x[j]; delay 1 }
        balance { t 0 .. 5 }
        """)
