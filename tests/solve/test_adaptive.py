"""Tsit5 with steps of its own: accuracy, between the steps, point by point, across jumps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dynattn.diagnostics.report import NumericalError, Source
from dynattn.interface import Spec
from dynattn.solve.solve import solve
from dynattn.vocabulary.tableaus import TABLEAUS
from tests.solve.systems import Flat, Kuramoto, Rotor

F64 = torch.float64
PAIR = TABLEAUS["tsit5"]
NODES = np.array([*PAIR.nodes, 1.0])


def wave(t, x):
    """x' = x cos t, of which x(0) exp(sin t) is the solution; t: one time, or one per point."""
    return x * torch.cos(t)[..., None]


def run(rate, start, times, **keywords):
    start = torch.as_tensor(start, dtype=F64)
    return solve(Flat(rate), {"p.x": start}, times, method="tsit5", **keywords)


# ── the pair ───────────────────────────────────────────────────────────────────────────────────


def test_the_error_is_that_of_a_fourth_order_solution():
    moments = [float(np.dot(PAIR.error, NODES**k)) for k in range(5)]
    assert np.abs(moments[:4]).max() < 1e-14
    assert abs(moments[4]) > 1e-4


@pytest.mark.parametrize("z", [0.1, 0.5, 0.9, 1.0])
def test_between_the_steps_the_fourth_order_conditions_hold(z):
    weights = np.array(PAIR.dense) @ (z ** np.arange(1, 5))
    for k in range(1, 5):
        assert np.dot(weights, NODES ** (k - 1)) == pytest.approx(z**k / k, abs=1e-12)
    if z == 1.0:
        assert weights == pytest.approx([*PAIR.weights, 0.0], abs=1e-12)


