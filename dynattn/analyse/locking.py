"""Phases that go together: mean frequencies, clusters of equal ones, locking values of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def frequencies(times: ArrayLike, phases: ArrayLike) -> NDArray[np.float64]:
    """Mean frequencies [N], radians per unit of time, of phases [T, N] that keep winding."""
    t, x = np.asarray(times, dtype=np.float64), np.asarray(phases, dtype=np.float64)
    return (x[-1] - x[0]) / (t[-1] - t[0])


def clusters(omega: ArrayLike, length: float) -> NDArray[np.int64]:
    """[N]: the number of each one's cluster, the largest first, of frequencies [N] over so much
    time.

    Two are together where their phases came apart by less than half of a turn, or where others
    between them join them: a slip would have been a whole turn.
    """
    values = np.asarray(omega, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order]) * length > np.pi
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.concatenate([[0], np.cumsum(gaps)])
    counts = np.bincount(found)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return rank[found]


def locking_values(phases: ArrayLike) -> NDArray[np.float64]:
    """[N, N]: |mean over time of exp(i (theta_i - theta_j))| of phases [T, N] at equal intervals;
    1 where the difference stays as it is.
    """
    points = np.exp(1j * np.asarray(phases, dtype=np.float64))
    return np.abs(points.T @ points.conj()) / len(points)
