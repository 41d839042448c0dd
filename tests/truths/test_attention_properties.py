"""Kuramoto attention (arXiv 2606.11585): what its layer must satisfy, checked on the compiled spec.

The attention step of `specs/kuramoto_attention.dyn` is compared with formulas written here by hand:
loops over tokens, and numpy. Static gates for what the theorems need, gates by content for the
rest.
"""

from __future__ import annotations

import copy
import math
from functools import cache
from typing import Any

import numpy
import pytest
import torch

import dynattn

C, H, T = 8, 2, 7
WIDTH = C // H


@cache
def attention(content: int, depth: int = 1) -> Any:
    """The shipped spec, small, with random numbers in place of its initial ones."""
    spec = dynattn.load(
        "specs/kuramoto_attention.dyn", V=11, C=C, H=H, depth=depth, content=content
    )
    system = spec.build()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _, value in sorted(system.named_parameters()):
            value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return system


def phases(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(*shape, generator=generator, dtype=torch.float64) * 2 - 1) * math.pi


def step(system: Any, theta: torch.Tensor) -> torch.Tensor:
    """theta after the attend layer alone, eta of the layer included."""
    return system.layer_rates("attend", {"token.theta": theta})["token.theta"]


def gates(system: Any, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The gates of query and key, by the formula of the spec, per token and coordinate."""
    names = dict(system.named_parameters())
    if "attend.0.g_q" in names:
        pair = [torch.nn.functional.softplus(names[f"attend.0.g_{k}"]) for k in "qk"]
        return pair[0].expand_as(theta), pair[1].expand_as(theta)
    features = torch.cat([torch.cos(theta), torch.sin(theta)], -1)
    found = []
    for k in "qk":
        weight, bias = (names[f"attend.0.gate_{k}.linear.{part}"] for part in ("weight", "bias"))
        found.append(2 * torch.sigmoid(features @ weight.T + bias))
    return found[0], found[1]


def frequencies() -> numpy.ndarray:
    return numpy.tile(10000.0 ** (-numpy.arange(WIDTH) / WIDTH), H)


def scores(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """s[h, t, u], loops written out; u <= t."""
    g, k = (part.detach().numpy() for part in gates(system, theta))
    psi = theta.detach().numpy() + frequencies() * numpy.arange(len(theta))[:, None]
    found = numpy.full((H, len(theta), len(theta)), -numpy.inf)
    for h in range(H):
        own = range(h * WIDTH, (h + 1) * WIDTH)
        for t in range(len(theta)):
            for u in range(t + 1):
                total = sum(g[t, c] * k[u, c] * math.cos(psi[u, c] - psi[t, c]) for c in own)
                found[h, t, u] = total / math.sqrt(WIDTH)
    return found


def weights(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """A[h, t, u] by hand."""
    raw = numpy.exp(scores(system, theta))
    return raw / raw.sum(-1, keepdims=True)


def compiled_weights(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """A[h, t, u] as the compiled layer has it, each token's phases being those of its symbol."""
    changed = copy.deepcopy(system)
    with torch.no_grad():
        dict(changed.named_parameters())["theta.embed.weight"][: len(theta)] = theta
    ((_, _, found),) = changed.attention_weights(text=torch.arange(len(theta)))
    return found.detach().numpy()


def by_hand(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """eta_c sum_u A_tu sin(theta_u - theta_t), double loop."""
    eta = dict(system.named_parameters())["attend.0.eta"].detach().numpy()
    a, x = weights(system, theta), theta.detach().numpy()
    found = numpy.zeros_like(x)
    for t in range(len(x)):
        for c in range(C):
            h = c // WIDTH
            total = sum(a[h, t, u] * math.sin(x[u, c] - x[t, c]) for u in range(t + 1))
            found[t, c] = eta[c] * total
    return found


def eta_of(system: Any) -> numpy.ndarray:
    return dict(system.named_parameters())["attend.0.eta"].detach().numpy()


@pytest.mark.parametrize("content", [0, 1])
def test_p2_1_and_13_the_fused_layer_is_the_double_loop(content: int) -> None:
    """P2-1, P2-13: the fused layer is the double loop."""
    system, theta = attention(content), phases(1, T, C)
    found = step(system, theta).detach().numpy()
    numpy.testing.assert_allclose(found, by_hand(system, theta), atol=1e-12)


@pytest.mark.parametrize("content", [0, 1])
def test_p2_2_the_step_is_r_sin_of_the_angle_to_the_circular_mean(content: int) -> None:
    """P2-2: the step is r sin of the angle to the circular mean."""
    system, theta = attention(content), phases(2, T, C)
    a, z = compiled_weights(system, theta), numpy.exp(1j * theta.numpy())
    mean = numpy.stack([a[c // WIDTH] @ z[:, c] for c in range(C)], -1)
    expected = abs(mean) * numpy.sin(numpy.angle(mean) - theta.numpy())
    found = step(system, theta).detach().numpy() / eta_of(system)
    numpy.testing.assert_allclose(found, expected, atol=1e-12)
    assert (abs(found) <= abs(mean) + 1e-12).all() and (abs(mean) <= 1 + 1e-12).all()


def test_p2_3_softmax_solves_the_entropy_regularised_retrieval() -> None:
    """P2-3: softmax solves the entropy regularised retrieval."""
    system, theta = attention(0), phases(3, T, C)
    s, a = scores(system, theta)[0, -1], compiled_weights(system, theta)[0, -1]

    def objective(p: numpy.ndarray) -> float:
        return float(p @ s - (p * numpy.log(p)).sum())

    best = objective(a)
    assert best == pytest.approx(numpy.log(numpy.exp(s).sum()), abs=1e-12)
    draws = numpy.random.default_rng(0).dirichlet(numpy.ones(T), 1000)
    assert max(map(objective, draws)) < best


SYMMETRIC = """
model symmetric
param N = 6, C = 3, h = 0.01
graph ring6 = circulant_graph(n=N, offsets=1)
population token[N] { state theta on torus(C) }
coupling sync: token -> token over everyone(N) { weight cos(index[i] + index[j]) }
simulate { t 0 .. 1; method euler; step 0.01 }
"""


def symmetric_system() -> Any:
    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source

    text = SYMMETRIC.replace("graph ring6 = circulant_graph(n=N, offsets=1)\n", "")
    return Compilation(Source("symmetric.dyn", text)).build()


def test_p2_4_with_fixed_symmetric_weights_the_step_descends_an_energy() -> None:
    """P2-4: with fixed symmetric weights the step descends an energy."""
    system, theta = symmetric_system(), phases(4, 6, 3).requires_grad_()
    k = torch.arange(6, dtype=torch.float64)
    a = torch.cos(k[:, None] + k[None, :])

    def energy(x: torch.Tensor) -> torch.Tensor:
        return -0.5 * (a[..., None] * torch.cos(x[:, None] - x[None, :])).sum()

    before = energy(theta)
    (gradient,) = torch.autograd.grad(before, theta)
    rate = system.rates(0.0, {"token.theta": theta})["token.theta"]
    torch.testing.assert_close(rate, -gradient, atol=1e-8, rtol=0)
    assert abs(rate.sum(0)).max() < 1e-12
    assert energy(theta + 1e-3 * rate) < before


def test_p2_5_a_common_shift_of_a_coordinate_changes_nothing() -> None:
    """P2-5: a common shift of a coordinate changes nothing."""
    system, theta = attention(0), phases(5, T, C)
    shifted = theta + phases(6, 1, C)
    torch.testing.assert_close(step(system, shifted), step(system, theta), atol=1e-6, rtol=0)
    one, other = (compiled_weights(system, x) for x in (shifted, theta))
    numpy.testing.assert_allclose(one, other, atol=1e-6)


def test_p2_6_scores_depend_on_the_distance_in_the_text_alone() -> None:
    """P2-6: scores depend on the distance in the text alone."""
    system, theta = attention(0), phases(7, 2, C)
    pattern = theta.repeat(3, 1)  # token 2k is theta[0], token 2k+1 is theta[1]
    g, k = (part.detach().numpy()[0] for part in gates(system, pattern))
    a, x = compiled_weights(system, pattern), pattern.numpy()
    for h in range(H):
        own = slice(h * WIDTH, (h + 1) * WIDTH)
        for t, u, other in [(3, 2, 0), (5, 4, 2), (5, 2, 0), (4, 3, 1)]:
            ratio = []
            for near in (u, other):
                turned = x[near] - x[t] - frequencies() * (t - near)  # the drift, added
                score = (g * k * numpy.cos(turned))[own].sum() / math.sqrt(WIDTH)
                ratio.append(score)
            found = numpy.log(a[h, t, u]) - numpy.log(a[h, t, other])
            assert found == pytest.approx(ratio[0] - ratio[1], abs=1e-9)
        early = numpy.log(a[h, 3, 2]) - numpy.log(a[h, 3, 0])
        late = numpy.log(a[h, 5, 4]) - numpy.log(a[h, 5, 2])
        assert early == pytest.approx(late, abs=1e-9)  # the same words, as far apart


def test_p2_6_without_drift_places_do_not_count() -> None:
    """P2-6: `place = 0`: the order of the tokens heard changes nothing."""
    sizes = {"V": 11, "C": C, "H": H, "depth": 1, "content": 0}
    still = dynattn.load("specs/kuramoto_attention.dyn", place=0, **sizes).build()
    theta = phases(13, T, C)
    order = [3, 0, 5, 1, 4, 2, 6]
    one, other = step(still, theta), step(still, theta[order])
    torch.testing.assert_close(one[-1], other[-1], atol=1e-12, rtol=0)
    moved = step(attention(0), theta) - step(attention(0), theta[order])
    assert moved[-1].abs().max() > 1e-3


@pytest.mark.parametrize("content", [0, 1])
def test_p2_7_the_whole_model_is_periodic_in_every_coordinate(content: int) -> None:
    """P2-7: the whole model is periodic in every coordinate."""
    system = attention(content, depth=2)
    text = torch.randint(0, 11, (2, T), generator=torch.Generator().manual_seed(1))
    before = system(text)
    table = dict(system.named_parameters())["theta.embed.weight"]
    turns = torch.randint(-2, 3, table.shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        table.add_(2 * math.pi * turns.double())
    try:
        torch.testing.assert_close(system(text), before, atol=1e-4, rtol=0)
    finally:
        with torch.no_grad():
            table.sub_(2 * math.pi * turns.double())


@pytest.mark.parametrize("content", [0, 1])
def test_p2_8_consensus_is_at_rest(content: int) -> None:
    """P2-8: consensus is at rest."""
    theta = phases(8, 1, C).repeat(T, 1)
    assert step(attention(content), theta).abs().max() < 1e-12


@pytest.mark.parametrize("content", [0, 1])
def test_p2_9_phases_in_an_open_half_circle_stay_as_close(content: int) -> None:
    """P2-9: phases in an open half circle stay as close."""
    system = attention(content)
    eta = dict(system.named_parameters())["attend.0.eta"]
    kept = eta.detach().clone()
    with torch.no_grad():
        eta.copy_(torch.linspace(0.05, 1.0, C, dtype=torch.float64))
    try:
        for seed in range(20):
            theta = 0.49 * phases(seed, T, C)
            after = theta + step(system, theta).detach()
            assert (
                (after.amax(0) - after.amin(0)) <= (theta.amax(0) - theta.amin(0)) + 1e-12
            ).all()
    finally:
        with torch.no_grad():
            eta.copy_(kept)


def test_p2_10_a_static_score_is_a_squared_metric() -> None:
    """P2-10: a static score is a squared metric."""
    system = attention(0)
    g, k = gates(system, phases(9, T, C))
    d = (g[0] * k[0]).detach().numpy()  # the product of both static gates
    theta = phases(10, T, C)
    psi = theta.numpy() + frequencies() * numpy.arange(T)[:, None]
    z = numpy.exp(1j * psi)
    a = compiled_weights(system, theta)
    for h in range(H):
        own = slice(h * WIDTH, (h + 1) * WIDTH)
        distance = numpy.sqrt((d * abs(z[:, None] - z[None, :]) ** 2)[..., own].sum(-1))
        # score = const - distance^2 / 2, and the weights are exp of it, row by row.
        expected = numpy.exp(-(distance**2) / 2 / math.sqrt(WIDTH)) * numpy.tri(T)
        expected /= expected.sum(-1, keepdims=True)
        numpy.testing.assert_allclose(a[h], expected, atol=1e-10)
        numpy.testing.assert_allclose(distance, distance.T, atol=1e-12)
        for one in range(T):
            for other in range(T):
                by = distance[one, other] + distance[other]
                assert (distance[one] <= by + 1e-12).all()


@pytest.mark.parametrize("content", [0, 1])
def test_p2_11_no_token_sees_a_later_one(content: int) -> None:
    """P2-11: no token sees a later one."""
    system = attention(content, depth=2)
    text = torch.randint(0, 11, (1, T), generator=torch.Generator().manual_seed(3))
    before = system(text)
    for u in range(1, T):
        changed = text.clone()
        changed[0, u] = (changed[0, u] + 1) % 11
        after = system(changed)
        assert torch.equal(after[:, :u], before[:, :u])
        assert not torch.equal(after[:, u], before[:, u])


def test_p2_12_the_compact_group_form_is_the_same() -> None:
    """P2-12: the compact group form is the same."""
    system, theta = attention(0), phases(11, T, C)
    a, x = compiled_weights(system, theta), theta.numpy()

    def rotation(angle: float) -> numpy.ndarray:
        return numpy.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )

    found = numpy.zeros((T, C))
    for t in range(T):
        for c in range(C):
            mean = sum(a[c // WIDTH, t, u] * rotation(x[u, c]) for u in range(t + 1))
            relative = rotation(x[t, c]).T @ mean
            found[t, c] = (relative[1, 0] - relative[0, 1]) / 2  # the skew part
    numpy.testing.assert_allclose(found * eta_of(system), by_hand(system, theta), atol=1e-12)
    numpy.testing.assert_allclose(
        step(system, theta).detach().numpy(), found * eta_of(system), atol=1e-12
    )


def test_p2_13_in_single_precision_too() -> None:
    """P2-13: in single precision too."""
    system, theta = attention(1), phases(12, T, C)
    single = copy.deepcopy(system).to(torch.float32)
    found = step(single, theta.to(torch.float32)).detach().numpy()
    numpy.testing.assert_allclose(found, by_hand(system, theta), atol=1e-5)


def test_the_layer_never_holds_an_array_over_pairs_of_tokens() -> None:
    spec = dynattn.load("specs/kuramoto_attention.dyn")
    kinds = {node.type.place.kind for block in spec.program.blocks for node in block.nodes}
    assert "pairs" not in kinds
