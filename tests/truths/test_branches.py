"""Branches of equilibria, their folds, branch points and Hopf points, against closed forms and
against the extended systems solved by SciPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.run.experiment import run_experiment


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("m.dyn", f"model m\n{text}"), overrides)


def run(compilation: Compilation, name: str) -> Any:
    return run_experiment(compilation, name)


def followed(text: str, name: str = "b", **overrides: Any) -> Any:
    return run(compiled(text, **overrides), name)


def special(result: Any) -> list[tuple[str, float]]:
    return [(point.kind, point.value) for point in result.special]


def refused(text: str, name: str = "b") -> tuple[str, str]:
    with pytest.raises((SpecError, NumericalError)) as caught:
        followed(text, name)
    (found,) = caught.value.diagnostics
    assert found.span is not None and found.fix
    return found.code, found.message


CUSP = """param a = 0.0, q = 1.5
population p[1] { state x on real = -1; drift a + q*x - x^3 }
observe x = sum(p.x)
"""


def test_the_two_folds_of_a_cusp() -> None:
    """Folds at a = -+2 (q/3)^(3/2), x = -+sqrt(q/3); three equilibria between them."""
    found = followed(CUSP + "continue b { a = -2 .. 2; detect fold }")
    edge, place = 2 * 0.5**1.5, math.sqrt(0.5)
    assert special(found) == [("fold", pytest.approx(edge, abs=1e-10)),
                              ("fold", pytest.approx(-edge, abs=1e-10))]  # fmt: skip
    assert [float(p.step.y) for p in found.special] == pytest.approx([-place, place], abs=1e-9)
    assert found.values[0] == -2 and found.values[-1] == 2
    x = found["x"]
    assert found.values == pytest.approx(x**3 - 1.5 * x, abs=1e-9)
    apart = np.abs(np.abs(x) - place) > 1e-4
    assert (found.stable == (3 * x**2 > 1.5))[apart].all()
    assert found["fold"].sum() == 2 and np.isfinite(found["null: p.x"]).sum() == 2


def test_a_start_inside_the_range_leads_both_ways() -> None:
    found = followed(CUSP + "continue b { a = -2 .. 2; start equilibrium at a = -1 }")
    assert [value for _, value in special(found)] == pytest.approx([2 * 0.5**1.5, -(2 * 0.5**1.5)])
    assert found.values.min() == -2 and found.values.max() == 2
    assert (found["arclength"] < 0).any() and (np.diff(found["arclength"]) > 0).all()


PITCHFORK = """param r = -1.0, e = 0.0
population p[1] { state x on real = 0.0; drift e + r*x - x^3 }
continue b { r = -1 .. 1; detect branch_point, fold }
"""


def test_a_pitchfork_and_its_other_branch() -> None:
    """x = 0 loses its stability at r = 0 to x = -+sqrt(r)."""
    found = followed(PITCHFORK)
    assert special(found) == [("branch_point", pytest.approx(0, abs=1e-10))]
    first, second = found.continuation.branches
    assert all(abs(float(step.y)) < 1e-12 for step in first.steps)
    assert [(s.stability.verdict == "stable") == (s.value < 0) for s in first.steps
            if abs(s.value) > 1e-6] == [True] * (len(first.steps) - 1)  # fmt: skip
    sides = [float(step.y) for step in second.steps]
    assert min(sides) == pytest.approx(-1) and max(sides) == pytest.approx(1)
    assert [s.value for s in second.steps] == pytest.approx(np.square(sides), abs=1e-7)
    assert sum(s.stability.verdict == "stable" for s in second.steps) == len(second.steps) - 1


def test_an_imperfect_pitchfork_has_a_fold_on_the_branch_that_is_cut_off() -> None:
    """e + r x - x^3: fold at r = 3 (e/2)^(2/3), on the branch that ends at x < 0."""
    found = followed(PITCHFORK, e=0.02)
    assert special(found) == [] and found.stable.all()
    text = PITCHFORK.replace("= 0.0; drift", "= -1.0; drift").replace("-1 .. 1", "1 .. -1")
    found = followed(text, e=0.02)
    assert special(found) == [("fold", pytest.approx(3 * 0.01 ** (2 / 3), abs=1e-10))]


def test_a_transcritical_crossing() -> None:
    text = "param r = -1.0\npopulation p[1] { state x on real = 0.0; drift r*x - x^2 }\n"
    found = followed(text + "continue b { r = -1 .. 1; detect branch_point }")
    assert special(found) == [("branch_point", pytest.approx(0, abs=1e-9))]
    other = found.continuation.branches[1]
    assert [s.value for s in other.steps] == pytest.approx([float(s.y) for s in other.steps])
    assert other.range == pytest.approx((-1, 1))


def bratu(n: int) -> float:
    """The fold of u'' + lambda e^u = 0 on n inner points, by SciPy: F = 0, F_u v = 0, |v| = 1."""
    h = 1 / (n + 1)
    laplace = (np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1)
               + np.diag(np.ones(n - 1), -1)) / h**2  # fmt: skip

    def system(z: np.ndarray) -> np.ndarray:
        u, v, value = z[:n], z[n:-1], z[-1]
        moved = value * np.exp(u)
        return np.concatenate([laplace @ u + moved, laplace @ v + moved * v, [v @ v - 1]])

    bump = np.sin(np.pi * h * np.arange(1, n + 1))
    begin = np.concatenate([1.1 * bump, bump / np.linalg.norm(bump), [3.4]])
    found = scipy.optimize.root(system, begin, tol=1e-13)
    assert found.success
    return float(found.x[-1])


def test_the_fold_of_bratu_s_equation() -> None:
    """3.513830719 in the limit; error 1/(n+1)^2, gone after one step of Richardson's rule."""
    text = """param N = 15, lam = 0.0
graph line = path_graph(N)
population u[line] { state v on real = 0; drift lam*exp(v) - (if_end)*v*(N + 1)^2 }
coupling near: u -> u over line { energy 0.5*(N + 1)^2*(v[j] - v[i])^2 }
continue b { lam = 1 .. 4; detect fold; start init }
""".replace("if_end", "0 + (index == 0) + (index == N - 1)")
    values = {}
    for n in (15, 31):
        (fold,) = followed(text, N=n).special
        values[n] = fold.value
        assert fold.value == pytest.approx(bratu(n), abs=1e-8)
        assert fold.residual < 1e-10
    assert (4 * values[31] - values[15]) / 3 == pytest.approx(3.513830719, abs=5e-5)


