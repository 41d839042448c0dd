"""Vectors that turn and align on a sphere: the jump, and the rate at which equals agree."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar

from benchmarks.classics.truth import Truth, drawn, shipped, solved

EXPERIMENT = "jump"
RECORD = "t 0 .. 200 every 2; rtol 1e-4; record average(r) after 150"


def truths() -> list[Truth]:
    """A short run on the same numbers, r in the limit of many, and equals."""
    return [_same_numbers(), *_ordered(), _equals()]


def _same_numbers() -> Truth:
    spec = shipped("lohe_sphere", "simulate { t 0 .. 4 every 0.5; rtol 1e-9 }", N=20)
    rates = drawn(spec)["unit.W"]

    def rate(t, flat):
        x = flat.reshape(20, 3)
        push = np.einsum("nij,nj->ni", rates, x) + x.mean(axis=0)
        return (push - (push * x).sum(axis=1, keepdims=True) * x).ravel()

    result = spec.run()
    end = solved(rate, drawn(spec)["unit.x"].ravel(), result.times)[-1].reshape(20, 3)
    expected = float(np.linalg.norm(end.mean(axis=0)))
    return Truth("r of 20 at t = 4", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _order(K: float) -> float:
    """r = <lambda> / (K r), lambda^4 + (w^2 - h^2) lambda^2 = h^2 w^2 u^2, h = K r.

    As x' = W x + h - <h, x> x is y/s of the linear (y, s)' = [[W, h], [h, 0]] (y, s), it rests
    with <h, x> = lambda, the largest eigenvalue, for a speed w and an axis a with <a, h> = h u.
    """
    w = (np.arange(400)[:, None] + 0.5) / 400 * 6
    u = (np.arange(400)[None, :] + 0.5) / 400
    weight = w**2 * np.exp(-(w**2) / 2)

    def gap(r: float) -> float:
        h = K * r
        middle = (h**2 - w**2) / 2
        last = np.sqrt(middle + np.sqrt(middle**2 + (h * w * u) ** 2))
        return float((weight * last).sum() / weight.sum() / 400) / h - r

    return float(root_scalar(gap, bracket=(0.3, 1.0)).root)


def _ordered() -> list[Truth]:
    """A jump at K = 0 in 3 dimensions, from where r grows, and none in 4."""
    source = "r = <lambda>/(K r), 1/2 as K -> 0: Chandra, Girvan and Ott 2019"
    odd = shipped("lohe_sphere", f"sweep jump {{ K = [0.15, 1, 3]; {RECORD} }}", N=400).run("jump")
    even = shipped("lohe_sphere", f"sweep jump {{ K = [0.15]; {RECORD} }}", N=400, D=4).run("jump")
    return [
        *(
            Truth(f"r at K = {K} in 3 dimensions", _order(K), float(found), 0.02, source)
            for K, found in zip((0.15, 1, 3), odd["average(r) after 150"], strict=True)
        ),
        Truth("r at K = 0.15 in 4", 0.0, float(even["average(r) after 150"][0]), 0.1, source),
    ]


def _equals() -> Truth:
    """Near agreement each deviation decays at the rate K, so 1 - r at 2 K."""
    change = "simulate { t 0 .. 12 every 0.5; rtol 1e-10 }"
    apart = 1 - shipped("lohe_sphere", change, N=20, K=0.7, sigma=0).run()["r"]
    found = float(np.log(apart[-7] / apart[-1]) / 3)
    return Truth("decay of 1 - r of equals", 1.4, found, 2e-3, "linear stability: 2 K")