def test_order_at_the_steps_and_between_them():
    """Steps held at h: fifth order at their ends, local errors of fifth order between."""
    slopes = []
    for part in (1.0, 0.43):
        errors, sizes = [], [0.4, 0.2, 0.1]
        for h in sizes:
            times = [0.0, *(h * (k + part) for k in range(round(4 / h)) if k + part < 4 / h), 4.0]
            held = {"first_step": h, "max_step": h}
            got = run(wave, [1.0], times, rtol=1.0, options=held).states["p.x"][:, 0].numpy()
            errors.append(np.abs(got - np.exp(np.sin(times))).max())
        slopes.append(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
    assert 4.6 < slopes[0] < 5.8
    assert 4.4 < slopes[1] < 5.8


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_tolerance_is_kept(rtol):
    times = np.linspace(0, 5, 60)
    got = run(wave, [1.0], times.tolist(), rtol=rtol)
    error = np.abs(got.states["p.x"][:, 0].numpy() - np.exp(np.sin(times)))
    assert error.max() < 20 * rtol
    assert error[-1] < rtol


def test_saved_times_cost_no_steps():
    few, many = (run(wave, [1.0], np.linspace(0, 9, n).tolist()).statistics for n in (2, 2000))
    assert few["evaluations"] == many["evaluations"]
    assert few["evaluations"] % 6 == 2  # two for the first size; the last rate is the next's first


def test_saved_times_are_hit_exactly():
    times = [0.0, 0.37, 1.0, 1.0001, 7.3]
    got = run(lambda t, x: torch.ones_like(x), [0.0], times).states["p.x"][:, 0]
    assert got.tolist() == pytest.approx(times, abs=1e-13)


def test_time_runs_backwards_too():
    times = np.linspace(4, -1, 9)
    got = run(wave, [math.exp(math.sin(4.0))], times.tolist(), rtol=1e-9).states["p.x"][:, 0]
    assert np.abs(got.numpy() - np.exp(np.sin(times))).max() < 1e-7


# ── point by point ─────────────────────────────────────────────────────────────────────────────

SPEEDS = torch.tensor([1.0, 30.0, 0.1, 7.0], dtype=F64)


def turning(speeds, seen=None):
    def rate(t, x):
        if seen is not None:
            seen.append(t.clone())
        return torch.stack([x[..., 1], -x[..., 0]], -1) * speeds[..., None]

    return rate


def test_a_point_is_solved_as_if_alone():
    start = torch.tensor([1.0, 0.0], dtype=F64)
    times = [0.0, 0.3, 1.0, 2.0]
    together = run(turning(SPEEDS), start.repeat(4, 1), times, batch=1, rtol=1e-7)
    steps = []
    for k, speed in enumerate(SPEEDS):
        alone = run(turning(speed), start, times, rtol=1e-7)
        assert (together.states["p.x"][:, k] - alone.states["p.x"]).abs().max() < 1e-13
        steps.append(alone.statistics["steps"])
    assert together.statistics["steps"] == max(steps) > 4 * min(steps)


def test_a_point_that_is_done_waits():
    seen: list[torch.Tensor] = []
    run(turning(SPEEDS, seen), torch.tensor([[1.0, 0.0]] * 4, dtype=F64), [0.0, 2.0], batch=1)
    ended = [int((torch.stack(seen)[:, k] < 2.0).sum()) for k in range(4)]
    assert ended[2] < ended[0] < ended[3] < ended[1]
    assert all(float(t.max()) <= 2.0 for t in seen)


def test_two_batch_axes():
    start = torch.tensor([1.0, 0.0], dtype=F64).expand(2, 2, 2)
    got = run(turning(SPEEDS.reshape(2, 2)), start, [0.0, 0.5, 2.0], batch=2, rtol=1e-9)
    angle = 2.0 * SPEEDS.reshape(2, 2)
    exact = torch.stack([angle.cos(), -angle.sin()], -1)
    assert got.states["p.x"].shape == (3, 2, 2, 2)
    assert (got.states["p.x"][-1] - exact).abs().max() < 1e-6


SWEPT = """
model swept "Rates that depend on time and jump, swept"
param K = 1, a = 1.3
population p[4] { state theta on circle = index; drift 1 + cos(t) + pulse(t, a, a + 0.7) }
population q[3] { state x on sphere(3) ~ uniform; param w[3] ~ normal; drift K * w * cos(3*t) }
population r[2] { state z on complex = 1 + 0.1*index; drift (0.3 + 2i)*z - abs(z)^2*z }
population s[3] { state y on simplex(3) ~ uniform; param f[3] ~ normal; drift K * f * cos(t) }
coupling pull: p -> p { kernel sin(theta[j] - theta[i]); strength K }
simulate { t 0 .. 4 every 0.25; method METHOD; rtol 1e-8 }
sweep all { K = [0.1, 1, 5]; record theta, x, z, y }
sweep edges { a = [1, 1.3]; record theta }
"""


def test_every_manifold_in_a_sweep():
    """Against dopri8, against each point alone, and on the manifolds."""
    ours, theirs = (Spec(Source("m.dyn", SWEPT.replace("METHOD", m))) for m in ("tsit5", "dopri8"))
    own, other = ours.run("all"), theirs.run("all")
    alone = Spec(Source("m.dyn", SWEPT.replace("METHOD", "tsit5")), {"K": 5}).run()
    assert np.abs(ours.run("edges")["theta"] - theirs.run("edges")["theta"]).max() < 1e-6
    for name in ("theta", "x", "z", "y"):
        assert np.abs(own[name] - other[name]).max() < 1e-6, name
        (full,) = [state for state in alone.states if state.endswith(name)]
        assert np.abs(own[name][2] - alone.states[full]).max() < 1e-12, name
    assert np.abs(np.linalg.norm(own["x"], axis=-1) - 1).max() < 1e-14
    assert np.abs(own["y"].sum(-1) - 1).max() < 1e-14


def test_a_pulse_costs_no_accuracy_and_few_steps():
    """x' = pulse(t, 1, 2): a ramp, exact at any tolerance, though no step can see the jump."""
    text = """
    model ramp
    population p[1] { state x on real; drift 1000 * pulse(t, 1, 1.01) }
    simulate { t 0 .. 3 every 0.5; method tsit5; rtol 1e-3 }
    """
    found = Spec(Source("m.dyn", text)).run()
    assert found["p.x"][:, 0].tolist() == pytest.approx([0, 0, 0, 10, 10, 10, 10], abs=1e-11)
    assert found.statistics["steps"] < 40


def test_a_long_path_stays_on_the_sphere():
    x = torch.tensor([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]], dtype=F64)
    got = solve(Rotor(), {"p.x": x}, [0.0, 50.0, 100.0], method="tsit5", rtol=1e-5)
    assert got.statistics["steps"] > 300
    assert (got.states["p.x"].norm(dim=-1) - 1).abs().max() < 1e-14


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch", [(), (3,)])
def test_gradients_against_differences(batch):
    omega = torch.linspace(-1, 1, 5, dtype=F64)
    theta = torch.linspace(-2, 2, 5, dtype=F64).expand(*batch, 5)
    times = [0.0, 0.7, 2.0]

    def value(K, start):
        states = {"osc.theta": start}
        found = solve(
            Kuramoto(omega, K), states, times, method="tsit5", rtol=1e-11, batch=len(batch)
        )
        return found.states["osc.theta"].sin().sum()

    K = torch.linspace(0.5, 3, 3, dtype=F64)[: 3 if batch else 1].reshape(batch)
    system, start = Kuramoto(omega, K), theta.clone().requires_grad_()
    states = {"osc.theta": start}
    found = solve(system, states, times, method="tsit5", rtol=1e-11, batch=len(batch))
    found.states["osc.theta"].sin().sum().backward()
    unit = torch.zeros_like(theta)
    unit[..., 1] = 1e-5
    with torch.no_grad():
        to_K = (value(K + 1e-5, theta) - value(K - 1e-5, theta)) / 2e-5
        to_start = (value(K, theta + unit) - value(K, theta - unit)) / 2e-5
    assert system.K.grad is not None and start.grad is not None
    assert float(system.K.grad.sum()) == pytest.approx(float(to_K), abs=1e-7)
    assert float(start.grad[..., 1].sum()) == pytest.approx(float(to_start), abs=1e-7)


