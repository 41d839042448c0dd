"""Oscillators that swarm and sync: how far apart they stand in step, and the phase waves."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Array, Truth, drawn, shipped, solved
from dynattn.interface import Spec


def truths() -> list[Truth]:
    """A short run on the same numbers, and three of the five states."""
    return [_same_numbers(), *_in_step(), *_still(), *_active()]


def _rate(flat: Array, K: float) -> Array:
    """Of real parts, imaginary parts and phases, for J = 1."""
    x, y, theta = flat.reshape(3, -1)
    z, n = x + 1j * y, len(x)
    away, phase = z[None, :] - z[:, None], theta[None, :] - theta[:, None]
    d = np.sqrt(np.abs(away) ** 2 + 1e-6)
    speed = (away * ((1 + np.cos(phase)) / d - 1 / d**2)).sum(axis=1) / n
    turning = K * (np.sin(phase) / d).sum(axis=1) / n
    return np.concatenate([speed.real, speed.imag, turning])


def _by_scipy(spec: Spec, times: Array, K: float) -> Array:
    """[time, 3, n], from the start of the spec."""
    z, theta = (drawn(spec)[f"agent.{name}"] for name in ("z", "theta"))
    start = np.concatenate([z.real, z.imag, theta])
    return solved(lambda t, flat: _rate(flat, K), start, times).reshape(len(times), 3, -1)


def _waves(found: Array) -> Array:
    """[time, 2]: the lengths of the means of e^{i(angle + theta)} and e^{i(angle - theta)}."""
    z = found[:, 0] + 1j * found[:, 1]
    angle, theta = np.angle(z - z.mean(axis=1, keepdims=True)), found[:, 2]
    both = [np.exp(1j * (angle + sign * theta)).mean(axis=1) for sign in (1, -1)]
    return np.abs(np.stack(both, axis=1))


def _same_numbers() -> Truth:
    spec = shipped("swarmalators", "simulate { t 0 .. 3 every 0.5; rtol 1e-9 }", N=16, K=-0.75)
    result = spec.run()
    expected = _waves(_by_scipy(spec, result.times, -0.75))[-1, 0]
    found = float(result["plus"][-1])
    return Truth("wave of 16 at t = 3", float(expected), found, 1e-6, "SciPy, DOP853")


def _in_step() -> list[Truth]:
    """At rest 0 = sum_i z_i . z_i', and so the mean over pairs of (1 + J) d is 1."""
    change = "simulate { t 0 .. 60 every 5; rtol 1e-5 }"
    result = shipped("swarmalators", change, N=24, J=0.1, K=1).run()
    source = "virial of the state that stands still"
    return [
        Truth("order in step", 1.0, float(result["r"][-1]), 1e-4, source),
        Truth("mean distance in step", 1 / 1.1, float(result["apart"][-1]), 1e-3, source),
    ]


def _still() -> list[Truth]:
    change = "simulate { t 0 .. 60 every 5; rtol 1e-4 }"
    result = shipped("swarmalators", change, N=60).run()
    wave = max(float(result[name][-1]) for name in ("plus", "minus"))
    source = "the static phase wave of O'Keeffe, Hong and Strogatz 2017"
    return [
        Truth("phase wave at K = 0", 1.0, wave, 0.03, source),
        Truth("speed in it", 0.0, float(result["speed"][-1]), 0.01, source),
    ]


def _active() -> list[Truth]:
    """All go round, on ways of their own: means over time agree, if not the ways."""
    spec = shipped("swarmalators", "simulate { t 0 .. 60 every 1; rtol 1e-4 }", N=40, K=-0.75)
    result = spec.run()
    same = _by_scipy(spec, result.times, -0.75)[30:]
    waves = np.maximum(result["plus"], result["minus"])[30:].mean()
    speeds = [np.hypot(*_rate(one.ravel(), -0.75).reshape(3, -1)[:2]).mean() for one in same]
    found, source = float(result["speed"][30:].mean()), "SciPy, means over time"
    return [
        Truth("active phase wave", float(_waves(same).max(axis=1).mean()), waves, 0.06, source),
        Truth("speed in it", float(np.mean(speeds)), found, 0.03, source),
    ]
