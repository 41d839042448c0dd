"""Delays that are distributions: against the expanded system, and against the integral itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from scipy.stats import gamma

from dynattn.lower.certify import certify
from dynattn.present.scene import kept_by
from dynattn.run.experiment import run_experiment
from dynattn.run.sweep import Sweep
from dynattn.solve.solve import solve
from tests.truths.solved import compiled, run, slopes, solved

LINEAR = """
model linear "x' = -a x - b times the average of x over an Erlang density"
param a = 0.5, b = 1.5, tau = 1.2, n = 4
population p[1] { state x on real = 1; drift -a * x }
coupling late: p -> p over everyone(1) { kernel x[j]; strength -b; delay gamma(tau, n) }
observe heard = mean(late)
simulate { t 0 .. 6 every 0.25; rtol 1e-11; record p.x, late.late_x, heard }
"""


def test_the_linear_equation_is_its_expanded_system() -> None:
    found, n = run(LINEAR), 4

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate([[-0.5 * y[0] - 1.5 * y[n]], n / 1.2 * (y[:-1] - y[1:])])

    series = solved(rate, np.ones(n + 1), found.times)
    np.testing.assert_allclose(found["p.x"][:, 0], series[:, 0], atol=1e-8)
    np.testing.assert_allclose(found["late.late_x"][:, 0], series[:, 1:], atol=1e-8)
    np.testing.assert_allclose(found["heard"], -1.5 * series[:, n], atol=1e-8)


def test_the_chain_is_the_integral_over_the_past() -> None:
    """int g(s) x(t - s) ds with x = 1 before the start, by quadrature over a dense solution."""
    found, n = run(LINEAR), 4

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate([[-0.5 * y[0] - 1.5 * y[n]], n / 1.2 * (y[:-1] - y[1:])])

    path: Any = solve_ivp(
        rate, (0, 6), np.ones(n + 1), rtol=1e-11, atol=1e-12, method="DOP853", dense_output=True
    )
    density: Any = gamma(a=n, scale=1.2 / n)
    for k in (4, 12, 24):
        t = found.times[k]
        inside = quad(lambda s, t=t: density.pdf(s) * path.sol(t - s)[0], 0, t, epsabs=1e-10)[0]
        whole = inside + density.sf(t)
        assert found["late.late_x"][k, 0, -1] == pytest.approx(whole, abs=1e-7)


def test_a_high_order_comes_near_a_delay_of_one_time() -> None:
    """The density has the variance tau^2 / n, and the difference falls with it."""
    head = LINEAR[: LINEAR.index("observe")] + "simulate { t 0 .. 3 every 0.5; CLOCK }"
    sharp = head.replace("gamma(tau, n)", "tau").replace(", n = 4", "")
    one = run(sharp.replace("CLOCK", "method rk4; step 0.02"))["p.x"]
    spread = head.replace("CLOCK", "rtol 1e-6")
    apart = [np.abs(run(spread, n=n)["p.x"] - one).max() for n in (16, 32, 64)]
    assert apart[2] < 0.06
    np.testing.assert_allclose(np.array(apart[:-1]) / apart[1:], 2.0, rtol=0.2)


EDGES = """
model edges
param N = 5, speed = 2.0
population p[N] {
  state x on circle ~ uniform(-2, 2)
  param omega ~ normal(1, 0.3), lag = 0.2 * index
  drift omega
}
coupling pull: p -> p over GRAPH { strength 0.7; frustration 0.3; delay gamma(MEAN, 3) }
simulate { t 0 .. 4 every 0.5; rtol 1e-10; record p.x, pull.late_x }
"""
GRAPHS = {
    "ring(N, reach=2)": lambda i, j: 0 < min((i - j) % 5, (j - i) % 5) <= 2,
    "everyone(N) without self": lambda i, j: i != j,
    "causal(N)": lambda i, j: j <= i,
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("mean", ["0.6 + lag[j] + 0.1*lag[i]", "0.6"])
def test_every_edge_has_a_chain_of_its_own(graph: str, mean: str) -> None:
    text = EDGES.replace("GRAPH", graph).replace("MEAN", mean)
    found, spec = run(text), compiled(text)
    pairs = np.array([(i, j) for i in range(5) for j in range(5) if GRAPHS[graph](i, j)])
    i, j = pairs.T
    means = 0.6 + (0.2 * j + 0.02 * i) * ("lag" in mean)
    omega = dict(spec.build().named_buffers())["p.omega"].numpy()

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x, z = y[:5], y[5:].reshape(-1, 3)
        pulls = 0.7 * np.sin(z[:, 2] - x[i] - 0.3)
        ahead = np.concatenate([x[j, None], z[:, :-1]], axis=1)
        chain = 3 / means[:, None] * (ahead - z)
        return np.concatenate([omega + np.bincount(i, pulls, 5), chain.reshape(-1)])

    start = found["p.x"][0]
    series = solved(rate, np.concatenate([start, np.repeat(start[j], 3)]), found.times)
    np.testing.assert_allclose(found["p.x"], series[:, :5], atol=1e-7)
    assert certify(spec).passed


EVERYTHING = """
model everything
param tau = 0.5
population a[2] {
  state x on circle; state x' ~ normal(0, 1); inertia x: 1
  state z on complex ~ normal(0, 1)
  state S on so(3); state n on positive ~ uniform(1, 2); state q on real(3)
  drift z: -z; drift S: -S; drift n: 1 - n; drift q: -q
}
population b[3] { state x on circle; drift 0.1 }
group all = a + b
coupling turn:  a -> a.x { kernel sin(x[j] - x[i]) - 0.1 * x[j]'; delay gamma(tau, 2) }
coupling waves: a -> a.z { kernel z[j] - z[i]; delay gamma(tau * (1 + index[j]), 2) }
coupling rates: a -> a.S { kernel S[j]; weight dot(q[j], q[i]); delay gamma(tau, 1) }
coupling heads: a -> a.n { kernel n[j] - n[i]; delay gamma(2*tau, 3) }
coupling both:  all -> all.x over cycle_graph(n=5) {
  kernel sin(x[j] - x[i])
  delay gamma(1 + 0.1*index[j], 2)
}
coupling one:   all -> all.x { kernel sin(x[j]); delay gamma(tau, 2) }
simulate { t 0 .. 1; rtol 1e-6 }
"""


def test_states_of_every_kind_have_averages() -> None:
    spec = compiled(EVERYTHING)
    assert certify(spec).passed
    first = {name: x.numpy() for name, x in spec.build().initial_states().items()}
    np.testing.assert_array_equal(first["turn.late_x"][:, 0], first["a.x"])
    np.testing.assert_array_equal(first["turn.late_x_velocity"][:, 1], first["a.x'"])
    np.testing.assert_array_equal(first["rates.late_q"][:, 0], first["a.q"])
    np.testing.assert_array_equal(first["one.late_b_x"][:, 1], first["b.x"])
    np.testing.assert_array_equal(first["heads.late_n"][:, 2], first["a.n"])
    joined = np.concatenate([first["a.x"], first["b.x"]])
    senders = spec.network.connections["both"].senders
    np.testing.assert_array_equal(first["both.late_x"][:, 0], joined[senders])
    assert np.isfinite(run(EVERYTHING)["a.x"]).all()


def test_sweeps_and_draws_begin_the_chains_where_their_states_begin() -> None:
    text = LINEAR.replace("= 1; drift", "~ normal(tau, 1); drift")
    text = text[: text.index("simulate")]
    text += "sweep s { t 0 .. 1; rtol 1e-8; tau = [0.5, 1.0]; repeat 2; record final(p.x) }"
    found = run_experiment(compiled(text))
    assert isinstance(found, Sweep)
    for k, tau in enumerate((0.5, 1.0)):
        alone = text.replace("[0.5, 1.0]", f"[{tau}]")
        other = run_experiment(compiled(alone))
        assert isinstance(other, Sweep)
        (name,) = [key for key in other.labelled.variables if "x" in key]
        np.testing.assert_allclose(found[name][k], other[name][0], rtol=1e-6)


def test_the_mean_is_learned_by_its_gradient() -> None:
    system = compiled(
        LINEAR.replace("tau = 1.2, ", "").replace("population", "learn tau = 1.2\npopulation")
    ).build()
    tau = dict(system.named_parameters())["tau"]

    def last() -> torch.Tensor:
        found = solve(system, system.initial_states(), [0.0, 2.0], method="rk4", step=0.05)
        return (found.states["p.x"][-1] ** 2).sum()

    slope, beside = slopes(last, tau)
    assert slope == pytest.approx(beside, rel=1e-7)


def test_an_equilibrium_is_that_without_the_delay() -> None:
    text = """
model rest
population p[3] { state x on real = 0.1 * index; drift 1 - x }
coupling c: p -> p { kernel tanh(x[j]); strength 0.2; delay gamma(0.5, 2) }
simulate { t 0 .. 200; until equilibrium; rtol 1e-10 }
"""
    x = run(text)["p.x"][-1]
    np.testing.assert_allclose(x, 1 + 0.4 * np.tanh(x), atol=1e-6)


def test_pictures_show_what_was_declared() -> None:
    spec = compiled(LINEAR.replace("; record p.x, late.late_x, heard", ""))
    (simulation,) = spec.model.simulations
    assert [kept.label for kept in kept_by(spec.model, simulation)] == ["p.x"]
    asked = compiled(LINEAR)
    (simulation,) = asked.model.simulations
    assert "late.late_x" in [kept.label for kept in kept_by(asked.model, simulation)]
