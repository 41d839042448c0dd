"""The contract of every manifold: its draws are points of it, spread evenly."""

from __future__ import annotations

import numpy
import pytest

from dynattn.vocabulary.distributions import stream
from dynattn.vocabulary.manifolds import MANIFOLDS, OPTIONAL_SIZE, PICTURES

DRAWS = 4000


def points(name: str) -> numpy.ndarray:
    """DRAWS points with three coordinates each, or one."""
    shape = (DRAWS, *(3 for _ in MANIFOLDS[name].shape))
    return MANIFOLDS[name].sample(stream(0, name), shape)


@pytest.mark.parametrize("name", MANIFOLDS)
def test_draws_have_the_shape_that_is_asked_for(name):
    assert points(name).shape == (DRAWS, *(3 for _ in MANIFOLDS[name].shape))


@pytest.mark.parametrize("name", [n for n, m in MANIFOLDS.items() if m.phase])
def test_angles_are_uniform_on_the_circle(name):
    angles = points(name)
    assert abs(angles).max() <= numpy.pi
    resultant = abs(numpy.exp(1j * angles).mean(0))
    assert (resultant < 4 / DRAWS**0.5).all()


def test_the_sphere_is_drawn_evenly():
    x = points("sphere")
    assert abs(numpy.linalg.norm(x, axis=1) - 1).max() < 1e-12
    assert abs(x.mean(0)).max() < 4 / (3 * DRAWS) ** 0.5
    assert x.T @ x / DRAWS == pytest.approx(numpy.eye(3) / 3, abs=0.03)


@pytest.mark.parametrize(
    "name", [n for n, m in MANIFOLDS.items() if m.constraint and len(m.shape) == 1]
)
def test_draws_satisfy_the_constraint(name):
    from dynattn.program import duals
    from tests.program.formulas import evaluate

    constraint = MANIFOLDS[name].constraint
    assert constraint is not None
    assert abs(evaluate(constraint, {"x": duals.plain(points(name))}).value).max() < 1e-12


@pytest.mark.parametrize("name", [n for n, m in MANIFOLDS.items() if m.logarithmic])
def test_draws_hold_and_points_below_zero_do_not(name):
    assert MANIFOLDS[name].hold(points(name))
    assert not MANIFOLDS[name].hold(-points(name))
    assert not MANIFOLDS[name].hold(points(name) - points(name))


def test_points_of_the_sphere_have_length_1():
    assert MANIFOLDS["sphere"].hold(points("sphere"))
    assert not MANIFOLDS["sphere"].hold(1.001 * points("sphere"))


def test_how_far_points_are_off():
    sphere, shares = MANIFOLDS["sphere"], MANIFOLDS["simplex"]
    assert sphere.farthest(numpy.array([[1.0, 0.0], [3.0, 4.0]])) == pytest.approx(4)
    assert shares.farthest(numpy.array([[0.5, 0.5], [1.5, -0.5]])) == pytest.approx(0.5**0.5)
    assert sphere.farthest(numpy.array([[numpy.nan, 0.0]])) is None
    assert MANIFOLDS["positive"].farthest(numpy.array([-1.0])) is None


def test_the_simplex_is_drawn_evenly():
    shares = points("simplex")
    assert shares.mean(0) == pytest.approx(numpy.full(3, 1 / 3), abs=0.015)
    assert shares.var(0) == pytest.approx(numpy.full(3, 2 / 36), rel=0.1)


@pytest.mark.parametrize("entry", MANIFOLDS.values(), ids=MANIFOLDS)
def test_entries_are_consistent(entry):
    assert set(entry.shape) <= set(entry.parameters)
    assert entry.picture in PICTURES
    assert entry.default in ("uniform", "0", "1", "1 / d")
    assert all(name in MANIFOLDS for name in OPTIONAL_SIZE)
