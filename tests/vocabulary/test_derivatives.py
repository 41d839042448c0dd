"""The derivatives written in the language are those the functions have."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.program import duals
from dynattn.vocabulary.functions import ELEMENTWISE
from tests.program import formulas

WITHOUT = {"gelu"}
"""Functions whose derivative needs a function that the language has not."""


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_written_derivatives_agree_with_the_slopes(name: str) -> None:
    entry = ELEMENTWISE[name]
    if name in WITHOUT:
        assert entry.derivatives == ()
        return
    assert len(entry.derivatives) == entry.arity
    rng = np.random.default_rng(0)
    for values in rng.uniform(0.1, 0.9, (5, entry.arity)):
        names = dict(zip("xy", map(duals.plain, values), strict=False))
        for text, slope in zip(entry.derivatives, entry.slopes, strict=True):
            expected = complex(slope(np, *values))
            assert complex(formulas.evaluate(text, names).value) == pytest.approx(expected)
