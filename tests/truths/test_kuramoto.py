"""Synchronisation against SciPy and closed forms: the equations written here a second time.

Graphs come from networkx itself; an edge u -> v sends from u to v.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec, load
from dynattn.program import duals
from dynattn.program.reference import Reference
from dynattn.solve.solve import solve

GRAPHS = {
    "complete": "complete_graph(n=N)",
    "ring": "cycle_graph(n=N)",
    "small world": "watts_strogatz_graph(n=N, k=4, p=0.3, seed=1)",
    "directed": "gnp_random_graph(n=N, p=0.2, seed=2, directed=true)",
    "scale free": "barabasi_albert_graph(n=N, m=2, seed=3)",
}
SHIPPED = "watts_strogatz_graph(n=N, k=10, p=0.1, seed=1)"
SPECS = Path(__file__).parents[2] / "specs"
KURAMOTO, SYNCHRONIZATION = SPECS / "kuramoto.dyn", SPECS / "synchronization.dyn"


def graph_of(name: str, nodes: int) -> networkx.Graph:
    """The graph as networkx makes it."""
    made = {
        "complete": lambda: networkx.complete_graph(nodes),
        "ring": lambda: networkx.cycle_graph(nodes),
        "small world": lambda: networkx.watts_strogatz_graph(nodes, 4, 0.3, seed=1),
        "directed": lambda: networkx.gnp_random_graph(nodes, 0.2, seed=2, directed=True),
        "scale free": lambda: networkx.barabasi_albert_graph(nodes, 2, seed=3),
    }
    return made[name]()


def spec_of(text: str, **overrides: Any) -> Spec:
    return Spec(Source("truth.dyn", text), overrides)


def kuramoto_on(name: str, nodes: int, normalize: str = "degree", **overrides: Any) -> Spec:
    """The shipped spec on another graph."""
    text = KURAMOTO.read_text(encoding="utf-8")
    assert SHIPPED in text and "normalize   degree" in text
    text = text.replace(SHIPPED, GRAPHS[name]).replace(
        "normalize   degree", f"normalize {normalize}"
    )
    return spec_of(text, N=nodes, **overrides)


def numbers(system: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in system.named_buffers() if "_fixed" not in name}


def by_edges(
    graph: networkx.Graph, theta: np.ndarray, omega: np.ndarray, k: float, lag: float, by: str
) -> np.ndarray:
    """omega_i + K / (N or degree_i) sum over u -> i of sin(theta_u - theta_i - lag), by edges."""
    directed = graph if graph.is_directed() else graph.to_directed()
    total, degree = np.zeros(len(theta)), np.zeros(len(theta))
    for sender, receiver in directed.edges:
        total[receiver] += math.sin(theta[sender] - theta[receiver] - lag)
        degree[receiver] += 1
    divisor = np.maximum(degree, 1) if by == "degree" else len(theta)
    return omega + k * total / divisor


# ── Kuramoto and Sakaguchi on five graphs ──────────────────────────────────────────────────────


@pytest.mark.parametrize("normalize", ["degree", "size"])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_flow_is_that_of_an_edge_loop_solved_by_scipy(name: str, normalize: str) -> None:
    spec = kuramoto_on(name, 14, normalize, K=1.7, alpha=0.3)
    system = spec.build(seed=4)
    start, graph = system.initial_states(), graph_of(name, 14)
    omega = numbers(system)["osc.omega"]

    def rate(t: float, theta: np.ndarray) -> np.ndarray:
        return by_edges(graph, theta, omega, 1.7, 0.3, normalize)

    times = np.linspace(0, 4, 5)
    exact = solve_ivp(
        rate, (0, 4), start["osc.theta"].numpy(), "DOP853", times, rtol=1e-11, atol=1e-12
    )
    found = solve(system, start, times.tolist(), method="dopri8", rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.states["osc.theta"].numpy(), exact.y.T, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", GRAPHS)
def test_rates_at_random_phases_are_those_of_the_edge_loop(name: str) -> None:
    system, graph = kuramoto_on(name, 40, K=0.9, alpha=-0.4).build(), graph_of(name, 40)
    omega = numbers(system)["osc.omega"]
    for seed in range(5):
        theta = np.random.default_rng(seed).uniform(-10, 10, 40)
        found = system.rates(0.0, {"osc.theta": torch.from_numpy(theta)})["osc.theta"]
        expected = by_edges(graph, theta, omega, 0.9, -0.4, "degree")
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


def test_an_edge_sends_from_its_first_node_to_its_second() -> None:
    """gn_graph's edges run from each new node to the one it attaches to: old nodes hear many."""
    graph = networkx.gn_graph(6, seed=5)
    text = """model tree
param N = 6
graph g = gn_graph(n=N, seed=5)
population osc[N] { state theta on circle }
coupling pull: osc -> osc over g { kernel 1 }
"""
    spec = spec_of(text)
    found = spec.build().rates(0.0, spec.build().initial_states())["osc.theta"]
    assert found.tolist() == [graph.in_degree(node) for node in range(6)]
    assert sorted(found.tolist()) != sorted(graph.out_degree(node) for node in range(6))


