"""Couplings that learn: the frequencies of clusters, and two that lock."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

ALPHA, BETA = 0.942, 0.722
EXPERIMENT = "rule"


def truths() -> list[Truth]:
    """A short run on the same numbers, both kinds of one cluster, and two oscillators."""
    return [_same_numbers(), *_clusters(), *_two()]


def _same_numbers() -> Truth:
    spec = shipped("adaptive", "simulate { t 0 .. 20 every 1; rtol 1e-9 }", N=12, beta=BETA)
    start = drawn(spec)

    def rate(t, flat):
        theta, w = flat[:12], flat[12:].reshape(12, 12)
        away = theta[:, None] - theta[None, :]
        turning = -(w * np.sin(away + ALPHA)).sum(axis=1) / 12
        return np.concatenate([turning, -0.1 * (w + np.sin(away + BETA)).ravel()])

    flat = np.concatenate([start["osc.theta"], np.reshape(start["pull.w"], -1)])
    result = spec.run()
    expected = order(2 * solved(rate, flat, result.times)[-1, :12])
    found = float(result["r2"][-1])
    return Truth("r2 of 12 at t = 20", expected, found, 1e-6, "SciPy, DOP853")


def _clusters() -> list[Truth]:
    """Where all are in step or opposite; and where phases are spread, so that r2 = 0."""
    source = "one cluster, Berner, Scholl and Yanchuk 2019"
    found = []
    for name, beta, start, expected in (
        ("in step or opposite", -1.2, "normal(pi*(index < 4), 0.1)", np.sin(ALPHA) * np.sin(-1.2)),
        ("spread", BETA, "normal(2*pi*index/N, 0.01)", np.cos(ALPHA - BETA) / 2),
    ):
        change = f"""population osc {{ state theta on circle ~ {start} }}
        simulate {{ t 0 .. 300 every 10; rtol 1e-5 }}"""
        result = shipped("adaptive", change, N=12, beta=beta).run()
        quantity = f"frequency where phases are {name}"
        found.append(Truth(quantity, float(expected), float(result["Omega"][-1]), 1e-3, source))
    return found


def _two() -> list[Truth]:
    """Hebb's rule, w = cos(phi): phi' = 0.4 - sin(2 phi)/2."""
    change = """population osc { state theta on circle = 0; param omega = 0.4 * index; drift omega }
    coupling pull { state w on real = 1 }
    observe strong = min(pull.w)
    simulate { t 0 .. 400 every 10; rtol 1e-6; record theta, strong }"""
    result = shipped("adaptive", change, N=2, alpha=0, beta=-np.pi / 2).run()
    theta, phi = result["theta"][-1], np.arcsin(0.8) / 2
    source = "fixed point sin(2 phi) = 2 gap, w = cos(phi), Seliger, Young and Tsimring 2002"
    return [
        Truth("how far two that lock are", phi, float(theta[1] - theta[0]), 1e-4, source),
        Truth("their weight", np.cos(phi), float(result["strong"][-1]), 1e-4, source),
    ]
