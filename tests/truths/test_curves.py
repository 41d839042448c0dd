"""Folds and Hopf points in two parameters against closed forms, and against the extended systems
solved by SciPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.optimize

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.run.experiment import run_experiment


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("m.dyn", f"model m\n{text}"), overrides)


def followed(text: str, name: str = "curve", **overrides: Any) -> Any:
    return run_experiment(compiled(text, **overrides), name)


def events(result: Any) -> list[tuple[str, float, float]]:
    return [(event.kind, *event.step.values) for event in result.special]


CUSP = """param a = 0.0, q = 1.5
population p[1] { state x on real = -1; drift a + q*x - x^3 }
continue b { a = -2 .. 2; detect fold }
continue curve { follow b.fold; a = -2 .. 2; q = -1 .. 3; detect cusp, bogdanov_takens }
simulate on { start at curve.cusp; a = curve.cusp.a; q = curve.cusp.q + 1; t 0 .. 1 every 1 }
"""


def test_the_cusp() -> None:
    """27 a^2 = 4 q^3 with q = 3 x^2, and a cusp at 0; by name in another experiment."""
    compilation = compiled(CUSP)
    found = run_experiment(compilation, "curve")
    assert isinstance(found.names, tuple)  # type: ignore[union-attr]
    a, q, x = found["a"], found["q"], found["p.x"][:, 0]
    assert q == pytest.approx(3 * x**2, abs=1e-7)
    assert 27 * a**2 == pytest.approx(4 * q**3, abs=1e-6)
    assert found.continuation.ends == ("range", "range")  # type: ignore[union-attr]
    assert sorted(a[[0, -1]]) == pytest.approx([-2, 2]) and q[[0, -1]] == pytest.approx(3)
    assert events(found) == [("cusp", pytest.approx(0, abs=1e-8), pytest.approx(0, abs=1e-8))]
    assert np.diff(found["arclength"]).min() > 0 and found["arclength"].min() < 0
    run = run_experiment(compilation, "on")
    assert run["p.x"][0] == pytest.approx(0, abs=1e-6)


MODULES = """param h = 1.2, phi = 0.0
population a[2] { state theta on circle = 0; energy -h*cos(theta - phi*(1 - 2*index)) }
coupling k: a -> a { energy -cos(theta[j] - theta[i]) }
continue b { phi = 0 .. 2.2; detect fold }
continue curve { follow b.fold; phi = 1 .. 2.5; h = 1.05 .. 1.95 }
"""


def test_the_folds_of_two_modules() -> None:
    """cos 2x = -sqrt((h^2 - 1)/3), phi = x + atan2(sin 2x, -2 cos 2x)."""
    found = followed(MODULES)
    x = np.arccos(-np.sqrt((found["h"] ** 2 - 1) / 3)) / 2
    expected = x + np.arctan2(np.sin(2 * x), -2 * np.cos(2 * x))
    assert found["phi"] == pytest.approx(expected, abs=1e-8)
    assert sorted(found["h"][[0, -1]]) == pytest.approx([1.05, 1.95])
    assert np.abs(found["a.theta"][:, 0]) == pytest.approx(x, abs=1e-7)


def test_the_folds_of_the_ring_of_six_modules_against_scipy() -> None:
    """Gradient, Hessian times null vector, length of the null vector: 13 equations."""
    found = followed("""param c = 0.0, h = 1.0
graph ring = cycle_graph(6)
population a[ring] { state theta on circle = 0; energy -h*cos(theta - c*pi/3*(index - 2.5)) }
coupling k: a -> a over ring { energy -cos(theta[j] - theta[i]) }
continue b { c = 0 .. 1.2; detect fold }
continue curve { follow b.fold; c = 0.6 .. 1; h = 0.97 .. 1.3 }
""")
    pattern = np.pi / 3 * (np.arange(6) - 2.5)
    ring = np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0)
    rows = np.linspace(0, len(found["h"]) - 1, 4).astype(int)
    for row in rows:
        h = float(found["h"][row])

        def system(z: np.ndarray, h: float = h) -> np.ndarray:
            theta, v, c = z[:6], z[6:12], z[12]
            apart = theta[:, None] - theta
            force = (ring * np.sin(apart)).sum(1) + h * np.sin(theta - c * pattern)
            held = ring * np.cos(apart)
            hessian = np.diag(held.sum(1) + h * np.cos(theta - c * pattern)) - held
            return np.concatenate([force, hessian @ v, [v @ v - 1]])

        theta, c = found["a.theta"][row], found["c"][row]
        apart = theta[:, None] - theta
        held = ring * np.cos(apart)
        hessian = np.diag(held.sum(1) + h * np.cos(theta - c * pattern)) - held
        v = np.linalg.eigh(hessian)[1][:, 0]
        exact, _, status, _ = scipy.optimize.fsolve(
            system, np.concatenate([theta, v, [c]]) + 1e-4, xtol=1e-13, full_output=True
        )
        assert status == 1 and c == pytest.approx(exact[-1], abs=1e-8)


def test_the_hopf_points_of_the_brusselator() -> None:
    """b = 1 + a^2, frequency a."""
    found = followed("""param a = 1.0, b = 1.0
