"""Collective modes in place of a feed-forward part (arXiv 2606.18694), free and pinned."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy
import pytest
import torch

import dynattn

SMALL = {"V": 11, "C": 6, "H": 2, "M": 2, "P": 5, "depth": 1}
SPECS = ["specs/collective_modes.dyn", "benchmarks/papers/specs/collective_pinned.dyn"]
T = 7


@cache
def module(path: str) -> Any:
    """A spec, small, with random numbers in place of its initial ones."""
    system = dynattn.load(path, **SMALL).build()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _, value in sorted(system.named_parameters()):
            value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return system


def phases(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(T, 6, generator=generator, dtype=torch.float64) * 2 - 1) * math.pi


def step(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    return system.layer_rates("mix", {"token.theta": theta})["token.theta"].detach().numpy()


def by_hand(system: Any, theta: torch.Tensor) -> numpy.ndarray:
    """Im conj(z_c) sum_p W_cp Y_p, token by token, coordinate by coordinate, mode by mode."""
    named = dict(system.named_parameters())
    own = {name.split(".")[-1]: value.detach().numpy() for name, value in named.items()
           if name.startswith("mix.0.")}  # fmt: skip
    z = numpy.exp(1j * theta.numpy())
    found = numpy.zeros(theta.shape)
    for t in range(T):
        for p in range(5):
            order = sum(own["U"][p, c].conj() * z[t, c] for c in range(6)) / math.sqrt(6)
            for c in range(6):
                if "mu" in own:
                    pull = math.sin(own["mu"][c, p] - theta[t, c])
                    found[t, c] += own["W"][c, p] * abs(order) * pull
                else:
                    x = own["a"][p] * abs(order) + own["b"][p]
                    mode = order * x / (1 + math.exp(-x))
                    found[t, c] += (z[t, c].conj() * own["W"][c, p] * mode).imag
    return found


@pytest.mark.parametrize("path", SPECS)
def test_the_layer_is_its_formula(path: str) -> None:
    system, theta = module(path), phases(1)
    numpy.testing.assert_allclose(step(system, theta), by_hand(system, theta), atol=1e-12)


@pytest.mark.parametrize("path", SPECS)
def test_no_token_feels_another(path: str) -> None:
    """P3-10: the block acts token by token."""
    system, theta = module(path), phases(2)
    before = step(system, theta)
    changed = theta.clone()
    changed[3] += 1.0
    after, others = step(system, changed), [t for t in range(T) if t != 3]
    numpy.testing.assert_array_equal(after[others], before[others])
    assert (after[3] != before[3]).all()


def test_turning_all_coordinates_alike_changes_nothing_where_modes_are_free() -> None:
    """P3-10: z -> e^{i phi} z, common to all coordinates, leaves the step; pinned modes resist."""
    theta = phases(3)
    turned = theta + phases(4)[:, :1]  # every token by an angle of its own
    free, pinned = (module(path) for path in SPECS)
    numpy.testing.assert_allclose(step(free, turned), step(free, theta), atol=1e-6)
    assert abs(step(pinned, turned) - step(pinned, theta)).max() > 0.1


def test_no_feed_forward_part_is_left() -> None:
    names = {name for path in SPECS for name, _ in module(path).named_parameters()}
    own = {name.split(".")[-1] for name in names if name.startswith("mix.")}
    assert own == {"U", "W", "a", "b", "mu"}
    assert not any("swiglu" in name for name in names)
