"""The onset of synchronisation with Lorentzian frequencies."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "onset"


def truths() -> list[Truth]:
    """One short run on the same numbers, and r on both sides of the onset."""
    return [_same_numbers(), *_onset()]


def _same_numbers() -> Truth:
    spec = shipped("kuramoto_onset", "simulate { t 0 .. 4 every 0.5; rtol 1e-9 }", N=24)
    start = drawn(spec)["osc.theta"]
    omega = 0.5 * np.tan(np.pi * ((np.arange(24) + 0.5) / 24 - 0.5))

    def rate(t, theta):
        return omega + 2.0 * np.sin(theta[None, :] - theta[:, None]).sum(axis=1) / 24

    result = spec.run()
    expected = order(solved(rate, start, result.times)[-1])
    return Truth("r of 24 at t = 4", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _onset() -> list[Truth]:
    """Far from the onset few oscillators are enough; just below it r falls as they grow more."""
    sweep = "sweep onset { K = [0.6, 2, 4]; t 0 .. 40 every 0.5; record average(r) after 20 }"
    r = shipped("kuramoto_onset", sweep, N=200).run("onset")["average(r) after 20"]
    source = "K_c = 2 gamma, r = sqrt(1 - K_c/K), Kuramoto 1975"
    return [
        Truth("r below the onset", 0.0, float(r[0]), 0.15, source),
        Truth("critical coupling from r at K = 2", 1.0, float(2 * (1 - r[1] ** 2)), 0.05, source),
        Truth("r at K = 4", np.sqrt(3) / 2, float(r[2]), 0.005, source),
    ]


def study() -> list[Truth]:
    """The whole curve of the shipped sweep, with 1000 oscillators."""
    result = shipped("kuramoto_onset").run("onset")
    r, strength = result["average(r) after 50"], result.axes["K"]
    source = "r = sqrt(1 - K_c/K), Kuramoto 1975"
    return [
        Truth(f"r at K = {k:g}", float(np.sqrt(1 - 1 / k)), float(value), 0.01, source)
        for k, value in zip(strength, r, strict=True)
        if k > 1.1
    ]
