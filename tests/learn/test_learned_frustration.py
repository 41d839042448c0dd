"""Frustrations that are learned elements of a group: slopes, and steps that stay on the group."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Collector, Source
from dynattn.learn.optimizers import make_optimizer, read_optimizer
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.lower.certify import certify

TURNED = """model turned "What is sent is turned by a learned element of a group"
param N = 5, d = 3
input x: real[2]
population node[N] { state z on MANIFOLD }
layer attend {
  learn R on GROUP
  coupling pull: node -> node { frustration R; strength 2; normalize size }
  evolve { t 0 .. 1; method rk4; step 0.25 }
}
network { attend; output y = z; output w = x }
train {
  data arrays("a.npz"); loss mean(abs(z - 0.1)^2) + mean(w); optimizer adamw(lr=0.1); steps 1
}
"""
X = torch.zeros(2, dtype=torch.float64)


def turned(manifold: str, group: str) -> Compilation:
    text = TURNED.replace("MANIFOLD", manifold).replace("GROUP", group)
    return Compilation(Source("turned.dyn", text))


@pytest.mark.parametrize(
    ("manifold", "group"), [("sphere(d)", "SO(d)"), ("SO(3)", "SO(3)"), ("SU(2)", "SU(2)")]
)
def test_training_turns_a_frustration_and_keeps_it_on_its_group(manifold: str, group: str) -> None:
    compilation = turned(manifold, group)
    assert certify(compilation).passed
    model, system = compilation.model, compilation.build()
    (R,) = system.parameters()
    start = R.detach().clone()
    assert model.training is not None and model.training.optimizer is not None
    chosen = read_optimizer(model.training.optimizer, Collector())
    optimizer = make_optimizer(chosen, system.named_parameters(), model.parameter)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = system.loss(x=X)["loss"]
        loss.backward()
        losses.append(float(loss.detach()))
        with kept_on_manifolds(system, model.parameter):
            optimizer.step()
        off = R.detach() @ R.detach().mH - torch.eye(R.shape[-1], dtype=R.dtype)
        assert float(off.abs().max()) < 1e-12
        assert abs(complex(torch.linalg.det(R.detach())) - 1) < 1e-12
    assert losses[-1] < losses[0] - 1e-3
    assert float((R.detach() - start).abs().max()) > 0.1
