"""Wilson-Cowan regions on a connectome: the rhythm of one, and all with their delays."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import SPECS, Array, Truth, drawn, shipped, solved


def truths() -> list[Truth]:
    """A short run on the same numbers, and the period of one region."""
    return [*_same_numbers(), _period()]


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _rate(E: Array, I: Array, heard: Array) -> Array:  # noqa: E741
    excited = _sigmoid(1.5 * (16 * E - 12 * I + 0.6 * heard + 0.8 - 3))
    inhibited = _sigmoid(1.5 * (15 * E - 3 * I - 3))
    return np.stack([(-E + (1 - E) * excited) / 2.5, (-I + (1 - I) * inhibited) / 3.75])


def _same_numbers() -> list[Truth]:
    spec = shipped("wilson_cowan", "simulate { t 0 .. 20 every 5; method heun; step 0.05 }")
    start = np.stack([drawn(spec)["exc.E"], drawn(spec)["inh.I"]])
    coarse, fine = (_by_heun(start, h) for h in (0.1, 0.05))
    end = (4 * fine - coarse) / 3
    result, source = spec.run(), "Heun's steps, extrapolated, in numpy"
    return [
        Truth("mean of E at t = 20", end.mean(), float(result["mean_E"][-1]), 5e-5, source),
        Truth("spread of E at t = 20", end.std(), float(result["spread"][-1]), 5e-5, source),
    ]


def _by_heun(start: Array, h: float) -> Array:
    """E at t = 20; the past by linear interpolation, before t = 0 the start."""
    weights = np.loadtxt(SPECS / "data" / "human_weights.csv", delimiter=",")
    late = np.loadtxt(SPECS / "data" / "human_lengths.csv", delimiter=",") / 20 / h
    steps, senders = round(20 / h), np.arange(80)
    table = np.tile(start, (steps + 1, 1, 1))

    def rate(k: int) -> Array:
        place = np.maximum(k - late, 0)
        low = np.minimum(np.floor(place).astype(int), max(k - 1, 0))
        before, after = table[low, 0, senders], table[np.minimum(low + 1, k), 0, senders]
        heard = (weights * (before + (place - low) * (after - before))).sum(axis=1)
        return _rate(table[k, 0], table[k, 1], heard)

    for k in range(steps):
        first = rate(k)
        table[k + 1] = table[k] + h * first
        table[k + 1] = table[k] + h / 2 * (first + rate(k + 1))
    return table[-1, 0]


def _period() -> Truth:
    """Between upward crossings of the middle, on the cycle."""
    change = "simulate { t 0 .. 140 every 0.1; method heun; step 0.1; record E }"
    computed = shipped("wilson_cowan", change, g=0).run()["E"][:, 0]
    times = np.arange(1401, dtype=float) * 0.1
    one = solved(lambda t, y: _rate(y[0], y[1], np.zeros(())), np.array([0.1, 0.1]), times)[:, 0]
    source = "SciPy, DOP853"
    return Truth("period of one region", _turn(one), _turn(computed), 2e-2, source)


def _turn(series: Array) -> float:
    late = series[800:]
    middle = (late.max() + late.min()) / 2
    up = np.flatnonzero((late[:-1] < middle) & (late[1:] >= middle))
    crossings = up + (middle - late[up]) / (late[up + 1] - late[up])
    return float(np.diff(crossings).mean() * 0.1)
