"""Every method against closed forms, orders of convergence, and an independent solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dynattn.solve.methods import METHODS
from dynattn.solve.solve import solve
from dynattn.vocabulary.solvers import METHOD_NAMES, STRUCTURE_METHODS
from tests.solve.systems import Flat, Kuramoto, Rotor, Sphere, TwoStates

OWN = [m for m in METHODS.values() if m.tableau is not None]
FIXED = [m for m in METHODS.values() if m.needs_step and m.name not in STRUCTURE_METHODS]
F64 = torch.float64

TOLERANCES = {
    "euler": 2e-2, "torchdiffeq.euler": 2e-2, "heun": 1e-3, "heun2": 1e-3, "midpoint": 1e-3,
    "heun3": 2e-5, "rk4": 1e-6, "torchdiffeq.rk4": 1e-6, "tsit5": 1e-8, "explicit_adams": 1e-6,
    "implicit_adams": 1e-6, "fixed_adams": 1e-6, "dopri8": 1e-7, "dopri5": 1e-7, "bosh3": 1e-6,
    "fehlberg2": 3e-4, "adaptive_heun": 1e-4, "scipy_solver": 1e-6, "rodas5p": 1e-7,
}  # fmt: skip


def test_all_methods_but_those_of_a_structure_are_here():
    assert {*TOLERANCES} == {*METHOD_NAMES} - {*STRUCTURE_METHODS}


def tolerance(name):
    """A second-order method takes thousands of steps for what takes dopri5 twenty."""
    return 1e-6 if METHODS[name].order == 2 else 1e-8


@pytest.mark.parametrize("name", TOLERANCES)
@pytest.mark.parametrize("stop", [3.0, -1.0])
def test_decay_by_every_method(name, stop):
    """y' = -y, forwards and backwards, by name; the saved times are unlike the steps."""
    method = METHODS[name]
    times = torch.linspace(0, stop, 4, dtype=F64)
    system = Flat(lambda t, y: -y)
    got = solve(
        system, {"p.x": torch.tensor([1.0, 2.0], dtype=F64)}, times, method=name,
        step=0.03 if method.needs_step else None, rtol=tolerance(name),
    )  # fmt: skip
    exact = torch.exp(-times)[:, None] * torch.tensor([1.0, 2.0], dtype=F64)
    # The tolerance is relative to the largest value on the way.
    assert (got.states["p.x"] - exact).abs().max() < TOLERANCES[name] * exact.abs().max()
    assert got.statistics["method"] == name
    assert got.statistics["evaluations"] > 0


def slope(system, states, method, steps, stop, exact):
    errors = []
    for step in steps:
        got = solve(system, states, [0.0, stop], method=method, step=step)
        errors.append(float((got.states["p.x"][-1] - exact).abs().max()))
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    "method", [*FIXED, *(m for m in OWN if m not in FIXED)], ids=lambda m: m.name
)
def test_order_of_convergence_on_the_line(method):
    """x' = x cos t has x = exp(sin t)."""
    system = Flat(lambda t, x: x * torch.cos(t))
    exact = math.exp(math.sin(2.0))
    states = {"p.x": torch.ones(1, dtype=F64)}
    steps = [2.0 / n for n in (20, 40, 80)]
    found = slope(system, states, method.name, steps, 2.0, exact)
    assert method.order - 0.35 < found < method.order + (1.8 if "adams" in method.name else 0.8)


@pytest.mark.parametrize(
    "method", [*FIXED, *(m for m in OWN if m not in FIXED)], ids=lambda m: m.name
)
def test_order_of_convergence_on_the_sphere(method):
    x0 = torch.tensor([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]], dtype=F64)
    exact = solve(Rotor(), {"p.x": x0}, [0.0, 2.0], method="tsit5", step=0.002).states["p.x"][-1]
    steps = [2.0 / n for n in (16, 32, 64)]
    found = slope(Rotor(), {"p.x": x0}, method.name, steps, 2.0, exact)
    assert method.order - 0.4 < found < method.order + 1.8


