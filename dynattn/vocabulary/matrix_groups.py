"""Orthogonal and unitary matrices, and the skew ones that generate them: draws and what lies on."""

from __future__ import annotations

from typing import Any


def adjoint(matrices: Any) -> Any:
    """The conjugate transpose of every matrix [..., n, n]."""
    return matrices.conj().swapaxes(-1, -2)


def sample_orthogonal(rng: Any, shape: tuple[int, ...]) -> Any:
    """Rotations, evenly (Haar): Q of a QR decomposition with a positive diagonal of R."""
    return _even(rng.standard_normal(shape))


def sample_unitary(rng: Any, shape: tuple[int, ...]) -> Any:
    """Unitary matrices of determinant 1, evenly (Haar)."""
    return _even(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def _even(gaussian: Any) -> Any:
    """Mezzadri, Notices of the AMS 54 (2007) 592; then the determinant is made 1."""
    import numpy

    q, r = numpy.linalg.qr(gaussian)
    diagonal = numpy.diagonal(r, axis1=-2, axis2=-1)
    q = q * (diagonal / abs(diagonal))[..., None, :]
    determinant = numpy.linalg.det(q)
    if numpy.iscomplexobj(q):
        return q * numpy.exp(-1j * numpy.angle(determinant) / q.shape[-1])[..., None, None]
    q[..., 0] = q[..., 0] * numpy.sign(determinant)[..., None]
    return q


def skew(entries: Any) -> Any:
    """The skew matrix with these entries above the diagonal; of complex ones the imaginary diagonal
    stays, less its mean.
    """
    import numpy

    upper = numpy.triu(entries, 1)
    found = upper - adjoint(upper)
    if not numpy.iscomplexobj(entries):
        return found
    diagonal = numpy.imag(numpy.diagonal(entries, axis1=-2, axis2=-1))
    diagonal = diagonal - diagonal.mean(-1, keepdims=True)
    return found + 1j * diagonal[..., None] * numpy.eye(entries.shape[-1])


def sample_skew(rng: Any, shape: tuple[int, ...]) -> Any:
    """Real skew matrices, standard normal above the diagonal."""
    return skew(rng.standard_normal(shape))


def sample_skew_complex(rng: Any, shape: tuple[int, ...]) -> Any:
    """Traceless skew-adjoint matrices, both parts standard normal above the diagonal."""
    return skew(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def nearest(name: str, points: Any) -> Any:
    """The matrices on ``SO``, ``SU``, ``so`` or ``su`` that matrices [..., n, n] are projected to:
    the nearest ones, on SU but for the phase of the determinant.
    """
    import numpy

    if name in ("so", "su"):
        found = (points - adjoint(points)) / 2
        trace = numpy.trace(found, axis1=-2, axis2=-1)[..., None, None]
        return found - trace / points.shape[-1] * numpy.eye(points.shape[-1])
    left, _, right = numpy.linalg.svd(points)
    determinant = numpy.linalg.det(left @ right)
    if name == "SO":
        left[..., :, -1] *= numpy.sign(determinant)[..., None]
        return left @ right
    turn = numpy.exp(-1j * numpy.angle(determinant) / left.shape[-1])
    return left @ right * turn[..., None, None]


def hold(name: str, points: Any) -> bool:
    """Whether all matrices [..., n, n] lie on ``SO``, ``SU``, ``so`` or ``su``."""
    import numpy

    one = numpy.eye(points.shape[-1])
    if name in ("so", "su"):
        trace = numpy.trace(points, axis1=-2, axis2=-1)
        return bool(numpy.allclose(points, -adjoint(points), atol=1e-9) and
                    numpy.allclose(trace, 0, atol=1e-9))  # fmt: skip
    return bool(numpy.allclose(points @ adjoint(points), one, atol=1e-9) and
                numpy.allclose(numpy.linalg.det(points), 1, atol=1e-9))  # fmt: skip
