"""Differences in pairs: against SciPy's paired test."""

from __future__ import annotations

import numpy
import pytest
from scipy import stats

from dynattn.analyse.paired import paired_difference, summarise


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    rng = numpy.random.default_rng(4)
    first = rng.normal(size=7)
    second = first + rng.normal(0.3, 0.5, size=7)
    found = paired_difference(second.tolist(), first.tolist())
    assert found is not None and found.interval is not None and found.bootstrap is not None
    truth = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert found.interval == pytest.approx((truth.low, truth.high), rel=1e-12)
    assert found.mean == pytest.approx((second - first).mean(), rel=1e-12)
    drawn = stats.bootstrap(
        (second - first,), numpy.mean, method="percentile", n_resamples=9999, rng=1
    ).confidence_interval  # fmt: skip
    assert found.bootstrap == pytest.approx((drawn.low, drawn.high), abs=0.02)


def test_equal_values_differ_by_nothing() -> None:
    found = paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert found is not None
    assert (found.mean, found.interval, found.bootstrap) == (0.0, (0.0, 0.0), (0.0, 0.0))


def test_one_pair_has_no_interval_and_none_no_difference() -> None:
    found = paired_difference([2.0], [1.0])
    assert found is not None and (found.mean, found.interval) == (1.0, None)
    assert paired_difference([], []) is None


def test_a_summary() -> None:
    found = summarise([1.0, 2.0, 6.0])
    assert found is not None
    assert (found.mean, found.median, found.low, found.high) == (3.0, 2.0, 1.0, 6.0)
    assert found.deviation == pytest.approx(7**0.5)
    alone = summarise([1.0])
    assert alone is not None and alone.deviation is None
    assert summarise([]) is None