def test_the_hopf_point_of_stuart_and_landau() -> None:
    text = """param mu = -1.0
population p[1] { state x on real = 0.1; state y on real = 0
  x' = mu*x - 1.3*y - x*(x^2 + y^2)
  y' = mu*y + 1.3*x - y*(x^2 + y^2) }
continue b { mu = -1 .. 1; detect hopf, branch_point }
"""
    found = followed(text)
    (point,) = found.special
    assert (point.kind, point.value) == ("hopf", pytest.approx(0, abs=1e-10))
    assert point.frequency == pytest.approx(1.3, abs=1e-10)
    assert len(found.continuation.branches) == 1


FITZHUGH = """param I = 0.0
population n[1] { state v on real = -1.2; state w on real = -0.6
  v' = v - v^3/3 - w + I
  w' = 0.08*(v + 0.7 - 0.8*w) }
continue b { I = 0 .. 2; detect hopf }
"""


def test_the_hopf_points_of_fitzhugh_and_nagumo() -> None:
    """Trace 1 - v^2 - 0.064 = 0: v = -+sqrt(0.936), I from the two equations."""
    found = followed(FITZHUGH)
    expected = []
    for v in (-math.sqrt(0.936), math.sqrt(0.936)):
        expected.append((v + 0.7) / 0.8 - v + v**3 / 3)
    assert [p.value for p in found.special] == pytest.approx(expected, abs=1e-8)
    turn = math.sqrt((1 - 0.936) * -0.064 + 0.08)
    assert [p.frequency for p in found.special] == pytest.approx([turn, turn], abs=1e-8)


