"""Numbers on edges: drawn weights, parameters and definitions of couplings, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.module import System, build_system
from dynattn.run.experiment import run_experiment
from dynattn.run.systems import points_at_once


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("edges.dyn", text), overrides)


def rate(system: System, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A state as it starts, and its rate there."""
    states = system.initial_states()
    return states[name].numpy(), system.rates(0.0, states)[name].detach().numpy()


def array(system: System, name: str) -> np.ndarray:
    found: Any = system
    for part in name.split("."):
        found = getattr(found, part)
    return found.detach().numpy()


OSCILLATORS = """
model oscillators
param N = 9
graph net = watts_strogatz_graph(n=N, k=4, p=0.5)
population osc[N] { state theta on circle; param omega ~ normal(0, 1); drift omega }
coupling pull: osc -> osc OVER {
  param w ~ normal(1, 0.2)
  learn v[2] ~ uniform(-1, 1)
  param far = abs(omega[i] - omega[j])
  let gap = theta[j] - theta[i]
  let twice = dot(v, [1, 2])
  weight w + twice * far
  kernel sin(gap - 0.3)
}
observe middle = mean(pull.w)
observe gaps = std(pull.gap)
observe many = count(pull.w > 1)
observe ends = max(pull.far) - min(far)
observe all = sum(pull.v)
simulate { t 0 .. 1 every 0.5 }
"""
GRAPHS = {
    "everyone": "", "list": "over net", "causal": "over causal(N)",
    "ring": "over ring(N, reach=2)", "with self": "over everyone(N)",
}  # fmt: skip


def matrices(compilation: Compilation, values: np.ndarray, name: str) -> np.ndarray:
    """Numbers of edges as a matrix [receivers, senders], NaN where there is no edge."""
    edges = compilation.network.connections[name]
    count = edges.receivers_count or 0
    found = np.full((count, count, *values.shape[1 if edges.kind == "edges" else 2 :]), np.nan)
    if edges.kind == "edges":
        found[edges.receivers, edges.senders] = values
        return found
    found[:] = values
    if edges.kind == "causal":
        found[np.triu_indices(count, 1)] = np.nan
    elif not edges.include_self:
        found[np.diag_indices(count)] = np.nan
    return found


@pytest.mark.parametrize("graph", GRAPHS)
def test_rates_and_observables_of_edges(graph: str) -> None:
    spec = compiled(OSCILLATORS.replace("OVER", GRAPHS[graph]))
    system = spec.build()
    theta, found = rate(system, "osc.theta")
    omega = array(system, "osc.omega")
    w, v, far = (matrices(spec, array(system, f"pull.{n}"), "pull") for n in ("w", "v", "far"))
    own = abs(omega[:, None] - omega)
    np.testing.assert_allclose(far[~np.isnan(far)], own[~np.isnan(far)])
    gap = theta[None, :] - theta[:, None]
    weight = w + (v @ [1, 2]) * own
    np.testing.assert_allclose(found, omega + np.nansum(weight * np.sin(gap - 0.3), 1), rtol=1e-12)
    seen = {k: x.detach().numpy() for k, x in system.observe(0.0, system.initial_states()).items()}
    assert seen["middle"] == pytest.approx(np.nanmean(w))
    assert seen["gaps"] == pytest.approx(gap[~np.isnan(w)].std())
    assert seen["many"] == (w[~np.isnan(w)] > 1).sum()
    assert seen["ends"] == pytest.approx(np.nanmax(far) - np.nanmin(far))
    np.testing.assert_allclose(seen["all"], np.nansum(v, (0, 1)))


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_forms_agree_with_the_reference(graph: str) -> None:
    assert certify(compiled(OSCILLATORS.replace("OVER", GRAPHS[graph]), N=6)).passed


def sums(spec: Compilation) -> list[Any]:
    assert spec.program.field is not None
    return [n.payload for n in spec.program.field.nodes if n.op in ("graph_sum", "edge_sum")]


