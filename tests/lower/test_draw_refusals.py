"""Draws whose arguments are out of range only once they have values: told, never a traceback."""

from __future__ import annotations

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source

SPEC = """model draws
param N = 40, sigma = 0.3
population osc[N] {
  state theta on circle
  param k ~ normal(0, 1)
  param a ~ DRAW
  drift a + k
}
let middle = mean(osc.k)
coupling pull: osc -> osc { WEIGHT }
"""


@pytest.mark.parametrize(
    ("draw", "weight", "name"),
    [
        ("gamma(k)", "", "osc.a"),
        ("poisson(k)", "", "osc.a"),
        (
            "normal(0, 1)",
            "weight ~ paired_normal(0, sigma/sqrt(N), 2.5 + 0*middle)",
            "pull.weight",
        ),
    ],
)
def test_a_draw_that_cannot_be_made_names_itself(draw: str, weight: str, name: str) -> None:
    text = SPEC.replace("DRAW", draw).replace("WEIGHT", weight)
    with pytest.raises(NumericalError) as caught:
        Compilation(Source("draws.dyn", text)).build()
    (found,) = caught.value.diagnostics
    assert found.code == "E623" and found.span is not None
    assert name in found.message and "cannot be drawn" in found.message and found.fix
