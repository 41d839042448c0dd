"""Delays against closed forms and independent numpy integrators."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from dynattn.run.recording import integrate
from dynattn.run.simulate import Trajectory
from dynattn.run.sweep import Sweep
from dynattn.run.systems import build_for
from dynattn.solve.history import fixed_history
from dynattn.solve.methods import METHODS
from dynattn.solve.solve import solve
from tests.truths.solved import LEARNED, compiled, integrated, run, slopes

Array = NDArray[np.float64]


# ── x' = -x(t - 1) ─────────────────────────────────────────────────────────────────────────────

LINEAR = """
model late "x' = -x(t - tau)"
param tau = 1.0
population p[1] { state x on real = 1.0 }
coupling c: p -> p over everyone(1) { kernel -x[j]; delay tau }
sweep late { t 0 .. 3 every 0.5; method rk4; step 0.05; tau = [0, 0.5, 1]; record mean(x) }
"""


def by_steps(t: float, tau: float) -> float:
    """x' = -x(t - tau) from x = 1, by the method of steps."""
    return sum(
        (-1) ** k * (t - (k - 1) * tau) ** k / factorial(k) for k in range(floor(t / tau) + 2)
    )


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2), ("rk4", 4), ("tsit5", 4)])
def test_the_order_of_each_method(method: str, order: int) -> None:
    """Steps do not divide the delay; tsit5 keeps the fourth order of the interpolation."""
    system = compiled(LINEAR).build()
    errors = []
    for step in (0.07, 0.035, 0.0175):
        times = [0.0, 2.35, 4.6]
        found = solve(system, system.initial_states(), times, method=method, step=step)
        errors.append(abs(float(found.states["p.x"][-1, 0]) - by_steps(4.6, 1.0)))
    assert np.log2(errors[0] / errors[2]) / 2 > order - 0.4
    assert errors[2] < {1: 2e-2, 2: 2e-4, 4: 1e-8}[order]


def test_a_sweep_of_delays_has_the_present_at_0_and_steps_at_the_others() -> None:
    found = run_experiment(compiled(LINEAR))
    assert isinstance(found, Sweep)
    rows, times = found["mean(x)"], np.arange(0, 3.1, 0.5)
    np.testing.assert_allclose(rows[0], np.exp(-times), rtol=1e-6)
    for row, tau in zip(rows[1:], (0.5, 1.0), strict=True):
        np.testing.assert_allclose(row, [by_steps(t, tau) for t in times], atol=1e-7)


def test_the_solution_does_not_depend_on_the_pieces_it_is_solved_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = LINEAR.replace("sweep late", "simulate").replace("every 0.5", "every 0.01")
    text = text.replace("; tau = [0, 0.5, 1]; record mean(x)", "")
    whole = run(text)["p.x"]
    monkeypatch.setattr("dynattn.run.recording.MEMORY", 5)
    np.testing.assert_array_equal(run(text)["p.x"], whole)


# ── Kuramoto oscillators ───────────────────────────────────────────────────────────────────────

KURAMOTO = """
model late_kuramoto
param N = 6, K = 1.5, tau = 0.8
population osc[N] { state theta on circle ~ uniform(-0.5, 0.5); param omega = 1.0; drift omega }
coupling pull: osc -> osc { strength K; normalize size; delay tau }
simulate { t 0 .. 60 every 0.5; method rk4; step 0.1 }
"""


def test_two_oscillators_lock_at_the_known_frequency() -> None:
    """Omega = omega - K/2 sin(Omega tau), the delay shifting the phase by Omega tau."""
    found = run(KURAMOTO, N=2)["osc.theta"]
    speed = (found[-1] - found[-3]) / 1.0
    expected: Any = brentq(lambda w: 1.0 - 0.75 * np.sin(0.8 * w) - w, 0.0, 2.0)
    np.testing.assert_allclose(speed, expected, rtol=1e-7)


