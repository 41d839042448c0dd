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
        ("laplace", (1.0, 0.5), 1.0, 0.5 * 2**0.5),
        ("gamma", (4.0, 0.5), 0.5 * 3.672, 1.0),
        ("beta", (2.0, 2.0), 0.5, 0.05**0.5),
        ("pareto", (3.0, 2.0), 2 * 2 ** (1 / 3), None),
        ("bernoulli", (0.25,), 0.0, (3 / 16) ** 0.5),
        ("poisson", (3.0,), 3.0, 3**0.5),
        ("integers", (1.0, 6.0), None, (35 / 12) ** 0.5),
        ("choice", (-1.0, 1.0), None, 1.0),
        ("choice", (0.0, 0.0, 3.0), 0.0, 2**0.5),
    ],
)
def test_draws_have_the_right_middle_and_spread(name, arguments, median, deviation):
    draws = DISTRIBUTIONS[name].sample(stream(0, name), (20000,), *arguments)
    assert draws.dtype == numpy.float64
    if median is not None:
        assert numpy.median(draws) == pytest.approx(median, abs=0.08)
    if deviation is not None:
        assert draws.std() == pytest.approx(deviation, rel=0.04)


EXAMPLES = {"choice": (1.0, 2.0), "multinomial": (5.0,)}
SEPARATE = [entry for entry in DISTRIBUTIONS.values() if entry.place != "edges"]


@pytest.mark.parametrize("entry", SEPARATE, ids=lambda entry: entry.name)
def test_arguments_broadcast_and_defaults_are_allowed(entry):
    arguments = EXAMPLES.get(entry.name, entry.defaults)
    assert len(arguments) == len(entry.parameters)
    assert entry.check(*arguments) == ""
    arrays = [numpy.full((3, 1), value) for value in arguments]
    draws = entry.sample(stream(0, "x"), (3, 4), *arrays)
    assert draws.shape == (3, 4) and draws.dtype == numpy.float64
    assert draws.min() >= entry.least(*arguments)


@pytest.mark.parametrize("entry", SEPARATE, ids=lambda entry: entry.name)
def test_all_points_of_a_batch_see_the_same_random_numbers(entry):
    arguments = EXAMPLES.get(entry.name, entry.defaults)
    alone = entry.sample(stream(0, "x"), (4,), *arguments)
    batch = [numpy.array([[0.5 * value], [value]]) for value in arguments]
    together = entry.sample(stream(0, "x"), (4,), *batch)
    assert together.shape == (2, 4)
    assert (together[1] == alone).all()


def test_integers_choices_and_bernoulli_take_their_values_equally_often():
    for name, arguments, values in (
        ("integers", (1.0, 3.0), (1, 2, 3)),
        ("choice", (-1.0, 1.0), (-1, 1)),
        ("bernoulli", (0.5,), (0, 1)),
    ):
        draws = DISTRIBUTIONS[name].sample(stream(0, name), (20000,), *arguments)
        found, counts = numpy.unique(draws, return_counts=True)
        assert tuple(found) == values
        assert counts == pytest.approx(20000 / len(values), rel=0.03)


def test_von_mises_angles_have_the_mean_resultant_of_bessel_functions():
    from scipy.special import i0, i1

    draws = DISTRIBUTIONS["vonmises"].sample(stream(0, "v"), (20000,), 1.0, 2.0)
    assert numpy.exp(1j * draws).mean() == pytest.approx(i1(2) / i0(2) * numpy.exp(1j), abs=0.01)


def test_multinomial_counts_sum_to_n_and_spread_evenly():
    draws = DISTRIBUTIONS["multinomial"].sample(stream(0, "m"), (50, 400), 1000.0)
    assert (draws.sum(0) == 1000).all()
    assert draws.mean(1) == pytest.approx(numpy.full(50, 20), rel=0.05)
    assert draws.var() == pytest.approx(1000 * 0.02 * 0.98, rel=0.03)
    none = DISTRIBUTIONS["multinomial"].sample(stream(0, "m"), (5,), 0.0)
    assert (none == numpy.zeros(5)).all()


def test_pairs_of_edges_are_correlated_and_single_ones_normal():
    upper = numpy.triu(numpy.ones((200, 200), dtype=bool))
    draws = DISTRIBUTIONS["paired_normal"].sample(
        stream(0, "w"), (200, 200), 1.0, 0.5, -0.6, turned=numpy.transpose, leading=upper
    )
    above, below = (
        draws[upper & ~numpy.eye(200, dtype=bool)],
        draws.T[upper & ~numpy.eye(200, dtype=bool)],
    )
    assert numpy.corrcoef(above, below)[0, 1] == pytest.approx(-0.6, abs=0.02)
    assert (draws.mean(), draws.std()) == pytest.approx((1.0, 0.5), abs=0.02)
    assert above.std() == pytest.approx(below.std(), rel=0.03)


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("normal", (0.0, -1.0), "the standard deviation -1 is negative"),
        ("uniform", (2.0, 1.0), "the lower end 2 is above the upper end 1"),
        ("lognormal", (0.0, -0.5), "the standard deviation -0.5 is negative"),
        ("exponential", (0.0,), "the scale 0 is not positive"),
        ("cauchy", (0.0, -2.0), "the scale -2 is not positive"),
        ("laplace", (0.0, 0.0), "the scale 0 is not positive"),
        ("gamma", (-1.0, 1.0), "the shape -1 is not positive"),
        ("gamma", (1.0, -1.0), "the scale -1 is not positive"),
        ("beta", (0.0, 1.0), "the parameter a = 0 is not positive"),
        ("beta", (1.0, 0.0), "the parameter b = 0 is not positive"),
        ("pareto", (0.0, 1.0), "the exponent 0 is not positive"),
        ("pareto", (1.0, 0.0), "the least value 0 is not positive"),
        ("vonmises", (0.0, -1.0), "the concentration -1 is negative"),
        ("bernoulli", (1.5,), "the probability 1.5 is outside 0 .. 1"),
        ("poisson", (-1.0,), "the mean -1 is negative"),
        ("integers", (2.0, 1.0), "the lower end 2 is above the upper end 1"),
        ("multinomial", (2.5,), "the number 2.5 is no whole number from 0 on"),
        ("paired_normal", (0.0, 1.0, 2.0), "the correlation 2 is outside -1 .. 1"),
        ("paired_normal", (0.0, -1.0, 0.0), "the standard deviation -1 is negative"),
    ],
)
def test_impossible_arguments_are_named(name, arguments, text):
    assert DISTRIBUTIONS[name].check(*arguments) == text
