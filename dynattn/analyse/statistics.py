"""One number out of a series. The first axis is time; every other axis is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def time_average(
    times: ArrayLike, series: ArrayLike, after: float | None = None
) -> NDArray[np.float64]:
    """The mean over the saved times from ``after`` on (None: over all), by the trapezoidal rule.

    times: [T] increasing; series: [T, ...]; result [...]. ValueError where no time is left.
    """
    t, values = kept(times, series, after)
    if len(t) == 1:
        return values[0]
    return integral(t, values) / (t[-1] - t[0])


def integral(times: NDArray[np.float64], series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over time, by the trapezoidal rule; 0 for a single time."""
    gaps = np.diff(times).reshape(-1, *[1] * (series.ndim - 1))
    return ((series[1:] + series[:-1]) / 2 * gaps).sum(axis=0)


def final(times: ArrayLike, series: ArrayLike) -> NDArray[np.float64]:
    """The last value. times: [T]; series: [T, ...]; result [...]."""
    return np.asarray(series)[-1]


def deviation(
    times: ArrayLike, series: ArrayLike, after: float | None = None
) -> NDArray[np.float64]:
    """The standard deviation over time from ``after`` on, weighted as ``time_average`` is."""
    t, values = kept(times, series, after)
    squares = np.square(np.abs(values - time_average(t, values)))
    return np.sqrt(time_average(t, squares))


def kept(
    times: ArrayLike, series: ArrayLike, after: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The part of a series from ``after`` on; ValueError where nothing is left."""
    t, values = np.asarray(times, dtype=np.float64), np.asarray(series)
    values = values if np.iscomplexobj(values) else values.astype(np.float64, copy=False)
    late = after_mask(t, after)
    t, values = t[late], values[late]
    if len(t) == 0:
        raise ValueError(f"no saved time after {after}")
    return t, values


def after_mask(times: NDArray[np.float64], after: float | None) -> NDArray[np.bool_]:
    """Which times are not before ``after`` (None: all)."""
    if after is None:
        return np.ones(len(times), dtype=bool)
    return times >= after - 1e-9 * max(1.0, abs(after))
