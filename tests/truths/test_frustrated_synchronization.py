"""Frustrated synchronisation (arXiv 2606.18694): what its layer must satisfy, checked on the
compiled spec.

The attention step of `specs/frustrated_synchronization.dyn` is compared with the complex form of
the theory, with plain sums over tokens, and with the layer of `specs/kuramoto_attention.dyn`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy
import pytest
import torch

import dynattn
from dynattn.lower.certify import certify

C, H, T, M = 8, 2, 7, 3
WIDTH = C // H
SMALL = {"V": 11, "C": C, "H": H, "depth": 1}


def randomised(system: Any, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, value in sorted(system.named_parameters()):
            value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return system


@cache
def layer(content: int) -> Any:
    """The shipped spec, small, with random numbers in place of its initial ones."""
    spec = dynattn.load("specs/frustrated_synchronization.dyn", content=content, **SMALL)
    return randomised(spec.build(), 5)


def phases(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(*shape, generator=generator, dtype=torch.float64) * 2 - 1) * math.pi


def step(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    return system.layer_rates("attend", {"token.theta": theta})["token.theta"].detach().numpy()


def kernel(system: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
    """kappa and alpha, each [m, l, c]."""
    names = dict(system.named_parameters())
    kappa, alpha = (names[f"attend.0.{k}"].detach().numpy() for k in ("kappa", "alpha"))
    return kappa, alpha


def with_kernel(system: Any, kappa: numpy.ndarray, alpha: numpy.ndarray) -> Any:
    import copy

    changed = copy.deepcopy(system)
    names = dict(changed.named_parameters())
    with torch.no_grad():
        names["attend.0.kappa"].copy_(torch.tensor(kappa))
        names["attend.0.alpha"].copy_(torch.tensor(alpha))
    return changed


def weights(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """A[h, t, u], from the gates and the rotary angles of the spec, loops written out."""
    names = {k: v.detach() for k, v in system.named_parameters()}
    if "attend.0.g_q" in names:
        gates = [torch.nn.functional.softplus(names[f"attend.0.g_{k}"]).expand(T, C) for k in "qk"]
    else:
        features = torch.cat([theta.cos(), theta.sin()], -1)
        maps = [[names[f"attend.0.gate_{k}.linear.{p}"] for p in ("weight", "bias")] for k in "qk"]
        gates = [2 * torch.sigmoid(features @ w.T + b) for w, b in maps]
    g, k = (part.numpy() for part in gates)
    turn = numpy.tile(10000.0 ** (-numpy.arange(WIDTH) / WIDTH), H)
    psi = theta.numpy() + turn * numpy.arange(T)[:, None]
    found = numpy.zeros((H, T, T))
    for h in range(H):
        own = slice(h * WIDTH, (h + 1) * WIDTH)
        for t in range(T):
            s = [(g[t] * k[u] * numpy.cos(psi[u] - psi[t]))[own].sum() for u in range(t + 1)]
            e = numpy.exp(numpy.array(s) / math.sqrt(WIDTH))
            found[h, t, : t + 1] = e / e.sum()
    return found


def sine_sum(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """kappa sum_u A_tu sin(m (theta_{u+l} - theta_t) - alpha), u + l <= t, in five loops."""
    (kappa, alpha), a, x = kernel(system), weights(system, theta), theta.numpy()
    found = numpy.zeros((T, C))
    for t in range(T):
        for c in range(C):
            for m in range(1, M + 1):
                for far in (0, 1):
                    for u in range(t + 1 - far):
                        d = m * (x[u + far, c] - x[t, c]) - alpha[m - 1, far, c]
                        found[t, c] += kappa[m - 1, far, c] * a[c // WIDTH, t, u] * math.sin(d)
    return found


def complex_form(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """Im sum_{m,l} K conj(z_t)^m F_t, with F the A-weighted sum of powers of z."""
    (kappa, alpha), a = kernel(system), weights(system, theta)
    k, z = kappa * numpy.exp(-1j * alpha), numpy.exp(1j * theta.numpy())
    heads = numpy.arange(C) // WIDTH
    found = numpy.zeros((T, C))
    for m in range(1, M + 1):
        full = numpy.stack([a[h] @ z[:, c] ** m for c, h in enumerate(heads)], -1)
        later = numpy.zeros((T, C), complex)
        for t in range(1, T):
            for c, h in enumerate(heads):
                later[t, c] = a[h, t, :t] @ z[1 : t + 1, c] ** m
        found += (k[m - 1, 0] * z.conj() ** m * full + k[m - 1, 1] * z.conj() ** m * later).imag
    return found


@pytest.mark.parametrize("content", [0, 1])
def test_p3_1_the_layer_is_the_complex_kernel_and_the_sine_sum(content: int) -> None:
    """P3-1: the layer is the complex kernel and the sine sum."""
    system, theta = layer(content), phases(1, T, C)
    found = step(system, theta)
    numpy.testing.assert_allclose(found, sine_sum(system, theta), atol=1e-12)
    numpy.testing.assert_allclose(found, complex_form(system, theta), atol=1e-12)


def test_the_layer_holds_no_array_of_pairs() -> None:
    spec = dynattn.load("specs/frustrated_synchronization.dyn", **SMALL)
    kinds = {node.type.place.kind for block in spec.program.blocks for node in block.nodes}
    assert "pairs" not in kinds


@pytest.mark.parametrize("content", [0, 1])
def test_p3_2_one_real_harmonic_is_the_layer_of_plain_synchronisation(content: int) -> None:
    """P3-2: one real harmonic is the layer of plain synchronisation."""
    base = dynattn.load("specs/kuramoto_attention.dyn", content=content, **SMALL).build()
    plain = dict(randomised(base, 6).named_parameters())
    changed = with_kernel(layer(content), *(numpy.zeros((M, 2, C)) for _ in range(2)))
    names = dict(changed.named_parameters())
    with torch.no_grad():
        for name in names.keys() & plain.keys():
            names[name].copy_(plain[name])
        names["attend.0.kappa"][0, 0] = plain["attend.0.eta"]
    theta = phases(2, T, C)
    numpy.testing.assert_allclose(step(changed, theta), step(base, theta), atol=1e-12)


def test_p3_3_the_delay_is_a_frustration_set_by_the_transition() -> None:
    """P3-3: the delay is a frustration set by the transition."""
    kappa = numpy.zeros((M, 2, C))
    kappa[0, 1] = numpy.linspace(-1, 1, C)
    system, theta = with_kernel(layer(1), kappa, numpy.zeros((M, 2, C))), phases(3, T, C)
    a, x = weights(system, theta), theta.numpy()
    expected = numpy.zeros((T, C))
    for t in range(T):
        for u in range(t):
            angle = -(x[u + 1] - x[u])
            share = numpy.repeat(a[:, t, u], WIDTH)
            expected[t] += kappa[0, 1] * share * numpy.sin(x[u] - x[t] - angle)
    numpy.testing.assert_allclose(step(system, theta), expected, atol=1e-12)


def test_p3_4_no_token_hears_of_a_later_one() -> None:
    """P3-4: no token hears of a later one."""
    system, theta = layer(1), phases(4, T, C)
    before = step(system, theta)
    for u in range(T):
        changed = theta.clone()
        changed[u] += 1.0
        after = step(system, changed)
        assert (after[:u] == before[:u]).all()
        assert (after[max(u, 1) :] != before[max(u, 1) :]).any(-1).all()


def test_p3_4_no_prediction_rests_on_a_later_token() -> None:
    """P3-4: no prediction rests on a later token."""
    spec = dynattn.load("specs/frustrated_synchronization.dyn", V=11, C=C, H=H, depth=2)
    system = randomised(spec.build(), 8)
    text = torch.arange(T) % 11
    before = system(text)
    for u in range(1, T):
        changed = text.clone()
        changed[u] = 10
        assert (system(changed)[:u] == before[:u]).all()


def test_p3_5_turning_every_token_of_a_coordinate_alike_changes_nothing() -> None:
    """P3-5: turning every token of a coordinate alike changes nothing."""
    system, theta = layer(0), phases(5, T, C)
    turned = theta + phases(6, C)
    numpy.testing.assert_allclose(step(system, turned), step(system, theta), atol=1e-12)


def test_p3_6_at_consensus_the_kernel_alone_drives_a_drift() -> None:
    """P3-6: at consensus the kernel alone drives a drift."""
    system, point = layer(0), phases(7, C)
    theta = point.expand(T, C).clone()
    kappa, alpha = kernel(system)
    pull = -(kappa * numpy.sin(alpha)).sum(0)
    a = weights(system, theta)
    mass = 1 - numpy.repeat(numpy.stack([numpy.diagonal(a[h]) for h in range(H)], -1), WIDTH, -1)
    numpy.testing.assert_allclose(step(system, theta), pull[0] + mass * pull[1], atol=1e-12)
    real = with_kernel(system, kappa, numpy.zeros_like(alpha))
    numpy.testing.assert_allclose(step(real, theta), 0, atol=1e-12)


def test_p3_7_half_a_turn_of_the_kernel_is_repulsion() -> None:
    """P3-7: half a turn of the kernel is repulsion."""
    system, theta = layer(1), phases(8, T, C)
    kappa, alpha = kernel(system)
    opposite = with_kernel(system, kappa, alpha + math.pi)
    numpy.testing.assert_allclose(step(opposite, theta), -step(system, theta), atol=1e-12)


def test_p3_7_a_negative_first_harmonic_drives_apart_what_is_nearly_one() -> None:
    """P3-7: from near consensus the diameter of a coordinate grows, and shrinks with the sign."""
    theta = phases(11, 1, C) + 1e-3 * phases(12, T, C)
    kappa = numpy.zeros((M, 2, C))
    for sign in (-1, 1):
        kappa[0, 0] = sign
        system = with_kernel(layer(0), kappa, numpy.zeros_like(kappa))
        after = theta.numpy() + step(system, theta)
        before, later = (numpy.ptp(x, axis=0) for x in (theta.numpy(), after))
        assert ((later - before) * sign < 0).all()


def test_p3_8_in_a_periodic_text_the_delay_points_at_what_comes_next() -> None:
    """P3-8: with a constant transition between phases, and attention on the matching token."""
    spec = dynattn.load("specs/frustrated_synchronization.dyn", content=0, place=0, **SMALL)
    delta, start = phases(13, C), phases(14, C)
    period, long = 3, 9
    turn = torch.round(delta * period / (2 * math.pi)) * 2 * math.pi / period  # back after 3
    turn = torch.where(turn.abs() < 1e-9, torch.full_like(turn, 2 * math.pi / 3), turn)
    theta = start + turn * torch.arange(long, dtype=torch.float64)[:, None]
    system = spec.build()
    with torch.no_grad():
        named = dict(system.named_parameters())
        for name in ("attend.0.g_q", "attend.0.g_k"):
            named[name].fill_(12.0)  # sharp: the weights are those of matching tokens
    kappa = numpy.zeros((M, 2, C))
    fields = []
    for alpha in (0.0, math.pi / 2):  # Im and -Re of conj(z_t) F_t
        kappa[0, 1] = 1
        changed = with_kernel(system, kappa, numpy.full_like(kappa, alpha))
        fields.append(step(changed, theta))
    field = -fields[1] + 1j * fields[0]
    toward = numpy.angle(field * numpy.exp(1j * theta.numpy()))
    apart = numpy.exp(1j * toward) - numpy.exp(1j * (theta + turn).numpy())
    assert abs(apart[period:]).max() < 1e-6  # arg F[1, 1] is the phase of the true successor
    kappa[0, 1] = 0.5
    after = theta.numpy() + step(with_kernel(system, kappa, numpy.zeros_like(kappa)), theta)
    near = numpy.cos(after - (theta + turn).numpy())
    assert (near[period:] > numpy.cos(turn.numpy())).all()


SYMMETRIC = """
model symmetric
param N = 6, C = 3
param kappa[m in 1 .. 3] = [1.0, -0.6, 0.3]
population token[N] { state theta on torus(C) }
coupling sync: token -> token over everyone(N) {
  harmonics m in 1 .. 3
  strength  kappa[m]
  weight    cos(index[i] + index[j])
}
simulate { t 0 .. 1; method euler; step 0.01 }
"""


def test_p3_12_with_symmetric_weights_a_real_kernel_descends_an_energy() -> None:
    """P3-12: sum_t Delta = 0, and Delta is minus the gradient of the sum of all harmonics."""
    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source

    system = Compilation(Source("symmetric.dyn", SYMMETRIC)).build()
    theta, k = phases(15, 6, 3).requires_grad_(), torch.arange(6, dtype=torch.float64)
    a = torch.cos(k[:, None] + k[None, :])[..., None]
    apart = theta[:, None] - theta[None, :]
    energy = -0.5 * sum(
        (a * (kappa / m) * torch.cos(m * apart)).sum()
        for m, kappa in ((1, 1.0), (2, -0.6), (3, 0.3))
    )
    assert isinstance(energy, torch.Tensor)
    (gradient,) = torch.autograd.grad(energy, theta)
    rate = system.rates(0.0, {"token.theta": theta})["token.theta"].detach()
    torch.testing.assert_close(rate, -gradient, atol=1e-8, rtol=0)
    assert abs(rate.sum(0)).max() < 1e-8


@pytest.mark.parametrize(("delay", "angles"), [(0, 1), (1, 0), (0, 0)])
def test_switches_take_terms_of_the_kernel_away(delay: int, angles: int) -> None:
    """`delay = 0` leaves no term of successors, `angles = 0` no frustration."""
    spec = dynattn.load(
        "specs/frustrated_synchronization.dyn", content=0, delay=delay, angles=angles, **SMALL
    )
    system = randomised(spec.build(), 5)
    named = dict(system.named_parameters())
    kappa = named["attend.0.kappa"].detach().numpy()
    assert kappa.shape == (M, 1 + delay, C)
    alpha = numpy.zeros_like(kappa)
    if angles:
        alpha = named["attend.0.alpha"].detach().numpy()
    else:
        assert "attend.0.alpha" not in named
    whole = layer(0)
    wide = [numpy.zeros((M, 2, C)) for _ in range(2)]
    for part, value in zip(wide, (kappa, alpha), strict=True):
        part[:, : 1 + delay] = value
    other = with_kernel(whole, *wide)
    with torch.no_grad():
        for name in ("attend.0.g_q", "attend.0.g_k"):
            dict(other.named_parameters())[name].copy_(named[name])
    theta = phases(16, T, C)
    numpy.testing.assert_allclose(step(system, theta), step(other, theta), atol=1e-12)


def test_p3_11_gradients_of_the_kernel() -> None:
    """P3-11: gradients of the kernel."""
    system, theta = layer(1), phases(9, T, C)
    names = dict(system.named_parameters())
    parts = [names["attend.0.kappa"], names["attend.0.alpha"]]
    direction = phases(10, T, C)

    def value() -> torch.Tensor:
        rates = system.layer_rates("attend", {"token.theta": theta})
        return (rates["token.theta"] * direction).sum()

    exact = torch.autograd.grad(value(), parts)
    for part, slope in zip(parts, exact, strict=True):
        for place in [(0, 0, 0), (1, 1, 3), (2, 1, 7), (2, 0, 5)]:
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    part[place] += sign * 1e-6
                    values.append(float(value()))
                    part[place] -= sign * 1e-6
            assert float(slope[place]) == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


def test_it_starts_as_plain_synchronisation() -> None:
    names = dict(dynattn.load("specs/frustrated_synchronization.dyn").build().named_parameters())
    for copy in range(3):
        kappa = names[f"attend.{copy}.kappa"].detach().numpy()
        expected = numpy.zeros((3, 2, 96))
        expected[0, 0] = 1
        numpy.testing.assert_allclose(kappa, expected, atol=0.06)
        assert (names[f"attend.{copy}.alpha"] == 0).all()
    assert "attend.0.eta" not in names


def test_the_spec_certifies() -> None:
    spec = dynattn.load("specs/frustrated_synchronization.dyn")
    certificate = certify(spec)
    assert certificate.passed and certificate.components == 64


@pytest.mark.parametrize("harmonics", [1, 5])
def test_other_numbers_of_harmonics_certify(harmonics: int) -> None:
    spec = dynattn.load("specs/frustrated_synchronization.dyn", M=harmonics, **SMALL)
    assert certify(spec).passed
