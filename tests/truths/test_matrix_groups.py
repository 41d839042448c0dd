"""Lohe's matrix model and rotations: constraints kept, SciPy, and Kuramoto as a special case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from dynattn.vocabulary import matrix_groups

TEXTS = Path(__file__).parents[1] / "syntax" / "texts"
LOHE = (TEXTS / "lohe_matrix.dyn").read_text()
BRIEF = "t 0 .. 4 every 1; method rk4; step 0.05"


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("groups.dyn", text), overrides)


def brief(text: str = LOHE, **overrides: Any) -> Compilation:
    return compiled(text.replace("t 0 .. 50 every 0.1; method rk4; step 0.01", BRIEF), **overrides)


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)", "SO(3)"])
def test_states_stay_on_the_group(group: str) -> None:
    text = LOHE.replace("SU(2)", group).replace("su(2)", group.lower())
    text = text.replace("= [[0.1i, 0], [0, -0.1i]]  ", "~ normal(0, 0.1)")
    u = run_experiment(brief(text, N=4))["spin.U"]
    one = np.eye(int(group[3]))
    np.testing.assert_allclose(u @ matrix_groups.adjoint(u), one * np.ones_like(u), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(u), 1, atol=1e-12)


def test_lohe_on_su2_agrees_with_scipy() -> None:
    spec = brief(N=5)
    found = run_experiment(spec)
    omega = spec.build().get_buffer("spin.Omega").numpy()
    np.testing.assert_allclose(omega, -matrix_groups.adjoint(omega))
    v = expm(np.diag([0.1j, -0.1j]))

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        u = y.reshape(5, 2, 2)
        force = (v @ (u.sum(0) - u)) / 5
        free = (force - u @ matrix_groups.adjoint(force) @ u) / 2
        trace = np.einsum("nab,nab->n", u.conj(), free)
        return (omega @ u + free - u * (trace / 2)[:, None, None]).ravel()

    start = found["spin.U"][0].ravel()
    times = found.axes["time"]
    end = solve_ivp(rate, (0, 4), start, t_eval=times, rtol=1e-11, atol=1e-12, method="DOP853").y.T
    np.testing.assert_allclose(found["spin.U"], end.reshape(-1, 5, 2, 2), atol=3e-7)
    mean = end.reshape(-1, 5, 2, 2).mean(1)
    np.testing.assert_allclose(
        found["rho"], np.linalg.norm(mean, axis=(1, 2)) / np.sqrt(2), atol=1e-6
    )


def test_equal_matrices_have_order_one_and_the_order_is_the_norm_of_the_mean() -> None:
    text = LOHE.replace("observe rho", "observe r = order(U)\nobserve rho")
    found = run_experiment(brief(text.replace("normal(0, 0.3)", "normal(0, 0)"), N=4, K=4))
    np.testing.assert_allclose(found["r"], found["rho"])
    assert found["rho"][0] < 0.9 and found["rho"][-1] == pytest.approx(1, abs=2e-3)


ROTATIONS = """model rotations
param w = 0.7, lag = 0.3, A on so(2) = [[0, lag], [-lag, 0]]
population p[6] {
  state X on SO(2)
  param omega ~ normal(0, 1)
  param J on so(2) = [[0, -1], [1, 0]]
  drift omega * J @ X
}
coupling c: p -> p { strength w; normalize size; frustration expm(A) }
simulate { t 0 .. 3 every 1; method rk4; step 0.02 }
"""


def test_rotations_of_the_plane_are_kuramoto_oscillators() -> None:
    """X = R(theta): theta' = omega + (w/N) sum sin(theta_j - theta_i - lag)."""
    spec = compiled(ROTATIONS)
    found = run_experiment(spec)
    omega = spec.build().get_buffer("p.omega").numpy()
    x = found["p.X"]
    theta = np.arctan2(x[..., 1, 0], x[..., 0, 0])

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        pull = np.sin(y[None, :] - y[:, None] - 0.3)
        return omega + 0.7 / 6 * (pull.sum(1) - np.diag(pull))

    end = solve_ivp(rate, (0, 3), theta[0], t_eval=found.axes["time"], rtol=1e-10, atol=1e-12).y.T
    np.testing.assert_allclose(np.exp(1j * theta), np.exp(1j * end), atol=1e-6)


