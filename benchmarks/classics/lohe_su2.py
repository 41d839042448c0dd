"""Matrices of SU(2) that align up to a turn, held against quaternions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.classics.truth import Array, Truth, drawn, shipped, solved

EXPERIMENT = "alignment"
ANGLE = 0.1
"""Of the frustration that ships."""


def truths() -> list[Truth]:
    """A short run on the same numbers, and how fast equals align and turn."""
    return [_same_numbers(), *_equals()]


def _quaternions(matrices: NDArray[np.complex128]) -> Array:
    """[n, 4]: (Re a, Im a, Re b, Im b) of [[a, b], ...]."""
    a, b = matrices[:, 0, 0], matrices[:, 0, 1]
    return np.stack([a.real, a.imag, b.real, b.imag], axis=1)


def _times(p: Array, q: Array) -> Array:
    """The product of quaternions, by Hamilton's table."""
    (s, i, j, k), (t, x, y, z) = p.T, q.T
    return np.stack(
        [
            s * t - i * x - j * y - k * z,
            s * x + i * t + j * z - k * y,
            s * y - i * z + j * t + k * x,
            s * z + i * y - j * x + k * t,
        ],
        axis=1,
    )


def _same_numbers() -> Truth:
    spec = shipped("lohe_su2", "simulate { t 0 .. 5 every 0.5; rtol 1e-9 }", N=20)
    numbers = drawn(spec)
    turns, start = (
        _quaternions(numbers[name].astype(complex)) for name in ("spin.Omega", "spin.U")
    )
    lag = np.array([[np.cos(ANGLE), np.sin(ANGLE), 0.0, 0.0]])

    def rate(t, flat):
        q = flat.reshape(20, 4)
        push = _times(turns, q) + _times(lag, q.sum(axis=0) - q) / 20
        return (push - (push * q).sum(axis=1, keepdims=True) * q).ravel()

    result = spec.run()
    end = solved(rate, start.ravel(), result.times)[-1].reshape(20, 4)
    expected = float(np.linalg.norm(end.mean(axis=0)))
    source = "SciPy, DOP853, unit quaternions"
    return Truth("rho of 20 at t = 5", expected, float(result["rho"][-1]), 1e-6, source)


def _equals() -> list[Truth]:
    """All alike: deviations decay at K cos(angle), and all turn at K (N - 1)/N sin(angle)."""
    change = "simulate { t 0 .. 60 every 0.5; rtol 1e-11 }"
    result = shipped("lohe_su2", change, N=20, K=0.5, sigma=0).run()
    apart, first = 1 - result["rho"], result["spin.U"][:, 0]
    decay = float(np.log(apart[24] / apart[36]) / 6)
    turned = np.trace(first[-13].conj().T @ first[-1]).real / 2
    return [
        Truth("decay of 1 - rho", np.cos(ANGLE), decay, 1e-3, "linear stability: 2 K cos(angle)"),
        Truth(
            "turning rate",
            0.5 * 19 / 20 * np.sin(ANGLE),
            float(np.arccos(turned) / 6),
            1e-5,
            "K (N - 1)/N sin(angle), Lohe 2009",
        ),
    ]
