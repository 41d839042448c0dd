"""Oscillators with a phase lag: how fast they turn together, and when they no longer do."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "lag"


def truths() -> list[Truth]:
    """One short run on the same numbers, oscillators that are all alike, and Lorentzian ones."""
    return [_same_numbers(), _alike(), *_lorentzian()]


def _same_numbers() -> Truth:
    spec = shipped("sakaguchi", "simulate { t 0 .. 4 every 0.5; rtol 1e-9 }", N=24)
    start = drawn(spec)["osc.theta"]
    omega = 1.0 + 0.5 * np.tan(np.pi * ((np.arange(24) + 0.5) / 24 - 0.5))

    def rate(t, theta):
        return omega + 3.0 * np.sin(theta[None, :] - theta[:, None] - 0.6).sum(axis=1) / 24

    result = spec.run()
    expected = order(solved(rate, start, result.times)[-1])
    return Truth("r of 24 at t = 4", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _alike() -> Truth:
    """Oscillators that are all alike lock, and turn at omega - K sin(alpha)."""
    spec = shipped("sakaguchi", "simulate { t 0 .. 20 every 1 }", N=10, gamma=0, K=2, alpha=0.7)
    expected = 1.0 - 2.0 * np.sin(0.7)
    source = "omega - K sin(alpha), Sakaguchi and Kuramoto 1986"
    return Truth("locked frequency", expected, float(spec.run()["Omega"][-1]), 1e-5, source)


def _lorentzian() -> list[Truth]:
    """r' = -gamma r + K/2 cos(alpha) r (1 - r^2), so K_c = 2 gamma / cos(alpha)."""
    sweep = """sweep lag {
      alpha = [0.6, 1.35]; t 0 .. 40 every 0.5; record average(r) after 20, average(Omega) after 20
    }"""
    result = shipped("sakaguchi", sweep, N=200).run("lag")
    r, turning = result["average(r) after 20"], result["average(Omega) after 20"]
    critical, lag = 2 * 0.5 / np.cos(0.6), 0.6
    source = (
        "Ott and Antonsen 2008: r = sqrt(1 - K_c/K); the mean frequency is omega - K r^2 sin(alpha)"
    )
    omega = 1.0 - 3.0 * np.sin(lag) * (1 - critical / 3.0)
    return [
        Truth("critical coupling", critical, float(3 * (1 - r[0] ** 2)), 0.02, source),
        Truth("mean frequency", omega, float(turning[0]), 0.02, source),
        Truth("r at a lag with K_c > K", 0.0, float(r[1]), 0.1, source),
    ]