SPHERE = """model sphere
param A on so(3) = [[0, 0.4, 0], [-0.4, 0, 0.1], [0, -0.1, 0]]
population p[5] {
  state x on sphere(3)
  param W on so(3) ~ normal(0, 1)
  drift W @ x
}
coupling c: p -> p over ring(5, reach=1) { frustration expm(A); normalize degree }
simulate { t 0 .. 2 every 1; method rk4; step 0.02 }
"""


def test_a_frustration_turns_vectors_on_the_sphere() -> None:
    spec = compiled(SPHERE)
    found = run_experiment(spec)
    w = spec.build().get_buffer("p.W").numpy()
    v = expm(np.array([[0, 0.4, 0], [-0.4, 0, 0.1], [0, -0.1, 0]]))

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x = y.reshape(5, 3)
        force = (np.roll(x, 1, 0) + np.roll(x, -1, 0)) @ v.T / 2
        tangent = force - (force * x).sum(1, keepdims=True) * x
        return (np.einsum("nab,nb->na", w, x) + tangent).ravel()

    start = found["p.x"][0].ravel()
    end = solve_ivp(rate, (0, 2), start, rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]
    np.testing.assert_allclose(found["p.x"][-1].ravel(), end, atol=1e-7)


MANY = """model many
param A on su(2) ~ normal(0, 1), V on SO(3) ~ uniform
population p[5] {
  state U[2] on SU(2)
  state X on SO(3)
  state w on su(2) ~ normal(0, 1)
  drift U: A @ U
  drift w: -w + A @ A
  drift X: V @ transpose(X) @ V
}
coupling c: p -> p.U { kernel U[j] + A @ U[i] @ U[j]; frustration expm(A) }
coupling d: p -> p.X over ring(5, reach=1) { weight 1 + distance; frustration V }
observe r = order(U)
observe s = norm(mean(X)) + trace(mean(X))
"""


@pytest.mark.parametrize("text", [LOHE, ROTATIONS, SPHERE, MANY])
def test_groups_are_certified(text: str) -> None:
    assert certify(brief(text, **({"N": 4} if text is LOHE else {}))).passed


@pytest.mark.parametrize(("name", "size"), [("SO", 2), ("SO", 3), ("SU", 2), ("SU", 3)])
def test_draws_are_even(name: str, size: int) -> None:
    rng = np.random.default_rng(0)
    sample = {"SO": matrix_groups.sample_orthogonal, "SU": matrix_groups.sample_unitary}[name]
    drawn = sample(rng, (20000, size, size))
    assert matrix_groups.hold(name, drawn)
    traces = np.trace(drawn, axis1=1, axis2=2)
    assert abs(drawn.mean(0)).max() < 0.02
    assert (abs(traces) ** 2).mean() == pytest.approx(
        2 if (name, size) == ("SO", 2) else 1, rel=0.05
    )


def test_skew_draws_have_their_spread_above_the_diagonal() -> None:
    text = "model d\npopulation p[4000] {\nparam W on so(3) ~ normal(0, 0.5)\n"
    text += "param A on su(2) ~ normal(0, 0.5)\nstate x on real(3); drift W @ x + re(trace(A)) }"
    system = compiled(text).build()
    w, a = system.get_buffer("p.W").numpy(), system.get_buffer("p.A").numpy()
    assert matrix_groups.hold("so", w) and matrix_groups.hold("su", a)
    assert w[:, 0, 1].std() == pytest.approx(0.5, rel=0.05)
    assert np.imag(a[:, 0, 1]).std() == pytest.approx(0.5, rel=0.05)


def test_the_groups_know_what_lies_on_them() -> None:
    turn = np.array([[0.0, -1], [1, 0]])
    assert matrix_groups.hold("SO", turn) and matrix_groups.hold("so", turn)
    assert not matrix_groups.hold("SO", turn[::-1]) and not matrix_groups.hold("so", turn[::-1])
    assert matrix_groups.hold("SU", 1j * np.diag([1, -1])) and not matrix_groups.hold(
        "SU", 1j * turn
    )
