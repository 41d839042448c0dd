"""Layers reused in cycles: the exact claims of arXiv 2511.00044, through the spec that ships."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import dynattn
from benchmarks.dynamics.tidal_arms import switches
from benchmarks.papers.records import Arm, trained
from dynattn.lower.lengths import input_environment
from tests.truths.test_frustrated_synchronization import randomised

PROJECT = Path(__file__).parents[2]
SHIPPED = PROJECT / "specs" / "tidal.dyn"
SPECS = PROJECT / "benchmarks" / "dynamics" / "specs"
RELAXING, SPIRAL = SPECS / "tidal_relaxing.dyn", SPECS / "spiral.dyn"


def built(weights: int, cycles: int, path: Path = SHIPPED, **sizes: Any) -> Any:
    sizes = {"d": 6, "n": 6, "classes": 3, **sizes}
    return randomised(dynattn.load(path, weights=weights, cycles=cycles, **sizes).build(), 7)


def images(d: int = 6) -> torch.Tensor:
    return torch.randn(5, d, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def affine(system: Any, name: str, x: torch.Tensor) -> torch.Tensor:
    found = dict(system.named_parameters())
    return torch.nn.functional.linear(x, found[f"{name}.weight"], found[f"{name}.bias"])


def passed(system: Any, x: torch.Tensor, passes: list[int]) -> torch.Tensor:
    """The hand-written network: input, these passes one after the other, output."""
    h = torch.tanh(affine(system, "h.linear", x))
    for which in passes:
        h = torch.tanh(affine(system, f"pass.{which}.linear", h))
    return affine(system, "logits.linear", h)


@pytest.mark.parametrize("weights, cycles", [(1, 4), (4, 1), (2, 3)])
def test_recurrent_deep_and_between_bit_for_bit(weights, cycles):
    """T1: one set is a recurrent network; T2: one cycle is a multilayer perceptron."""
    system, x = built(weights, cycles), images()
    passes = [t % weights for t in range(weights * cycles)]
    assert torch.equal(system(x), passed(system, x, passes))


@pytest.mark.parametrize("weights", [1, 2, 4])
def test_the_count_does_not_depend_on_depth(weights):
    """T3: L_W n (n + 1) hidden numbers, whatever the number of cycles."""
    d, n, classes = 7, 5, 3
    for cycles in (1, 2, 6):
        system = built(weights, cycles, d=d, n=n)
        count = weights * n * (n + 1) + n * d + n + classes * n + classes
        assert sum(p.numel() for p in system.parameters()) == count


def test_gradients_of_reused_weights():
    """T4: the sum over D untied copies that hold the same values, and finite differences."""
    system, deep, x = built(2, 3), built(6, 1), images()
    shared, own = dict(system.named_parameters()), dict(deep.named_parameters())
    with torch.no_grad():
        for name, value in own.items():
            layer, _, rest = name.partition(".")
            copy, _, inside = rest.partition(".")
            value.copy_(shared[f"pass.{int(copy) % 2}.{inside}" if layer == "pass" else name])
    for each in (system, deep):
        each(x).square().sum().backward()
    for which in range(2):
        for kind in ("weight", "bias"):
            whole = sum(own[f"pass.{t}.linear.{kind}"].grad for t in range(which, 6, 2))
            found = shared[f"pass.{which}.linear.{kind}"]
            torch.testing.assert_close(found.grad, whole, rtol=1e-12, atol=1e-12)
    weight = shared["pass.1.linear.weight"]
    by_difference = torch.zeros_like(weight)
    with torch.no_grad():
        for place in [(0, 0), (2, 5), (4, 1)]:
            sides = []
            for step in (1e-5, -1e-5):
                weight[place] += step
                sides.append(float(system(x).square().sum()))
                weight[place] -= step
            by_difference[place] = (sides[0] - sides[1]) / 2e-5
            assert float(by_difference[place]) == pytest.approx(float(weight.grad[place]), rel=1e-6)


def test_cyclic_shift():
    """T5: the sets in rotated order, begun one pass later, go through the same hidden states."""
    system, later = built(2, 2), built(2, 2)
    h0 = images()
    mine, others = dict(system.named_parameters()), dict(later.named_parameters())
    with torch.no_grad():
        mine["h.linear.weight"].copy_(torch.eye(6))
        mine["h.linear.bias"].zero_()
        for kind in ("weight", "bias"):
            others[f"h.linear.{kind}"].copy_(mine[f"pass.0.linear.{kind}"])
            others[f"pass.0.linear.{kind}"].copy_(mine[f"pass.1.linear.{kind}"])
            others[f"pass.1.linear.{kind}"].copy_(mine[f"pass.0.linear.{kind}"])
            others[f"logits.linear.{kind}"].copy_(mine[f"logits.linear.{kind}"])
        found = later(torch.tanh(h0))  # begins at h_1, and ends at h_5
        torch.testing.assert_close(found, passed(system, h0, [0, 1, 0, 1, 0]), rtol=1e-14, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "later", "margin"), [(1, 4, 0.15), (2, 4, 0.05)])
def test_more_passes_tell_the_arms_of_a_spiral(weights, later, margin, tmp_path):
    """T6: at one width and one count of numbers, four cycles against one, twelve seeds."""
    found = []
    for cycles in (1, later):
        arm = Arm("arms", "spiral", {"weights": weights, "cycles": cycles}, folder=SPIRAL.parent)
        runs = [trained(arm, seed, None, tmp_path / "running") for seed in range(12)]
        found.append(sum(run.last["accuracy(logits, label)"] for run in runs) / 12)
    assert found[1] - found[0] > margin


@pytest.mark.parametrize(("weights", "cycles"), [(1, 5), (4, 1), (2, 3)])
def test_switches_are_counted(weights, cycles):
    """T7: D of them a sample, the next one's first set put in again; none of a single set."""
    system, order = built(weights, cycles), []

    def evaluate(routine, environment):
        order.append(routine.label)
        return routine(environment)

    for _ in range(3):
        system._network(input_environment(system, {"image": images()}), evaluate)
    passes = [int(label.split(".")[1]) for label in order if label.startswith("pass.")]
    seen = sum(a != b for a, b in itertools.pairwise(passes))
    depth = weights * cycles
    assert switches(system) == (depth, depth if weights > 1 else 0)
    assert (len(passes), seen) == (3 * depth, 3 * depth - 1 if weights > 1 else 0)


@pytest.mark.parametrize("tau", [0.5, 2.0, 8.0])
def test_passes_that_take_time(tau):
    """Each reaches the share 1 - e^-tau of what the pass without time gives."""
    system, x = built(2, 2, RELAXING, tau=tau), images()
    h = torch.tanh(affine(system, "h.linear", x))
    for which in (0, 1, 0, 1):
        aim = torch.tanh(affine(system, f"pass.{which}.linear", h))
        h = (1 - math.exp(-tau)) * aim
    torch.testing.assert_close(system(x), affine(system, "logits.linear", h), rtol=1e-5, atol=1e-6)
