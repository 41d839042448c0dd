"""Delays in adaptive steps: closed forms, SciPy stretch by stretch, and each point by itself."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, floor
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import lambertw

from dynattn.run.experiment import run_experiment
from dynattn.run.sweep import Sweep
from dynattn.solve.solve import solve
from tests.truths.solved import LEARNED, compiled, delayed, run, slopes

Past = Callable[[float], np.ndarray]

LINEAR = """
model late "x' = -x(t - tau)"
param tau = 1.0
population p[1] { state x on real = 1.0 }
coupling c: p -> p over everyone(1) { kernel -x[j]; delay tau }
simulate { t 0 .. 4 every 0.25; rtol TOLERANCE }
sweep late { t 0 .. 4 every 0.25; rtol TOLERANCE; tau = [0, 0.31, 0.77, 1]; record mean(x) }
"""


def by_steps(t: float, tau: float) -> float:
    """x' = -x(t - tau) from x = 1, by the method of steps."""
    return sum(
        (-1) ** k * (t - (k - 1) * tau) ** k / factorial(k) for k in range(floor(t / tau) + 2)
    )


@pytest.mark.parametrize("tolerance", ["1e-5", "1e-8"])
def test_linear_equation_and_every_point_as_by_itself(tolerance: str) -> None:
    text = LINEAR.replace("TOLERANCE", tolerance)
    swept = run_experiment(compiled(text), "late")
    assert isinstance(swept, Sweep)
    for k, tau in enumerate((0.0, 0.31, 0.77, 1.0)):
        alone = run(text, tau=tau)
        exact = [by_steps(t, tau) if tau else np.exp(-t) for t in alone.times]
        np.testing.assert_allclose(alone["p.x"][:, 0], exact, atol=20 * float(tolerance))
        np.testing.assert_allclose(swept["mean(x)"][k], alone["p.x"][:, 0], atol=1e-12)


def test_delayed_logistic_equation_by_steps_and_its_hopf() -> None:
    """n(t) = n0 exp(r t (1 - n0)) up to tau; around n = 1 as e^(z t), z tau = W(-r tau)."""
    text = """
model logistic
param r = 1.5, tau = 1.0
population species[1] { state n on positive = 0.5; n' = r * n * (1 - crowd) }
coupling crowd: species -> species over everyone(1) { kernel n[j]; delay tau }
simulate { t 0 .. 1 every 0.125; rtol 1e-9 }
"""
    found = run(text)
    np.testing.assert_allclose(
        found["species.n"][:, 0], 0.5 * np.exp(0.75 * found.times), rtol=5e-8
    )
    around = text.replace("0.5;", "1.000001;").replace("0 .. 1 every 0.125", "0 .. 40 every 0.25")
    for product in (1.52, 1.62):
        late = run(around, r=product)
        away, times = late["species.n"][:, 0] - 1, late.times
        z = complex(lambertw(-product))
        basis = np.exp(np.multiply.outer(times[80:], np.array([z, z.conjugate()])))
        fit, *_ = np.linalg.lstsq(basis, away[80:].astype(complex), rcond=None)
        np.testing.assert_allclose(away[80:], (basis @ fit).real, atol=2e-3 * np.abs(away).max())
        assert (z.real > 0) == (product > np.pi / 2)


EDGES = """
model edges
param N = 6, speed = 3.0
population p[N] { state x on real = sin(1 + index); drift -x }
coupling near: p -> p over ring(N, reach=2) { kernel tanh(x[j] - 0.2*x[i]); delay DELAY / speed }
coupling all: p -> p { kernel -0.1 * x[j]^2; delay 0.9 }
simulate { t 0 .. 3 every 0.375; rtol 1e-9 }
"""


@pytest.mark.parametrize("nearest", [1.0, 0.0])
def test_delays_of_edges_against_scipy(nearest: float) -> None:
    """With 0, neighbours are seen as they are beside others that are late."""
    delay = "distance" if nearest else "(distance - 1)"
    one, two = nearest / 3, (nearest + 1) / 3

    def rate(t: float, x: np.ndarray, past: Past) -> np.ndarray:
        close = past(t - one) if one else x
        far, squares = past(t - two), past(t - 0.9) ** 2
        found = -x - 0.1 * (squares.sum() - squares)
        for i in range(6):
            seen = [close[i - 1], close[(i + 1) % 6], far[i - 2], far[(i + 2) % 6]]
            found[i] += np.tanh(np.array(seen) - 0.2 * x[i]).sum()
        return found

    delays = [tau for tau in (one, two, 0.9) if tau]
    exact = delayed(rate, np.sin(1.0 + np.arange(6)), delays, 3.0)
    found = run(EDGES.replace("DELAY", delay))
    expected = [exact(t) for t in found.times]
    np.testing.assert_allclose(found["p.x"], expected, atol=3e-8)