def test_many_oscillators_by_a_second_integrator() -> None:
    """Mean field sums of the past, over many turns: angles are not wrapped."""
    compilation = compiled(KURAMOTO.replace("omega = 1.0", "omega ~ normal(3, 0.5)"))
    system = compilation.build()
    start = system.initial_states()["osc.theta"].numpy()
    omega = dict(system.named_buffers())["osc.omega"].numpy()

    def rate(t: float, x: Array, past: Callable[[float], Array]) -> Array:
        seen = past(t - 0.8)
        phases = np.sin(seen[None, :] - x[:, None])
        return omega + 1.5 / 6 * (phases.sum(1) - np.diag(phases))

    expected = integrated(rate, start, 4.0, 1600)
    states = {"osc.theta": torch.from_numpy(start)}
    found = solve(system, states, [0, 2, 4], method="rk4", step=0.05)
    np.testing.assert_allclose(found.states["osc.theta"][1], expected[800], atol=2e-6)
    np.testing.assert_allclose(found.states["osc.theta"][2], expected[1600], atol=2e-6)


def test_delay_0_is_no_delay() -> None:
    late = run(KURAMOTO, tau=0)["osc.theta"]
    now = run(KURAMOTO.replace("; delay tau", ""))["osc.theta"]
    np.testing.assert_allclose(late, now, rtol=1e-13, atol=1e-13)


# ── a delay of each edge ───────────────────────────────────────────────────────────────────────

EDGES = """
model tracts
param N = 8, speed = 4.0
population p[N] { state x on real ~ normal(0, 1); param rest = 0.3; let out = tanh(x) - rest; drift -x }
coupling near: p -> p over ring(N, reach=2) { kernel out[j] - 0.1*x[i]; delay distance / speed }
coupling all: p -> p { kernel x[j]^2; strength -0.1; delay 0.5 }
simulate { t 0 .. 3 every 0.5; method rk4; step 0.05 }
"""  # noqa: E501


def test_every_edge_has_its_own_delay() -> None:
    compilation = compiled(EDGES)
    system = compilation.build()
    start = system.initial_states()["p.x"].numpy()
    away = [-2, -1, 1, 2]

    def rate(t: float, x: Array, past: Callable[[float], Array]) -> Array:
        found = -x
        for i in range(8):
            for k in away:
                seen = past(t - abs(k) / 4.0)[(i + k) % 8]
                found[i] += np.tanh(seen) - 0.3 - 0.1 * x[i]
        squares = past(t - 0.5) ** 2
        return found - 0.1 * (squares.sum() - squares)

    expected = integrated(rate, start, 3.0, 600)
    found = run_experiment(compilation)
    assert isinstance(found, Trajectory)
    np.testing.assert_allclose(found["p.x"][-1], expected[-1], atol=3e-6)


PAIRS = """
model pairs
param N = 4
population p[N] {
  state x on real ~ normal(0, 1)
  param lag ~ uniform(0.2, 0.4)
  drift -x
}
coupling c: p -> p over causal(N) { kernel x[j] * cos(x[i]); delay lag[i] + lag[j]/2 }
simulate { t 0 .. 2 every 0.5; method rk4; step 0.05 }
"""


def test_delays_between_all_pairs() -> None:
    system = compiled(PAIRS).build()
    start = system.initial_states()["p.x"].numpy()
    lag = dict(system.named_buffers())["p.lag"].numpy()

    def rate(t: float, x: Array, past: Callable[[float], Array]) -> Array:
        found = -x
        for i in range(4):
            for j in range(i + 1):
                found[i] += past(t - lag[i] - lag[j] / 2)[j] * np.cos(x[i])
        return found

    expected = integrated(rate, start, 2.0, 800)
    found = solve(system, {"p.x": torch.from_numpy(start)}, [0.0, 2.0], method="rk4", step=0.02)
    np.testing.assert_allclose(found.states["p.x"][-1], expected[-1], atol=3e-6)