def test_the_hopf_point_of_wilson_and_cowan_against_scipy() -> None:
    text = """param P = 0.0
population c[1] { state E on real = 0.1; state U on real = 0.1
  E' = -E + 1/(1 + exp(-(12*E - 10*U + P - 3)))
  U' = (-U + 1/(1 + exp(-(10*E - 2*U - 4))))/1.5 }
continue b { P = -2 .. 4; detect hopf, fold }
"""

    def rates(E: float, U: float, P: float) -> tuple[np.ndarray, np.ndarray]:
        f, g = (1 / (1 + np.exp(-a)) for a in (12 * E - 10 * U + P - 3, 10 * E - 2 * U - 4))
        slope = np.array([[-1 + 12 * f * (1 - f), -10 * f * (1 - f)],
                          [10 * g * (1 - g) / 1.5, (-1 - 2 * g * (1 - g)) / 1.5]])  # fmt: skip
        return np.array([-E + f, (-U + g) / 1.5]), slope

    found = followed(text)
    hopfs = [point for point in found.special if point.kind == "hopf"]
    assert hopfs
    for point in hopfs:
        begin = [*point.step.y.tolist(), point.value]
        begin = np.array(begin) + 1e-3

        def system(z: np.ndarray) -> np.ndarray:
            moved, slope = rates(*z)
            return np.array([*moved, np.trace(slope)])

        exact = scipy.optimize.root(system, begin, tol=1e-14).x
        assert point.value == pytest.approx(exact[2], abs=1e-8)
        turn = math.sqrt(np.linalg.det(rates(*exact)[1]))
        assert point.frequency == pytest.approx(turn, abs=1e-8)


MODULES = """param h = 1.2, phi = 0.0
population a[2] { state theta on circle = 0; energy -h*cos(theta - phi*(1 - 2*index)) }
coupling k: a -> a { energy -cos(theta[j] - theta[i]) }
continue b { phi = 0 .. 2.2; detect fold, branch_point }
"""


@pytest.mark.parametrize("h", [1.05, 1.5, 1.8])
def test_two_modules_fold(h: float) -> None:
    """cos 2x = -sqrt((h^2 - 1)/3), phi = x + atan2(sin 2x, -2 cos 2x)."""
    fold = followed(MODULES, h=h).first("fold")
    x = math.acos(-math.sqrt((h**2 - 1) / 3)) / 2
    expected = x + math.atan2(math.sin(2 * x), -2 * math.cos(2 * x))
    assert fold.value == pytest.approx(expected, abs=1e-9)
    assert abs(fold.step.y.tolist()[0]) == pytest.approx(x, abs=1e-8)


def test_two_modules_that_are_weakly_held_turn_together() -> None:
    """Pitchfork at phi = pi/2 + arcsin(h)/2, where both turn the same way."""
    found = followed(MODULES, h=0.6)
    points = [point for point in found.special if point.kind == "branch_point"]
    assert points[0].value == pytest.approx(math.pi / 2 + math.asin(0.6) / 2, abs=1e-8)
    first, second = points[0].null
    assert first == pytest.approx(second, abs=1e-6)


RING = """param c = 0.0, h = 1.0
graph ring = cycle_graph(6)
population a[ring] { state theta on circle = 0; energy -h*cos(theta - c*pi/3*(index - 2.5)) }
coupling k: a -> a over ring { energy -cos(theta[j] - theta[i]) }
observe R = order(theta)
continue b { c = 0 .. 1.2; detect fold }
simulate escape { start at b.fold; c = b.fold.c + 1e-3; t 0 .. 60 every 1; record R }
sweep later { start at b.fold; c = b.fold.c + [1e-3, 1e-2]; t 0 .. 60 every 1; record final(R) }
continue back { c = 0 .. 1.2; start at b.fold; detect fold }
"""


def test_the_ring_of_six_modules() -> None:
    """Against the extended system of gradient, Hessian and null vector, solved by SciPy."""
    compilation = compiled(RING)
    found = run(compilation, "b")
    fold = found.first("fold")
    assert fold.value == pytest.approx(0.9044082902, abs=1e-9)
    row = int(np.flatnonzero(found["fold"])[0])
    assert found["R"][row] == pytest.approx(0.696, abs=1e-3)
    angles = (0.356947, 0.925537, 0.988902)
    expected = sorted([*angles, *(-x for x in angles)])
    assert sorted(fold.step.y.tolist()) == pytest.approx(expected, abs=2e-6)

    pattern = np.pi / 3 * (np.arange(6) - 2.5)
    ring = np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0)

    def system(z: np.ndarray) -> np.ndarray:
        theta, v, c = z[:6], z[6:12], z[12]
        apart = theta[:, None] - theta
        force = (ring * np.sin(apart)).sum(1) + np.sin(theta - c * pattern)
        held = ring * np.cos(apart)
        hessian = np.diag(held.sum(1) + np.cos(theta - c * pattern)) - held
        return np.concatenate([force, hessian @ v, [v @ v - 1]])

    begin = np.concatenate([fold.step.y.numpy(), fold.null, [fold.value]]) + 1e-3
    exact = scipy.optimize.root(system, begin, tol=1e-14).x
    assert fold.value == pytest.approx(exact[-1], abs=1e-8)
    assert abs(exact[6:12] @ fold.null) == pytest.approx(1, abs=1e-7)

    escape = run(compilation, "escape")
    assert escape["R"][0, 0] == pytest.approx(found["R"][row], abs=1e-9)
    assert escape["R"][0, -1] == pytest.approx(0.071, abs=5e-3)
    later = run(compilation, "later")
    assert later.axes["c"] == pytest.approx(fold.value + np.array([1e-3, 1e-2]), abs=1e-12)
    back = run(compilation, "back")
    assert back.first("fold").value == pytest.approx(fold.value, abs=1e-9)


