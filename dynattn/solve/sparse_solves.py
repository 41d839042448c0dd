"""Linear systems of implicit steps with sparse matrices: a factorisation, or GMRES with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
from numpy.typing import NDArray
from scipy.sparse.csgraph import reverse_cuthill_mckee

Array = NDArray[np.float64]
operator_of: Any = linear.LinearOperator
"""Its stubs know only the constructors of its subclasses."""

Solve = Callable[[Array], Array]

FILLED = 3 * 10**7
"""Numbers within the band of a reordered matrix up to which it is factorised whole."""

ACCURACY = 1e-10
"""Of a solution by GMRES, relative to the right side."""

TRIES = ((1e-3, 10), (1e-6, 30))
"""(what is dropped, how much larger than the matrix it may be) of incomplete factorisations."""


def band_of(matrix: Any) -> int:
    """Numbers within the band of a matrix, reordered so that it is narrow."""
    order = reverse_cuthill_mckee(sparse.csr_matrix(abs(matrix) + abs(matrix.T)), True)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    entries = sparse.coo_matrix(matrix)
    gaps = np.abs(place[entries.row] - place[entries.col])
    return int(gaps.max(initial=0)) * matrix.shape[0]


def solver_of(matrix: Any, whole: bool) -> Solve:
    """x with matrix x = right; NaN where GMRES does not find it, and where the matrix is singular.

    ``whole``: by a complete factorisation.
    """
    if not np.isfinite(matrix.data).all():
        return lambda right: np.full_like(right, np.nan)
    try:
        if whole:
            return linear.splu(matrix, permc_spec="MMD_AT_PLUS_A").solve
        return _iterative(matrix)
    except RuntimeError:  # exactly singular
        return lambda right: np.full_like(right, np.nan)


def _iterative(matrix: Any) -> Solve:
    factors: dict[int, Any] = {}

    def solved(right: Array) -> Array:
        for number, (dropped, larger) in enumerate(TRIES):
            if number not in factors:
                factors[number] = linear.spilu(matrix, drop_tol=dropped, fill_factor=larger)
            near = operator_of(matrix.shape, matvec=factors[number].solve)
            with np.errstate(all="ignore"):  # what is not finite is told by the step's error
                found, failed = linear.gmres(
                    matrix, right, x0=factors[number].solve(right), rtol=ACCURACY, atol=0.0,
                    restart=40, maxiter=5, M=near,
                )  # fmt: skip
            if not failed:
                return found
        return np.full_like(right, np.nan)

    return solved
