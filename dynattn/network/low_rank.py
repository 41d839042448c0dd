"""Thin factors of a matrix of edge weights, where they give every weight back to rounding."""

from __future__ import annotations

from typing import Any

import numpy

Array = numpy.ndarray[Any, Any]

MOST_NODES = 2000
"""Beyond it the products below, N^3/4 multiplications, would be felt: 0.1 s of compiling here."""
SHARE = 8
"""A rank below N/8: two products with thin factors then take a quarter of one with the matrix."""
EXACT = 1e-13
"""Largest difference of a weight, relative to the largest weight: what rounding makes of a sum."""
SPARE = 8


def thin_factors(
    receivers: Array, senders: Array, weights: Array, counts: tuple[int, int]
) -> tuple[Array, Array] | None:
    """U [receivers, r], V [senders, r] with U V^T the matrix of the edges; None where r is large.

    The columns of W times a random matrix span those of W where its rank is below their number
    (Halko, Martinsson and Tropp 2011); whether U V^T is W is then looked up weight by weight.
    """
    if max(counts) > MOST_NODES or not numpy.isfinite(weights).all() or not weights.any():
        return None
    matrix = numpy.zeros(counts)
    matrix[receivers, senders] = weights
    most = min(counts) // SHARE
    directions = numpy.random.default_rng(0).standard_normal((counts[1], most + SPARE))
    bases, sizes, _ = numpy.linalg.svd(matrix @ directions, full_matrices=False)
    rank = int((sizes > EXACT * sizes[0]).sum())
    if not 0 < rank <= most:
        return None
    left = numpy.ascontiguousarray(bases[:, :rank])
    right = matrix.T @ left
    exact = abs(left @ right.T - matrix).max() <= EXACT * abs(weights).max()
    return (left, right) if exact else None