def test_all_pairs_take_one_matrix_product_whatever_their_number() -> None:
    for n in (9, 700):
        spec = compiled(OSCILLATORS.replace("OVER", ""), N=n)
        assert sums(spec) == [("pull", "weighted", "weights per pair")]
    listed = compiled(OSCILLATORS.replace("OVER", "over net"))
    assert sums(listed) == [("pull", "dense", "weights per edge")]


LINEAR = """
model linear
param N = 6, K = 2
population unit[N] { state x on real(3) ~ normal(0, 1); param a ~ normal(0, 1) }
coupling mix: unit -> unit { heads 1; param w ~ normal(0, 1); weight w; strength K }
coupling send: unit -> unit over causal(N) { learn u ~ normal(0, 1); weight u * a[j]; kernel x[j] }
coupling share: unit -> unit { param p ~ uniform(0, 1); weight normalized(p); kernel x[j] }
simulate { t 0 .. 1 }
"""


def test_vectors_and_normalized_weights() -> None:
    text = LINEAR.replace("heads 1; ", "")
    system = compiled(text).build()
    x, found = rate(system, "unit.x")
    off = 1 - np.eye(6)
    w, u, p = (array(system, name) for name in ("mix.w", "send.u", "share.p"))
    w, u, p = w * off, np.tril(u * array(system, "unit.a")), p * off
    expected = 2 * (w @ x - w.sum(1, keepdims=True) * x) + u @ x
    expected += p @ x / p.sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert certify(compiled(text)).passed


WEB = """
model web
param S = 12, mu = -0.5, sigma = 0.3, gamma = 0.5 in -1 .. 1
population species[S] { state n on positive ~ uniform(0.5, 1.5); drift 1 - n }
coupling web: species -> species {
  weight ~ paired_normal(mu/S, sigma/sqrt(S), gamma)
  kernel n[j]
}
observe extinct = count(n' < 0 and n < 1e-3)
observe spread = std(web.weight)
simulate { t 0 .. 20 every 20; rtol 1e-9; record final(n), final(extinct) }
sweep edge { sigma = [0.3, 0.9]; gamma = [-1, 0, 1]; repeat 2; record final(n), final(spread) }
"""


def test_random_lotka_volterra_against_scipy() -> None:
    spec = compiled(WEB, sigma=1.2)
    system = spec.build()
    start, _ = rate(system, "species.n")
    a = array(system, "web.weight") * (1 - np.eye(12))
    solved = solve_ivp(
        lambda t, n: n * (1 - n + a @ n), (0, 20), start, rtol=1e-11, atol=1e-14, method="DOP853"
    ).y[:, -1]
    found = run_experiment(spec)
    np.testing.assert_allclose(found["final(n)"], solved, rtol=1e-6, atol=1e-12)
    falling = (1 - solved + a @ solved < 0) & (solved < 1e-3)
    assert found["final(extinct)"] == falling.sum() > 0


def test_a_sweep_shares_its_draws_and_every_repeat_has_new_ones() -> None:
    spec = compiled(WEB)
    found = run_experiment(spec, "edge")
    spread = found["final(spread)"]
    assert spread.shape == (2, 3, 2)
    assert spread[1] / spread[0] == pytest.approx(np.full((3, 2), 3.0))
    assert (abs(spread[..., 0] / spread[..., 1] - 1) > 1e-4).all()
    for k, sigma in enumerate((0.3, 0.9)):
        alone = run_experiment(compiled(WEB, sigma=sigma, gamma=-1))
        np.testing.assert_allclose(found["final(n)"][k, 0, 0], alone["final(n)"], rtol=1e-6)


@pytest.mark.parametrize("over", ["", "over gnp_random_graph(n=S, p=0.4, seed=3)",
                                  "over ring(S, reach=6)"])  # fmt: skip
