"""How small disturbances of an equilibrium grow: eigenvalues on the tangent space.

Directions that a symmetry or a conserved quantity leaves neutral are counted and taken out, so that
what is left is decided by its signs. At a relative equilibrium all is seen in the frame that
drifts. Of a map the eigenvalues are its multipliers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigvalsh_tridiagonal, ldl
from scipy.sparse.linalg import ArpackError, eigsh
from torch import Tensor

from dynattn.analyse.leading import BALANCED, EDGE, balance, leading_of_whole
from dynattn.solve.equilibria import Rest
from dynattn.solve.jacobians import along
from dynattn.solve.large_steps import leading_values, operator_of
from dynattn.solve.rest_problem import Local, RestProblem, is_logarithmic
from dynattn.solve.steps_to_rest import DENSE

NEUTRAL = 1e-7
"""A real part this small, relative to the largest eigenvalue, decides nothing."""

SYMMETRIC = 1e-13
"""A matrix that differs from its transpose by no more than this part of its largest entry has real
eigenvalues."""

KEPT = 400
"""Unknowns up to which all eigenvalues are computed, and what gives their vectors is kept; of a
larger one the leading ones, where it is certain that no other grows."""

SHIFTS = (1e-3, 1e-2, 0.1, 0.5)
"""Above the eigenvalues, as parts of the mean of the diagonal."""

LEADING = 10
"""Eigenvalues of a large system that are computed."""

Array = NDArray[Any]

lanczos: Any = eigsh
tridiagonal: Any = eigvalsh_tridiagonal
"""Their stubs know other results."""


@dataclass(frozen=True)
class Stability:
    """Of one equilibrium."""

    eigenvalues: Array
    """complex [k], those that grow most first: all of them, or the leading ones of a large system.
    Those that a symmetry or a conserved quantity makes neutral are left out."""
    symmetric: int
    """How many are."""
    verdict: str
    """``stable``, ``unstable``, or ``undecided`` where an eigenvalue is neutral without a symmetry
    that explains it."""
    unstable: int
    """How many directions grow."""
    neutral: int
    """How many neither grow nor decay, those of symmetries apart."""
    matrix: Array | None = field(default=None, repr=False)
    """float64 [k, k]: the Jacobian without the symmetric directions; None for a large system."""
    directions: Array | None = field(default=None, repr=False)
    """float64 [k, n]: packed ambient vectors that its coordinates multiply."""

    def modes(self) -> tuple[Array, Array]:
        """(eigenvectors complex [k, n] in the order of the eigenvalues, participation [k, n]).

        The participation of a coordinate in a mode is |left times right| entry of the eigenvectors,
        a share of 1 in all. ValueError for a large system, which knows only some eigenvalues.
        """
        if self.matrix is None or self.directions is None:
            raise ValueError("the eigenvectors of a large system are not kept")
        values, right = np.linalg.eig(self.matrix)
        order = _growing_first(values)
        left = np.linalg.inv(right)
        shares = np.abs((self.directions.T @ right) * (left @ self.directions).T)
        shares = shares / shares.sum(0, keepdims=True)
        return (self.directions.T @ right).T[order], shares.T[order]


def stabilities(problem: RestProblem, rest: Rest) -> list[Stability]:
    """Of every point of a batch [points, n]."""
    found = []
    for k in range(len(rest.y)):
        alone = problem.alone(())
        local = alone.at(rest.y[k])
        if local.bases.count > DENSE:
            values, taken = leading_values(local, rest.drift[k], LEADING)
            found.append(judged(values, taken, problem.discrete, None, None))
        else:
            found.append(stability_of(local, local.jacobian(rest.drift[k]).detach()))
    return found


def stability_of(local: Local, matrix: Tensor) -> Stability:
    """Of one equilibrium with the Jacobian [m, m], in the frame that drifts."""
    border = local.neutral()
    border = border[:, border.square().sum(0) > 0.5]
    taken = border.shape[-1]
    reduced = matrix
    if len(matrix) > KEPT:
        first = int((local.orbit.square().sum(0) > 0.5).sum())
        reduced, border = _balanced(matrix, border, first)
    tall, tau = torch.geqrf(border)  # as a product of reflections a basis multiplies quickly
    if taken:
        reduced = torch.ormqr(tall, tau, reduced, left=True, transpose=True)
        reduced = torch.ormqr(tall, tau, reduced, left=False)[taken:, taken:]
    discrete, values = local.problem.discrete, _eigenvalues(reduced)
    if len(matrix) > KEPT:
        return judged(values, taken, discrete, None, None)
    free = torch.eye(len(matrix)).to(matrix)
    if taken:
        free = torch.ormqr(tall, tau, free)[:, taken:]
    directions = local.bases.lift(free.mT.contiguous()).cpu().numpy()
    return judged(values, taken, discrete, reduced.cpu().numpy(), directions)


def _balanced(matrix: Tensor, border: Tensor, drifting: int) -> tuple[Tensor, Tensor]:
    """The matrix in coordinates in which it is symmetric, where there are some, with its neutral
    directions; the first of those are right null vectors, the others left ones.
    """
    own = matrix.cpu().numpy()
    if float(np.abs(own - own.T).max()) <= SYMMETRIC * float(np.abs(own).max()):
        return matrix, border
    d = torch.as_tensor(balance(own)).to(matrix)[:, None]
    scaled = torch.cat([border[:, :drifting] / d, border[:, drifting:] * d], -1)
    turned = matrix * d.mT / d
    even = (turned + turned.mT) / 2
    if float((turned - even).abs().max()) <= BALANCED * float(turned.abs().max()):
        turned = even
    return turned, scaled


def _eigenvalues(matrix: Tensor) -> Array:
    if not len(matrix):
        return np.zeros(0)
    if float((matrix - matrix.mT).abs().max()) <= SYMMETRIC * float(matrix.abs().max()):
        if len(matrix) > KEPT:
            found = _leading(matrix)
            if found is not None:
                return found
        return torch.linalg.eigvalsh((matrix + matrix.mT) / 2).cpu().numpy()
    found = leading_of_whole(matrix) if len(matrix) > KEPT else None
    return torch.linalg.eigvals(matrix).cpu().numpy() if found is None else found


def _leading(matrix: Tensor) -> Array | None:
    """The largest eigenvalues of a symmetric matrix, by Lanczos's method with the inverse beyond
    them; None where too many are above 0 for that.

    Where Cholesky's factorization of shift - matrix exists all eigenvalues are below the shift.
    """
    own, scale = matrix.cpu().numpy(), float(matrix.diagonal().abs().mean())
    for shift in SHIFTS:
        try:
            factor = cho_factor(shift * scale * np.eye(len(own)) - own, lower=True)
        except np.linalg.LinAlgError:
            continue
        start = np.random.default_rng(0).normal(size=len(own))
        inverse = operator_of(own.shape, matvec=lambda v, f=factor: -_solved(f, v))
        try:
            found = lanczos(own, LEADING, sigma=shift * scale, OPinv=inverse, v0=start,
                            return_eigenvectors=False)  # fmt: skip
        except ArpackError:
            return None
        counted = int((_pivots(own, EDGE * scale) > 0).sum())
        return found if int((found > EDGE * scale).sum()) == counted else None
    return None


def _pivots(matrix: Array, edge: float) -> Array:
    """As many above 0 as a symmetric matrix has eigenvalues above a number (Sylvester)."""
    _, blocks, _ = ldl(matrix - edge * np.eye(len(matrix)), check_finite=False)
    return tridiagonal(blocks.diagonal(), blocks.diagonal(-1))


def _solved(factor: Any, v: Array) -> Array:
    return cho_solve(factor, v, check_finite=False)


def judged(
    values: Array, symmetric: int, discrete: bool, matrix: Array | None, directions: Array | None
) -> Stability:
    """The verdict that eigenvalues of the rates (of a map: of its change) lead to."""
    shown = values + 1 if discrete else values
    shown = np.asarray(shown, dtype=complex)[_growing_first(shown, discrete)]
    growth = np.abs(shown) - 1 if discrete else np.real(shown)
    scale = NEUTRAL * max(1.0, float(np.abs(shown).max(initial=0.0)))
    unstable, neutral = int((growth > scale).sum()), int((np.abs(growth) <= scale).sum())
    verdict = "unstable" if unstable else "undecided" if neutral else "stable"
    return Stability(shown, symmetric, verdict, unstable, neutral, matrix, directions)


def _growing_first(values: Array, discrete: bool = False) -> Array:
    growth = np.abs(values) if discrete else np.real(values)
    return np.lexsort((-np.imag(values), -np.round(growth, 12)))


def growth_of_absent(problem: RestProblem, y: Tensor) -> Mapping[str, Array]:
    """By state on ``positive`` and ``simplex`` [coordinates]: the rate at which what is absent
    would grow if there were a little of it; NaN for what is there.
    """
    chosen, sizes = is_logarithmic(problem), {}
    for name, shape in problem.packing.shapes.items():
        sizes[name] = prod(shape)
    found, start = {}, 0
    for name, size in sizes.items():
        if chosen[name]:
            found[name] = _growth(problem, y, range(start, start + size))
        start += size
    return found


def _growth(problem: RestProblem, y: Tensor, places: range) -> Array:
    values = np.full(len(places), np.nan)
    absent = [k for k in places if float(y[k]) == 0.0]
    if absent:
        units = torch.zeros(len(absent), y.shape[-1], dtype=y.dtype, device=y.device)
        units[range(len(absent)), absent] = 1.0
        slopes = along(problem.alone(()).field, y, units)
        for row, k in enumerate(absent):
            values[k - places.start] = float(slopes[row, k])
    return values
