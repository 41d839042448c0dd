"""May and Leonard's competitors: coexistence, its limit, and the slow cycle."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Array, Truth, shipped, solved


def truths() -> list[Truth]:
    """The default on the same numbers, rest and its eigenvalue, the limit, and the slow cycle."""
    return [_same_numbers(), *_rest(), _limit(), _slow()]


def _same_numbers() -> Truth:
    harm = np.array([[1, 0.8, 1.5], [1.5, 1, 0.8], [0.8, 1.5, 1]])

    def rate(t: float, n: Array) -> Array:
        return n * (1 - harm @ n)

    result = shipped("may_leonard", "simulate { t 0 .. 80 every 10; rtol 1e-10 }").run()
    expected = solved(rate, np.array([0.3, 0.4, 0.5]), result.times)[-1]
    found = float(result["species.n"][-1, 0])
    return Truth("first species at t = 80", float(expected[0]), found, 1e-6, "SciPy, DOP853")


def _rest() -> list[Truth]:
    """For alpha + beta < 2: n = 1 / (1 + alpha + beta), reached as the eigenvalue says."""
    change = "simulate { t 0 .. 120 every 60; rtol 1e-10 }"
    result = shipped("may_leonard", change, alpha=0.6, beta=1.2).run()
    lacking = 1 - result["evenness"][1:]
    rate = float(np.log(lacking[1] / lacking[0])) / 120
    source = "(alpha + beta - 2) / (2 (1 + alpha + beta)), May and Leonard 1975"
    return [
        Truth("total at rest", 3 / 2.8, float(result["total"][-1]), 1e-4, "3 / (1 + alpha + beta)"),
        Truth("rate towards rest", -0.2 / 5.6, rate, 1e-4, source),
    ]


def _limit() -> Truth:
    result = shipped("may_leonard", beta=1.2).run()
    expected, found = 27 * 0.3 * 0.4 * 0.5 / 1.2**3, result["evenness"]
    far = found[np.abs(found - expected).argmax()]
    source = "alpha + beta = 2 conserves product / total^3, May and Leonard 1975"
    return Truth("evenness at alpha + beta = 2", expected, float(far), 1e-6, source)


def _slow() -> Truth:
    """How much longer each reigns than the one before."""
    change = "simulate { t 0 .. 390 every 0.25; rtol 1e-6 }"
    result = shipped("may_leonard", change, alpha=0.6, beta=1.8).run()
    reigns = result["species.n"].argmax(axis=1)
    changes = result.times[1:][np.diff(reigns) != 0]
    first, second, third = np.diff(changes)[-3:]
    found = float((third - second) / (second - first))  # without what the change itself takes
    source = "(beta - 1) / (1 - alpha): eigenvalues where one is alone"
    return Truth("growth of the reigns", 0.8 / 0.4, found, 0.05, source)
