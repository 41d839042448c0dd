"""A chimera on a ring: the share that drifts, and the speed of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root

from benchmarks.classics.truth import Array, Truth, drawn, shipped, solved

A, BETA = 0.995, 0.18


def truths() -> list[Truth]:
    """A short run on the same numbers, and the stationary chimera of the continuum."""
    return [_same_numbers(), *_stationary()]


def _same_numbers() -> Truth:
    spec = shipped("chimera", "simulate { t 0 .. 4 every 0.5; rtol 1e-9 }", N=40)
    place = np.arange(40)
    away = np.abs(place[:, None] - place[None, :])
    weight = 1 + A * np.cos(2 * np.pi * np.minimum(away, 40 - away) / 40)
    np.fill_diagonal(weight, 0)

    def rate(t, theta):
        phase = theta[None, :] - theta[:, None] - np.pi / 2 + BETA
        return (weight * np.sin(phase)).sum(axis=1) / 40

    result = spec.run()
    theta = solved(rate, drawn(spec)["osc.theta"], result.times)[-1]
    near = (away <= 8) | (away >= 32)
    np.fill_diagonal(near, False)
    local = np.abs((near * np.exp(1j * theta)[None, :]).sum(axis=1)) / near.sum(axis=1)
    found = float(result["local"][-1].min())
    return Truth("least local order of 40 at t = 4", local.min(), found, 1e-6, "SciPy, DOP853")


def _stationary() -> list[Truth]:
    """Speeds from t = 100 on; oscillator 0 stands where all are locked."""
    result = shipped("chimera", "simulate { t 0 .. 250 every 1; record theta, local }").run()
    theta, local = result["theta"], result["local"]
    speed = (theta[-1] - theta[100]) / 150
    drifting = float((np.abs(speed - speed[0]) > 0.01).mean())
    turning, share = _continuum()
    source = "self-consistent order parameter of Abrams and Strogatz 2004, solved by SciPy"
    return [
        Truth("speed of the locked", -turning, float(speed[0]), 0.025, source),
        Truth("share that drifts", share, drifting, 0.03, source),
        Truth("local order of the locked", 1.0, float(local[100:, 0].mean()), 1e-3, "in step"),
    ]


def _continuum() -> tuple[float, float]:
    """Delta = omega - Omega, and the share of the ring with R < Delta, R e^{i Theta} = c + a cos x.

    c = e^{i beta} <h>, a = A e^{i beta} <h cos x>, over a whole turn of x, where
    h = (Delta - sqrt(Delta^2 - R^2)) / (c + a cos x)*; the root with a stable chimera is taken.
    """
    x = (np.arange(4000) + 0.5) / 4000 * 2 * np.pi

    def order(c: float, a: complex) -> NDArray[np.complex128]:
        return c + a * np.cos(x)

    def missing(guess: Array) -> list[float]:
        turning, c, a = guess[0], guess[1], complex(guess[2], guess[3])
        field = order(c, a)
        h = (turning - np.sqrt(turning**2 - np.abs(field) ** 2 + 0j)) / field.conj()
        left = np.exp(1j * BETA) * h.mean() - c
        right = A * np.exp(1j * BETA) * (h * np.cos(x)).mean() - a
        return [left.real, left.imag, right.real, right.imag]

    turning, c, real, imaginary = root(missing, [0.7, 0.6, 0.2, -0.1]).x
    return float(turning), float((np.abs(order(c, complex(real, imaginary))) < turning).mean())
