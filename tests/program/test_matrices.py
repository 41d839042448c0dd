"""Products and functions of matrices of dual numbers: values and slopes."""

from __future__ import annotations

import numpy
import pytest
import scipy.linalg
import torch

from dynattn.lower import rotations
from dynattn.program import duals, matrices
from dynattn.vocabulary.functions import MATRIX_FUNCTIONS

VALUES = {
    "transpose": lambda a: numpy.einsum("...ij->...ji", a),
    "trace": lambda a: numpy.einsum("...ii", a),
    "det": numpy.linalg.det,
    "inverse": numpy.linalg.inv,
    "expm": scipy.linalg.expm,
    "polar": lambda a: numpy.stack([scipy.linalg.polar(x)[0] for x in a]),
    "logm": lambda a: numpy.stack([scipy.linalg.logm(scipy.linalg.polar(x)[0]) for x in a]),
    "angles": lambda a: numpy.stack(
        [numpy.sort(numpy.angle(numpy.linalg.eigvals(scipy.linalg.polar(x)[0]))) for x in a]
    ),
}


def slopes_by_differences(function, *arrays):
    columns = []
    for which, array in enumerate(arrays):
        for place in numpy.ndindex(array.shape):
            up, down = [a.copy() for a in arrays], [a.copy() for a in arrays]
            up[which][place] += 1e-6
            down[which][place] -= 1e-6
            columns.append((function(*up) - function(*down)) / 2e-6)
    return numpy.stack(columns, -1)


def leaves_of(*arrays):
    inputs = sum(a.size for a in arrays)
    offsets = numpy.cumsum([0, *(a.size for a in arrays)])[:-1]
    pairs = zip(arrays, offsets, strict=True)
    return [duals.independent(a, int(offset), inputs) for a, offset in pairs]


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_values_and_slopes_of_matrix_functions(name):
    a = numpy.random.default_rng(1).standard_normal((2, 3, 3)) + numpy.eye(3)
    a[numpy.linalg.det(a) < 0] *= -1
    (leaf,) = leaves_of(a)
    found = matrices.of_square(name, leaf)
    numpy.testing.assert_allclose(found.value, VALUES[name](a), rtol=1e-12, atol=1e-12)
    expected = slopes_by_differences(lambda x: matrices.of_square(name, duals.plain(x)).value, a)
    assert found.tangent is not None
    numpy.testing.assert_allclose(found.tangent, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("left", "right"), [((3, 2), (2,)), ((2,), (2, 3)), ((3, 2), (2, 4)), ((5, 3, 2), (5, 2, 4))]
)
def test_products_and_their_slopes(left, right):
    rng = numpy.random.default_rng(2)
    a, b = rng.standard_normal(left), rng.standard_normal(right)
    found = matrices.product(*leaves_of(a, b))
    numpy.testing.assert_allclose(found.value, a @ b)
    expected = slopes_by_differences(numpy.matmul, a, b)
    assert found.tangent is not None
    numpy.testing.assert_allclose(found.tangent, expected, rtol=1e-7, atol=1e-7)


def test_the_lowered_unitary_factor_is_that_of_the_singular_values():
    rng = numpy.random.default_rng(3)
    for size in (1, 2, 5):
        left, _, right = numpy.linalg.svd(rng.standard_normal((20, size, size)))
        stretch = 10.0 ** rng.uniform(-2, 2, (20, size))
        found = rotations.unitary_factor(torch.from_numpy((left * stretch[:, None]) @ right))
        numpy.testing.assert_allclose(found.numpy(), left @ right, atol=1e-10)
