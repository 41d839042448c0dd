"""Symplectic methods and the averaged vector field: orders, structure, energy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.module import System
from dynattn.solve.solve import solve

SYMPLECTIC = ("leapfrog", "yoshida4", "blanes_moan4")
ORDERS = {"leapfrog": 2, "yoshida4": 4, "blanes_moan4": 4, "avf": 2}

PENDULUMS = """
model pendulums
param g = 0.0, a = 0.0
population bob[3] {
  state theta on circle = 1 + index/2
  state theta' = 0.5
  param m = 1 + index
  inertia m
  dissipation g * m
  energy -m * cos(theta)
  drift a * sin(3*t)
}
coupling springs: bob -> bob { strength 0.4; kernel sin(theta[j] - theta[i]) }
observe E = total_energy()
simulate { t 0 .. 4 }
"""
FPUT = """
model fput "A chain of Fermi, Pasta, Ulam and Tsingou"
population bead[8] { state x on real ~ normal(0, 0.5); inertia 1; dissipation 0 }
coupling spring: bead -> bead over path_graph(8) {
  energy (x[j] - x[i])^2/2 + 0.7 * (x[j] - x[i])^4/4
}
observe E = total_energy()
simulate { t 0 .. 4 }
"""


def built(text: str, **settings: float) -> System:
    return Compilation(Source("spec.dyn", text), settings).build()


def pendulums_by_scipy(stop: float, g: float = 0.0, a: float = 0.0) -> tuple[np.ndarray, ...]:
    """Positions and velocities at the end, by code that knows nothing of the spec."""
    m = np.array([1.0, 2.0, 3.0])

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x, v = y[:3], y[3:]
        pull = 0.4 * np.sin(x[None, :] - x[:, None]).sum(1)
        return np.concatenate([v, (a * np.sin(3 * t) - m * np.sin(x) + pull) / m - g * v])

    start = np.concatenate([[1.0, 1.5, 2.0], [0.5] * 3])
    y = solve_ivp(rate, (0, stop), start, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    return y[:3], y[3:]


@pytest.mark.parametrize("method", ORDERS)
@pytest.mark.parametrize("g, a", [(0.0, 0.0), (0.8, 0.5)])
def test_the_order_holds_with_friction_and_a_driving_force(method: str, g: float, a: float) -> None:
    system = built(PENDULUMS, g=g, a=a)
    start, (x, v) = system.initial_states(), pendulums_by_scipy(4.0, g, a)
    errors = []
    for step in (0.1, 0.05):
        found = solve(system, start, [0.0, 4.0], method=method, step=step).states
        off = [found["bob.theta"][-1].numpy() - x, found["bob.theta'"][-1].numpy() - v]
        errors.append(np.abs(off).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[method], abs=0.25)
    assert errors[1] < (1e-3 if ORDERS[method] == 2 else 2e-6)


@pytest.mark.parametrize("method", SYMPLECTIC)
def test_a_step_back_undoes_a_step_to_rounding(method: str) -> None:
    system = built(PENDULUMS, a=0.5)
    start = system.initial_states()
    there = solve(system, start, [0.0, 20.0], method=method, step=0.1).states
    ends = {name: x[-1] for name, x in there.items()}
    back = solve(system, ends, [20.0, 0.0], method=method, step=0.1).states
    for name, x in start.items():
        torch.testing.assert_close(back[name][-1], x, rtol=0, atol=1e-11)


def one_step_jacobian(system: System, method: str, step: float) -> np.ndarray:
    start = system.initial_states()
    x, v = start["bob.theta"], start["bob.theta'"]

    def mapped(y: torch.Tensor) -> torch.Tensor:
        states = {"bob.theta": y[:3], "bob.theta'": y[3:]}
        found = solve(system, states, [0.0, step], method=method, step=step).states
        return torch.cat([found["bob.theta"][-1], found["bob.theta'"][-1]])

    return np.asarray(torch.autograd.functional.jacobian(mapped, torch.cat([x, v])))


def form() -> np.ndarray:
    """The symplectic form in positions and velocities: sum m dx dv."""
    m = np.diag([1.0, 2.0, 3.0])
    return np.block([[0 * m, m], [-m, 0 * m]])


@pytest.mark.parametrize("method", SYMPLECTIC)
@pytest.mark.parametrize("g", [0.0, 0.7])
def test_a_step_shrinks_the_symplectic_form_by_the_friction_alone(method: str, g: float) -> None:
    jacobian, omega = one_step_jacobian(built(PENDULUMS, g=g), method, 0.3), form()
    np.testing.assert_allclose(
        jacobian.T @ omega @ jacobian, np.exp(-0.3 * g) * omega, rtol=0, atol=1e-12
    )


def test_neither_rk4_nor_avf_is_symplectic() -> None:
    for method in ("rk4", "avf"):
        jacobian, omega = one_step_jacobian(built(PENDULUMS), method, 0.3), form()
        assert np.abs(jacobian.T @ omega @ jacobian - omega).max() > 1e-6


def test_the_gradient_of_an_implicit_step_is_that_of_differences() -> None:
    system = built(PENDULUMS, g=0.3, a=0.5)
    jacobian, step, width = one_step_jacobian(system, "avf", 0.3), 0.3, 1e-5
    start = system.initial_states()
    for k in range(3):
        ends = []
        for sign in (1, -1):
            moved = start["bob.theta"] + sign * width * torch.eye(3, dtype=torch.float64)[k]
            found = solve(
                system, {**start, "bob.theta": moved}, [0.0, step], method="avf", step=step
            ).states
            ends.append(np.concatenate([found[n][-1].numpy() for n in found]))
        np.testing.assert_allclose(
            jacobian[:, k], (ends[0] - ends[1]) / (2 * width), rtol=0, atol=1e-8
        )


def drift(system: System, method: str, step: float, times: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = solve(system, system.initial_states(), times.tolist(), method=method, step=step)
        energy = system.observe(0.0, found.states)["E"].numpy()
    return energy - energy[0]


@pytest.mark.parametrize(
    "text", [FPUT, FPUT.replace("(x[j] - x[i])^4/4", "log(1 + (x[j] - x[i])^2)")]
)
def test_avf_conserves_the_energy_of_a_chain(text: str) -> None:
    system, times = built(text), np.linspace(0, 20, 21)
    assert np.abs(drift(system, "avf", 0.1, times)).max() < 1e-12
    assert np.abs(drift(system, "leapfrog", 0.1, times)).max() > 1e-5


def test_leapfrog_bounds_the_energy_where_rk4_loses_it() -> None:
    system, times = built(FPUT), np.linspace(0, 200, 41)
    kept, lost = (drift(system, method, 0.15, times) for method in ("leapfrog", "rk4"))
    assert np.abs(kept[21:]).max() < 1.5 * np.abs(kept[:21]).max()
    assert lost[-1] < 1.2 * lost[20] < 0
    assert np.all(np.diff(lost) < 0)


def test_avf_loses_exactly_what_is_dissipated() -> None:
    system, step = built(FPUT.replace("dissipation 0 ", "dissipation 0.6 ")), 0.25
    times = [step * k for k in range(9)]
    found = solve(system, system.initial_states(), times, method="avf", step=step).states
    energy = system.observe(0.0, found)["E"]
    ways = found["bead.x"].diff(dim=0)
    torch.testing.assert_close(
        energy.diff(), -0.6 / step * ways.square().sum(-1), rtol=0, atol=1e-13
    )


def test_terminal_velocity_is_exact_under_any_friction() -> None:
    text = "model m\npopulation p[1] { state x on real; state x' = 3; inertia 0.01\n"
    system = built(text + "dissipation 2; drift 5 }\nsimulate { t 0 .. 9 }")
    found = solve(system, system.initial_states(), [0.0, 4.0], method="leapfrog", step=0.5)
    assert float(found.states["p.x'"][-1, 0]) == pytest.approx(2.5, rel=1e-14)
