"""States on edges: adaptive couplings against SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from tests.truths.solved import compiled, run

ADAPTIVE = """
model adaptive "Phase oscillators with adaptive couplings (Kasatkin, Nekorkin; Berner et al.)"
param N = 7, eps = 0.2, sigma = 1.5, alpha = 0.3, beta = 0.7
graph net = watts_strogatz_graph(n=N, k=4, p=0.5, seed=2)
population osc[N] { state phi on circle; param omega ~ normal(0, 0.3); drift omega }
coupling pull: osc -> osc OVER {
  state kappa on real ~ uniform(-1, 1)
  let gap = phi[i] - phi[j]
  LAW
  weight kappa
  strength -sigma / N
  kernel sin(gap + alpha)
}
observe middle = mean(pull.kappa)
observe faster = mean(pull.kappa')
observe widest = max(pull.kappa) - min(pull.kappa)
simulate { t 0 .. 6 every 0.5; CLOCK }
"""
EQUATION = "kappa' = -eps * (kappa + sin(gap + beta))"
DRIFT = "drift -(kappa + sin(gap + beta)); dissipation 1 / eps"
GRAPHS = {
    "everyone": "", "list": "over net", "causal": "over causal(N)", "ring": "over ring(N, reach=2)"
}  # fmt: skip


def there(spec: Compilation) -> np.ndarray:
    """Which pairs (receiver, sender) are edges."""
    edges = spec.network.connections["pull"]
    count = edges.receivers_count or 0
    found = np.zeros((count, count), dtype=bool)
    if edges.kind == "edges":
        found[edges.receivers, edges.senders] = True
        return found
    return np.tril(~found) if edges.kind == "causal" else ~np.eye(count, dtype=bool)


def matrix(mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of edges, [.., edges] or [.., receivers, senders], as matrices; 0 elsewhere."""
    if values.shape[-2:] == mask.shape:
        return np.where(mask, values, 0.0)
    found = np.zeros((*values.shape[:-1], *mask.shape))
    found[..., mask] = values
    return found


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize(
    ("law", "clock"), [(EQUATION, "rtol 1e-9"), (DRIFT, "method rk4; step 0.02")]
)
def test_adaptive_oscillators_against_scipy(graph: str, law: str, clock: str) -> None:
    text = ADAPTIVE.replace("OVER", GRAPHS[graph]).replace("LAW", law).replace("CLOCK", clock)
    spec = compiled(text)
    found, mask = run(text), there(spec)
    omega = spec.build().osc.omega.numpy()  # type: ignore[union-attr]
    n = len(omega)

    def rate(t: float, z: np.ndarray) -> np.ndarray:
        phi, kappa = z[:n], z[n:].reshape(n, n)
        gap = phi[:, None] - phi[None, :]
        turn = omega - 1.5 / n * (mask * kappa * np.sin(gap + 0.3)).sum(1)
        return np.concatenate([turn, (-0.2 * mask * (kappa + np.sin(gap + 0.7))).reshape(-1)])

    kappa = matrix(mask, found["pull.kappa"])
    start = np.concatenate([found["osc.phi"][0], kappa[0].reshape(-1)])
    solved = solve_ivp(
        rate, (0, 6), start, t_eval=found.times, rtol=1e-11, atol=1e-12, method="DOP853"
    ).y.T
    np.testing.assert_allclose(found["osc.phi"], solved[:, :n], atol=1e-6)
    np.testing.assert_allclose(kappa.reshape(len(kappa), -1), solved[:, n:], atol=1e-6)
    held, slope = solved[-1, n:][mask.reshape(-1)], rate(0, solved[-1])[n:][mask.reshape(-1)]
    assert found["middle"][-1] == pytest.approx(held.mean(), abs=1e-6)
    assert found["faster"][-1] == pytest.approx(slope.mean(), abs=1e-6)
    assert found["widest"][-1] == pytest.approx(np.ptp(held), abs=1e-6)


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_forms_agree_with_the_reference(graph: str) -> None:
    text = ADAPTIVE.replace("OVER", GRAPHS[graph]).replace("CLOCK", "rtol 1e-6")
    assert certify(compiled(text.replace("LAW", EQUATION), N=6)).passed


def test_pairs_that_are_no_edge_never_move() -> None:
    text = ADAPTIVE.replace("OVER", "").replace("LAW", "kappa' = 1 / (1 - cos(phi[j] - phi[i]))")
    kappa = run(text.replace("CLOCK", "method euler; step 0.5"))["pull.kappa"]
    assert (np.diagonal(kappa, axis1=1, axis2=2) == 0).all() and np.isfinite(kappa).all()


MANY = """
model many
param N = 4
population unit[N] { state x on real ~ normal(0, 1); drift -x }
coupling c: unit -> unit OVER {
  state a on positive ~ lognormal(0, 0.2)
  state b on sphere(3)
  state d[2] on real = [1, 2]
  param far = 0.5
  drift a: far * x[j] - a
  drift b: [x[i], x[j], 1]
  drift d: d * x[i]
  noise d: 0.1
  weight a * dot(b, [1, 0, 0]) + dot(d, [1, -1])
  kernel tanh(x[j])
}
observe agree = order(c.b)
simulate { t 0 .. 1 every 0.5; method heun; step 0.1 }
"""


@pytest.mark.parametrize("over", ["", "over cycle_graph(n=N)"])
def test_edges_may_hold_points_of_every_manifold(over: str) -> None:
    text = MANY.replace("OVER", over).replace("noise d: 0.1\n", "")
    assert certify(compiled(text)).passed
    found = run(text)
    edges = ~np.eye(4, dtype=bool) if not over else slice(None)
    np.testing.assert_allclose(np.linalg.norm(found["c.b"][:, edges], axis=-1), 1)
    assert (found["c.a"][:, edges] > 0).all()
    assert found["c.d"].shape[-1] == 2


WALK = """
model walk
param N = 60
population unit[N] { state x on real; x' = sum_of * 0 }
coupling sum_of: unit -> unit OVER { state w on real; drift -w; noise 0.5; kernel w }
observe spread = std(sum_of.w)
simulate { t 0 .. 6 every 3; method euler; step 0.01; seed 3 }
"""


@pytest.mark.parametrize("over", ["", "over gnp_random_graph(n=N, p=0.5, seed=1)"])
def test_noise_on_edges_is_independent(over: str) -> None:
    """An Ornstein-Uhlenbeck process per edge: standard deviation s / sqrt(2)."""
    found = run(WALK.replace("OVER", over))
    assert found["spread"][-1] == pytest.approx(0.5 / 2**0.5, rel=0.06)


HEBB = """
model hebb
param P = 3, N = 12
population unit[N] {
  state s on real ~ choice(-1, 1)
  param xi[P] ~ choice(-1, 1)
  s <- sign(field)
}
coupling field: unit -> unit {
  state w on real = 0
  w <- 0.5 * w + dot(xi[i], xi[j]) / N
  weight w
  kernel s[j]
}
simulate { steps 3; record s, field.w }
sweep more { P = [2, 3]; repeat 2; steps 2; record final(mean(field.w)) }
"""


def test_a_map_on_edges_updates_with_the_nodes() -> None:
    spec, found = compiled(HEBB), run(HEBB)
    xi = spec.build().unit.xi.numpy()  # type: ignore[union-attr]
    s, w = found["s"][0], np.zeros((12, 12))
    for step in range(1, 4):
        s, w = np.sign(w @ s), (0.5 * w + xi @ xi.T / 12) * (1 - np.eye(12))
        np.testing.assert_allclose(found["s"][step], s)
        np.testing.assert_allclose(found["field.w"][step], w, atol=1e-15)
    assert found.labelled.variables["field.w"].axes == ("time", "field.receiver", "field.sender")


SWEPT = ADAPTIVE.replace("LAW", EQUATION).replace("CLOCK", "rtol 1e-9") + (
    "sweep eps_s { eps = [0.1, 0.4]; repeat 2; record final(middle), final(pull.kappa) }\n"
)


@pytest.mark.parametrize("graph", ["everyone", "list"])
def test_points_of_a_sweep_are_those_of_single_runs(graph: str) -> None:
    text = SWEPT.replace("OVER", GRAPHS[graph])
    swept = run_experiment(compiled(text), "eps_s")
    for k, eps in enumerate((0.1, 0.4)):
        alone = run(text, eps=eps)
        np.testing.assert_allclose(swept["final(middle)"][k, 0], alone["middle"][-1], atol=1e-6)
        last = alone["pull.kappa"][-1]
        np.testing.assert_allclose(swept["final(pull.kappa)"][k, 0], last, atol=1e-6)
