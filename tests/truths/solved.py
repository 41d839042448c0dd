"""Specs of the truths, compiled and run, and what SciPy makes of the same equations."""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("law.dyn", text), overrides)


def run(text: str, **overrides: Any) -> Trajectory:
    found = run_experiment(compiled(text, **overrides))
    assert isinstance(found, Trajectory)
    return found


def solved(rate, start, times) -> np.ndarray:
    """[time, components] by SciPy, far more exact than what it is compared with."""
    found = solve_ivp(
        rate, (times[0], times[-1]), start, t_eval=times, rtol=1e-11, atol=1e-12, method="DOP853"
    )
    return found.y.T


def integrated(
    rate: Callable[[float, np.ndarray, Callable[[float], np.ndarray]], np.ndarray],
    start: np.ndarray,
    stop: float,
    count: int,
) -> np.ndarray:
    """A second integrator: Heun's steps, the past by linear interpolation of a dense table.

    ``rate(t, x, past)``; extrapolated from ``count`` and ``2 count`` steps (order 2 leaves).
    """

    def solved(steps: int) -> np.ndarray:
        h = stop / steps
        times = h * np.arange(steps + 1)
        table = np.tile(start, (steps + 1, 1))
        for k in range(steps):

            def past(t: float, known: int = k) -> np.ndarray:
                place = min(max(t / h, 0.0), float(known))
                left = min(floor(place), steps - 1)
                return table[left] + (place - left) * (table[left + 1] - table[left])

            first = rate(times[k], table[k], past)
            table[k + 1] = table[k] + h * first
            second = rate(times[k + 1], table[k + 1], lambda t, k=k: past(t, k + 1))
            table[k + 1] = table[k] + h / 2 * (first + second)
        return table

    coarse, fine = solved(count), solved(2 * count)
    return np.asarray((4 * fine[::2] - coarse) / 3)


LEARNED = """
model learned
param N = 5
learn tau = 0.365
population p[N] { state x on real ~ normal(0, 1); drift -x }
coupling c: p -> p over ring(N, reach=2) { kernel tanh(2*x[j]); delay DELAY }
"""


def slopes(value: Callable[[], torch.Tensor], number: torch.Tensor) -> tuple[float, float]:
    """The slope of a value along a learned number by autograd, and by two solves beside it."""
    (slope,) = torch.autograd.grad(value(), [number])
    values = []
    for shift in (-1e-5, 1e-5):
        with torch.no_grad():
            number += shift
            values.append(float(value()))
            number -= shift
    return float(slope), (values[1] - values[0]) / 2e-5


def delayed(
    rate: Callable[[float, np.ndarray, Callable[[float], np.ndarray]], np.ndarray],
    start: np.ndarray,
    delays: list[float],
    stop: float,
) -> Callable[[float], np.ndarray]:
    """A solution with delays by SciPy, stretch by stretch, none longer than the shortest delay."""
    known: list[tuple[float, Any]] = []
    sums = {0.0}
    for _ in range(5):
        sums |= {round(s + tau, 12) for s in sums for tau in delays}
    stops = sorted(s for s in sums if 0 < s < stop)
    ends = [stops[0] if stops else stop]
    while ends[-1] < stop:
        after = min([s for s in stops if s > ends[-1] + 1e-9], default=stop)
        ends.append(min(after, ends[-1] + min(delays)))

    def past(t: float) -> np.ndarray:
        if t <= 0:
            return start
        return next(piece for end, piece in known if t <= end + 1e-12)(t)

    x, before = start, 0.0
    for end in ends:
        found = solve_ivp(
            lambda t, y: rate(t, y, past), (before, end), x, rtol=1e-11, atol=1e-12,
            method="DOP853", dense_output=True,
        )  # fmt: skip
        known.append((end, found.sol))
        x, before = found.y[:, -1], end
    return past
