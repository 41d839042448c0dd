"""Linear systems known only by what their matrix does to vectors: GMRES, many side by side."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

RESTART = 60
"""Vectors that are kept."""

CYCLES = 10
GONE = 1e-14
"""A new direction shorter than this part of what it was made of is none."""


def gmres(
    product: Callable[[Tensor], Tensor], right: Tensor, accuracy: float
) -> tuple[Tensor, Tensor]:
    """(x [batch..., n], what is left of each right side [batch...], relative to it).

    ``product`` is linear, and each row of a batch is a system of its own. Saad and Schultz, SIAM J.
    Sci. Stat. Comput. 7 (1986) 856, the basis made orthogonal twice.
    """
    size = right.norm(dim=-1)
    scale = torch.where(size > 0, size, 1.0)
    x, left = torch.zeros_like(right), right
    for _ in range(CYCLES):
        x = x + _cycle(product, left, accuracy * scale)
        left = right - finite(product(x))
        if bool((left.norm(dim=-1) <= accuracy * scale).all()):
            break
    return x, left.norm(dim=-1) / scale


def _cycle(product: Callable[[Tensor], Tensor], left: Tensor, enough: Tensor) -> Tensor:
    """What makes the residual smallest in the Krylov space of it."""
    *front, n = left.shape
    most = min(n, RESTART)
    basis, matrix = left.new_zeros(*front, most + 1, n), left.new_zeros(*front, most + 1, most)
    size = left.norm(dim=-1)
    basis[..., 0, :] = left / torch.where(size > 0, size, 1.0)[..., None]
    target = left.new_zeros(*front, most + 1)
    target[..., 0] = size
    found = left.new_zeros(*front, 0)
    for k in range(most):
        _extend(product, basis, matrix, k)
        if k < 4 or k % 4 == 3 or k == most - 1:
            small = matrix[..., : k + 2, : k + 1]
            inverse = torch.linalg.pinv(small, rtol=100 * torch.finfo(left.dtype).eps)
            found = (inverse @ target[..., : k + 2, None])[..., 0]
            rest = target[..., : k + 2] - (small @ found[..., None])[..., 0]
            if bool((rest.norm(dim=-1) <= enough / 2).all()):
                break
    return (basis[..., : found.shape[-1], :].mT @ found[..., None])[..., 0]


def finite(x: Tensor) -> Tensor:
    """x, with 0 where it is no number: a batch goes on without the samples that fail."""
    return torch.nan_to_num(x, 0.0, 0.0, 0.0)


def _extend(product: Callable[[Tensor], Tensor], basis: Tensor, matrix: Tensor, k: int) -> None:
    """The next direction of the basis, and its column of the matrix."""
    known = basis[..., : k + 1, :]
    fresh = finite(product(basis[..., k, :]))
    before = fresh.norm(dim=-1)
    for _ in range(2):
        part = known @ fresh[..., None]
        fresh = fresh - (known.mT @ part)[..., 0]
        matrix[..., : k + 1, k] += part[..., 0]
    size = fresh.norm(dim=-1)
    size = torch.where(size > GONE * before, size, 0.0)
    matrix[..., k + 1, k] = size
    inverse = torch.where(size > 0, 1 / torch.where(size > 0, size, 1.0), 0.0)
    basis[..., k + 1, :] = fresh * inverse[..., None]