SIZES = {"small": 24, "large": 330}
FORMS = {
    ("complete", "small"): "mean_field", ("complete", "large"): "mean_field",
    ("ring", "small"): "roll", ("ring", "large"): "roll",
    ("small world", "small"): "dense", ("small world", "large"): "csr",
    ("directed", "small"): "dense", ("directed", "large"): "dense",
    ("scale free", "small"): "dense", ("scale free", "large"): "csr",
}  # fmt: skip


def forms_of(spec: Spec) -> set[str]:
    return {
        node.payload[1]
        for block in spec.program.blocks
        for node in block.nodes
        if node.op == "graph_sum"
    }


@pytest.mark.parametrize(("name", "size"), FORMS)
def test_every_lowered_form_equals_the_reference(name: str, size: str) -> None:
    spec = kuramoto_on(name, SIZES[size])
    assert forms_of(spec) == {FORMS[name, size]}
    system = spec.build()
    states = system.initial_states()
    found = system.rates(0.0, states)["osc.theta"].numpy()
    reference = Reference(spec.model, spec.network, numbers(system), states=dict(states))
    chosen = range(SIZES[size]) if size == "small" else (0, 1, 7, 100, SIZES[size] - 1)
    expected = [float(reference.rate("osc.theta", node).value) for node in chosen]
    np.testing.assert_allclose(found[list(chosen)], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_slopes_of_the_lowered_form_are_those_of_the_reference(name: str) -> None:
    spec = kuramoto_on(name, 10)
    system = spec.build()
    states = system.initial_states()

    def rate(theta: torch.Tensor) -> torch.Tensor:
        return system.rates(0.0, {"osc.theta": theta})["osc.theta"]

    found = torch.func.jacrev(rate)(states["osc.theta"]).numpy()
    reference = Reference(
        spec.model, spec.network, numbers(system), states=dict(states), wrt=("osc.theta",)
    )
    step, theta = 1e-6, states["osc.theta"]
    for node in range(10):
        exact = duals.jacobian(reference.rate("osc.theta", node), 10)
        np.testing.assert_allclose(found[node], np.ravel(exact), rtol=0, atol=1e-12)
        along = torch.eye(10, dtype=torch.float64)[node] * step
        central = (rate(theta + along) - rate(theta - along)) / (2 * step)
        np.testing.assert_allclose(found[:, node], central.numpy(), rtol=0, atol=1e-8)


# ── two oscillators ────────────────────────────────────────────────────────────────────────────

PAIR = """model pair
param K = 1, gap = 0.5, alpha = 0
population osc[2] { state theta on circle = 0.0; drift gap * (index - 0.5) }
coupling pull: osc -> osc { frustration alpha; strength K; normalize size }
simulate { t 0 .. 60 every 0.5; rtol 1e-9; method dopri5 }
"""


@pytest.mark.parametrize("gap", [0.3, 0.9, 0.999])
def test_two_oscillators_lock_below_the_coupling(gap: float) -> None:
    """d' = gap - K sin d with K / 2 each way: rest at sin d = gap / K."""
    theta = spec_of(PAIR, gap=gap).run()["osc.theta"]
    difference = theta[-1, 1] - theta[-1, 0]
    decayed = math.exp(-60 * math.sqrt(1 - gap**2))
    assert difference == pytest.approx(math.asin(gap), abs=1e-6 + 4 * decayed)


@pytest.mark.parametrize("gap", [1.001, 1.2, 3.0])
def test_two_oscillators_drift_apart_above_it(gap: float) -> None:
    """d(t) = 2 atan((1 + Omega tan(Omega t / 2 + c)) / gap)), Omega = sqrt(gap^2 - 1), d(0) = 0."""
    got = spec_of(PAIR, gap=gap).run()
    difference = got["osc.theta"][:, 1] - got["osc.theta"][:, 0]
    omega = math.sqrt(gap**2 - 1)
    angle = omega * got.times / 2 - math.atan(1 / omega)
    exact = 2 * np.arctan((1 + omega * np.tan(angle)) / gap)
    assert np.abs(np.exp(1j * difference) - np.exp(1j * exact)).max() < 1e-5
    assert (np.diff(difference) > 0).all()


def test_frustration_turns_the_locked_pair_at_a_common_speed() -> None:
    """With equal frequencies both run at -(K/2) sin(alpha), in phase."""
    theta = spec_of(PAIR, gap=0, alpha=0.4).run()["osc.theta"]
    assert np.abs(theta[:, 1] - theta[:, 0]).max() < 1e-9
    speed = (theta[-1] - theta[0]) / 60
    assert speed == pytest.approx([-0.5 * math.sin(0.4)] * 2, abs=1e-8)


# ── other manifolds ────────────────────────────────────────────────────────────────────────────


def synchronization_on(manifold: str, **overrides: Any) -> Spec:
    text = SYNCHRONIZATION.read_text(encoding="utf-8")
    assert "state x on circle" in text
    return spec_of(text.replace("state x on circle", f"state x on {manifold}"), **overrides)


@pytest.mark.parametrize("dimension", [3, 16])
def test_on_spheres_everyone_meets_and_nobody_leaves_the_sphere(dimension: int) -> None:
    got = synchronization_on(f"sphere({dimension})", N=30).run()
    length = np.linalg.norm(got["unit.x"], axis=-1)
    assert np.abs(length - 1).max() < 1e-12
    assert got["r"][0] < 0.8
    assert got["r"][-1] > 1 - 1e-6
    assert (np.diff(got["r"]) > -1e-9).all()


def test_the_lohe_law_on_the_circle_as_a_sphere_is_kuramoto() -> None:
    """x = (cos a, sin a) on sphere(2) obeys a_i' = K/N sum_j sin(a_j - a_i)."""
    spec = synchronization_on("sphere(2)", N=9, K=1.3)
    system = spec.build()
    angle = np.random.default_rng(0).uniform(-3, 3, 9)
    x = np.stack([np.cos(angle), np.sin(angle)], -1)
    found = system.rates(0.0, {"unit.x": torch.from_numpy(x)})["unit.x"].numpy()
    turning = 1.3 / 9 * np.sin(angle - angle[:, None]).sum(1)
    expected = turning[:, None] * np.stack([-np.sin(angle), np.cos(angle)], -1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_two_points_of_a_sphere_close_their_angle_by_the_lohe_law() -> None:
    """phi' = -2 (K/2) sin(phi): tan(phi / 2) decays as exp(-K t)."""
    spec = synchronization_on("sphere(16)", N=2, K=0.8)
    system = spec.build(seed=3)
    times = np.linspace(0, 10, 21)
    found = solve(
        system, system.initial_states(), times.tolist(), method="dopri8", rtol=1e-11, atol=1e-13
    )
    x = found.states["unit.x"].numpy()
    chord = np.linalg.norm(x[:, 0] - x[:, 1], axis=-1)
    half = np.arcsin(chord / 2)
    exact = np.arctan(np.tan(half[0]) * np.exp(-0.8 * times))
    np.testing.assert_allclose(half, exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize("manifold", ["real", "real(3)"])
def test_consensus_decays_at_the_rate_of_the_laplacian(manifold: str) -> None:
    """Everyone but oneself, over N: deviations from the mean decay as exp(-K t), the mean stays."""
    system = synchronization_on(f"{manifold} ~ normal(0, 1)", N=20, K=0.7).build()
    times = np.linspace(0, 8, 9)
    found = solve(
        system, system.initial_states(), times.tolist(), method="dopri8", rtol=1e-11, atol=1e-13
    )
    x = found.states["unit.x"].numpy()
    mean = x[0].mean(0)
    decay = np.exp(-0.7 * times).reshape(-1, *[1] * (x.ndim - 1))
    np.testing.assert_allclose(x, mean + (x[0] - mean) * decay, rtol=0, atol=1e-9)


def test_consensus_on_a_graph_decays_mode_by_mode() -> None:
    """x' = -L x: the matrix exponential of networkx's own Laplacian."""
    text = """model consensus
param N = 15
graph g = watts_strogatz_graph(n=N, k=4, p=0.3, seed=1)
population unit[N] { state x on real ~ normal(0, 1) }
coupling pull: unit -> unit over g
"""
    system = spec_of(text).build()
    start = system.initial_states()
    laplacian = networkx.laplacian_matrix(graph_of("small world", 15)).toarray().astype(float)
    values, modes = np.linalg.eigh(laplacian)
    found = solve(system, start, [0.0, 1.5], method="dopri8", rtol=1e-11, atol=1e-13)
    exact = modes @ (np.exp(-1.5 * values) * (modes.T @ start["unit.x"].numpy()))
    np.testing.assert_allclose(found.states["unit.x"][-1].numpy(), exact, rtol=0, atol=1e-9)


def test_the_shipped_sweep_crosses_from_disorder_to_order() -> None:
    """Full size of the shipped spec, one run on either side of the transition."""
    low, high = (load(KURAMOTO, K=k, alpha=0.0).run()["r"][-200:].mean() for k in (0.2, 4.0))
    assert low < 0.35
    assert high > 0.8
