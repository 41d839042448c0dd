"""Modern Hopfield retrieval: its softmax, its critical sharpness, and its capacity."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import gamma, iv

from benchmarks.classics.truth import Array, Truth, drawn, shipped

EXPERIMENT = "capacity"
OPPOSITE = """population pattern { drop m; param m[n] = 2*index - 1 }
simulate { steps 200 }"""


def truths() -> list[Truth]:
    """Four updates on the same numbers, two opposite patterns, and a crowd of them."""
    return [_same_numbers(), *_opposite(), _crowd(), _bound()]


def _update(x: Array, m: Array, beta: float) -> Array:
    score = beta * x @ m.T
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True) @ m


def _same_numbers() -> Truth:
    spec = shipped("modern_hopfield", P=100)
    numbers = drawn(spec)
    x, m = numbers["pattern.x"], numbers["pattern.m"]
    for _ in range(4):
        x = _update(x, m, 12.0)
    expected, found = np.mean((x * m).sum(axis=1)), spec.run()["overlap"][-1]
    return Truth("overlap of 100 after 4 updates", float(expected), float(found), 1e-9, "numpy")


def _opposite() -> list[Truth]:
    """Patterns 1 and -1: x <- tanh(beta x), which forgets both up to beta = 1."""
    held = root_scalar(lambda x: x - np.tanh(1.5 * x), bracket=(0.1, 1)).root
    source = "x = tanh(beta x): two opposite patterns"
    found = []
    for beta, expected in ((0.8, 0.0), (1.5, held)):
        spec = shipped("modern_hopfield", OPPOSITE, n=1, P=2, noise=0, beta=beta)
        overlap = float(spec.run()["overlap"][-1])
        found.append(Truth(f"overlap at beta = {beta}", float(expected), overlap, 1e-9, source))
    return found


def _crowd() -> Truth:
    """P patterns of which half the attention stays with the one that is asked for."""
    n, beta = 16, 8.0
    bessel = iv(n / 2 - 1, beta)
    others = gamma(n / 2) * (2 / beta) ** (n / 2 - 1) * bessel  # the mean of e^(beta cos)
    half = 1 + round(np.exp(beta) / others)
    spec = shipped("modern_hopfield", "simulate { steps 1 }", P=half, noise=0, beta=beta)
    expected, found = (1 + iv(n / 2, beta) / bessel) / 2, float(spec.run()["overlap"][-1])
    source = "P = 1 + e^beta / E[e^(beta cos)], patterns uniform on the sphere"
    return Truth(f"overlap with {half} patterns", float(expected), found, 0.01, source)


def _bound() -> Truth:
    """Cues that are patterns: what an update adds is less than a number small in the separation."""
    spec = shipped("modern_hopfield", "simulate { steps 1 }", P=20, noise=0, beta=30)
    m = drawn(spec)["pattern.m"]
    nearest = (m @ m.T - 2 * np.eye(20)).max(axis=1)
    bound = 2 * 19 * np.exp(-30 * (1 - nearest))
    error = np.linalg.norm(spec.run()["pattern.x"][-1] - m, axis=1)
    source = "error <= 2 (P - 1) exp(-beta separation), after Ramsauer et al. 2021"
    return Truth("cues beyond the bound", 0.0, float((error > bound).sum()), 0.0, source)
