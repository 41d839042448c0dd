"""z = g(z) by Newton's method without a Jacobian: GMRES asks only how g changes along a vector.

Saad and Schultz, SIAM Journal on Scientific and Statistical Computing 7 (1986) 856; Knoll and
Keyes, Journal of Computational Physics 193 (2004) 357. Points are solved side by side, each with
directions and step lengths of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]
"""[points, coordinates] to the same."""

DIRECTIONS = 60
"""Of one solution of a linear equation."""
RESTARTS = 10
HALVINGS = 12
"""Of a step that does not lead nearer."""


def gmres(apply: Map, right: Tensor, rtol: float) -> Tensor:
    """x with apply(x) = right, ``apply`` linear, to ``rtol`` of the right side's length; the best
    there is in DIRECTIONS directions.
    """
    length = _lengths(right)
    basis = [right / _nonzero(length)]
    most = min(DIRECTIONS, right.shape[-1])
    table = right.new_zeros(len(right), most + 1, most)
    found = right.new_zeros(len(right), 0)
    for k in range(most):
        image = apply(basis[k])
        for _ in range(2):  # twice is enough to be orthogonal to rounding
            for j, direction in enumerate(basis):
                part = (direction * image).sum(-1, keepdim=True)
                image = image - part * direction
                table[:, j, k] += part[:, 0]
        rest = _lengths(image)
        table[:, k + 1, k] = rest[:, 0]
        basis.append(image / _nonzero(rest))
        found, left = _least(table[:, : k + 2, : k + 1], length)
        if bool((left <= rtol * length).all()):
            break
    return torch.einsum("kpn,pk->pn", torch.stack(basis[: found.shape[-1]]), found)


def solve_linear(apply: Map, right: Tensor) -> tuple[Tensor, bool]:
    """x with apply(x) = right, begun again where the directions end; and whether it was found."""
    found, left = torch.zeros_like(right), right
    enough = 1e3 * torch.finfo(right.dtype).eps * _lengths(right)
    for _ in range(RESTARTS):
        found = found + gmres(apply, left, 1e-10)
        left = right - apply(found)
        if bool((_lengths(left) <= enough).all()):
            return found, True
    return found, bool((_lengths(left) <= 1e-8 * _lengths(right)).all())


def _least(table: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The coefficients that leave least of the right side, and what they leave [points, 1]."""
    q, r = torch.linalg.qr(table)
    right = q[:, 0, :, None] * length[..., None]
    own = r.diagonal(dim1=-2, dim2=-1)
    lost = own.abs() <= 1e-14 * own.abs().amax(-1, keepdim=True)
    r = r + torch.diag_embed(lost.to(r) * torch.finfo(r.dtype).max)
    left = (length.square() - right.square().sum(-2)).clamp(min=0).sqrt()
    return torch.linalg.solve_triangular(r, right, upper=True)[..., 0], left


def newton_step(g: Map, z: Tensor, left: Tensor) -> Tensor:
    """Where a step leads from z, with ``left`` = g(z) - z; no longer than leads nearer."""

    def apply(v: Tensor) -> Tensor:
        width = torch.finfo(z.dtype).eps ** 0.5 * (1 + _lengths(z)) / _nonzero(_lengths(v))
        return v - (g(z + width * v) - g(z)) / width

    step = gmres(apply, left, 1e-3)
    size, shorter = _lengths(left), torch.ones_like(left[:, :1])
    for _ in range(HALVINGS):
        moved = z + shorter * step
        after = _lengths(g(moved) - moved)
        worse = ~(after <= (1 - 1e-4 * shorter) * size)
        if not bool(worse.any()):
            break
        shorter = torch.where(worse, 0.5 * shorter, shorter)
    return z + shorter * step


def _lengths(x: Tensor) -> Tensor:
    """[points, 1]."""
    return torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.ones_like(x))
