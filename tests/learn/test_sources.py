"""Data sources besides text: those that are not built yet."""

from __future__ import annotations

import pytest

import dynattn
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.data import PLANNED
from dynattn.learn.plan import make_plan, plan_mistakes
from dynattn.model.model import Model

TIDAL = """
model tidal "A small one"
param d = 5, n = 4, classes = 3
input image: real[d]
input label: class(classes)
layer pass(h: real[n]) { output tanh(linear(h, n, init=orthogonal(1.1))) }
network {
  h = tanh(linear(image, n))
  repeat 4 tied { repeat 2 { h = pass(h) } }
  output logits = linear(h, classes)
}
train {
  data DATA
  loss cross_entropy(logits, label)
  record accuracy(logits, label)
  optimizer adam(lr=2e-2)
  batch 20; epochs 12; seed 0
}
"""


def tidal(data: str, path: str = "tidal.dyn") -> Model:
    return dynattn.Compilation(Source(path, TIDAL.replace("DATA", data))).model


@pytest.mark.parametrize("name", PLANNED)
def test_a_source_that_is_not_built_yet_is_refused_when_it_is_read(name: str) -> None:
    model = tidal(f'{name}("data/x", features=logmel(40, 49), vocabulary=classes)')
    assert plan_mistakes(model) == ()
    with pytest.raises(SpecError) as caught:
        make_plan(model)
    (found,) = caught.value.diagnostics
    assert found.code == "E518" and name in found.message and found.fix
