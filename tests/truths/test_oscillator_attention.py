"""Attention by oscillators that lock to fixed queries: the properties of its equilibrium."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from tests.lower.test_emit import close, executed, write

SPEC = """model lock
param V = 9, d = 4, H = 2, D = 3, p = 1
param axis[D] ~ normal(0, 1)
dim T <= 9
input text: token(V)[T]
layer attend(x: real[T, d]) {
  let q = linear(x, d, bias=false)
  let k = linear(x, d, bias=false)
  let v = linear(x, d, bias=false)
  population anchor[T] { learn r[H] on sphere(D) }
  population token[T]  { state z[H] on sphere(D) }
  coupling lock: anchor -> token over causal(T) {
    heads  H
    weight softplus(dot(q[i], k[j]) / sqrt(d/H))
    kernel r[j]
  }
  evolve { until equilibrium }
  readout attended: anchor -> token over causal(T) {
    heads  H
    weight normalized(relu(1 + dot(z[i], r[j]))^p)
    kernel v[j]
  }
  readout ones: anchor -> token over causal(T) {
    heads  H
    weight normalized(relu(1 + dot(z[i], r[j]))^p)
    kernel 1
  }
  output [norm(z), dot(z, axis), attended, ones]
}
network { output y = attend(embed(text, d)) }
"""


def compiled(text: str = SPEC) -> Compilation:
    return Compilation(Source("lock.dyn", text))


class Layer:
    """The layer in plain numpy."""

    def __init__(self, text: str, tokens: list[int]):
        self.system = compiled(text).build()
        named = {**dict(self.system.named_parameters()), **dict(self.system.named_buffers())}
        self.values = {name: value.detach().numpy() for name, value in named.items()}
        self.tokens, n = torch.tensor(tokens), len(tokens)
        x = next(v for k, v in self.values.items() if k.endswith("embed.weight"))[tokens]
        q, k, self.v = (self._projected(x, name) for name in "qkv")
        raw = numpy.einsum("ihc,jhc->hij", q, k) / numpy.sqrt(2)
        self.weights = numpy.log1p(numpy.exp(raw)) * numpy.tri(n)
        self.r = self.values["attend.0.anchor.r"][:n]
        self.h = numpy.einsum("hij,jhc->ihc", self.weights, self.r)
        self.length = numpy.linalg.norm(self.h, axis=-1)

    def _projected(self, x, name):
        return (x @ self.values[f"attend.0.{name}.linear.weight"].T).reshape(len(x), 2, 2)

    def output(self):
        """|z|, <z, axis>, the attended values and the sums of their weights, per head."""
        found = self.system(self.tokens).detach().numpy()
        return numpy.split(found, [2, 4, 8], axis=-1)

    @property
    def rest(self):
        return self.h / self.length[..., None]

    def shares(self, z, p=1):
        scores = numpy.maximum(0, 1 + numpy.einsum("ihc,jhc->hij", z, self.r)) ** p
        scores = scores * numpy.tri(len(z))
        return scores / scores.sum(-1, keepdims=True)


TOKENS = [3, 1, 4, 1, 5]


@pytest.mark.parametrize("p", [1, 2])
def test_the_layer_is_the_equation_of_the_paper(p):
    layer = Layer(SPEC.replace("p = 1", f"p = {p}"), TOKENS)
    norm, along, attended, ones = layer.output()
    assert norm == pytest.approx(1, abs=1e-12)
    assert along == pytest.approx(layer.rest @ layer.values["axis"], abs=1e-12)
    shares = layer.shares(layer.rest, p)
    expected = numpy.einsum("hij,jhc->ihc", shares, layer.v).reshape(5, 4)
    assert attended == pytest.approx(expected, abs=1e-12)
    assert ones == pytest.approx(1, abs=1e-12)  # P1-9


def test_the_closed_form_is_where_the_flow_comes_to_rest():
    """P1-2, P1-4, P1-7: the flow through time ends at h/|h| from any start."""
    stop = 12 / Layer(SPEC, TOKENS).length.min()
    words = f"t 0 .. {stop:.3f}; method rk4; step 0.1"
    rest, flow = (Layer(SPEC.replace("until equilibrium", w), TOKENS).output()
                  for w in ("until equilibrium", words))  # fmt: skip
    for one, other in zip(rest, flow, strict=True):
        assert other == pytest.approx(one, abs=2e-4)
    short = SPEC.replace("until equilibrium", "t 0 .. 0.1; method rk4; step 0.1")
    assert numpy.abs(Layer(short, TOKENS).output()[1] - rest[1]).max() > 0.1


def test_on_the_way_the_angle_to_the_rest_follows_its_law():
    """P1-4: tan(phi/2) falls as exp(-|h| t), along one great circle."""
    layer = Layer(SPEC.replace("until equilibrium", "t 0 .. 0.5; method rk4; step 0.01"), TOKENS)
    start = layer.system.own_starts(T=5)["attend.0.token.z"].numpy()
    cos = (start * layer.rest).sum(-1)
    across = start - cos[..., None] * layer.rest
    across = across / numpy.linalg.norm(across, axis=-1, keepdims=True)
    phi = 2 * numpy.arctan(numpy.tan(numpy.arccos(cos) / 2) * numpy.exp(-0.5 * layer.length))
    z = numpy.cos(phi)[..., None] * layer.rest + numpy.sin(phi)[..., None] * across
    assert layer.output()[1] == pytest.approx(z @ layer.values["axis"], abs=1e-8)


def test_no_weight_is_sharp_and_the_coupling_is_positive():
    """P1-10, P1-12, P1-16."""
    layer = Layer(SPEC, TOKENS)
    lower = numpy.tri(5)
    total = numpy.einsum("ihc,ihc->ih", layer.rest, numpy.cumsum(layer.r, 0)).T
    count = numpy.arange(1, 6)
    assert (layer.shares(layer.rest) <= 2 / (count + total)[..., None] + 1e-12).all()
    assert (layer.weights[:, lower > 0] > 0).all()
    cosines = numpy.einsum("ihc,jhc->hij", layer.rest, layer.r)
    assert pytest.approx(layer.length, abs=1e-12) == (layer.weights * cosines).sum(-1).T


def test_later_tokens_change_nothing_before_them():
    first, second = (Layer(SPEC, tokens).output() for tokens in (TOKENS, [3, 1, 4, 8, 0]))
    for one, other in zip(first, second, strict=True):
        assert numpy.array_equal(one[:3], other[:3])
    assert not numpy.allclose(first[2][3:], second[2][3:])


def test_a_rotation_of_all_anchors_changes_nothing():
    """P1-13."""
    compilation = compiled()
    one, other = compilation.build(), compilation.build()
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    anchors = dict(other.named_parameters())["attend.0.anchor.r"]
    anchors.data.copy_(anchors @ turn.T)
    tokens = torch.tensor(TOKENS)
    close(one(tokens)[..., 4:], other(tokens)[..., 4:])
    assert not torch.allclose(one(tokens)[..., 2:4], other(tokens)[..., 2:4])


def test_the_order_of_the_tokens_matters_without_any_code_of_positions():
    """P1-14: anchors belong to places; with everyone coupled the tokens alone are a set."""
    text = SPEC.replace("causal(T)", "everyone(T)")
    forward, backward = Layer(text, TOKENS).output(), Layer(text, TOKENS[::-1]).output()
    assert not numpy.allclose(forward[2].mean(0), backward[2].mean(0))


def test_slopes_are_those_of_the_equilibrium():
    """P1-17: dz/dh = (1 - z z^T)/|h|, by autograd through the layer and by the reference."""
    certificate = certify(compiled())
    assert certificate.passed
    assert certificate.components == 64


def test_without_a_field_the_state_has_no_direction_and_finite_slopes():
    text = SPEC.replace("softplus(dot(q[i], k[j]) / sqrt(d/H))", "dot(q[i], k[j])")
    system = compiled(text).build()
    with torch.no_grad():
        dict(system.named_parameters())["attend.0.q.linear.weight"].zero_()
    found = system(torch.tensor(TOKENS))
    assert torch.equal(found[..., :4], torch.zeros(5, 4, dtype=torch.float64))
    found.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in system.parameters() if p.grad is not None)
    close(found[:, 8:], torch.ones(5, 2, dtype=torch.float64))


def test_an_emitted_file_computes_the_same(tmp_path):
    compilation = compiled()
    tokens = torch.tensor([TOKENS, TOKENS[::-1]])
    found, _ = executed(write(tmp_path, compilation), "Lock", "network", tokens)
    close(found["result"], compilation.build()(tokens))
