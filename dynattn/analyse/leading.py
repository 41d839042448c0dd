"""The eigenvalues that grow most of large Jacobians, and whether any other grows.

A matrix that a diagonal similarity makes symmetric has as many eigenvalues above a number as the
pivots of its factorisation say (Sylvester). Of another one none grows where its symmetric part
is negative. Elsewhere nothing but all eigenvalues can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
import torch
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.csgraph import breadth_first_order
from torch import Tensor

from dynattn.solve.large_steps import operator_of

Array = NDArray[Any]

LEADING = 10
"""Eigenvalues that are computed at least."""

SHIFT = 1e-3
"""Of the largest row: where those that are nearest are looked for."""

EDGE = 1e-9
"""Of the largest row: none may be above it."""

RESIDUAL = 1e-8
"""Of the largest row: no eigenvalue leaves more."""

BALANCED = 1e-12
"""Of the largest entry: by how much a symmetric matrix may be none."""

ROUNDS = 20
"""Of balancing."""

arnoldi: Any = linear.eigs
"""Its stubs know one of its results."""


def balance(matrix: Array) -> Array:
    """d [m] with which diag(1/d) matrix diag(d) is symmetric, where that can be, from node to node
    along its entries; else with rows and columns of like norms (Osborne, Journal of the ACM 7,
    1960).
    """
    d = _from_node_to_node(matrix)
    turned = matrix * d / d[:, None]
    if np.abs(turned - turned.T).max() <= BALANCED * np.abs(matrix).max():
        return d
    return _alike(np.square(matrix))


def _from_node_to_node(matrix: Array) -> Array:
    d, fresh = np.ones(len(matrix)), np.ones(len(matrix), dtype=bool)
    pattern = sparse.csr_matrix(matrix != 0)
    while fresh.any():
        order, before = breadth_first_order(pattern, int(fresh.argmax()), directed=False)
        for node in order[1:]:
            parent = before[node]
            there, back = matrix[node, parent], matrix[parent, node]
            d[node] = d[parent] * (np.sqrt(there / back) if there * back > 0 else 1.0)
        fresh[order] = False
    return np.where(np.isfinite(d) & (d > 0), d, 1.0)


def _alike(squares: Array) -> Array:
    own, d = squares.diagonal(), np.ones(len(squares))
    for _ in range(ROUNDS):
        rows = (squares @ np.square(d)) / np.square(d) - own
        columns = (squares.T @ (1 / np.square(d))) * np.square(d) - own
        fine = (rows > 0) & (columns > 0)
        ratio = np.where(fine, np.divide(rows, columns, out=np.ones_like(d), where=fine), 1.0)
        d = d * ratio**0.125
    return d


def leading_of_whole(matrix: Tensor) -> Array | None:
    """The eigenvalues of a matrix [m, m] nearest to the axis and those that grow most, where it is
    certain that no other one grows; None where it is not.
    """
    own = matrix.cpu().numpy()
    scale = float(np.abs(own).sum(1).max())
    part = -(matrix + matrix.mT) / 2
    part.diagonal().add_(EDGE * scale)
    if int(torch.linalg.cholesky_ex(part).info):
        return None
    factors = lu_factor(own - SHIFT * scale * np.eye(len(own)), check_finite=False)
    inverse = operator_of(own.shape, matvec=lambda v: lu_solve(factors, v, check_finite=False))
    try:
        return _both(lambda v: own @ v, inverse, own.shape[0], scale)
    except linear.ArpackError:
        return None


def _both(product: Callable[[Array], Array], inverse: Any, m: int, scale: float) -> Array | None:
    """Those nearest to a place right of the axis, and those that grow most; None where they leave
    too much.
    """
    whole = operator_of((m, m), matvec=product, dtype=float)
    start, sigma = np.random.default_rng(0).standard_normal(m), SHIFT * scale
    near, vectors = arnoldi(whole, LEADING, sigma=sigma, OPinv=inverse, v0=start)
    left = np.linalg.norm(product(vectors.real) + 1j * product(vectors.imag) - vectors * near,
                          axis=0)  # fmt: skip
    if left.max() > RESIDUAL * scale:
        return None
    far = arnoldi(whole, 4, which="LR", v0=start, ncv=40, maxiter=30, tol=1e-6,
                  return_eigenvectors=False)  # fmt: skip
    return merged(near, np.asarray(far), 1e-4 * scale)


def merged(near: Array, far: Array, apart: float) -> Array:
    """Those of ``far`` that are not among the others too, which are more exact."""
    fresh = [v for v in far if len(near) == 0 or np.abs(near - v).min() > apart]
    return np.concatenate([near, np.asarray(fresh, dtype=near.dtype)])
