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
    system, theta = layer(1), phases(4, T, C)
    before = step(system, theta)
    for u in range(T):
        changed = theta.clone()
        changed[u] += 1.0
        after = step(system, changed)
        assert (after[:u] == before[:u]).all()
        assert (after[max(u, 1) :] != before[max(u, 1) :]).any(-1).all()


def test_p3_4_no_prediction_rests_on_a_later_token() -> None:
    spec = dynattn.load("specs/frustrated_synchronization.dyn", V=11, C=C, H=H, depth=2)
    system = randomised(spec.build(), 8)
    text = torch.arange(T) % 11
    before = system(text)
    for u in range(1, T):
        changed = text.clone()
        changed[u] = 10
        assert (system(changed)[:u] == before[:u]).all()


def test_p3_5_turning_every_token_of_a_coordinate_alike_changes_nothing() -> None:
    system, theta = layer(0), phases(5, T, C)
    turned = theta + phases(6, C)
    numpy.testing.assert_allclose(step(system, turned), step(system, theta), atol=1e-12)


def test_p3_6_at_consensus_the_kernel_alone_drives_a_drift() -> None:
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
    system, theta = layer(1), phases(8, T, C)
    kappa, alpha = kernel(system)
    opposite = with_kernel(system, kappa, alpha + math.pi)
    numpy.testing.assert_allclose(step(opposite, theta), -step(system, theta), atol=1e-12)


def test_p3_11_gradients_of_the_kernel() -> None:
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
