"""Matrices of dual numbers: the product, and functions of the last two axes, with their slopes.

Plain numpy and scipy, each slope by its own theorem: nothing here iterates as the lowered functions
do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

from dynattn.program.duals import Dual

Array = NDArray[Any]

Slope = Callable[[Array, Array, Array], Array]
"""slope(a, f(a), da): the derivative of f at the matrix a along da."""


def product(a: Dual, b: Dual) -> Dual:
    """a b over the last axes; a vector stands for a row on the left, for a column on the right."""
    value = numpy.asarray(a.value @ b.value)
    parts = []
    if a.tangent is not None:
        parts.append(_along(lambda da: da @ b.value, a.tangent, value.shape))
    if b.tangent is not None:
        parts.append(_along(lambda db: a.value @ db, b.tangent, value.shape))
    return Dual(value, sum(parts[1:], parts[0]) if parts else None)


def _along(change: Callable[[Array], Array], tangent: Array, shape: tuple[int, ...]) -> Array:
    """One direction after the other: tangents [..., P]."""
    columns = [numpy.asarray(change(tangent[..., k])) for k in range(tangent.shape[-1])]
    return numpy.stack(columns, -1) if columns else numpy.zeros((*shape, 0))


def of_square(name: str, a: Dual) -> Dual:
    """``transpose trace det inverse expm polar logm angles`` of every matrix [..., n, n]."""
    value, slope = _FUNCTIONS[name]
    found = numpy.asarray(value(a.value))
    if a.tangent is None:
        return Dual(found)
    return Dual(found, _along(lambda da: slope(a.value, found, da), a.tangent, found.shape))


def _adjoint(a: Array) -> Array:
    return a.conj().swapaxes(-1, -2)


def _trace(a: Array) -> Array:
    return numpy.trace(a, axis1=-2, axis2=-1)


def _expm(a: Array) -> Array:
    from scipy.linalg import expm

    return expm(a)


def _expm_slope(a: Array, found: Array, da: Array) -> Array:
    """The upper right block of exp([[a, da], [0, a]])."""
    n = a.shape[-1]
    whole = numpy.zeros((*a.shape[:-2], 2 * n, 2 * n), numpy.result_type(a, da))
    whole[..., :n, :n] = whole[..., n:, n:] = a
    whole[..., :n, n:] = da
    return _expm(whole)[..., :n, n:]


def _polar(a: Array) -> Array:
    """The unitary factor of a = u h, by singular values."""
    left, _, right = numpy.linalg.svd(a)
    return left @ right


def _polar_slope(a: Array, u: Array, da: Array) -> Array:
    """u w with the skew w of w h + h w = u^+ da - da^+ u, in the eigenvectors of h = u^+ a."""
    h = _adjoint(u) @ a
    size, basis = numpy.linalg.eigh((h + _adjoint(h)) / 2)
    right = _adjoint(u) @ da
    inside = _adjoint(basis) @ (right - _adjoint(right)) @ basis
    w = inside / (size[..., :, None] + size[..., None, :])
    return u @ basis @ w @ _adjoint(basis)


def _turns(u: Array) -> tuple[Array, Array]:
    """Angles of the eigenvalues of unitary matrices, and their orthonormal vectors; the angles of a
    complex matrix sum to less than pi.
    """
    from scipy.linalg import schur

    angles, vectors = numpy.empty(u.shape[:-1]), numpy.empty(u.shape, numpy.complex128)
    for place in numpy.ndindex(u.shape[:-2]):
        triangle, basis = schur(u[place], output="complex")[:2]
        found = numpy.angle(numpy.diagonal(triangle))
        order = numpy.argsort(found)
        found, excess = found[order], round(found.sum() / (2 * numpy.pi))
        found[len(found) - max(excess, 0) :] -= 2 * numpy.pi
        found[: max(-excess, 0)] += 2 * numpy.pi
        again = numpy.argsort(found)
        angles[place], vectors[place] = found[again], basis[:, order[again]]
    return angles, vectors


def _like(found: Array, a: Array) -> Array:
    return found if numpy.iscomplexobj(a) else numpy.real(found)


def _logm(a: Array) -> Array:
    angles, basis = _turns(_polar(a))
    return _like((basis * (1j * angles)[..., None, :]) @ _adjoint(basis), a)


def _logm_slope(a: Array, found: Array, da: Array) -> Array:
    """The theorem of Daleckii and Krein: divided differences in the eigenvectors."""
    u = _polar(a)
    angles, basis = _turns(u)
    turn = _adjoint(basis) @ _polar_slope(a, u, da) @ basis
    half = (angles[..., :, None] - angles[..., None, :]) / 2
    middle = (angles[..., :, None] + angles[..., None, :]) / 2
    quotient = numpy.exp(-1j * middle) / numpy.sinc(half / numpy.pi)
    return _like(basis @ (turn * quotient) @ _adjoint(basis), a)


def _angles_slope(a: Array, found: Array, da: Array) -> Array:
    u = _polar(a)
    angles, basis = _turns(u)
    turn = _adjoint(basis) @ _polar_slope(a, u, da) @ basis
    return numpy.imag(numpy.diagonal(turn, axis1=-2, axis2=-1) * numpy.exp(-1j * angles))


def _det_slope(a: Array, found: Array, da: Array) -> Array:
    return found * _trace(numpy.linalg.solve(a, da))


_FUNCTIONS: dict[str, tuple[Callable[[Array], Any], Slope]] = {
    "transpose": (lambda a: a.swapaxes(-1, -2), lambda a, f, da: da.swapaxes(-1, -2)),
    "trace": (_trace, lambda a, f, da: _trace(da)),
    "det": (numpy.linalg.det, _det_slope),
    "inverse": (numpy.linalg.inv, lambda a, f, da: -f @ da @ f),
    "expm": (_expm, _expm_slope),
    "polar": (_polar, _polar_slope),
    "logm": (_logm, _logm_slope),
    "angles": (lambda a: _turns(_polar(a))[0], _angles_slope),
}
