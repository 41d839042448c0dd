"""How far a population of phases agrees. All take numpy arrays; the last axis is nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def kuramoto(phases: ArrayLike) -> NDArray[np.complex128]:
    """The mean of exp(i theta): its modulus is the order r, its argument the mean phase.

    phases: [..., N] in radians; result [...].
    """
    return daido(phases, 1)


def daido(phases: ArrayLike, m: int) -> NDArray[np.complex128]:
    """The mean of exp(i m theta): its modulus is 1 for m equal clusters evenly spaced.

    phases: [..., N] in radians; result [...].
    """
    return np.exp(1j * m * np.asarray(phases, dtype=np.float64)).mean(axis=-1)


def local(phases: ArrayLike, receivers: ArrayLike, senders: ArrayLike) -> NDArray[np.float64]:
    """The agreement around each node: |mean of exp(i theta_j) over its senders j|, 0 without any.

    phases: [..., N] in radians; receivers, senders: [E] node numbers; result [..., N].
    """
    points = np.exp(1j * np.asarray(phases, dtype=np.float64))
    into, out_of = np.asarray(receivers, dtype=np.int64), np.asarray(senders, dtype=np.int64)
    nodes = points.shape[-1]
    sums = np.zeros(points.shape, dtype=np.complex128)
    np.add.at(np.moveaxis(sums, -1, 0), into, np.moveaxis(points, -1, 0)[out_of])
    return np.abs(sums) / np.maximum(np.bincount(into, minlength=nodes), 1)
