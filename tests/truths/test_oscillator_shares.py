"""Attention by oscillators (arXiv 2606.12059): the matrix of its shares, as the compiled layer has
it, and the slopes of its equilibrium.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import dynattn
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source

PAPERS = Path(__file__).parents[2] / "benchmarks" / "papers" / "specs"
SPEC = """model shares
param V = 12, d = 6, D = 2, p = 1
param places[12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
dim T <= 12
input text: token(V)[T]
layer attend(x: real[T, d]) {
  let q = linear(x, d, bias=false)
  let k = linear(x, d, bias=false)
  population anchor[T] { learn r on sphere(D) }
  population token[T]  { state z on sphere(D) }
  coupling lock: anchor -> token over everyone(T) { weight W; kernel r[j] }
  evolve { until equilibrium }
  readout raw: anchor -> token over everyone(T) {
    weight 1 + dot(z[i], r[j])
    kernel places == index[j]
  }
  readout weight: anchor -> token over everyone(T) { weight W; kernel places == index[j] }
  readout shares: anchor -> token over everyone(T) {
    weight normalized(relu(1 + dot(z[i], r[j]))^p)
    kernel places == index[j]
  }
  output [shares, raw, weight, z]
}
network { output y = attend(embed(text, d)) }
"""
COUPLINGS = {
    "softplus": "softplus(S)",
    "relu": "relu(S) + 1e-3",
    "elu": "elu(S) + 1",
}
T = 12


def text_of(coupling: str = "softplus", **changes: str) -> str:
    text = SPEC.replace("W;", f"{COUPLINGS[coupling]};").replace("S)", "dot(q[i], k[j])/sqrt(d))")
    for before, after in changes.items():
        text = text.replace(before, after)
    return text


@cache
def system(coupling: str = "softplus", causal: bool = False, **settings: float) -> Any:
    text = text_of(coupling).replace("everyone(T)", "causal(T)" if causal else "everyone(T)")
    found = Compilation(Source("shares.dyn", text), settings).build()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, value in sorted(found.named_parameters()):
            if "anchor" not in name:  # those are on the sphere
                value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return found


def matrices(built: Any) -> tuple[numpy.ndarray, ...]:
    """(shares [i, j], 1 + <z, r> [i, j], weights [i, j], z [i, D]) of a text of all symbols."""
    found = built(torch.arange(T)).detach().numpy()
    return tuple(numpy.split(found, [T, 2 * T, 3 * T], axis=-1))


def anchors(built: Any) -> numpy.ndarray:
    return dict(built.named_parameters())["attend.0.anchor.r"].detach().numpy()


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("p", [1, 2, 4])
def test_rows_are_shares(coupling: str, p: int) -> None:
    """P1-9: entries are 0 or more, rows add up to 1, what comes later has exactly none; in f32."""
    built = system(coupling, causal=True, p=p)
    for module, within in ((built, 1e-12), (single(built), 1e-6)):
        a = matrices(module)[0]
        assert (a >= 0).all()
        numpy.testing.assert_allclose(a.sum(-1), 1, atol=within)
        assert (a[numpy.triu_indices(T, 1)] == 0).all()


def single(built: Any) -> Any:
    import copy

    return copy.deepcopy(built).to(torch.float32)


def test_no_share_is_large() -> None:
    """P1-10: sum_j (1 + s_ij) = T + <z_i, sum_j r_j>, and no share exceeds 2 over that."""
    built = system(D=3)
    a, raw, _, z = matrices(built)
    total = T + z @ anchors(built).sum(0)
    numpy.testing.assert_allclose(raw.sum(-1), total, atol=1e-12)
    assert (a <= 2 / total[:, None] + 1e-12).all()


@pytest.mark.parametrize("D", [2, 3, 5])
def test_the_matrix_before_it_is_normalised_has_a_low_rank(D: int) -> None:
    """P1-11: 1 + Z R^T has rank D + 1 at most; the powers of it have more."""
    sizes = numpy.linalg.svd(matrices(system(D=D))[1], compute_uv=False)
    assert sizes[D + 1] < 1e-10 < sizes[D]
    sharper = numpy.linalg.svd(matrices(system(D=D, p=4))[0], compute_uv=False)
    assert sharper[D + 1] > 1e-6


def test_the_field_is_the_mean_cosine() -> None:
    """P1-12: sum_j W_ij s_ij = |h_i|."""
    built = system(D=3)
    _, raw, weights, _ = matrices(built)
    field = numpy.linalg.norm(weights @ anchors(built), axis=-1)
    numpy.testing.assert_allclose((weights * (raw - 1)).sum(-1), field, atol=1e-12)


def test_a_turn_of_all_anchors_and_a_factor_of_the_weights_change_nothing() -> None:
    """P1-13: Q in O(D), a reflection here, and c > 0 for each receiver leave the shares."""
    import copy

    built = system(D=3)
    a = matrices(built)[0]
    other = copy.deepcopy(built)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    turn[:, 0] *= -torch.linalg.det(turn).sign()
    assert torch.linalg.det(turn) < 0
    with torch.no_grad():
        r = dict(other.named_parameters())["attend.0.anchor.r"]
        r.copy_(r @ turn.T)
    numpy.testing.assert_allclose(matrices(other)[0], a, atol=1e-6)
    scaled = text_of().replace("weight softplus", "weight (1 + 3*index[i]) * softplus")
    assert scaled != text_of()
    louder = Compilation(Source("shares.dyn", scaled), {"D": 3}).build()
    louder.load_state_dict(built.state_dict())
    numpy.testing.assert_allclose(matrices(louder)[0], a, atol=1e-6)
    assert abs(matrices(louder)[2] - matrices(built)[2]).max() > 1


def test_softmax_sees_a_set_and_oscillators_an_order() -> None:
    """P1-14: without codes of positions, frames in another order leave the logits of the softmax
    twin (1e-5) and change those of the oscillators, whose anchors belong to places.
    """
    frames = torch.randn(11, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shuffled = frames[torch.randperm(11, generator=torch.Generator().manual_seed(2))]
    apart = {}
    for name in ("keywords_softmax", "keywords"):
        built = dynattn.load(PAPERS / f"{name}.dyn").build()
        built.eval()
        one, other = (built(f[None]).detach() for f in (frames, shuffled))
        apart[name] = float((one - other).abs().max())
    assert apart["keywords_softmax"] < 1e-5
    assert apart["keywords"] > 1e-3


@pytest.mark.parametrize(("coupling", "least"), [("softplus", 0), ("relu", 1e-3), ("elu", 0)])
def test_couplings_are_positive(coupling: str, least: float) -> None:
    """P1-16: softplus and elu + 1 are above 0, and relu + 1e-3 is 1e-3 at least."""
    weights = matrices(system(coupling))[2]
    if least:
        assert weights.min() == least  # some scores are below 0
    else:
        assert weights.min() > 0


def test_slopes_at_rest_are_those_of_a_direction() -> None:
    """P1-17: dz*/dh = (1 - z* z*^T) / |h|, by autograd through the layer and by differences."""
    import copy

    built = copy.deepcopy(system(D=3))
    r = dict(built.named_parameters())["attend.0.anchor.r"]
    _, _, weights, z = matrices(built)
    field = numpy.linalg.norm(weights @ anchors(built), axis=-1)
    for i, j, c in [(0, 3, 0), (5, 5, 1), (11, 2, 2)]:
        # h_i changes by W_ij along e_c where r_j does.
        across = (numpy.eye(3) - numpy.outer(z[i], z[i])) / field[i] * weights[i, j]
        found = torch.stack([
            torch.autograd.grad(built(torch.arange(T))[i, 3 * T + k], r)[0][j, c]
            for k in range(3)
        ]).numpy()  # fmt: skip
        numpy.testing.assert_allclose(found, across[:, c], atol=1e-10)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                r[j, c] += sign * 1e-6
                ends.append(matrices(built)[3][i])
                r[j, c] -= sign * 1e-6
        numpy.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, across[:, c], atol=1e-6)
