"""The baselines against calculations by hand."""

from __future__ import annotations

import math

import numpy

from dynattn.learn import baselines
from dynattn.learn.baselines import (
    bigram_bits,
    bigram_probabilities,
    unigram_bits,
    unigram_probabilities,
)

# "aabab" with a = 0, b = 1, and a third symbol that is never seen
TRAINING = numpy.array([0, 0, 1, 0, 1], numpy.uint8)


def test_unigram_adds_one_to_each_count():
    expected = [(3 + 1) / 8, (2 + 1) / 8, (0 + 1) / 8]
    assert numpy.allclose(unigram_probabilities(TRAINING, 3), expected)


def test_bigram_is_interpolated_with_the_unigram():
    # after a: a once, b twice, two kinds; after b: a once, one kind; after c: nothing
    p = [4 / 8, 3 / 8, 1 / 8]
    after_a = [(1 + 2 * p[0]) / 5, (2 + 2 * p[1]) / 5, 2 * p[2] / 5]
    after_b = [(1 + p[0]) / 2, p[1] / 2, p[2] / 2]
    assert numpy.allclose(bigram_probabilities(TRAINING, 3), [after_a, after_b, p])


def test_every_row_is_a_distribution():
    rng = numpy.random.default_rng(0)
    table = bigram_probabilities(rng.integers(0, 7, 500), 9)
    assert numpy.allclose(table.sum(1), 1)
    assert (table > 0).all()


def test_bits_are_means_over_all_but_the_first():
    validation = numpy.array([1, 0, 2], numpy.uint8)
    assert math.isclose(
        unigram_bits(TRAINING, validation, 3), -(math.log2(4 / 8) + math.log2(1 / 8)) / 2
    )
    expected = -(math.log2(0.75) + math.log2(0.05)) / 2
    assert math.isclose(bigram_bits(TRAINING, validation, 3), expected)


def test_counting_in_pieces_changes_nothing(monkeypatch):
    text = numpy.random.default_rng(1).integers(0, 5, 1000).astype(numpy.uint8)
    whole = bigram_probabilities(text, 5)
    monkeypatch.setattr(baselines, "_PIECE", 7)
    assert numpy.array_equal(bigram_probabilities(text, 5), whole)
