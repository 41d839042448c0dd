"""Layers that evolve through many steps: what is not kept is made again, and nothing changes."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import retaken

SPEC = """
model evolving
dim T
input text: token(8)[T]
population token[T] { state theta[2] on circle; state c on real(3) }
layer turn {
  learn omega[2] ~ normal(0, 1), g = 0.7
  drift theta: omega + g * linear(c, 2)
  coupling pull: token -> token.theta { strength g / T }
  evolve { t 0 .. 3; method rk4; step 0.1 }
}
network { c = embed(text); theta = embed(text); repeat 2 { turn }
  output logits = linear(cos(theta), 8) }
train { data text("t.txt", context=4); loss cross_entropy(logits, next(text)); steps 1 }
"""


def loss_and_gradients(system, twice=False):
    loss = system.loss(text=torch.tensor([[1, 4, 2, 7], [0, 3, 3, 5]]))["loss"]
    wanted = list(system.parameters())
    found = torch.autograd.grad(loss, wanted, create_graph=twice)
    if twice:
        found = torch.autograd.grad(torch.stack([x.square().sum() for x in found]).sum(), wanted)
    return loss.detach(), found


@pytest.mark.parametrize("twice", [False, True])
def test_gradients_stay_what_they_are(monkeypatch, twice):
    system = Compilation(Source("evolving.dyn", SPEC)).build()
    expected = loss_and_gradients(system, twice)
    monkeypatch.setattr(retaken, "MEMORY", 1000)
    found = loss_and_gradients(system, twice)
    assert torch.equal(found[0], expected[0])
    for one, other in zip(found[1], expected[1], strict=True):
        assert torch.allclose(one, other, rtol=1e-11, atol=1e-14)


def test_less_is_kept(monkeypatch):
    system = Compilation(Source("evolving.dyn", SPEC)).build()
    text = torch.tensor([[1, 4, 2, 7], [0, 3, 3, 5]])
    whole = retaken.size_of(lambda: system.loss(text=text))
    monkeypatch.setattr(retaken, "MEMORY", 1000)
    assert retaken.size_of(lambda: system.loss(text=text)) < whole / 5


def test_the_spec_says_what_is_kept(monkeypatch):
    systems = {
        word: Compilation(Source("e.dyn", SPEC.replace("0.1 }", f"0.1{clause} }}"))).build()
        for word, clause in (
            ("none", ""), ("checkpointed", "; gradient checkpointed"),
            ("backpropagation", "; gradient backpropagation"),
        )
    }  # fmt: skip
    text = torch.tensor([[1, 4, 2, 7], [0, 3, 3, 5]])
    expected = loss_and_gradients(systems["none"])
    sizes = {}
    for word, system in systems.items():
        for one, other in zip(loss_and_gradients(system)[1], expected[1], strict=True):
            assert torch.allclose(one, other, rtol=1e-11, atol=1e-14)
        sizes[word] = retaken.size_of(lambda system=system: system.loss(text=text))
    assert sizes["checkpointed"] < sizes["none"] / 5 and sizes["none"] == sizes["backpropagation"]
    monkeypatch.setattr(retaken, "MEMORY", 1000)
    assert retaken.size_of(lambda: systems["none"].loss(text=text)) == sizes["checkpointed"]
    keeps = retaken.size_of(lambda: systems["backpropagation"].loss(text=text))
    assert keeps == sizes["backpropagation"]


def test_where_little_is_kept_anyway_all_is(monkeypatch):
    system = Compilation(Source("evolving.dyn", SPEC)).build()
    monkeypatch.setattr(retaken, "retake", None)
    loss_and_gradients(system)
