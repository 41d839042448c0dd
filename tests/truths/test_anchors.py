"""Populations without a state: a learned point per node, as many rows as a sample may have."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.lower.certify import certify
from tests.lower.test_emit import close, executed, write

SPEC = """model anchors
param V = 8, D = 3, H = 2
dim T <= 9
input text: token(V)[T]
population token[T] { state z[H] on sphere(D) }
population anchor[T] {
  learn r[H] on sphere(D); learn a on circle; learn c on positive
  param b ~ normal(0, 1)
}
coupling lock: anchor -> token over causal(T) { heads H; kernel r[j]*cos(a[j]) + b[j]*c[j]*r[j] }
layer step { evolve { steps 1 } }
readout read: anchor -> token over causal(T) {
  heads H
  weight normalized(exp(dot(z[i], r[j])))
  kernel r[j]
}
let flat = [dot(z, read), norm(read)]
network { z = embed(text); step; output logits = linear(flat, V) }
"""


def compiled(text: str = SPEC) -> Compilation:
    return Compilation(Source("m.dyn", text))


def test_every_node_has_its_row_and_a_sample_uses_the_first_ones() -> None:
    system = compiled().build()
    arrays = {**dict(system.named_parameters()), **dict(system.named_buffers())}
    r = arrays["anchor.r"].detach().numpy()
    assert r.shape == (9, 2, 3)
    assert numpy.linalg.norm(r, axis=-1) == pytest.approx(1, abs=1e-14)
    pull = arrays["anchor.a"].cos() + arrays["anchor.b"]
    text = torch.tensor([3, 1, 7, 7])
    z = arrays["z.embed.weight"].detach().numpy()[text]
    h = numpy.cumsum(r[:4] * pull.detach().numpy()[:4, None, None], axis=0)
    z = z + h - (h * z).sum(-1, keepdims=True) * z
    z = z / numpy.linalg.norm(z, axis=-1, keepdims=True)
    weights = numpy.exp(numpy.einsum("ihd,jhd->hij", z, r[:4])) * numpy.tri(4)
    read = numpy.einsum("hij,jhd->ihd", weights / weights.sum(-1, keepdims=True), r[:4])
    flat = numpy.concatenate([(z * read).sum(-1), numpy.linalg.norm(read, axis=-1)], -1)
    w, c = (arrays[f"logits.linear.{name}"].detach().numpy() for name in ("weight", "bias"))
    assert system(text).detach().numpy() == pytest.approx(flat @ w.T + c, abs=1e-12)


def test_the_module_agrees_with_the_reference() -> None:
    certificate = certify(compiled())
    assert certificate.passed
    assert certificate.components == 64


def test_an_emitted_file_has_the_same_rows(tmp_path) -> None:
    compilation = compiled()
    text = torch.tensor([[1, 2, 3], [4, 5, 6]])
    found, _ = executed(write(tmp_path, compilation), "Anchors", "network", text)
    close(found["result"], compilation.build()(text))


def test_a_sample_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="T = 10, at most 9"):
        compiled().build()(torch.zeros(10, dtype=torch.long))


def slope_of(value: torch.Tensor) -> torch.Tensor:
    assert value.grad is not None
    return value.grad


def test_a_learned_point_moves_along_its_sphere() -> None:
    system = compiled().build()
    parameters = compiled().model.parameter
    before = dict(system.named_parameters())["anchor.r"].detach().clone()
    optimizer = torch.optim.SGD(system.parameters(), lr=0.5)
    loss = (system(torch.tensor([1, 2, 3])) ** 2).sum()
    loss.backward()
    step = -0.5 * slope_of(dict(system.named_parameters())["anchor.r"])
    angle = dict(system.named_parameters())["anchor.a"].detach().clone()
    with kept_on_manifolds(system, parameters):
        optimizer.step()
    tangent = step - (step * before).sum(-1, keepdim=True) * before
    expected = (before + tangent) / (before + tangent).norm(dim=-1, keepdim=True)
    after = dict(system.named_parameters())
    torch.testing.assert_close(after["anchor.r"].detach(), expected, rtol=1e-12, atol=1e-12)
    assert (expected[:3] - before[:3]).norm() > 1e-3
    torch.testing.assert_close(after["anchor.r"][3:].detach(), before[3:], rtol=1e-15, atol=1e-15)
    moved = torch.exp(-0.5 * slope_of(after["anchor.c"]))
    torch.testing.assert_close(after["anchor.c"].detach(), moved, rtol=1e-12, atol=1e-12)
    moved = angle - 0.5 * slope_of(after["anchor.a"])
    torch.testing.assert_close(after["anchor.a"].detach(), moved, rtol=1e-12, atol=1e-12)
    table = after["z.embed.weight"].detach()
    torch.testing.assert_close(table.norm(dim=-1), torch.ones_like(table[..., 0]))


def test_explain_tells_of_nodes_without_a_state() -> None:
    from dynattn.present.summary import populations

    assert ("anchor", "T", "none", "", "") in populations(compiled().model).rows
