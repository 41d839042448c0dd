"""Whole-array functions of orthogonal and unitary matrices, as in ``kernels``."""

from __future__ import annotations

import torch


def unitary_factor(a, rounds=8):
    """u of a = u h with u unitary and h positive, by Newton's iteration u <- (u + u^-+)/2.

    It takes singular values s to (s + 1/s)/2. All rounds but the last five are scaled, which
    changes nothing in u; three of those bring ratios of singular values up to 10^4 to below 1.3.
    The rest ends within rounding. nan where a is singular.
    """
    for k in range(rounds):
        inverse, failed = torch.linalg.inv_ex(a)
        if k == 0:  # what comes after has an inverse
            inverse = torch.where((failed > 0)[..., None, None], torch.nan, inverse)
        other = inverse.mH
        if k < rounds - 5:
            norms = [torch.linalg.matrix_norm(x.detach(), keepdim=True) for x in (other, a)]
            scale = (norms[0] / norms[1]).sqrt()
            a, other = a * scale, other / scale
        a = (a + other) / 2
    return a


def rotation_logarithm(a):
    """The shortest skew w with expm(w) = u, the unitary factor of a; nan where there are several.

    The square root of a unitary u is the unitary factor of 1 + u. After three roots all angles are
    below pi/8, and log u = 2 artanh(c) of c = (u - 1)(u + 1)^-1 by its series. Higham, Functions of
    Matrices (2008), chapters 8 and 11.
    """
    u, one = unitary_factor(a), torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    for rounds in (14, 8, 6):
        u = unitary_factor(one + u, rounds)
    c = (u - one) @ torch.linalg.inv_ex(u + one)[0]
    square = c @ c
    total = one / 25
    for k in range(11, -1, -1):
        total = one / (2 * k + 1) + square @ total
    w = 16 * (c @ total)
    w = (w - w.mH) / 2
    return least_trace(w) if w.is_complex() else w


def least_trace(w):
    """A skew-adjoint w with 2 pi taken off its largest angles, or added to its smallest, until they
    sum to less than pi: what makes the logarithm of a matrix of determinant 1 traceless.

    The projector on the angles above a level is (1 + sign(h - level))/2, and the sign of a
    Hermitian matrix is its unitary factor.
    """
    one, h = torch.eye(w.shape[-1], dtype=w.dtype, device=w.device), w / 1j
    theta = torch.linalg.eigvalsh(h.detach())
    count = (theta.sum(-1, keepdim=True) / (2 * torch.pi)).round()
    above = torch.where(count < 0, count + w.shape[-1], count).nan_to_num().long()
    around = torch.cat([theta, theta[..., -1:] + 2], -1)
    ends = [around.take_along_dim(w.shape[-1] - above - k, -1) for k in (0, 1)]
    level = ((ends[0] + ends[1]) / 2)[..., None]
    upper = (one + unitary_factor(h - level * one)) / 2
    return w - 2j * torch.pi * (upper - (count < 0)[..., None] * one)


def rotation_angles(a):
    """The angles of the eigenvalues of the unitary factor of a, smallest first: [.., n].

    As in ``least_trace``, they sum to less than pi.
    """
    theta = torch.linalg.eigvals(unitary_factor(a)).angle().sort(-1)[0]
    count = (theta.sum(-1, keepdim=True).detach() / (2 * torch.pi)).round()
    place = torch.arange(a.shape[-1], device=a.device)
    turns = (place < -count).to(theta.dtype) - (place >= a.shape[-1] - count).to(theta.dtype)
    return (theta + 2 * torch.pi * turns).sort(-1)[0]
