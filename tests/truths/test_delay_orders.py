"""How exact delayed solutions are: orders off the grid, and what delays make of linear growth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import lambertw

from dynattn.solve.delays import kinks
from dynattn.solve.solve import solve
from tests.truths.solved import compiled, run

OFF_THE_GRID = """
model off_the_grid
param N = 6
population p[N] { state x on real = sin(1 + index); drift -0.3 * x }
coupling c: p -> p over GRAPH { kernel tanh(2*x[j] - x[i]); delay DELAY }
"""


@pytest.mark.parametrize(
    ("graph", "delay"),
    [
        ("ring(N, reach=1)", "0.7371"),
        ("ring(N, reach=2)", "0.5 + 0.1393 * distance"),
        ("everyone(N)", "0.5 + 0.1139 * (index[i] > index[j])"),
    ],
)
def test_rk4_keeps_its_order_off_the_grid(graph: str, delay: str) -> None:
    """Steps end where derivatives jump: one, two and three delays after the start."""
    system = compiled(OFF_THE_GRID.replace("GRAPH", graph).replace("DELAY", delay)).build()

    def last(step: float) -> np.ndarray:
        found = solve(system, system.initial_states(), [0.0, 2.45], method="rk4", step=step)
        return found.states["p.x"][-1].numpy()

    exact = last(0.004)
    errors = [np.abs(last(step) - exact).max() for step in (0.1, 0.05, 0.025)]
    assert np.log2(errors[0] / errors[2]) / 2 > 3.6
    assert errors[2] < 1e-6


def test_many_delays_off_the_grid_are_met_all_the_same() -> None:
    """Twelve delays, so many kinks that the steps between them are no longer of one length."""
    delay = "0.5 + 0.0713 * index[i] + 0.0231 * index[j]"
    text = OFF_THE_GRID.replace("GRAPH", "ring(N, reach=1)").replace("DELAY", delay)
    system = compiled(text).build()
    found = [
        solve(system, system.initial_states(), [0.0, 2.45], method="rk4", step=step)
        for step in (0.004, 0.025)
    ]
    exact, x = (each.states["p.x"][-1].numpy() for each in found)
    np.testing.assert_allclose(x, exact, atol=2e-9)


def test_as_many_kinks_as_steps_are_stepped_to() -> None:
    """1000 delays of different edges: met where the steps are as many, and where they coincide."""
    rng = np.random.default_rng(1)
    apart = rng.uniform(0.5, 2.0, 1000).tolist()
    assert kinks(apart, [0.0], 20.0, 3, most=999) == ()
    np.testing.assert_allclose(kinks(apart, [0.0], 20.0, 3, most=1000), sorted(apart))
    on_grid = [0.1 * k for k in rng.integers(5, 21, 1000)]
    found = kinks(on_grid, [0.0], 20.0, 3)
    np.testing.assert_allclose(found, 0.1 * np.arange(5, 61), atol=1e-9)


LOGISTIC = """
model logistic "Hutchinson's equation: growth that feels the crowd of a time tau ago"
param r = 1.5, tau = 1.0
population species[1] { state n on real = 1.000001; n' = r * n * (1 - crowd) }
coupling crowd: species -> species over everyone(1) { kernel n[j]; delay tau }
simulate { t 0 .. 40 every 0.05; method rk4; step 0.05 }
"""


@pytest.mark.parametrize("product", [1.45, 1.55, 1.59, 1.7])
def test_the_delayed_logistic_equation_loses_its_rest_at_half_pi(product: float) -> None:
    """Around n = 1 deviations go as e^(z t), z tau = W(-r tau): they grow above r tau = pi/2."""
    found = run(LOGISTIC, r=product / 0.8, tau=0.8)
    z = complex(lambertw(-product)) / 0.8
    away, times = found["species.n"][:, 0] - 1, found.times
    later = times >= 20.0  # what else there was has died out
    basis = np.exp(np.multiply.outer(times[later], np.array([z, z.conjugate()])))
    fit, *_ = np.linalg.lstsq(basis, away[later].astype(complex), rcond=None)
    np.testing.assert_allclose(away[later], (basis @ fit).real, atol=2e-4 * np.abs(away).max())
    assert (z.real > 0) == (product > np.pi / 2)
    first, last = (np.abs(away[(times >= a) & (times < a + 5)]).max() for a in (20.0, 35.0))
    assert (last > first) == (product > np.pi / 2)


LOCKED = """
model locked
param K = 0.8, tau = 0.0
population osc[2] { state theta on circle = 0.3 * index; drift 1.0 }
coupling pull: osc -> osc { strength K; delay tau }
simulate { t 0 .. 150 every 1; method rk4; step 0.1 }
"""


@pytest.mark.parametrize("tau", [0.45, 1.13, 3.4])
def test_delayed_oscillators_lock_at_the_known_frequency(tau: float) -> None:
    """Omega = omega - K sin(Omega tau) (Yeung, Strogatz 1999)."""
    theta = run(LOCKED, tau=tau)["osc.theta"]
    speed = theta[-1] - theta[-2]

    def missing(omega: float) -> float:
        return 1.0 - 0.8 * np.sin(omega * tau) - omega

    grid = np.linspace(0.1, 1.9, 400)
    signs = np.sign([missing(w) for w in grid])
    roots: list[Any] = [
        brentq(missing, grid[k], grid[k + 1]) for k in np.flatnonzero(np.diff(signs))
    ]
    nearest = min(roots, key=lambda root: abs(root - speed[0]))
    np.testing.assert_allclose(speed, nearest, rtol=2e-6)
    np.testing.assert_allclose(np.cos(theta[-1, 0] - theta[-1, 1]), 1.0, atol=1e-6)
