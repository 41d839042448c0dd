"""Friedkin and Johnsen's opinions: their point of rest, and the dispute that remains."""

from __future__ import annotations

import networkx
import numpy as np

from benchmarks.classics.truth import Truth, drawn, shipped


def truths() -> list[Truth]:
    """A drawn graph of 60, where a linear system says the end, and a crowd where all hear all."""
    return [_rest(), _crowd()]


def _rest() -> Truth:
    graph = "gnp_random_graph(n=N, p=0.2, directed=true, seed=1)"
    spec = shipped("friedkin_johnsen", f"graph trust = {graph}\nsimulate {{ steps 400 }}", N=60)
    # An edge u -> v lets v hear u.
    heard = networkx.to_numpy_array(networkx.gnp_random_graph(60, 0.2, seed=1, directed=True)).T
    heard /= heard.sum(axis=1, keepdims=True)
    numbers = drawn(spec)
    first, s = numbers["person.first"], 0.9 * numbers["person.listens"]
    expected = np.linalg.solve(np.eye(60) - s[:, None] * heard, (1 - s) * first)
    far = np.abs(spec.run()["person.x"][-1] - expected).max()
    source = "(1 - S W)^-1 (1 - S) x(0), Friedkin and Johnsen 1990, by numpy"
    return Truth("distance from rest", 0.0, float(far), 1e-9, source)


def _crowd() -> Truth:
    change = """graph trust = everyone(N)
    population person { drop listens; x <- open * heard + (1 - open) * first }
    simulate { steps 300 }"""
    dispute = shipped("friedkin_johnsen", change, N=50).run()["dispute"]
    found = float(dispute[-1] / dispute[0])
    return Truth("dispute that remains where all hear all", 0.1, found, 1e-9, "1 - open")
