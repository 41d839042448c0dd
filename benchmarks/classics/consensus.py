"""Consensus: where all end, how fast, and the way there."""

from __future__ import annotations

import networkx
import numpy as np
from scipy.linalg import expm

from benchmarks.classics.truth import Array, Truth, shipped


def truths() -> list[Truth]:
    """A moment on the way, the end, and the rate of the slowest mode."""
    graph = networkx.Graph(list(networkx.karate_club_graph().edges))  # its weights left out
    matrix = networkx.to_numpy_array(graph, nodelist=range(34))
    return [_moment(matrix), *_end(matrix)]


def _laplacian(matrix: Array) -> Array:
    return np.eye(len(matrix)) - matrix / matrix.sum(axis=1, keepdims=True)


def _moment(matrix: Array) -> Truth:
    expected = (expm(-3 * _laplacian(matrix)) @ np.linspace(-1, 1, 34))[5]
    result = shipped("consensus", "simulate { t 0 .. 3 every 1; rtol 1e-9 }").run()
    found = float(result["member.x"][-1, 5])
    return Truth("member 5 at t = 3", float(expected), found, 1e-7, "scipy.linalg.expm")


def _end(matrix: Array) -> list[Truth]:
    result = shipped("consensus", "simulate { t 0 .. 90 every 30; rtol 1e-10 }").run()
    spread = result["spread"]
    rate = float(np.log(spread[-1] / spread[-2])) / 30
    gap = np.sort(np.linalg.eigvals(_laplacian(matrix)).real)[1]
    degrees = matrix.sum(axis=1)
    agreed = np.linspace(-1, 1, 34) @ degrees / degrees.sum()
    source = "mean weighted by degrees: the walk on the graph rests there"
    end = float(result["member.x"][-1, 0])
    return [
        Truth("opinion of all", float(agreed), end, 2e-5, source),
        Truth("rate of agreement", -float(gap), rate, 1e-4, "eigenvalue of 1 - D^-1 A, by numpy"),
    ]