def test_points_with_delays_of_their_own_and_more_steps_than_there_is_room_for() -> None:
    text = EDGES.replace("DELAY", "distance").replace("0 .. 3", "0 .. 9").replace("1e-9", "1e-7")
    text += "sweep s { t 0 .. 9 every 0.375; rtol 1e-7; speed = [2, 5]; record mean(x^2) }"
    swept = run_experiment(compiled(text), "s")
    assert isinstance(swept, Sweep)
    for k, speed in enumerate((2, 5)):
        alone = run(text, speed=speed)
        np.testing.assert_allclose(
            swept["mean(x^2)"][k], (alone["p.x"] ** 2).mean(1), rtol=1e-10
        )  # fmt: skip


KINDS = {
    "circle": ("state q on circle = 0.7*index; drift 1 + 0.1*index",
               "frustration 0.3; delay 0.2 + 0.05*distance"),
    "inertia": ("state q on circle = 0.7*index; inertia 0.7; dissipation 0.2", "delay 0.4"),
    "sphere": ("state q on sphere(3); drift [0.5, 0, 0.2]", "delay 0.5"),
    "positive": ("state q on positive = 0.5 + 0.1*index; q' = q * (1 - c)",
                 "kernel q[j]; delay 0.4; strength 0.3"),
    "simplex": ("state q on simplex(3) = [0.5, 0.3, 0.2]; drift [0.1, 0.2, -0.3]",
                "kernel q[j]; delay 0.3"),
    "complex": ("state q on complex = cis(0.5*index); drift (1 + 2*1i)*q - q*abs(q)^2",
                "kernel q[j] - q[i]; delay 0.3 + 0.07*distance"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_state_as_in_small_steps_of_a_fixed_size(kind: str) -> None:
    unit, clauses = KINDS[kind]
    text = f"""
model kinds
population p[5] {{ {unit} }}
coupling c: p -> p over ring(5, reach=2) {{ {clauses} }}
"""
    system = compiled(text).build()
    start = system.initial_states()
    fine = solve(system, start, [0.0, 2.1], method="rk4", step=0.01).states
    found = solve(system, start, [0.0, 2.1], rtol=1e-8).states
    for name, x in found.items():
        np.testing.assert_allclose(x[-1], fine[name][-1], atol=1e-6)


@pytest.mark.parametrize("delay", ["tau", "tau * distance"])
def test_a_delay_is_learned_in_adaptive_steps(delay: str) -> None:
    system = compiled(LEARNED.replace("DELAY", delay)).build()
    tau = dict(system.named_parameters())["tau"]

    def last() -> Any:
        found = solve(system, system.initial_states(), [0.0, 1.0, 2.3], rtol=1e-10)
        return (found.states["p.x"] ** 2).sum()

    slope, by_hand = slopes(last, tau)
    assert slope == pytest.approx(by_hand, rel=2e-5)


def test_states_and_parameters_have_gradients_beside_points_of_a_batch() -> None:
    text = """
model grads
param N = 3, K = 0.5
population p[N] { state x on real = 0; drift -x }
coupling c: p -> p { kernel tanh(x[j]); strength K; delay 0.4 }
"""
    system = compiled(text).build()
    start = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()

    def last(x: torch.Tensor) -> torch.Tensor:
        return solve(system, {"p.x": x}, [0.0, 1.5], rtol=1e-9, batch=1).states["p.x"][-1]

    found = [torch.autograd.grad(last(start)[k].sum(), start)[0] for k in range(2)]
    assert float(found[0][1].abs().max()) == float(found[1][0].abs().max()) == 0.0
    for k in range(3):
        moved = torch.zeros(2, 3, dtype=torch.float64)
        moved[:, k] = 1e-5
        with torch.no_grad():
            by_hand = (last(start + moved) - last(start - moved)).sum(1) / 2e-5
        np.testing.assert_allclose([found[0][0, k], found[1][1, k]], by_hand, rtol=1e-6)


def test_the_past_goes_on_from_one_piece_of_a_solve_to_the_next() -> None:
    """With a condition that never holds a solve is made piece by piece."""
    text = EDGES.replace("DELAY", "distance")
    whole, pieces = run(text), run(text.replace("rtol 1e-9 }", "rtol 1e-9; until mean(x) > 99 }"))
    np.testing.assert_allclose(pieces["p.x"], whole["p.x"], atol=2e-8)


def test_single_precision() -> None:
    text = EDGES.replace("DELAY", "distance")
    system = compiled(text).build().to(torch.float32)
    found = solve(system, system.initial_states(), [0.0, 1.5, 3.0], rtol=1e-4)
    assert found.states["p.x"].dtype == torch.float32
    np.testing.assert_allclose(found.states["p.x"], run(text)["p.x"][::4], atol=1e-3)