@pytest.mark.parametrize("gamma", [-1, 1, 0.6])
def test_pairs_of_edges_are_correlated(over: str, gamma: float) -> None:
    text = WEB.replace("species -> species {", f"species -> species {over} {{")
    spec = compiled(text, S=120, gamma=gamma, mu=0, sigma=120**0.5)
    a = matrices(spec, array(spec.build(), "web.weight"), "web")
    upper = np.triu(~np.isnan(a), 1)
    here, back = a[upper], a.T[upper]
    assert not np.isnan(back).any()
    if abs(gamma) == 1:
        np.testing.assert_allclose(here, gamma * back)
    assert np.corrcoef(here, back)[0, 1] == pytest.approx(gamma, abs=4 / len(here) ** 0.5)
    assert here.std() == pytest.approx(1, abs=4 / len(here) ** 0.5)


def test_one_name_one_stream() -> None:
    """Another declaration, another form of the graph's edges: the draws of a name stay."""
    plain = compiled(WEB).build()
    more = WEB.replace("weight ~", "param extra ~ normal(0, 1)\n  weight ~")
    assert (array(compiled(more).build(), "web.weight") == array(plain, "web.weight")).all()
    spec = compiled(WEB)
    again = build_system(spec.model, spec.network, spec.program, repeat=1)
    assert (array(again, "web.weight") != array(plain, "web.weight")).any()


def test_points_with_many_numbers_on_edges_are_solved_in_smaller_parts() -> None:
    assert points_at_once(compiled(WEB)) == 455  # 144 numbers each, 2^16 together
    assert points_at_once(compiled(WEB, S=4000)) == 8
    assert points_at_once(compiled(OSCILLATORS.replace("OVER", ""), N=4000)) == 32


SPRINGS = """
model springs
population mass[5] {
  state x on real ~ normal(0, 1)
  inertia 1
  dissipation 0
}
coupling spring: mass -> mass {
  param k ~ paired_normal(1, 0.2, 1)
  energy k * (x[j] - x[i])^2 / 2
}
observe energy = total_energy()
simulate { t 0 .. 5 every 0.5; rtol 1e-9 }
"""


def test_an_energy_may_have_a_number_that_both_edges_share() -> None:
    energy = run_experiment(compiled(SPRINGS))["energy"]
    assert np.ptp(energy) < 1e-6 * energy[0]
    assert certify(compiled(SPRINGS)).passed


LAYER = """
model layered
param N = 5, C = 2
input text: token(4)[N]
population unit[N] { state s on real(C) }
layer mix {
  coupling pass: unit -> unit { learn w ~ normal(0, 0.5); weight w; kernel s[j] }
  evolve { steps 2 }
}
network { s = embed(text, C); mix; mix; output y = s }
"""


def test_every_use_of_a_layer_has_edges_of_its_own() -> None:
    import torch

    spec = compiled(LAYER)
    system = spec.build()
    learned = {name: p.detach().numpy() for name, p in system.named_parameters()}
    assert {n: x.shape for n, x in learned.items() if "w" in n.split(".")} == {
        "mix.0.pass.w": (5, 5), "mix.1.pass.w": (5, 5)
    }  # fmt: skip
    text = torch.tensor([0, 3, 1, 1, 2])
    expected = learned["s.embed.weight"][text]
    for use in range(2):
        for _ in range(2):
            expected = expected + (learned[f"mix.{use}.pass.w"] * (1 - np.eye(5))) @ expected
    np.testing.assert_allclose(system(text).detach().numpy(), expected)
    assert certify(spec).passed


COMPLEX = """
model rotors
param N = 5
population rotor[N] { state z on complex ~ normal(0, 1); drift 2i * z }
coupling c: rotor -> rotor { param w ~ normal(0, 1); weight w; kernel z[j] - abs(z[j]) * z[i] }
simulate { t 0 .. 1 }
"""


def test_weights_of_complex_numbers() -> None:
    system = compiled(COMPLEX).build()
    z, found = rate(system, "rotor.z")
    w = array(system, "c.w") * (1 - np.eye(5))
    np.testing.assert_allclose(found, 2j * z + w @ z - (w @ abs(z)) * z, rtol=1e-12)
    assert certify(compiled(COMPLEX)).passed
