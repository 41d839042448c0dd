"""How exact the solution between the ends of tsit5's steps is, beside the one of the fifth order.

Saved times are read off the method's own continuous solution, of the fourth order. With two more
evaluations in a step (its rates at a third and two thirds of it) there is one of the fifth. Four
problems, t in [0, 40]: their difference in each step, in parts of the tolerance, and the largest
errors at the ends of steps and between them, by either, in parts of rtol, against SciPy's DOP853.

    python benchmarks/between_steps.py [--json]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from measure import options, show
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from dynattn.vocabulary.tableaus import TSIT5

Array = NDArray[np.float64]
Rate = Callable[[float, Array], Array]

STOP = 40.0
TOLERANCES = (1e-4, 1e-6, 1e-8)
EXTRA = (1 / 3, 2 / 3)
PARTS = (0.2, 0.35, 0.5, 0.65, 0.8)
QUARTIC = np.array(TSIT5.dense)


def quintic() -> Array:
    """[rates, powers]: the weights of the solution with the states and rates at both ends and the
    rates at EXTRA.
    """
    nodes = (0.0, *EXTRA, 1.0)
    rest = Polynomial.fromroots(nodes).integ()
    found = [weight * rest / rest(1.0) for weight in (*TSIT5.weights, 0.0, 0.0, 0.0)]
    for node, k in zip(nodes, (0, 7, 8, 6), strict=True):
        base = Polynomial.fromroots([other for other in nodes if other != node])
        part = (base / base(node)).integ()
        found[k] = found[k] + part - part(1.0) * rest / rest(1.0)
    return np.array([np.pad(p.coef, (0, 6 - len(p.coef)))[1:] for p in found], dtype=np.float64)


QUINTIC = quintic()


def problems() -> Iterator[tuple[str, Rate, Array]]:
    """Name, rates and first state."""
    draw = np.random.default_rng(1)
    omega, weights = draw.normal(0, 0.5, 50), 0.2 * draw.normal(size=(20, 20))

    def kuramoto(t: float, y: Array) -> Array:
        return omega + 1.2 * (np.exp(1j * y).mean() * np.exp(-1j * y)).imag

    yield "Kuramoto, N = 50", kuramoto, draw.uniform(-3, 3, 50)
    yield "Lotka-Volterra", lambda t, y: np.array([1 - y[1], y[0] - 1]) * y, np.array([0.5, 0.7])
    yield (
        "relaxing network",
        lambda t, y: np.tanh(weights @ y) - y + np.sin(t),
        draw.normal(size=20),
    )
    yield (
        "van der Pol", lambda t, y: np.array([y[1], 2 * (1 - y[0] ** 2) * y[1] - y[0]]),
        np.array([2.0, 0.0]),
    )  # fmt: skip


def stages(rate: Rate, t: float, y: Array, h: float, first: Array) -> tuple[Array, list[Array]]:
    """The state at the end of a step, and the rates of all stages."""
    slopes, point = [first], y
    for node, row in zip((*TSIT5.nodes, 1.0)[1:], (*TSIT5.stages, TSIT5.weights)[1:], strict=True):
        point = np.asarray(y + h * np.tensordot(row, slopes, 1), dtype=np.float64)
        slopes.append(rate(t + node * h, point))
    return point, slopes


def row(name: str, rate: Rate, start: Array, rtol: float) -> dict[str, Any]:
    """One problem at one tolerance."""
    exact = solve_ivp(rate, (0, STOP), start, "DOP853", rtol=1e-13, atol=1e-13, dense_output=True)
    t, y, h, first = 0.0, start, 0.05, rate(0.0, start)
    apart, ends, fourth, fifth = [], [], [], []
    while t < STOP:
        h = min(h, STOP - t)
        after, slopes = stages(rate, t, y, h, first)
        scale = rtol * (1 + np.maximum(abs(y), abs(after)))
        error = _size(h * np.tensordot(TSIT5.error, slopes, 1) / scale)
        if error <= 1:
            more = [rate(t + z * h, _between(QUARTIC, slopes, y, h, z)) for z in EXTRA]
            for z in PARTS:
                both = (_between(QUARTIC, slopes, y, h, z),
                        _between(QUINTIC, [*slopes, *more], y, h, z))  # fmt: skip
                true = exact.sol(t + z * h)
                apart.append(_size((both[0] - both[1]) / scale))
                fourth.append(abs(both[0] - true).max() / rtol)
                fifth.append(abs(both[1] - true).max() / rtol)
            t, y, first = t + h, after, slopes[-1]
            ends.append(abs(y - exact.sol(t)).max() / rtol)
        h *= min(5.0, max(0.2, 0.9 * error**-0.2))
    worst = np.array(apart).reshape(-1, len(PARTS)).max(1)
    return {
        "problem": name, "rtol": rtol, "steps": len(ends), "apart, median": float(np.median(worst)),
        "apart, most": float(worst.max()), "ends": max(ends), "between": max(fourth),
        "between, fifth order": max(fifth),
    }  # fmt: skip


def _between(weights: Array, slopes: list[Array], y: Array, h: float, z: float) -> Array:
    powers = z ** np.arange(1, weights.shape[1] + 1)
    return np.asarray(y + h * np.tensordot(weights @ powers, slopes, 1), dtype=np.float64)


def _size(x: Array) -> float:
    return float(np.sqrt(np.mean(x**2)))


def main() -> None:
    """Every problem at every tolerance."""
    chosen = options(__doc__)
    rows = [row(*problem, rtol) for problem in problems() for rtol in TOLERANCES]
    show("Between the ends of steps", rows, chosen.json)


if __name__ == "__main__":
    main()
