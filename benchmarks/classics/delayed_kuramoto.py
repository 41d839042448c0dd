"""Oscillators that hear each other late: the rhythms they may lock to."""

from __future__ import annotations

from math import floor

import networkx
import numpy as np
from scipy.optimize import root_scalar

from benchmarks.classics.truth import Array, Truth, drawn, order, shipped

EXPERIMENT = "rhythm"


def truths() -> list[Truth]:
    """A short run on the same numbers, and the three stable rhythms of a long delay."""
    return [_same_numbers(), *_rhythms()]


def _same_numbers() -> Truth:
    spec = shipped("delayed_kuramoto", "simulate { t 0 .. 6 every 1; step 0.02 }", N=12, tau=1.3)
    matrix = networkx.to_numpy_array(networkx.random_regular_graph(4, 12, seed=1))
    start = drawn(spec)["osc.theta"]
    coarse, fine = (_by_heun(matrix, start, steps) for steps in (1200, 2400))
    expected = order((4 * fine - coarse) / 3)
    found = float(spec.run()["r"][-1])
    return Truth("r of 12 at t = 6", expected, found, 1e-6, "Heun's steps, extrapolated, in numpy")


def _by_heun(matrix: Array, start: Array, steps: int) -> Array:
    """theta at t = 6 for tau = 1.3; the past by linear interpolation, before t = 0 the start."""
    h, late = 6.0 / steps, 1.3
    table = np.tile(start, (steps + 1, 1))

    def rate(k: int) -> Array:
        place = max(k - late / h, 0.0)
        low = floor(place)
        past = table[low] + (place - low) * (table[low + 1] - table[low])
        return 1.0 + (matrix * np.sin(past[None, :] - table[k][:, None])).sum(axis=1) / 4

    for k in range(steps):
        first = rate(k)
        table[k + 1] = table[k] + h * first
        table[k + 1] = table[k] + h / 2 * (first + rate(k + 1))
    return table[-1]


def _rhythms() -> list[Truth]:
    """Omega = omega - K sin(Omega tau), where cos(Omega tau) > 0."""
    change = "sweep rhythm { kick = [-0.8, 0.1, 1] }"
    result = shipped("delayed_kuramoto", change, N=20).run("rhythm")
    source = "Omega = omega - K sin(Omega tau), Yeung and Strogatz 1999"
    found = []
    for k, bracket in enumerate([(0.0, 0.19), (0.7, 0.9), (1.4, 1.6)]):
        expected = root_scalar(lambda x: x - 1.0 + np.sin(8.0 * x), bracket=bracket).root
        computed = float(result["final(Omega)"][k])
        found.append(Truth(f"rhythm {k + 1}", expected, computed, 2e-3, source))
    return found