def test_a_step_that_failed_leaves_no_trace_in_a_gradient():
    """One point runs out of its domain where the first step is tried; the other's step is taken."""
    scale = torch.tensor([1.0, 1e-3], dtype=F64, requires_grad=True)

    def rate(t, x):
        return -scale[:, None] * (x - 1.0).sqrt()

    start = torch.tensor([[1.01], [2.0]], dtype=F64)
    got = run(rate, start, [0.0, 0.15], batch=1, options={"first_step": 0.1499}, rtol=1e-8)
    got.states["p.x"][-1].sum().backward()
    assert scale.grad is not None
    root = torch.tensor([0.1, 1.0], dtype=F64) - scale.detach() * 0.15 / 2
    assert (got.states["p.x"][-1, :, 0] - 1 - root**2).abs().max() < 1e-6
    assert (scale.grad - (-2 * root * 0.15 / 2)).abs().max() < 1e-6


# ── what is told ───────────────────────────────────────────────────────────────────────────────


def told(rate, start, times, **keywords):
    with pytest.raises(NumericalError) as caught:
        run(rate, start, times, **keywords)
    (item,) = caught.value.diagnostics
    return item


def test_the_point_that_runs_away_is_named():
    start = [[0.1, 0.1], [0.2, 1.0]]
    item = told(lambda t, x: x**2, start, [0.0, 2.0], batch=1, describe=lambda p: f"K = {p[0]}")
    assert item.code == "E603"
    assert item.message.startswith("no step is small enough at t = 1: p.x of node 1 (K = 1) is ")


def test_a_rate_that_is_no_number():
    item = told(lambda t, x: x / 0, [0.0, 0.0], [0.0, 1.0])
    assert item.message == "the rate of p.x of node 0 is not a number at t = 0"


def stiff(t, x):
    return -2000.0 * (x - torch.cos(t)[..., None])


def test_a_stiff_problem_is_told():
    found = run(stiff, [0.0], [0.0, 5.0])
    assert 0 < found.statistics["stiff"] < 3.0
    turned = run(turning(torch.tensor(9.0)), [1.0, 0.0], [0.0, 200.0]).statistics
    assert turned["steps"] > 1500
    assert "stiff" not in turned


def test_what_comes_to_rest_soon_is_not_called_stiff():
    found = run(lambda t, x: -x, [1.0], [0.0, 1000.0]).statistics
    assert found["steps"] > 250
    assert "stiff" not in found


def test_a_stiff_problem_that_does_not_end():
    item = told(stiff, [0.0], [0.0, 50.0], max_steps=1200)
    assert item.code == "E604"
    assert item.message.startswith("the method 'tsit5' took 1200 steps and has only come to t = ")
    assert item.message.endswith(": the system is stiff, so that only small steps are stable")
    assert item.fix == "use an implicit method: 'method rodas5p'"