def test_edges_without_delay_see_the_present() -> None:
    """Delays of 0 beside others: half of the edges of a ring know no past."""
    text = EDGES.replace("delay distance / speed", "delay (distance - 1) / speed")
    text = text.replace("step 0.05", "step 0.025")
    system = compiled(text).build()
    assert sorted(set(system.delays()["near"].tolist())) == [0.0, 0.25]
    start = system.initial_states()["p.x"].numpy()

    def rate(t: float, x: Array, past: Callable[[float], Array]) -> Array:
        far = past(t - 0.25)
        found = -x
        for i in range(8):
            near = np.tanh([x[i - 1], x[(i + 1) % 8], far[i - 2], far[(i + 2) % 8]])
            found[i] += (near - 0.3 - 0.1 * x[i]).sum()
        squares = past(t - 0.5) ** 2
        return found - 0.1 * (squares.sum() - squares)

    expected = integrated(rate, start, 3.0, 600)
    found = run(text)
    np.testing.assert_allclose(found["p.x"][-1], expected[-1], atol=3e-6)


# ── other kinds of law ─────────────────────────────────────────────────────────────────────────

SWING = """
model swing
param tau = 0.5
population p[3] {
  state phi on circle ~ uniform(-1, 1); state phi' ~ normal(0, 1); inertia 0.7; dissipation 0.2
}
coupling c: p -> p { frustration 0.3; harmonics m in 1 .. 2; strength 1/m; delay tau }
coupling drag: p -> p { kernel phi'[j] - phi'[i]; strength 0.1; delay 0.3 }
simulate { t 0 .. 3 every 0.5; method rk4; step 0.02 }
"""


def test_second_order_states_and_their_velocities_are_late() -> None:
    compilation = compiled(SWING)
    system = compilation.build()
    first = system.initial_states()
    start = np.concatenate([first["p.phi"].numpy(), first["p.phi'"].numpy()])

    def rate(t: float, y: Array, past: Callable[[float], Array]) -> Array:
        x, v, seen, fast = y[:3], y[3:], past(t - 0.5)[:3], past(t - 0.3)[3:]
        force = np.zeros(3)
        for i in range(3):
            for j in range(3):
                if i != j:
                    force[i] += sum(np.sin(m * (seen[j] - x[i]) - 0.3) / m for m in (1, 2))
                    force[i] += 0.1 * (fast[j] - v[i])
        return np.concatenate([v, (force - 0.2 * v) / 0.7])

    expected = integrated(rate, start, 3.0, 900)
    found = run_experiment(compilation)
    assert isinstance(found, Trajectory)
    np.testing.assert_allclose(found["p.phi"][-1], expected[-1, :3], atol=3e-6)
    np.testing.assert_allclose(found["p.phi'"][-1], expected[-1, 3:], atol=3e-6)


def test_the_past_on_a_sphere_is_on_the_sphere() -> None:
    """Against the same model in steps ten times smaller; the order is the method's."""
    text = """
model lohe
population p[4] { state z on sphere(3); drift [0.5, 0, 0.2] }
coupling c: p -> p over everyone(4) { kernel z[j]; weight softmax(2 * dot(z[i], z[j])); delay 0.5 }
simulate { t 0 .. 2 every 1; method rk4; step 0.1 }
"""
    fine = run(text.replace("step 0.1", "step 0.01"))["p.z"]
    coarse, half = (run(text.replace("step 0.1", f"step {h}"))["p.z"] for h in (0.1, 0.05))
    np.testing.assert_allclose(np.linalg.norm(half, axis=-1), 1, atol=1e-12)
    errors = [np.abs(found[-1] - fine[-1]).max() for found in (coarse, half)]
    assert errors[1] < 1e-6
    assert np.log2(errors[0] / errors[1]) > 3.4


