"""The linear system of a Newton step: dense, sparse, or known only by what it does to a vector."""

from __future__ import annotations

import torch
from torch import Tensor

from dynattn.solve.large_steps import large_step
from dynattn.solve.rest_problem import Local

DENSE = 2000
"""Unknowns up to which the matrix is kept whole."""

SINGULAR = 1e-12
"""Pivots smaller than this part of the largest are taken for 0."""


def newton_step(local: Local, rates: Tensor, drift: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
    """For a residual [batch..., m] and a drift [batch..., s] at points of which some still go on:
    (tangent coordinates of the step [batch..., m], the largest entry of the matrix [batch...]).

    Where the matrix is singular the step is the shortest of those that leave the least.
    """
    if local.bases.count > DENSE:
        return large_step(local, rates, drift, going)
    jacobian = local.jacobian(drift)
    matrix = local.border().around(jacobian)
    below = rates.new_zeros(*rates.shape[:-1], matrix.shape[-1] - jacobian.shape[-1])
    found = solve_dense(matrix, -torch.cat([rates, below], -1))
    return found[..., : jacobian.shape[-1]], jacobian.abs().flatten(-2).amax(-1)


def solve_dense(matrix: Tensor, right: Tensor) -> Tensor:
    """x [batch..., n] with matrix x = right; in the sense of least squares where it is singular."""
    factors, pivots, info = torch.linalg.lu_factor_ex(matrix)
    found = torch.linalg.lu_solve(factors, pivots, right[..., None])[..., 0]
    diagonal = factors.diagonal(dim1=-2, dim2=-1).abs()
    bad = (info != 0) | (diagonal.amin(-1) <= SINGULAR * diagonal.amax(-1))
    bad = bad & torch.isfinite(matrix).flatten(-2).all(-1)
    if bool(bad.any()):
        inverse = torch.linalg.pinv(matrix[bad], rtol=1e-9)
        found = found.clone()
        found[bad] = (inverse @ right[bad][..., None])[..., 0]
    return found
