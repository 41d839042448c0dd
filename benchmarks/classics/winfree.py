"""Pulse-coupled oscillators: when all of them stop."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "death"


def truths() -> list[Truth]:
    """One short run on the same numbers, and the coupling of death for two widths."""
    narrow = 4 / np.sqrt(27)
    return [_same_numbers(), _death(0.0, narrow), _death(0.1, _edge(0.1))]


def _same_numbers() -> Truth:
    spec = shipped("winfree", "simulate { t 0 .. 8 every 0.5; rtol 1e-9 }", N=24)
    omega = 1 + 0.1 * ((2 * np.arange(24) + 1) / 24 - 1)

    def rate(t, theta):
        return omega - 0.6 * (1 + np.cos(theta)).mean() * np.sin(theta)

    result = spec.run()
    expected = order(solved(rate, drawn(spec)["osc.theta"], result.times)[-1])
    return Truth("r of 24 at t = 8", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _edge(gamma: float) -> float:
    """The least kappa with rest: sin(theta) = omega/s, kappa = s / (1 + <cos(theta)>)."""
    omega = 1 + gamma * ((2 * np.arange(50) + 1) / 50 - 1)

    s = np.linspace(1 + gamma, 2, 20_001)[:, None]
    return float((s[:, 0] / (1 + np.sqrt(1 - (omega / s) ** 2).mean(axis=1))).min())


def _death(gamma: float, edge: float) -> Truth:
    """Halfway between the last coupling where they move and the first where they rest."""
    values = [round(float(edge) + away, 4) for away in (-0.03, -0.01, 0.01, 0.03)]
    record = "t 0 .. 150 every 0.5; record average(alive) after 100"
    spec = shipped("winfree", f"sweep death {{ kappa = {values}; {record} }}", N=50, gamma=gamma)
    moving = int((spec.run("death")["average(alive) after 100"] > 0).sum())
    source = "the point of rest of Ariaratnam and Strogatz 2001; 4/sqrt(27) where all are alike"
    quantity = f"kappa of death for gamma = {gamma}"
    return Truth(quantity, edge, values[0] - 0.01 + 0.02 * moving, 0.011, source)