def test_a_map_reads_what_it_was_n_updates_ago() -> None:
    text = """
model memory
population p[2] { state h on real ~ uniform(0.2, 0.8); h <- 1.2 * h * (1 - back / 1) }
coupling back: p -> p over one_to_one(2) { kernel h[j]; delay 3 }
simulate { steps 12 }
"""
    found = run(text)["p.h"]
    for k in range(12):
        expected = 1.2 * found[k] * (1 - found[max(k - 3, 0)])
        np.testing.assert_allclose(found[k + 1], expected, rtol=1e-13)


def test_noise_and_delay() -> None:
    """Euler-Maruyama: the same increments, the past by a second code."""
    text = """
model noisy
population p[2] { state x on real = 1; noise 0.3 }
coupling c: p -> p { kernel -x[j]; delay 0.25 }
simulate { t 0 .. 2 every 0.1; method euler; step 0.1 }
"""
    found = run(text)["p.x"]
    still = run(text.replace("kernel -x[j]", "kernel 0 * x[j]"))["p.x"]
    white = np.diff(still, axis=0)
    x = np.ones((21, 2))
    for k in range(20):
        place = max(k - 2.5, 0.0)
        left = floor(place)
        seen = x[left] + (place - left) * (x[left + 1] - x[left])
        x[k + 1] = x[k] - 0.1 * seen[::-1] + white[k]
    np.testing.assert_allclose(found, x, rtol=1e-11)


# ── slopes, and the field by itself ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delay", ["tau", "tau * distance"])
def test_a_delay_is_learned_by_its_gradient(delay: str) -> None:
    system = compiled(LEARNED.replace("DELAY", delay)).build()
    tau = dict(system.named_parameters())["tau"]

    def last() -> torch.Tensor:
        found = solve(system, system.initial_states(), [0.0, 1.0], method="rk4", step=0.02)
        return (found.states["p.x"][-1] ** 2).sum()

    slope, beside = slopes(last, tau)
    assert slope == pytest.approx(beside, rel=1e-6)


@pytest.mark.parametrize("taus", ["[0, 0.37, 0.731]", "[0.25, 0.5, 0.3]"])
def test_points_of_a_sweep_over_a_delay_are_what_each_is_alone(taus: str) -> None:
    """On and off the grid of the steps, which end where the derivatives of a point jump."""
    text = EDGES.replace("delay 0.5 }", "delay 2 * tau }").replace("param", "param tau = 0.5,", 1)
    text += (
        f"sweep s {{ t 0 .. 3 every 0.5; method rk4; step 0.05; tau = {taus}; record final(x) }}"
    )
    swept = run_experiment(compiled(text), "s")
    assert isinstance(swept, Sweep)
    for k, tau in enumerate(swept.axes["tau"].tolist()):
        alone = run(text, tau=tau)["p.x"][-1]
        np.testing.assert_allclose(swept["final(x)"][k], alone, rtol=1e-11)


def test_forms_of_delayed_sums_agree_with_plain_loops() -> None:
    for text in (KURAMOTO, EDGES, SWING):
        assert certify(compiled(text)).passed


def test_history_is_bounded_by_the_largest_delay() -> None:
    system = compiled(LINEAR).build()
    history = fixed_history(system, METHODS["rk4"], 0.0)
    solve(
        system, system.initial_states(), [0.0, 40.0], method="rk4", step=0.05, history=history
    )  # fmt: skip
    assert len(history.times) <= 64 < 40 / 0.05


def test_states_of_a_batch_have_the_past_of_their_own_delay() -> None:
    """Points side by side give what each gives alone, on edges with a swept speed."""
    compilation = compiled(EDGES.replace("simulate {", "sweep fast { speed = [2, 5];"))
    (simulation,) = compilation.model.simulations
    found = run_experiment(compilation)
    assert isinstance(found, Sweep)
    values = {"speed": torch.tensor([2.0, 5.0], dtype=torch.float64)}
    system = build_for(compilation, seed=0, values=values)
    times = np.linspace(0, 3, 7)
    both = integrate(system, simulation, times, (), batch=(2,), keep_states=True)
    for k, speed in enumerate((2.0, 5.0)):
        alone = run(EDGES, speed=speed)["p.x"]
        np.testing.assert_allclose(both.results["p.x"][:, k], alone, rtol=1e-6, atol=1e-6)