population p[1] { state x on real = 1; state y on real = 1
  x' = a - (b + 1)*x + x^2*y
  y' = b*x - x^2*y }
continue rest { b = 1 .. 4; detect hopf }
continue curve { follow rest.hopf; a = 0.3 .. 1.7; b = 1 .. 4 }
""")
    assert found["b"] == pytest.approx(1 + found["a"] ** 2, abs=1e-8)
    assert found["frequency"] == pytest.approx(found["a"], abs=1e-8)
    assert sorted(found["a"][[0, -1]]) == pytest.approx([0.3, 1.7])
    # Kuznetsov, Elements of Applied Bifurcation Theory, 5.4, for a unit eigenvector
    a = found["a"]
    assert found["lyapunov"] == pytest.approx(-(2 + a**2) / (2 * a * (1 + 2 * a**2)), rel=1e-6)
    assert found.special == ()


PLANAR = """param m = -1.0, b = 0.7
population p[1] { state x on real = 0; state y on real = 0
  x' = m*x - 2*y + 1.5*x^2 + x*y + b*x^3
  y' = 2*x + m*y + x^2 }
continue rest { m = -1 .. 1; detect hopf }
continue curve { follow rest.hopf; m = -1 .. 1; b = -1 .. 1; detect bautin }
"""


def test_a_bautin_point() -> None:
    """Guckenheimer and Holmes (3.4.11): 16 a = 6 b - 2 (3/2) / 2, and l1 = 2 a / frequency."""
    found = followed(PLANAR)
    assert found["lyapunov"] == pytest.approx((6 * found["b"] - 1.5) / 16, abs=1e-7)
    assert events(found) == [("bautin", pytest.approx(0, abs=1e-8), pytest.approx(0.25, abs=1e-7))]
    assert set(found.continuation.ends) == {"range"}
    rest = followed(PLANAR, "rest")
    assert rest.first("hopf").lyapunov == pytest.approx((6 * 0.7 - 1.5) / 16, abs=1e-8)
    assert found.first("bautin") is found.special[0]


DRIFTING = """param m = -1.0, b = 0.7
population p[1] { state x on real = 0; state y on real = 0; RADIUS
  x' = m*x - 2*y + 1.5*x^2 + x*y + b*x^3 + 0.3*(LENGTH - 1)*x
  y' = 2*x + m*y + x^2 + 0.4*(LENGTH - 1) }
continue rest { m = -1 .. 1; detect hopf }
continue curve { follow rest.hopf; m = -1 .. 1; b = -1 .. 1; detect bautin }
"""


def test_a_bautin_point_of_what_turns() -> None:
    """A complex number that turns has the same as its modulus alone."""
    real = "state r on real = 1; r' = r - r^3 + 0.5*x^2 + 0.2*x"
    turning = "state r on complex = 1; r' = r*(1 - abs(r)^2 + (0.5*x^2 + 0.2*x)/abs(r) + 1i + 2i*x)"
    found = [
        events(followed(DRIFTING.replace("RADIUS", radius).replace("LENGTH", length)))
        for radius, length in ((real, "r"), (turning, "abs(r)"))
    ]
    assert [kind for kind, *_ in found[0]] == ["bautin"]
    assert found[1][0][1:] == pytest.approx(found[0][0][1:], abs=1e-7)


TAKENS = """param k = 0.1, b = -1.0
population p[1] { state x on real = 0.113; state y on real = 0
  x' = y
  y' = k + b*x + x^2 - x*y }
continue rest { k = 0.1 .. -1; detect hopf }
continue turns { k = -1 .. 1; start init; detect fold }
continue hopfs { follow rest.hopf; k = -1 .. 1; b = -2 .. 1 }
continue folds { follow turns.fold; k = -1 .. 1; b = -2 .. 1 }
"""


def test_a_bogdanov_takens_point() -> None:
    """Folds 4 k = b^2, Hopf points k = 0, b < 0 with frequency sqrt(-b); both meet at 0."""
    hopfs = followed(TAKENS, "hopfs")
    assert hopfs["k"] == pytest.approx(0, abs=1e-8)
    assert hopfs["frequency"] ** 2 == pytest.approx(-hopfs["b"], abs=1e-8)
    assert set(hopfs.continuation.ends) == {"range", "bogdanov_takens"}
    assert events(hopfs) == [
        ("bogdanov_takens", pytest.approx(0, abs=1e-8), pytest.approx(0, abs=1e-8))
    ]
    folds = followed(TAKENS.replace("real = 0.113", "real = 1.6"), "folds")
    assert 4 * folds["k"] == pytest.approx(folds["b"] ** 2, abs=1e-7)
    assert events(folds) == [
        ("bogdanov_takens", pytest.approx(0, abs=1e-8), pytest.approx(0, abs=1e-8))
    ]


def test_what_cannot_be_followed_is_refused() -> None:
    cases = {
        "E640": (CUSP.replace("b { a = -2 .. 2", "b { a = -2 .. 0"), NumericalError),
        "E645": (CUSP.replace("q = -1 .. 3", "q = -1 .. 1"), SpecError),
    }
    for code, (text, kind) in cases.items():
        with pytest.raises(kind) as caught:
            followed(text)
        (found,) = caught.value.diagnostics
        assert found.code == code and found.fix and found.span is not None
    with pytest.raises(NumericalError, match="E640"):
        followed(CUSP.replace("q = -1 .. 3", "q = 1 .. 3"), "on")


def test_how_far_a_curve_goes_is_told() -> None:
    found = followed(CUSP)
    assert "a from -2 to 2" in found.extent()
    assert math.isclose(found.value_at(found.first("cusp"), "q"), 0, abs_tol=1e-8)
    assert found.first("bogdanov_takens") is None
