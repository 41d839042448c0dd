"""Clusters half a turn apart, and how the start shares the oscillators out among them."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "share"


def truths() -> list[Truth]:
    """One short run on the same numbers, the share of the larger cluster, and when they merge."""
    return [_same_numbers(), *_share(), *_merging()]


def _same_numbers() -> Truth:
    change = "param K[m in 1 .. 2] = [0.7, 1.0]\nsimulate { t 0 .. 2 every 0.5; rtol 1e-9 }"
    spec = shipped("second_harmonic", change, N=24)

    def rate(t, theta):
        phi = theta[None, :] - theta[:, None]
        return (0.7 * np.sin(phi) + np.sin(2 * phi)).sum(axis=1) / 24

    result = spec.run()
    expected = order(solved(rate, drawn(spec)["osc.theta"], result.times)[-1])
    return Truth("r1 of 24 at t = 2", expected, float(result["r1"][-1]), 1e-6, "SciPy, DOP853")


def _share() -> list[Truth]:
    """With K[1] = 0 a phase goes to the cluster within a quarter turn: r1 = L_0(lean)/I_0(lean)."""
    from scipy.special import iv, modstruve

    result = shipped("second_harmonic", N=2000).run()
    larger = float(modstruve(0, 1.0) / iv(0, 1.0))
    source = "the von Mises law within a quarter turn: modified Struve and Bessel functions"
    return [
        Truth("r1 for lean 1", larger, float(result["r1"][-1]), 0.04, source),
        Truth("r2 for lean 1", 1.0, float(result["r2"][-1]), 1e-5, "two clusters"),
    ]


def _merging() -> list[Truth]:
    """Clusters half a turn apart are stable while K[1] < 2 K[2], whatever their shares."""
    found = []
    for first, left in ((1.8, 0.5), (2.2, 1.0)):
        change = f"""param K[m in 1 .. 2] = [{first}, 1.0]
        population osc {{ state theta on circle = pi * (index < 10) + 0.001 * sin(index) }}
        simulate {{ t 0 .. 100 every 1 }}
        drop lean; drop share"""
        r1 = shipped("second_harmonic", change, N=40).run()["r1"][-1]
        source = "linear stability: their distance phi grows at the rate K[1] - 2 K[2]"
        found.append(Truth(f"r1 for K[1] = {first}", left, float(r1), 1e-4, source))
    return found
