"""Newton steps and spectra of large systems: the Jacobian as a sparse matrix, or as what it does.

Where most of its entries are 0 it is assembled, some columns at a time, and factorised; where they
are not it is never made, and GMRES knows only its products with vectors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
import torch
from torch import Tensor

from dynattn.solve.rest_problem import Local
from dynattn.solve.sparsity import pattern_of

operator_of: Any = linear.LinearOperator
"""Its stubs know only the constructors of its subclasses."""

FILLED = 0.05
"""Entries, as a share of all, up to which a matrix is kept sparse."""

COLUMNS = 256
"""Columns that are assembled at once."""

PROBED = 16
"""Columns that tell whether the others are sparse."""

ACCURACY = 1e-8
"""Of a step by GMRES, relative to the residual."""


def large_step(local: Local, rates: Tensor, drift: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
    """As ``newton_step``, one point of the batch after another."""
    front = rates.shape[:-1]
    steps = torch.zeros_like(rates)
    largest = torch.ones(front, dtype=steps.dtype, device=steps.device)
    for index in np.ndindex(*front):
        if bool(going[index]):
            alone = local.problem.alone(()).at(local.y[index])
            jacobian = jacobian_of(alone, drift[index])
            steps[index] = bordered_solve(alone, jacobian, -rates[index])
            largest[index] = _size(jacobian)
    return steps, largest


def jacobian_of(local: Local, drift: Tensor) -> Any:
    """[m, m] at one point: a sparse matrix, or a linear operator where it would be full."""
    coloured = _coloured(local, drift)
    if coloured is not None:
        return coloured
    m = local.bases.count
    some = torch.linspace(0, m - 1, PROBED).long()
    filled = _columns(local, drift, some)
    if filled.nnz > FILLED * m * PROBED:
        return operator_of((m, m), matvec=lambda v: _product(local, drift, v))
    pieces = [_columns(local, drift, part) for part in torch.arange(m).split(COLUMNS)]
    return sparse.hstack(pieces, format="csc")


def _coloured(local: Local, drift: Tensor) -> Any:
    """Where space is flat, and few nodes hear each: columns that no row shares at once."""
    if any(basis is not None for basis in local.bases.parts.values()):
        return None
    packing = replace(local.problem.packing, batch=())
    pattern = pattern_of(local.problem.system, packing)
    for known in () if pattern is None else (pattern, pattern.wider()):
        if known.pays:
            found = known.assembled(local.slopes(known.followed(local.y), drift))
            if found is not None:
                return found
    return None


def _columns(local: Local, drift: Tensor, which: Tensor) -> Any:
    units = torch.zeros(len(which), local.bases.count, dtype=local.y.dtype, device=local.y.device)
    units[torch.arange(len(which)), which] = 1.0
    slopes = local.slopes(local.bases.lift(units), drift)
    return sparse.csc_matrix(slopes.detach().cpu().numpy().T)


def _product(local: Local, drift: Tensor, v: np.ndarray) -> np.ndarray:
    xi = torch.as_tensor(np.asarray(v, dtype=float).reshape(1, -1)).to(local.y)
    return local.slopes(local.bases.lift(xi), drift)[0].detach().cpu().numpy()


def _size(jacobian: Any) -> float:
    return float(abs(jacobian).max()) if sparse.issparse(jacobian) else 1.0


def bordered_solve(local: Local, jacobian: Any, right: Tensor) -> Tensor:
    """xi [m] of the Newton step at one point."""
    border = local.border()
    corner = border.corner().cpu().numpy()
    columns, rows = border.columns.cpu().numpy(), border.rows.cpu().numpy()
    sides = np.concatenate([right.detach().cpu().numpy(), np.zeros(len(corner))])
    m = len(right)
    if sparse.issparse(jacobian):
        whole = _whole(jacobian, columns, rows, corner)
        found = linear.splu(whole).solve(sides)
    else:

        def product(v: np.ndarray) -> np.ndarray:
            return np.concatenate(
                [jacobian @ v[:m] + columns @ v[m:], rows @ v[:m] + corner @ v[m:]]
            )

        operator = operator_of((len(sides), len(sides)), matvec=product)
        found, _ = linear.gmres(operator, sides, rtol=ACCURACY, restart=200, maxiter=10)
    return torch.as_tensor(found[:m]).to(right)


def adjoint_solve(local: Local, drift: Tensor, right: Tensor) -> Tensor:
    """The first m numbers of x [m + s + w] with the transposed matrix x = right, at one point."""
    border = local.border()
    corner = border.corner().cpu().numpy()
    columns, rows = border.columns.cpu().numpy(), border.rows.cpu().numpy()
    jacobian, sides = jacobian_of(local, drift), right.detach().cpu().numpy()
    m = local.bases.count
    if sparse.issparse(jacobian):
        found = linear.splu(_whole(jacobian, columns, rows, corner)).solve(sides, trans="T")
        return torch.as_tensor(found[:m]).to(right)
    with torch.enable_grad():
        xi = torch.zeros(m, dtype=right.dtype, device=right.device, requires_grad=True)
        y = local.y + local.bases.lift(xi)
        rates = local.bases.drop(local.problem.field(y))
        if drift.shape[-1]:
            turned = local.problem.symmetries.turned(y - local.y)
            rates = rates - local.bases.drop((turned * drift[:, None]).sum(0))

    def product(v: np.ndarray) -> np.ndarray:
        v = np.ravel(v)
        by = torch.as_tensor(v[:m].copy()).to(right)
        (back,) = torch.autograd.grad(rates, xi, by, retain_graph=True)
        first = back.cpu().numpy() + rows.T @ v[m:]
        return np.concatenate([first, columns.T @ v[:m] + corner.T @ v[m:]])

    operator = operator_of((len(sides), len(sides)), matvec=product)
    found, _ = linear.gmres(operator, sides, rtol=1e-12, restart=200, maxiter=10)
    return torch.as_tensor(found[:m]).to(right)


def _whole(jacobian: Any, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray) -> Any:
    if not len(corner):
        return jacobian
    blocks = [[jacobian, sparse.csc_matrix(columns)],
              [sparse.csc_matrix(rows), sparse.csc_matrix(corner)]]  # fmt: skip
    return sparse.bmat(blocks, format="csc")


def leading_values(local: Local, drift: Tensor, count: int) -> tuple[np.ndarray, int]:
    """(the ``count`` eigenvalues that grow most, how many neutral ones were taken out).

    Neutral directions are moved far to the left, where they are not looked at. A sparse matrix is
    asked for those nearest to 0 too, which Krylov methods find late.
    """
    jacobian = jacobian_of(local, drift)
    neutral = local.neutral().cpu().numpy()
    neutral = neutral[:, np.square(neutral).sum(0) > 0.5]

    def product(v: np.ndarray) -> np.ndarray:
        v = np.ravel(v)
        inside = v - neutral @ (neutral.T @ v)
        moved = jacobian @ inside
        return moved - neutral @ (neutral.T @ moved) - scale * (neutral @ (neutral.T @ v))

    m = jacobian.shape[0]
    start = np.random.default_rng(0).standard_normal(m)
    scale = float(np.linalg.norm(jacobian @ start) / np.linalg.norm(start)) + 1.0
    operator = operator_of((m, m), matvec=product, dtype=float)
    if sparse.issparse(jacobian) and not neutral.shape[1]:
        # Shifted to the right of all, up to rounding: the nearest are those that grow most.
        shift = float((jacobian.diagonal() + _radii(jacobian)).max()) + 1e-3 * scale
        values = linear.eigs(jacobian, k=count, sigma=shift, v0=start, return_eigenvectors=False)
    else:
        values = linear.eigs(operator, k=count, which="LR", v0=start, ncv=6 * count,
                             return_eigenvectors=False)  # fmt: skip
    return np.asarray(values), neutral.shape[1]


def _radii(matrix: Any) -> np.ndarray:
    """Of Gershgorin's circles."""
    return np.asarray(abs(matrix).sum(axis=1)).ravel() - np.abs(matrix.diagonal())
