"""Explosive synchronisation: frequencies that are degrees, on a scale-free graph and on a star."""

from __future__ import annotations

import networkx
import numpy as np

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "up"
STAR = """graph net = star_graph(n=N)
observe spread = max(degree + pull) - min(degree + pull)
sweep down {
  lambda = [1.2, 0.84, 0.8]
  t 0 .. 60 every 0.2
  record average(r) after 20, average(spread) after 40
}"""


def truths() -> list[Truth]:
    """One short run on the same numbers, and the star, where the way down is known."""
    return [_same_numbers(), *_star()]


def _same_numbers() -> Truth:
    spec = shipped("explosive", "simulate { t 0 .. 3 every 0.5; rtol 1e-9 }", N=30, **{"lambda": 1})
    matrix = networkx.to_numpy_array(networkx.barabasi_albert_graph(30, 3, seed=1))

    def rate(t, theta):
        pull = (matrix * np.sin(theta[None, :] - theta[:, None])).sum(axis=1)
        return matrix.sum(axis=1) + pull

    result = spec.run()
    expected = order(solved(rate, drawn(spec)["osc.theta"], result.times)[-1])
    return Truth("r of 30 at t = 3", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _star() -> list[Truth]:
    """Leaves and hub lock with sin(phi) = (n - 1) / (lambda (n + 1)): down to (n - 1)/(n + 1)."""
    result = shipped("explosive", STAR, N=10).run("down")
    phi = np.arcsin(9 / (1.2 * 11))
    r, spread = result["average(r) after 20"], result["average(spread) after 40"]
    threshold = 0.86 - 0.04 * float((spread[1:] < 0.1).sum())
    source = "a star of n leaves: lambda_c = (n - 1)/(n + 1), Gomez-Gardenes et al. 2011"
    return [
        Truth("r of the locked star", abs(10 + np.exp(1j * phi)) / 11, float(r[0]), 1e-4, source),
        Truth("where the star unlocks", 9 / 11, float(threshold), 0.021, source),
    ]


def study() -> list[Truth]:
    """At lambda = 1.3 the scale-free graph is locked on the way down, and not on the way up."""
    spec = shipped("explosive")
    up, down = (spec.run(name)["average(r) after 15"] for name in ("up", "down"))
    source = "bistability, Gomez-Gardenes et al. 2011"
    return [
        Truth("r on the way up", 0.2, float(up[4]), 0.15, source),
        Truth("r on the way down", 0.9, float(down[-5]), 0.1, source),
    ]
