"""Headings that align against noise: order in the mean field, and a flock without noise."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import ive

from benchmarks.classics.truth import Array, Truth, drawn, order, shipped, solved

EXPERIMENT = "noise"
COUPLING = 4.0
"""K of the spec that ships."""


def truths() -> list[Truth]:
    """A short run on the same numbers, and order against noise where all hear all."""
    return [_same_numbers(), *_mean_field()]


def _same_numbers() -> Truth:
    change = "simulate { t 0 .. 4 every 0.5; method heun; step 0.01 }"
    spec = shipped("vicsek", change, N=16, sigma=0)
    start = drawn(spec)
    own = 1 - np.eye(16)

    def rate(t: float, flat: Array) -> Array:
        x, theta = flat[:32].reshape(16, 2), flat[32:]
        near = np.cos(x[None] - x[:, None]).sum(axis=-1) - 2
        pull = own * np.exp(near) * np.sin(theta[None, :] - theta[:, None])
        ahead = 0.5 * np.stack([np.cos(theta), np.sin(theta)], axis=1)
        return np.concatenate([ahead.ravel(), COUPLING * pull.sum(axis=1) / 16])

    flat = np.concatenate([start["bird.x"].ravel(), start["bird.theta"]])
    result = spec.run()
    expected = order(solved(rate, flat, result.times)[-1, 32:])
    return Truth("r of 16 at t = 4", expected, float(result["r"][-1]), 1e-5, "SciPy, DOP853")


def _mean_field() -> list[Truth]:
    """Headings are von Mises distributed, with r = 0 for K < sigma^2 = 2 D."""
    change = """sweep noise {
      sigma = [0.8, 1.6, 3]; t 0 .. 30 every 0.5; record average(r) after 10
    }"""
    spec = shipped("vicsek", change, N=100, near=0)
    found = spec.run("noise")["average(r) after 10"].ravel()
    source = "r = I1(a)/I0(a), a = 2 K r/sigma^2"
    kept = [
        Truth(f"r at sigma = {sigma}", _order(sigma), float(r), tolerance, source)
        for sigma, r, tolerance in zip((0.8, 1.6), found, (0.01, 0.05), strict=False)
    ]
    # Of N headings r is then about sqrt(pi/4/N/(1 - K/sigma^2)), which is 0.12.
    return [*kept, Truth("r at sigma = 3", 0.0, float(found[2]), 0.2, "K_c = sigma^2 = 2 D")]


def _order(sigma: float) -> float:
    def gap(r: float) -> float:
        a = 2 * COUPLING * r / sigma**2
        return float(ive(1, a) / ive(0, a)) - r

    return float(root_scalar(gap, bracket=(0.1, 1.0)).root)