def test_phases_that_drift_together_are_followed_too() -> None:
    """Two oscillators lock where K = dw: a fold of relative equilibria, drift the mean."""
    text = """param K = 2.0
population o[2] { state theta on circle = 0; drift 0.7 + 0.6*index }
coupling pull: o -> o { strength K; normalize size }
continue b { K = 2 .. 0.1; detect fold }
"""
    found = followed(text)
    assert special(found) == [("fold", pytest.approx(0.6, abs=1e-9))]
    assert found["drift: shift o.theta"] == pytest.approx(np.ones(len(found.values)))
    assert found.values[0] == 2 == found.values[-1]


def test_a_map_folds_where_a_multiplier_is_1() -> None:
    text = "param r = 1.0\npopulation p[1] { state x on real = 0.0; x <- r - x^2 }\n"
    found = followed(text + "continue b { r = 1 .. -1; detect fold; start equilibrium at r = 0.5 }")
    assert special(found) == [("fold", pytest.approx(-0.25, abs=1e-10))]


def test_several_directions_at_once_are_one_branch_point() -> None:
    text = "param r = -1.0\npopulation p[3] { state x on real = 0.0; drift r*x - x^3 }\n"
    (point,) = followed(text + "continue b { r = -1 .. 1; detect branch_point }").special
    assert point.value == pytest.approx(0, abs=1e-8) and point.multiplicity == 3


def test_directions_that_become_free_one_soon_after_another() -> None:
    text = (
        "param r = -1.0\npopulation p[3] { state x on real = 0; drift (r + 0.01*index)*x - x^3 }\n"
    )
    found = followed(text + "continue b { r = -1 .. 1; detect branch_point }")
    first = found.continuation.branches[0].special
    assert [p.multiplicity for p in first] == [1, 1, 1]
    assert [p.value for p in first] == pytest.approx([-0.02, -0.01, 0], abs=1e-9)


def test_a_start_that_no_binary_number_of_single_precision_is() -> None:
    """0.1 is the end of the range, and no number beside it."""
    found = followed(CUSP + "continue b { a = 0.1 .. -2; start equilibrium }", q=-1.0)
    assert found.values[0] == 0.1 and found.values[-1] == -2


def test_what_cannot_be_followed_is_refused() -> None:
    plain = "param r = -1.0\npopulation p[1] { state x on real = 0; drift r*x - x^3 }\n"
    run = "simulate s { start at b.fold; t 0 .. 1 }\n"
    code, text = refused(plain + "continue b { r = -1 .. 1; detect fold }\n" + run, "s")
    assert code == "E640" and "no fold" in text and "from -1 to 1" in text
    cases = {
        "E641": "param c = 1.0\npopulation p[1] { state x on real; drift c + x^2 }\n"
        "continue b { c = 1 .. 2 }",
        "E642": plain + "continue b { r = 0 .. 1 }",
        "E643": plain.replace("p[1]", "p[2001]") + "continue b { r = -1 .. 1 }",
        "E644": "param s = 1.0\npopulation p[3] { param w ~ normal(0, s); state x on real; "
        "drift w - x }\ncontinue b { s = 0 .. 1 }",
        "E645": plain + "continue b { r = -1 .. 1; start equilibrium at r = 2 }",
        "E621": "param r = 1.0\npopulation p[1] { state x on real; drift r - x; noise 0.1 }\n"
        "continue b { r = 0 .. 1 }",
    }
    for expected, spec in cases.items():
        assert refused(spec)[0] == expected
