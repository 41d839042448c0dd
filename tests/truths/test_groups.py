"""Groups against the same sums written out with plain matrices, and the swing equation by SciPy."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from dynattn.lower.module import build_system
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory

SWING = """
model swing "Structure-preserving swing equation on a power grid"

graph grid = file("grid.graphml")      # nodes: kind, M, D, P; edges: b

population generator[grid where kind == "generator"] {
  state theta on circle = 0
  inertia M
  dissipation D
  drift P
}
population load[grid where kind == "load"] { state theta on circle = 0; dissipation D; drift -P }
group bus = generator + load

coupling line: bus -> bus over grid { weight b; kernel sin(theta[j] - theta[i]) }

observe spread = max(generator.theta') - min(generator.theta')
observe r = order(bus.theta)
observe fastest = max(bus.theta')
simulate { t 0 .. 8 every 0.5; rtol 1e-10; atol 1e-11 }
"""


def power_grid(nodes: int = 9) -> networkx.Graph:
    rng = np.random.default_rng(7)
    grid = networkx.connected_watts_strogatz_graph(nodes, 4, 0.4, seed=3)
    for n in grid:
        grid.nodes[n].update(D=rng.uniform(0.5, 1), P=rng.uniform(0.2, 0.9))
        grid.nodes[n]["kind"] = "load" if n % 3 else "generator"
        if n % 3 == 0:
            grid.nodes[n]["M"] = rng.uniform(1, 2)
    for a, b in grid.edges:
        grid.edges[a, b]["b"] = rng.uniform(1, 3)
    return grid


def written(text: str, folder: Path, grid: networkx.Graph, **overrides: Any) -> Compilation:
    networkx.write_graphml(grid, folder / "grid.graphml")
    return Compilation(Source(str(folder / "spec.dyn"), text), overrides)


def test_the_swing_equation_is_that_of_scipy(tmp_path: Path) -> None:
    """First and second order nodes mixed; the equations are written here a second time."""
    grid = power_grid()
    found = run_experiment(written(SWING, tmp_path, grid))
    assert isinstance(found, Trajectory)
    generators = [n for n in grid if grid.nodes[n]["kind"] == "generator"]
    loads = [n for n in grid if grid.nodes[n]["kind"] == "load"]
    data = {name: np.array([grid.nodes[n].get(name, 0.0) for n in grid]) for name in "MDP"}
    b = networkx.to_numpy_array(grid, nodelist=list(grid), weight="b")
    sign = np.where(np.isin(np.arange(len(grid)), generators), 1.0, -1.0)

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        theta, v = y[: len(grid)], y[len(grid) :]
        force = sign * data["P"] + (b * np.sin(theta[None, :] - theta[:, None])).sum(1)
        speed = force / data["D"]
        speed[generators] = v
        push = (force - data["D"] * speed)[generators] / data["M"][generators]
        return np.concatenate([speed, push])

    times = np.linspace(0, 8, 17)
    start = np.zeros(len(grid) + len(generators))
    y = solve_ivp(rate, (0, 8), start, t_eval=times, rtol=1e-11, atol=1e-12, method="DOP853").y.T
    states = found.states
    np.testing.assert_allclose(states["generator.theta"], y[:, generators], atol=2e-8)
    np.testing.assert_allclose(states["load.theta"], y[:, loads], atol=2e-8)
    np.testing.assert_allclose(states["generator.theta'"], y[:, len(grid) :], atol=2e-8)
    speeds = np.array([rate(0, row)[: len(grid)] for row in y])
    observed = found.observables
    spread = speeds[:, generators].max(1) - speeds[:, generators].min(1)
    np.testing.assert_allclose(observed["spread"], spread, atol=2e-8)
    np.testing.assert_allclose(observed["fastest"], speeds.max(1), atol=2e-8)
    r = abs(np.exp(1j * y[:, : len(grid)]).mean(1))
    np.testing.assert_allclose(observed["r"], r, atol=2e-8)


def test_the_swing_equation_is_certified(tmp_path: Path) -> None:
    assert certify(written(SWING, tmp_path, power_grid())).passed


@pytest.mark.parametrize("nodes", [9, 40])
def test_the_emitted_file_has_the_same_rates(tmp_path: Path, nodes: int) -> None:
    """With few nodes their attributes stand in the text, with many in the file beside it."""
    spec = written(SWING, tmp_path, power_grid(nodes))
    path = tmp_path / "swing.py"
    emit_files(path, spec.model, spec.network, spec.program)
    module = runpy.run_path(str(path))["Swing"]()
    rng, system = np.random.default_rng(11), spec.build()
    states = {
        name: torch.from_numpy(rng.standard_normal(len(value)))
        for name, value in system.initial_states().items()
    }
    ours, theirs = system.rates(0.0, states), module(0.0, tuple(states.values()))
    for found, expected in zip(theirs, ours.values(), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-13, atol=1e-13)
    for name, expected in system.observe(0.0, states).items():
        found = module.observe(torch.tensor(0.0), tuple(states.values()))[name]
        assert float(found) == pytest.approx(float(expected), rel=1e-12)


# ── every form of a sum ────────────────────────────────────────────────────────────────────────

PAIR = """
model pair
param n = 4, m = 3, K = 0.8
population left[n] { state x on circle; param w ~ uniform(0.5, 1); let q = 2*w; drift w }
population right[m] { state x on circle; param w ~ uniform(0.5, 1); let q = K; dissipation 2 }
group all = left + right
"""

COUPLINGS = {
    "everyone": "coupling c: all -> all { strength K; normalize size }",
    "into the group": "coupling c: all -> all over ring(n + m, reach=2) { strength K * w[i] }",
    "offsets": "coupling c: all -> all over ring(n + m, reach=2) { weight exp(-distance) }",
    "causal": "coupling c: all -> all over causal(n + m)",
    "attention": "coupling c: all -> all over everyone(n + m) { weight softmax(cos(x[i] - x[j])) }",
    "sparse": "coupling c: all -> all over cycle_graph(7) { kernel w[j] * sin(2*x[j] - x[i]) }",
    "definitions": "coupling c: all -> all { kernel q[j] * q[i] * sin(x[j] - x[i] - 0.1) }",
    "lag": "coupling c: all -> all { frustration 0.3; harmonics k in 1 .. 2; normalize degree }",
    "energy": "coupling c: all -> all over cycle_graph(7) { energy -cos(x[j] - x[i]) }\n"
    "observe E = total_energy()",
}


def weights(name: str, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The matrix of what j does to i, kernel and all."""
    n = len(x)
    d = x[None, :] - x[:, None]
    gap = np.minimum((np.arange(n)[None, :] - np.arange(n)[:, None]) % n,
                     (np.arange(n)[:, None] - np.arange(n)[None, :]) % n)  # fmt: skip
    ring, cycle = (gap > 0) & (gap <= 2), gap == 1
    q = np.where(np.arange(n) < 4, 2 * w, 0.8)
    share = np.exp(np.cos(d))
    lag = (np.sin(d - 0.3) + np.sin(2 * d - 0.3)) * (gap > 0) / (n - 1)
    return {
        "everyone": 0.8 / n * np.sin(d),
        "into the group": 0.8 * w[:, None] * ring * np.sin(d),
        "offsets": ring * np.exp(-gap) * np.sin(d),
        "causal": np.tril(np.sin(d)),
        "attention": share / share.sum(1, keepdims=True) * np.sin(d),
        "sparse": cycle * w[None, :] * np.sin(2 * x[None, :] - x[:, None]),
        "definitions": (gap > 0) * q[None, :] * q[:, None] * np.sin(d - 0.1),
        "lag": lag,
        "energy": cycle * np.sin(d),
    }[name]


@pytest.mark.parametrize("name", sorted(COUPLINGS))
def test_a_sum_over_a_group_is_that_over_all_its_nodes(name: str) -> None:
    spec = Compilation(Source("pair.dyn", PAIR + COUPLINGS[name]))
    system = spec.build()
    x = np.random.default_rng(4).uniform(-3, 3, 7)
    values = dict(system.named_buffers())
    w = np.concatenate([values["left.w"].numpy(), values["right.w"].numpy()])
    states = {"left.x": torch.from_numpy(x[:4]), "right.x": torch.from_numpy(x[4:])}
    found = {key: value.numpy() for key, value in system.rates(0.0, states).items()}
    total = weights(name, x, w).sum(1)
    np.testing.assert_allclose(found["left.x"], w[:4] + total[:4], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found["right.x"], total[4:] / 2, rtol=1e-12, atol=1e-12)
    assert certify(spec).passed


def test_one_end_may_be_a_group_and_a_readout_too() -> None:
    text = (
        PAIR
        + """
population far[5] { state y on real; drift mix - y }
coupling up: all -> far { kernel sin(x[j]) * y[i]; normalize size }
coupling down: far -> all { kernel y[j] * cos(x[i]) }
readout mix: all -> far { kernel sin(x[j]) }
readout near: far -> all { kernel y[j] * w[i] }
observe total = sum(near)
observe heavy = mean(all.w) + index_sum
let index_sum = sum(all.x)
"""
    )
    spec = Compilation(Source("pair.dyn", text))
    system = spec.build()
    rng = np.random.default_rng(8)
    x, y = rng.uniform(-3, 3, 7), rng.standard_normal(5)
    values = dict(system.named_buffers())
    w = np.concatenate([values["left.w"].numpy(), values["right.w"].numpy()])
    states = {"left.x": x[:4], "right.x": x[4:], "far.y": y}
    tensors = {key: torch.from_numpy(value) for key, value in states.items()}
    found = {key: value.numpy() for key, value in system.rates(0.0, tensors).items()}
    down = y.sum() * np.cos(x)
    np.testing.assert_allclose(found["left.x"], w[:4] + down[:4], rtol=1e-12)
    np.testing.assert_allclose(found["right.x"], down[4:] / 2, rtol=1e-12)
    np.testing.assert_allclose(
        found["far.y"], np.sin(x).sum() - y + np.sin(x).mean() * y, rtol=1e-12
    )
    observed = {key: float(value) for key, value in system.observe(0.0, tensors).items()}
    assert observed["total"] == pytest.approx(y.sum() * w.sum(), rel=1e-12)
    assert observed["heavy"] == pytest.approx(w.mean() + x.sum(), rel=1e-12)
    assert certify(spec).passed


def test_the_energy_of_a_group_is_conserved() -> None:
    text = """
model pairs
param n = 3, m = 2
population left[n] { state x on circle ~ uniform; inertia 2; dissipation 0 }
population right[m] { state x on circle ~ uniform; inertia 1; dissipation 0; energy -cos(x) }
group all = left + right
coupling c: all -> all { strength 0.8; energy -cos(x[j] - x[i]) }
observe E = total_energy()
simulate { t 0 .. 4 every 1; rtol 1e-9; atol 1e-9 }
"""
    found = run_experiment(Compilation(Source("pairs.dyn", text)))
    assert isinstance(found, Trajectory)
    energy = found.observables["E"]
    moved = found.states["left.x'"][-1]
    assert np.abs(moved).max() > 0.05
    np.testing.assert_allclose(energy, energy[0], atol=1e-6)


def test_a_group_of_groups_counts_through_all_members() -> None:
    text = (
        PAIR
        + """
population far[2] { state x on circle; drift 1 }
group everything = far + all
coupling c: everything -> everything over causal(n + m + 2)
"""
    )
    spec = Compilation(Source("pair.dyn", text))
    assert spec.model.population["everything"].members == ("far", "left", "right")
    x = np.random.default_rng(9).uniform(-3, 3, 9)
    tensors = {"far.x": x[:2], "left.x": x[2:6], "right.x": x[6:]}
    system = spec.build()
    found = system.rates(0.0, {key: torch.from_numpy(value) for key, value in tensors.items()})
    total = np.tril(np.sin(x[None, :] - x[:, None])).sum(1)
    np.testing.assert_allclose(found["far.x"].numpy(), 1 + total[:2], rtol=1e-12)
    np.testing.assert_allclose(found["right.x"].numpy(), total[6:] / 2, rtol=1e-12)
    assert certify(spec).passed


def test_parameters_in_batches_reach_their_member_only() -> None:
    text = PAIR.replace("let q = K", "let q = K * w") + COUPLINGS["definitions"]
    spec = Compilation(Source("pair.dyn", text + "\nsweep s { K = 1 .. 2 by 1; t 0 .. 1 }"))
    batch = build_system(
        spec.model, spec.network, spec.program, values={"K": torch.tensor([1.0, 2.0])}
    )
    x = torch.from_numpy(np.random.default_rng(10).uniform(-3, 3, 7))
    states = {"left.x": x[:4], "right.x": x[4:]}
    many = batch.rates(0.0, {key: value.expand(2, -1) for key, value in states.items()})
    for place, value in enumerate((1.0, 2.0)):
        single = Compilation(spec.source, {"K": value}).build().rates(0.0, states)
        for key, rate in single.items():
            np.testing.assert_allclose(many[key][place].numpy(), rate.numpy(), rtol=1e-12)
