"""Periodic orbits from Hopf points against closed forms, and against SciPy's integration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.run.experiment import run_experiment


def followed(text: str, name: str = "orbits") -> Any:
    return run_experiment(Compilation(Source("m.dyn", f"model m\n{text}")), name)


def special(result: Any) -> list[tuple[str, float]]:
    return [(point.kind, point.step.value) for point in result.special]


LANDAU = """param mu = -1.0
population p[1] { state x on real = 0.1; state y on real = 0
  x' = mu*x - 1.3*y - x*(x^2 + y^2)
  y' = mu*y + 1.3*x - y*(x^2 + y^2) }
continue b { mu = -1 .. 1; detect hopf }
continue orbits { start at b.hopf; mu = -1 .. 1 }
"""


def test_stuart_and_landau() -> None:
    """Radius sqrt(mu), period 2 pi / 1.3, multiplier exp(-2 mu T)."""
    found = followed(LANDAU)
    mu, turn = found.values, 2 * math.pi / 1.3
    assert mu[0] == pytest.approx(0, abs=1e-9) and mu[-1] == pytest.approx(1)
    assert found["period"] == pytest.approx(turn, abs=1e-8)
    assert found["amplitude"] == pytest.approx(np.sqrt(mu.clip(min=0)), abs=1e-6)
    assert found["max p.x"][:, 0] == pytest.approx(np.sqrt(mu.clip(min=0)), abs=1e-6)
    assert found["multipliers"][:, 0] == pytest.approx(np.exp(-2 * mu * turn), abs=1e-7)
    assert found.stable[1:].all() and found["trivial"].max() < 1e-6
    assert found["p.x"].shape == (len(mu), 100, 1)


def test_the_same_as_one_complex_number() -> None:
    """Its turns are a symmetry; the orbits that leave 0 move along it as they move in time."""
    found = followed("""param mu = -1.0
population p[1] { state z on complex = 0.1; drift mu*z + 1.3*cis(pi/2)*z - z*abs(z)^2 }
continue b { mu = -1 .. 1; detect hopf; start init }
continue orbits { start at b.hopf; mu = -1 .. 1 }
""")
    assert found["amplitude"] == pytest.approx(np.sqrt(found.values.clip(min=0)), abs=1e-6)
    assert found["multipliers"].shape[1] == 1


def test_a_fold_of_orbits() -> None:
    """r' = mu r + r^3 - r^5: from mu = 0 back to -1/4, where r^2 = 1/2, and on."""
    text = LANDAU.replace("- x*(x^2 + y^2)", "+ x*(x^2 + y^2) - x*(x^2 + y^2)^2")
    text = text.replace("- y*(x^2 + y^2)", "+ y*(x^2 + y^2) - y*(x^2 + y^2)^2")
    found = followed(text)
    assert special(found) == [("fold", pytest.approx(-0.25, abs=1e-8))]
    row = int(np.flatnonzero(found["fold"])[0])
    assert found["amplitude"][row] == pytest.approx(0.5**0.5, abs=1e-5)
    assert not found.stable[:row].any() and found.stable[row + 1 :].all()


def test_van_der_pol_against_scipy() -> None:
    found = followed("""param mu = -0.5
population p[1] { state x on real = 0.1; state y on real = 0
  x' = y
  y' = (mu - x^2)*y - x }
continue b { mu = -1 .. 3; detect hopf }
continue orbits { start at b.hopf; mu = -1 .. 3 }
""")
    for row in (len(found.values) // 2, -1):
        mu = found.values[row]

        def rates(t: float, z: Any, mu: float = mu) -> list[float]:
            return [z[1], (mu - z[0] ** 2) * z[1] - z[0]]

        def up(t: float, z: Any) -> float:
            return z[0]

        up.direction = 1  # type: ignore[attr-defined]
        run = solve_ivp(rates, (0, 120), [1.0, 0.0], method="DOP853", rtol=1e-11, atol=1e-12,
                        events=up)  # fmt: skip
        assert found["period"][row] == pytest.approx(np.diff(run.t_events[0])[-1], abs=1e-7)
        late = run.y[0][run.t > 60]
        assert found["max p.x"][row, 0] == pytest.approx(late.max(), rel=5e-3)


SPIRAL = """param q = -0.2
population n[1] { state x on real = 0.07; state y on real = -0.35; state z on real = 0.07
  x' = -y - z
  y' = x + q*y
  z' = 0.2 + z*(x - 3) }
"""
"""Roessler's equations."""
ROSSLER = (
    SPIRAL
    + """continue b { q = -0.2 .. 0.25; start init; detect hopf }
continue orbits { start at b.hopf; q = -0.2 .. 0.25; detect period_doubling }
simulate there { start at orbits.period_doubling; q = orbits.period_doubling.q; t 0 .. 1 every 1 }
"""
)


def test_a_period_doubling_against_scipy() -> None:
    """The variational equations over one period have the multipliers 1 and -1 there."""
    found = followed(ROSSLER)
    ((kind, q),) = special(found)
    assert kind == "period_doubling"
    step = found.special[0].step

    def rates(t: float, s: np.ndarray) -> np.ndarray:
        x, y, z = s[:3]
        slope = np.array([[0, -1, -1], [1, q, 0], [z, 0, x - 3]])
        return np.concatenate([[-y - z, x + q * y, 0.2 + z * (x - 3)],
                               (slope @ s[3:].reshape(3, 3)).ravel()])  # fmt: skip

    begin = np.concatenate([step.y.numpy(), np.eye(3).ravel()])
    end = solve_ivp(rates, (0, step.period), begin, method="DOP853", rtol=1e-11, atol=1e-12).y[
        :, -1
    ]
    assert end[:3] == pytest.approx(begin[:3], abs=1e-6)
    values = sorted(np.linalg.eigvals(end[3:].reshape(3, 3)).real)
    assert [values[0], values[2]] == pytest.approx([-1, 1], abs=1e-5)
    there = followed(ROSSLER, "there")
    assert there["n.x"][0, 0] == pytest.approx(float(step.y[0]), abs=1e-9)


def test_a_torus_is_born() -> None:
    """Round the axis rho' = (z - beta) rho, z' = k + alpha z - z^3/3 - rho^2 (1 + eps z): the trace
    at z = beta is alpha - beta^2 - eps rho^2, with alpha 0.4, beta 0.7, eps -0.25.
    """
    found = followed("""param k = 0.5
population n[1] { state x on real = 0; state y on real = 0; state z on real = 1.46
  x' = (z - 0.7)*x - 3.5*y
  y' = (z - 0.7)*y + 3.5*x
  z' = k + 0.4*z - z^3/3 - (x^2 + y^2)*(1 - 0.25*z) }
continue b { k = 0.5 .. -0.2; start init; detect hopf }
continue orbits { start at b.hopf; k = -0.2 .. 0.25 }
""")
    square = (0.4 - 0.49) / -0.25
    expected = square * (1 - 0.25 * 0.7) - 0.4 * 0.7 + 0.7**3 / 3
    assert special(found) == [("neimark_sacker", pytest.approx(expected, abs=1e-7))]
    row = int(np.flatnonzero(found["neimark_sacker"])[0])
    assert found["amplitude"][row] == pytest.approx(math.sqrt(square), abs=1e-5)


def test_orbits_end_at_a_homoclinic_one() -> None:
    """Of the equations of Lorenz: Hopf point at r = 24.7368, homoclinic orbit at 13.926557."""
    found = followed("""param r = 10.0
population n[1] { state x on real = 4.9; state y on real = 4.9; state z on real = 9
  x' = 10*(y - x)
  y' = x*(r - z) - y
  z' = x*y - 8*z/3 }
continue b { r = 10 .. 30; detect hopf }
continue orbits { start at b.hopf; r = 1 .. 30; detect fold }
""")
    assert found.values[0] == pytest.approx(470 / 19, abs=1e-7)
    assert found.continuation.end == "period" and special(found) == []
    assert found.values[-1] == pytest.approx(13.9265574, abs=1e-6)
    assert not found.stable.any()


def test_orbits_that_end_at_another_hopf_point() -> None:
    """x' = mu x - y, radius^2 = mu (1 - mu): from mu = 0 to mu = 1."""
    text = LANDAU.replace("mu*x", "mu*(1 - mu)*x").replace("mu*y", "mu*(1 - mu)*y")
    found = followed(text.replace("mu = -1 .. 1", "mu = -1 .. 2"))
    assert found.continuation.end == "hopf"
    assert found.values[-1] == pytest.approx(1, abs=1e-6)
    mu = found.values.clip(0, 1)
    assert found["amplitude"] == pytest.approx(np.sqrt(mu * (1 - mu)), abs=1e-5)


def test_a_phase_that_drifts_while_it_swings() -> None:
    """theta' = 0.4 + x: an orbit in the frame that drifts at 0.4; the shift of theta counts not."""
    text = LANDAU.replace("{ state x", "{ state theta on circle = 0.0; state x")
    found = followed(text.replace("  x' =", "  theta' = 0.4 + x\n  x' ="))
    (name,) = (name for name in found.labelled.variables if name.startswith("drift"))
    assert found[name] == pytest.approx(0.4, abs=1e-7)
    turn = 2 * math.pi / 1.3
    assert found["period"] == pytest.approx(turn, abs=1e-8)
    assert found["multipliers"].shape[1] == 1
    assert found["multipliers"][:, 0] == pytest.approx(np.exp(-2 * found.values * turn), abs=1e-6)
    swing = found["max p.theta"] - found["min p.theta"]
    assert swing[:, 0] == pytest.approx(2 * found["amplitude"] / 1.3, abs=1e-6)


def test_what_cannot_be_followed_is_refused() -> None:
    sphere = """param mu = -0.5
population p[2] { state x on sphere(3); drift mu*[x[1], 0, 0] }
continue b { mu = -0.5 .. 0.5; detect hopf }
continue orbits { start at b.hopf; mu = -0.5 .. 0.5 }
"""
    cases = {
        "E660": (sphere, SpecError),
        "E640": (LANDAU.replace("b { mu = -1 .. 1", "b { mu = -1 .. -0.5"), NumericalError),
        "E645": (LANDAU.replace("b.hopf; mu = -1 .. 1", "b.hopf; mu = 0.5 .. 1"), SpecError),
    }
    for code, (text, kind) in cases.items():
        with pytest.raises(kind) as caught:
            followed(text)
        (found,) = caught.value.diagnostics
        assert found.code == code and found.fix and found.span is not None
