"""Draws: every quantity has its own stream, and each distribution the moments it should have."""

from __future__ import annotations

import numpy
import pytest

from dynattn.vocabulary.distributions import DISTRIBUTIONS, stream


def test_the_same_name_draws_the_same_numbers():
    again = stream(1, "osc.omega", 2).random(5)
    assert (stream(1, "osc.omega", 2).random(5) == again).all()


def test_seed_name_and_repeat_each_make_another_stream():
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "a\x001", 0), (10, "a", 0)]
    draws = {tuple(stream(*key).random(4)) for key in keys}
    assert len(draws) == len(keys)


def test_streams_are_uncorrelated():
    draws = numpy.stack([stream(0, f"osc.x{i}").standard_normal(4000) for i in range(6)])
    correlation = numpy.corrcoef(draws) - numpy.eye(6)
    assert abs(correlation).max() < 5 / 4000**0.5


@pytest.mark.parametrize(
    ("name", "arguments", "median", "deviation"),
    [
        ("normal", (2.0, 3.0), 2.0, 3.0),
        ("uniform", (-1.0, 3.0), 1.0, 4 / 12**0.5),
        ("lognormal", (0.5, 0.25), numpy.exp(0.5), None),
        ("exponential", (2.0,), 2 * numpy.log(2), 2.0),
        ("cauchy", (1.0, 0.5), 1.0, None),
    ],
)
def test_draws_have_the_right_middle_and_spread(name, arguments, median, deviation):
    draws = DISTRIBUTIONS[name].sample(stream(0, name), (20000,), *arguments)
    assert draws.dtype == numpy.float64
    assert numpy.median(draws) == pytest.approx(median, abs=0.08)
    if deviation is not None:
        assert draws.std() == pytest.approx(deviation, rel=0.04)


@pytest.mark.parametrize("entry", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_arguments_broadcast_and_defaults_are_allowed(entry):
    given = len(entry.parameters) - len(entry.defaults)
    assert given == 0
    assert entry.check(*entry.defaults) == ""
    arrays = [numpy.full((3, 1), value) for value in entry.defaults]
    assert entry.sample(stream(0, "x"), (3, 4), *arrays).shape == (3, 4)


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("normal", (0.0, -1.0), "the standard deviation -1 is negative"),
        ("uniform", (2.0, 1.0), "the lower end 2 is above the upper end 1"),
        ("lognormal", (0.0, -0.5), "the standard deviation -0.5 is negative"),
        ("exponential", (0.0,), "the scale 0 is not positive"),
        ("cauchy", (0.0, -2.0), "the scale -2 is not positive"),
    ],
)
def test_impossible_arguments_are_named(name, arguments, text):
    assert DISTRIBUTIONS[name].check(*arguments) == text