# ── specs ──────────────────────────────────────────────────────────────────────────────────────

TEXTS = Path(__file__).parents[1] / "syntax" / "texts"


def placed(name: str, folder: Path, **overrides: Any) -> Compilation:
    """A spec with its files beside it."""
    text = (TEXTS / f"{name}.dyn").read_text(encoding="utf-8")
    return Compilation(Source(str(folder / f"{name}.dyn"), text), overrides)


def test_wilson_cowan_regions_with_tract_delays(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.1, 1, (4, 4)) * (1 - np.eye(4))
    lengths = rng.uniform(2, 30, (4, 4))
    np.savetxt(tmp_path / "weights.csv", weights, delimiter=",")
    np.savetxt(tmp_path / "lengths.csv", lengths, delimiter=",")
    compilation = placed("wilson_cowan", tmp_path, N=4)
    (experiment,) = compilation.model.simulations
    tau = compilation.build().delays()["tracts"].reshape(4, 3).numpy()
    np.testing.assert_allclose(tau[0], lengths[0, 1:] / 5)

    def sigmoid(x: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-x)))

    def rate(t: float, y: Array, past: Callable[[float], Array]) -> Array:
        seen = np.array([[past(t - lengths[i, j] / 5)[j] for j in range(4)] for i in range(4)])
        heard, e, i = (weights * seen).sum(1), y[:4], y[4:]
        return np.concatenate(
            [
                (-e + sigmoid(16 * e - 12 * i + 0.5 * heard + 1.25)) / 10,
                (-i + sigmoid(15 * e - 3 * i)) / 20,
            ]
        )

    expected = integrated(rate, np.full(8, 0.1), 40.0, 400)
    system = compilation.build()
    found = solve(
        system, system.initial_states(), [0.0, 40.0], method=experiment.method, step=0.1
    ).states  # fmt: skip
    np.testing.assert_allclose(found["exc.E"][-1], expected[-1, :4], rtol=2e-5)
    np.testing.assert_allclose(found["inh.I"][-1], expected[-1, 4:], rtol=2e-5)


def test_kuramoto_general_on_a_measured_graph(tmp_path: Path) -> None:
    import networkx as nx

    graph = nx.cycle_graph(5, create_using=nx.DiGraph)
    for k, (a, b) in enumerate(graph.edges):
        graph.edges[a, b]["weight"] = 0.5 + 0.1 * k
    nx.write_graphml(graph, tmp_path / "net.graphml")
    compilation = placed("kuramoto_general", tmp_path)
    assert certify(compilation).passed
    system = compilation.build()
    first = system.initial_states()
    start = np.concatenate([first["osc.theta"].numpy(), first["osc.theta'"].numpy()])
    omega = dict(system.named_buffers())["osc.omega"].numpy()
    weights = {b: graph.edges[a, b]["weight"] for a, b in graph.edges}

    def rate(t: float, y: Array, past: Callable[[float], Array]) -> Array:
        force = omega - y[5:]
        seen = past(t - 0.3)
        for i in range(5):
            difference = seen[(i - 1) % 5] - y[i]
            pull = 2.0 * np.sin(difference - 0.2) + 0.5 * np.sin(2 * difference)
            force[i] += weights[i] * pull
        return np.concatenate([y[5:], force / 0.5])

    expected = integrated(rate, start, 3.0, 600)
    found = solve(system, first, [0.0, 3.0], method="rk4", step=0.02).states
    np.testing.assert_allclose(found["osc.theta"][-1], expected[-1, :5], atol=3e-6)
