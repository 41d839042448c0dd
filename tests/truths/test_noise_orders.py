"""Strong and weak order of the stochastic methods: closed forms on the same Wiener paths.

Many paths are the nodes of one population; steps are halved, and the increments of a long step are
sums of those of the short ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dynattn.lower.module import System
from dynattn.solve.noise import Wiener
from dynattn.solve.solve import solve
from tests.truths.solved import compiled

Numbers = NDArray[np.float64]
PATHS, FINEST = 4000, 128


class Path(Wiener):
    """Increments given from outside, [finest steps, ...], summed over the steps there are."""

    def __init__(self, system: System, finest: Mapping[str, Numbers], step: float) -> None:
        super().__init__(system)
        self.parts = {
            name: iter(x.reshape(round(1 / step), -1, *x.shape[1:]).sum(1))
            for name, x in finest.items()
        }

    def increments(self, h: float, states: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(next(rows)) for name, rows in self.parts.items()}


def ends(text: str, white: Numbers, method: str, counts: list[int]) -> list[Numbers]:
    """p.x at t = 1 after so many steps each, on the same paths."""
    system = compiled(text).build()
    found = []
    for count in counts:
        path = Path(system, {"p.x": white}, 1 / count)
        with torch.no_grad():
            states = solve(
                system, system.initial_states(), [0.0, 1.0], method=method, step=1 / count,
                wiener=path,
            ).states["p.x"]  # fmt: skip
        found.append(states[-1].numpy())
    return found


def order(counts: list[int], errors: list[float]) -> float:
    """The slope of log error by log step."""
    return float(np.polyfit(-np.log(counts), np.log(errors), 1)[0])


def rms(errors: Numbers) -> float:
    return float(np.sqrt(np.square(errors).mean()))


def drawn(*shape: int, finest: int = FINEST) -> Numbers:
    """Increments on [0, 1], the same in every test."""
    return np.random.default_rng(5).standard_normal((finest, *shape)) / np.sqrt(finest)


COUNTS = [8, 16, 32, 64, 128]

GEOMETRIC = """model gbm
param a = 0.3, s = 1
population p[4000] { state x on real = 1; drift a*x; noise s*x }
simulate { t 0 .. 1; method euler; step 0.1 }
"""


def geometric(a: float, s: float) -> list[Numbers]:
    """Errors of Euler-Maruyama; x = exp((a - s^2/2) t + s W) in Itô's sense."""
    white = drawn(PATHS)
    exact = np.exp(a - s * s / 2 + s * white.sum(0))
    text = GEOMETRIC.replace("a = 0.3, s = 1", f"a = {a}, s = {s}")
    return [x - exact for x in ends(text, white, "euler", COUNTS)]


def test_euler_maruyama_is_of_strong_order_one_half() -> None:
    errors = [rms(x) for x in geometric(0.0, 0.6)]
    assert 0.4 < order(COUNTS, errors) < 0.6


def test_euler_maruyama_is_of_weak_order_one() -> None:
    errors = [float(abs(x.mean())) for x in geometric(1.5, 0.2)]
    assert 0.85 < order(COUNTS, errors) < 1.1


CURVE = """model curve
population p[4000] { state x on positive = 2; drift 0; noise 0.3 * sqrt(1 + log(x)^2) }
simulate { t 0 .. 1; method heun; step 0.1 }
"""


def test_heun_is_of_order_one_in_the_sense_of_stratonovich() -> None:
    """y = log x with dy = s sqrt(1 + y^2) o dW is sinh(arsinh y(0) + s W)."""
    white = drawn(PATHS)
    exact = np.sinh(np.arcsinh(np.log(2)) + 0.3 * white.sum(0))
    errors = [np.log(x) - exact for x in ends(CURVE, white, "heun", COUNTS)]
    assert 0.85 < order(COUNTS, [rms(x) for x in errors]) < 1.15
    assert 0.8 < order(COUNTS, [float(abs(x.mean())) for x in errors]) < 1.2


ORNSTEIN = """model ou
population p[4000] { state x on real = 2; drift -1.5*x; noise 0.3 }
simulate { t 0 .. 1; method METHOD; step 0.1 }
"""


def with_integrals(k: float) -> tuple[Numbers, Numbers]:
    """Finest increments, and of the same paths the integral of exp(-k (1 - u)) dW(u)."""
    h = 1 / FINEST
    white = drawn(PATHS)
    share = (1 - np.exp(-k * h)) / (k * h)
    rest = (1 - np.exp(-2 * k * h)) / (2 * k) - share**2 * h
    inner = share * white + np.sqrt(rest) * np.random.default_rng(6).standard_normal(white.shape)
    return white, np.exp(-k * (1 - h * np.arange(1, FINEST + 1))) @ inner


@pytest.mark.parametrize(("method", "weak"), [("euler", 1), ("heun", 2)])
def test_additive_noise_is_of_strong_order_one(method: str, weak: int) -> None:
    """Ornstein and Uhlenbeck's x = e^(-kt) x(0) + s times the integral of e^(-k(t-u)) dW(u)."""
    counts = COUNTS[:3]
    white, integral = with_integrals(1.5)
    exact = 2 * np.exp(-1.5) + 0.3 * integral
    found = ends(ORNSTEIN.replace("METHOD", method), white, method, counts)
    spreads = [float((x - exact).std()) for x in found]
    assert 0.9 < order(counts, spreads) < 1.15
    means = [float(abs((x - exact).mean())) for x in found]
    assert weak - 0.15 < order(counts, means) < weak + 0.35


SPHERE = """model rotor
population p[PATHS] { state x on sphere(D) = START; noise s; param s = 0.9 }
simulate { t 0 .. 1; method heun; step 0.1 }
"""


@pytest.mark.parametrize("dimension", [2, 3])
def test_brownian_motion_on_spheres(dimension: int) -> None:
    """E[z] = exp(-(D - 1) s^2 t/2), of weak order 1; D fields that do not commute: strong 1/2."""
    start = str([*[0] * (dimension - 1), 1])
    text = SPHERE.replace("D)", f"{dimension})").replace("START", start)
    counts = [4, 8, 16, 32]
    white = drawn(20_000, dimension, finest=32)
    found = ends(text.replace("PATHS", "20000"), white, "heun", counts)
    assert max(float(np.abs(np.linalg.norm(x, axis=-1) - 1).max()) for x in found) < 1e-12
    exact = np.exp(-(dimension - 1) * 0.81 / 2)
    errors = [float(x[:, -1].mean() - exact) for x in found]
    assert 0.7 < order(counts, errors) < 1.1
    assert abs(errors[-1]) < 0.025
    gaps = [rms(a - b) for a, b in pairwise(found)]
    assert 0.38 < order(counts[1:], gaps) < 0.6


CIRCLE = """model circle
population p[4000] { state x on circle = 0.3; drift 2; noise 0.7 }
simulate { t 0 .. 1; method METHOD; step 0.25 }
"""


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_noise_on_the_circle_adds_up(method: str) -> None:
    """At any step x(1) = x(0) + v + s W, and E[e^(i x)] = e^(i (x(0) + v) - s^2/2)."""
    white = drawn(PATHS)
    exact = 2.3 + 0.7 * white.sum(0)
    (found,) = ends(CIRCLE.replace("METHOD", method), white, method, [4])
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * exact), atol=1e-12)
    mean = np.exp(2.3j - 0.49 / 2)
    assert abs(np.exp(1j * found).mean() - mean) < 3 / np.sqrt(PATHS)
