"""FitzHugh-Nagumo cells on a ring: waves, the period in step, and noise about rest."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_continuous_lyapunov
from scipy.optimize import root_scalar

from benchmarks.classics.truth import Array, Truth, drawn, shipped, solved

A, B, EPS, G = 0.7, 0.8, 0.08, 0.2
"""Of the spec that ships."""


def truths() -> list[Truth]:
    """The waves from a kick, the period of cells in step, and how far noise drives cells."""
    return [*_waves(), _period(), _spread()]


def _rate(v: Array, w: Array, current: Array | float) -> Array:
    around = np.roll(v, 1) + np.roll(v, -1) - 2 * v if v.size > 1 else 0.0
    return np.stack([v - v**3 / 3 - w + current + G * around, EPS * (v + A - B * w)])


def _waves() -> list[Truth]:
    """Cell 8 hears from the kick late; SciPy is stopped where the pulse begins and ends."""
    change = "simulate { t 0 .. 60 every 1; method heun; step 0.01; record v }"
    spec = shipped("fitzhugh_nagumo", change, N=24, sigma=0)
    kicked = np.eye(24)[0]
    state = np.stack([drawn(spec)["cell.v"], drawn(spec)["cell.w"]]).ravel()
    parts = []
    for first, last, kick in ((0, 20, 0.0), (20, 25, 0.8), (25, 60, 0.0)):

        def rate(t: float, flat: Array, current: Array = kick * kicked) -> Array:
            return _rate(flat[:24], flat[24:], current).ravel()

        found = solved(rate, state, np.arange(first, last + 1.0))
        state = found[-1]
        parts.append(found[:-1, :24])
    expected, computed = np.concatenate([*parts, state[None, :24]])[:, 8], spec.run()["v"][:, 8]
    source = "SciPy, DOP853"
    return [
        Truth("when cell 8 fires", _first(expected), _first(computed), 1e-2, source),
        Truth("its v at t = 60", float(expected[-1]), float(computed[-1]), 1e-3, source),
    ]


def _first(series: Array) -> float:
    """The number of the first upward crossing of 0."""
    return float(_crossings(series)[0])


def _crossings(series: Array) -> Array:
    up = np.flatnonzero((series[:-1] < 0) & (series[1:] >= 0))
    return up - series[up] / (series[up + 1] - series[up])


def _period() -> Truth:
    """At I = 0.5 cells fire by themselves; in step, each as if alone."""
    change = "simulate { t 0 .. 200 every 0.1; method heun; step 0.05; record v }"
    settings = {"N": 4, "sigma": 0, "kick": 0, "I": 0.5}
    computed = shipped("fitzhugh_nagumo", change, **settings).run()["v"][:, 2]
    times = np.arange(2001, dtype=float) * 0.1
    one = solved(lambda t, y: _rate(y[0], y[1], 0.5), np.array([-1.2, -0.6]), times)[:, 0]
    expected, found = (float(np.diff(_crossings(s))[1:].mean()) * 0.1 for s in (one, computed))
    return Truth("period in step at I = 0.5", expected, found, 1e-2, "SciPy, DOP853")


def _spread() -> Truth:
    """Linear about rest, J C + C J^T + sigma^2 diag(1, 0) = 0 for each wave number of the ring."""
    sigma, cells = 0.01, 1000
    rest = root_scalar(lambda v: v - v**3 / 3 - (v + A) / B, bracket=(-2, 0)).root
    variances = []
    for q in 2 * np.pi * np.arange(cells) / cells:
        slope = 1 - rest**2 - 2 * G * (1 - np.cos(q))
        turn = np.array([[slope, -1], [EPS, -EPS * B]])
        variances.append(solve_continuous_lyapunov(turn, -np.diag([sigma**2, 0]))[0, 0])
    change = f"""population cell {{ state v on real = {rest}; state w on real = {(rest + A) / B} }}
    simulate {{ t 0 .. 80 every 1; method heun; step 0.05; record v }}"""
    found = shipped("fitzhugh_nagumo", change, N=cells, sigma=sigma, kick=0).run()["v"][30:]
    computed = float(np.sqrt(((found - rest) ** 2).mean()))
    expected = float(np.sqrt(np.mean(variances)))
    source = "Lyapunov's equation about rest, SciPy"
    return Truth("standard deviation of v at rest", expected, computed, 0.04 * expected, source)
