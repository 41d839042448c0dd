"""Samples of one number, and the difference of two that were taken in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True)
class Summary:
    """``deviation`` is of the sample, by n - 1; None of a single value."""

    count: int
    mean: float
    median: float
    deviation: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean of the differences of pairs, with intervals at ``CONFIDENCE``; None of one pair.

    ``interval`` is Student's, ``bootstrap`` that of the means of drawn pairs (percentiles).
    """

    pairs: int
    mean: float
    interval: tuple[float, float] | None
    bootstrap: tuple[float, float] | None


def summarise(values: Sequence[float]) -> Summary | None:
    """What is said of a sample; None of an empty one."""
    if not values:
        return None
    x = np.asarray(values, dtype=np.float64)
    spread = float(x.std(ddof=1)) if len(x) > 1 else None
    return Summary(
        len(x), float(x.mean()), float(np.median(x)), spread, float(x.min()), float(x.max())
    )


def paired_difference(values: Sequence[float], against: Sequence[float]) -> Difference | None:
    """``values`` minus ``against``, pair by pair; None without a pair."""
    from scipy.stats import t

    gaps = np.asarray(values, dtype=np.float64) - np.asarray(against, dtype=np.float64)
    count = len(gaps)
    if count == 0:
        return None
    mean = float(gaps.mean())
    if count == 1:
        return Difference(1, mean, None, None)
    tail = (1 - CONFIDENCE) / 2
    half = float(t.ppf(1 - tail, count - 1) * gaps.std(ddof=1) / np.sqrt(count))
    drawn = np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
    low, high = np.quantile(gaps[drawn].mean(1), [tail, 1 - tail])
    return Difference(count, mean, (mean - half, mean + half), (float(low), float(high)))