def test_two_oscillators():
    """The phase difference obeys tan(d/2) = tan(d0/2) exp(-K t) for equal frequencies."""
    d0, K = 2.0, 1.3
    system = Kuramoto(torch.zeros(2), K).requires_grad_(False)
    times = torch.linspace(0, 4, 9, dtype=F64)
    for method, step in (("dopri5", None), ("rk4", 0.01), ("tsit5", 0.02)):
        states = {"osc.theta": torch.tensor([0.0, d0], dtype=F64)}
        got = solve(system, states, times, method=method, step=step, rtol=1e-10).states["osc.theta"]
        exact = 2 * torch.atan(math.tan(d0 / 2) * torch.exp(-K * times))
        assert torch.allclose(got[:, 1] - got[:, 0], exact, atol=1e-8)


@pytest.mark.parametrize("name", TOLERANCES)
def test_sphere_angle_law_and_unit_length(name):
    """In a constant field the angle to it obeys tan(phi/2) = tan(phi0/2) exp(-|h| t)."""
    method = METHODS[name]
    h, phi0 = [0.0, 0.0, 1.5], 2.5
    x0 = torch.tensor([[math.sin(phi0), 0.0, math.cos(phi0)]], dtype=F64)
    times = torch.linspace(0, 3, 7, dtype=F64)
    step = 0.01 if method.needs_step else None
    got = solve(Sphere(h), {"p.x": x0}, times, method=name, step=step, rtol=tolerance(name))
    got = got.states["p.x"]
    assert (got.norm(dim=-1) - 1).abs().max() < 1e-12
    exact = 2 * torch.atan(math.tan(phi0 / 2) * torch.exp(-1.5 * times))
    angle = torch.atan2(got[:, 0, 0], got[:, 0, 2])
    assert (angle - exact).abs().max() < max(10 * TOLERANCES[name], 1e-6) * (step or 0.01) / 0.01


def test_kuramoto_against_an_independent_solver():
    """scipy's DOP853 on the naive pair sum, against every family of ours."""
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(5)
    omega, theta0, K = rng.normal(size=12), rng.uniform(-3, 3, 12), 1.7

    def naive(t, theta):
        return omega + K / 12 * np.sin(theta[None, :] - theta[:, None]).sum(1)

    times = np.linspace(0, 10, 21)
    other = solve_ivp(naive, (0, 10), theta0, "DOP853", times, rtol=1e-12, atol=1e-12).y.T
    system, states = Kuramoto(omega, K).requires_grad_(False), {"osc.theta": torch.tensor(theta0)}
    for method, step in (("dopri5", None), ("dopri8", None), ("rk4", 0.01), ("tsit5", 0.02)):
        got = solve(system, states, times.tolist(), method=method, step=step, rtol=1e-10)
        assert np.abs(got.states["osc.theta"].numpy() - other).max() < 1e-6, method


@pytest.mark.parametrize("method", ["dopri5", "scipy_solver", "midpoint", "implicit_adams", "rk4"])
def test_several_states_and_batch_axes(method):
    """A batch is its points one by one, whatever the method packs it into."""
    step = 0.01 if METHODS[method].needs_step else None
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(2, 3, 5, dtype=F64, generator=generator)
    x = torch.randn(2, 3, 4, 3, dtype=F64, generator=generator)
    x = x / x.norm(dim=-1, keepdim=True)
    times = [0.0, 0.5, 1.5]
    keywords = {"method": method, "step": step, "rtol": 1e-9}
    together = solve(TwoStates(), {"a.theta": theta, "b.x": x}, times, batch=2, **keywords)
    assert together.states["a.theta"].shape == (3, 2, 3, 5)
    assert together.states["b.x"].shape == (3, 2, 3, 4, 3)
    assert (together.states["b.x"].norm(dim=-1) - 1).abs().max() < 1e-12
    alone = solve(TwoStates(), {"a.theta": theta[1, 2], "b.x": x[1, 2]}, times, **keywords)
    for name in ("a.theta", "b.x"):
        assert (together.states[name][:, 1, 2] - alone.states[name]).abs().max() < 1e-6


def test_states_shared_by_the_batch():
    """A state without batch axes is every point's."""
    K = torch.tensor([0.5, 2.0], dtype=F64)
    theta = torch.linspace(-1, 1, 6, dtype=F64)
    system = Kuramoto(torch.zeros(6), K)
    got = solve(system, {"osc.theta": theta.expand(2, 6)}, [0.0, 1.0], batch=1)
    for k in range(2):
        alone = solve(Kuramoto(torch.zeros(6), K[k]), {"osc.theta": theta}, [0.0, 1.0])
        assert (got.states["osc.theta"][-1, k] - alone.states["osc.theta"][-1]).abs().max() < 1e-5
