"""Every analysis against its closed form, and the contract they share."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.analyse.catalogue import ANALYSES
from dynattn.analyse.order_parameter import daido, kuramoto, local
from dynattn.analyse.statistics import deviation, final, time_average

RNG = np.random.default_rng(0)
PHASES = RNG.uniform(-3, 3, (4, 2, 7))
EDGES = (np.array([0, 0, 1, 3, 3, 3]), np.array([1, 2, 0, 4, 5, 6]))
TIMES = np.linspace(0, 3, 4)


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=lambda a: a.name)
def test_the_sample_has_its_result(analysis):
    assert analysis.function(*analysis.sample) == pytest.approx(analysis.result, abs=1e-6)


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=lambda a: a.name)
def test_the_contract(analysis):
    """Other axes are kept, the input is not touched, equal input gives equal output."""
    before = PHASES.copy()
    match analysis.takes:
        case "phases":
            call = lambda x: analysis.function(x, *analysis.sample[1:])  # noqa: E731
            assert call(PHASES).shape == (4, 2)
            assert call(PHASES)[1, 1] == pytest.approx(call(PHASES[1, 1]))
        case "graph phases":
            call = lambda x: analysis.function(x, *EDGES)  # noqa: E731
            assert call(PHASES).shape == PHASES.shape
            assert call(PHASES)[1, 1] == pytest.approx(call(PHASES[1, 1]))
        case "series":
            call = lambda x: analysis.function(TIMES, x)  # noqa: E731
            assert call(PHASES).shape == (2, 7)
            assert call(PHASES)[1, 3] == pytest.approx(call(PHASES[:, 1, 3]))
        case other:
            raise AssertionError(other)
    assert np.array_equal(call(PHASES), call(PHASES))
    assert np.array_equal(PHASES, before)
    assert analysis.doc


def test_order_is_invariant_under_a_common_turn():
    assert np.abs(kuramoto(PHASES + 0.7)) == pytest.approx(np.abs(kuramoto(PHASES)))
    assert kuramoto(PHASES + 0.7) == pytest.approx(kuramoto(PHASES) * np.exp(0.7j))
    assert np.abs(daido(PHASES, 2)).max() <= 1


def test_local_order_of_a_loop_over_nodes():
    expected = [
        np.abs(np.exp(1j * PHASES[0, 0, EDGES[1][EDGES[0] == i]]).mean()) if i in EDGES[0] else 0.0
        for i in range(7)
    ]
    assert local(PHASES[0, 0], *EDGES) == pytest.approx(expected)


def test_average_after_a_transient():
    times, series = np.array([0.0, 1.0, 2.0, 4.0]), np.array([9.0, 1.0, 2.0, 4.0])
    assert time_average(times, series, after=1.0) == pytest.approx(2.5)
    assert time_average(times, series, after=4.0) == 4.0
    assert time_average(times, np.ones(4)) == 1.0
    assert deviation(times, np.ones(4)) == 0.0
    assert final(times, series) == 4.0
    with pytest.raises(ValueError, match="no saved time after 5"):
        time_average(times, series, after=5)
