"""What a text costs without a model: bits per character of unigram and bigram statistics.

Both are estimated on one part of a text and measured on another, over every character but the
first (the bigram needs one before it).
"""

from __future__ import annotations

from typing import Any

import numpy

_PIECE = 1 << 22
"""Characters counted at a time, so that a long text needs little memory besides itself."""


def unigram_probabilities(training: Any, symbols: int) -> Any:
    """Frequencies with one count added to each of the ``symbols`` symbols (Laplace)."""
    counts = numpy.bincount(training, minlength=symbols).astype(numpy.float64) + 1.0
    return counts / counts.sum()


def bigram_probabilities(training: Any, symbols: int) -> Any:
    """[previous, next]: frequencies interpolated with the unigram's (Witten-Bell).

    p(b|a) = (n(a,b) + d(a) p(b)) / (n(a) + d(a)), where d(a) counts the different symbols seen
    after a; after a symbol never seen it is p(b).
    """
    unigram = unigram_probabilities(training, symbols)
    counts = _pair_counts(training, symbols)
    kinds = (counts > 0).sum(1, keepdims=True)
    total = counts.sum(1, keepdims=True) + kinds
    mixed = (counts + kinds * unigram) / numpy.maximum(total, 1.0)
    return numpy.where(total > 0, mixed, unigram)


def _pair_counts(training: Any, symbols: int) -> Any:
    counts = numpy.zeros(symbols * symbols)
    for start in range(0, len(training) - 1, _PIECE):
        piece = training[start : start + _PIECE + 1]
        pairs = piece[:-1].astype(numpy.int64) * symbols + piece[1:]
        counts += numpy.bincount(pairs, minlength=symbols * symbols)
    return counts.reshape(symbols, symbols)


def unigram_bits(training: Any, validation: Any, symbols: int) -> float:
    """Mean bits per character of ``validation`` (integers below ``symbols``) under the unigram."""
    probabilities = unigram_probabilities(training, symbols)
    return float(-numpy.log2(probabilities[validation[1:]]).mean())


def bigram_bits(training: Any, validation: Any, symbols: int) -> float:
    """Mean bits per character of ``validation`` under the bigram."""
    probabilities = bigram_probabilities(training, symbols)
    return float(-numpy.log2(probabilities[validation[:-1], validation[1:]]).mean())
