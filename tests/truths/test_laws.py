"""The cases of the law against SciPy and closed forms: the equations written here a second time."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from tests.truths.solved import compiled, run, solved

# ── second order ───────────────────────────────────────────────────────────────────────────────

PENDULUM = """
model pendulum
param g = 0.3, m = 2.0
population osc[1] {
  state theta on circle = 2
  state theta' = 0.5
  inertia m
  dissipation g
  drift -sin(theta)
}
observe speed = mean(theta')
simulate { t 0 .. 20 every 0.5; rtol 1e-10 }
"""


def test_damped_pendulum() -> None:
    found = run(PENDULUM)
    expected = solved(
        lambda t, y: [y[1], (-np.sin(y[0]) - 0.3 * y[1]) / 2.0], [2.0, 0.5], found.times
    )
    np.testing.assert_allclose(found["osc.theta"][:, 0], expected[:, 0], atol=1e-7)
    np.testing.assert_allclose(found["osc.theta'"][:, 0], expected[:, 1], atol=1e-7)
    np.testing.assert_allclose(found["speed"], expected[:, 1], atol=1e-7)


def test_dissipation_is_one_unless_declared() -> None:
    found = run(PENDULUM.replace("  dissipation g\n", ""))
    expected = solved(lambda t, y: [y[1], (-np.sin(y[0]) - y[1]) / 2.0], [2.0, 0.5], found.times)
    np.testing.assert_allclose(found["osc.theta"][:, 0], expected[:, 0], atol=1e-7)


def test_velocity_starts_at_zero_unless_declared() -> None:
    found = run(PENDULUM.replace("  state theta' = 0.5\n", ""))
    assert found["osc.theta'"][0, 0] == 0
    assert abs(found["osc.theta'"]).max() > 0.1


def test_little_inertia_is_no_inertia() -> None:
    heavy = run(PENDULUM.replace("theta' = 0.5", "theta' = 0"), m=2e-3)
    light = run(PENDULUM.replace("  inertia m\n", "").replace("  state theta' = 0.5\n", ""))
    np.testing.assert_allclose(heavy["osc.theta"], light["osc.theta"], atol=0.02)
    expected = solved(lambda t, y: -np.sin(y) / 0.3, [2.0], light.times)
    np.testing.assert_allclose(light["osc.theta"], expected, atol=1e-8)
    np.testing.assert_allclose(light["speed"], -np.sin(expected[:, 0]) / 0.3, atol=1e-7)


PAIR = """
model pair
population osc[2] {
  state x on MANIFOLD = 0
  state x' ~ normal(0, 1)
  param m ~ uniform(1, 2), k ~ uniform(0.5, 1.5)
  inertia m
  dissipation 0.1
  drift k
}
coupling pull: osc -> osc { strength 1.5; kernel sin(x[j] - x[i]) + 0.2 * (x'[j] - x'[i]) }
observe load = max(pull)
simulate { t 0 .. 10 every 0.25; rtol 1e-10 }
"""


@pytest.mark.parametrize("manifold", ["circle", "real", "torus(2)", "real(3)"])
def test_two_coupled_oscillators_with_inertia(manifold: str) -> None:
    text = PAIR.replace("MANIFOLD", manifold)
    found = run(text)
    system = compiled(text).build()
    m, k = (dict(system.named_buffers())[f"osc.{name}"].numpy() for name in "mk")
    shape = found["osc.x"].shape[1:]
    column = (2, *[1] * (len(shape) - 1))

    def pulled(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return 1.5 * (np.sin(x[::-1] - x) + 0.2 * (v[::-1] - v))

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x, v = y.reshape(2, *shape)
        force = k.reshape(column) + pulled(x, v) - 0.1 * v
        return np.concatenate([v.ravel(), (force / m.reshape(column)).ravel()])

    start = np.concatenate([found["osc.x"][0].ravel(), found["osc.x'"][0].ravel()])
    assert abs(start).max() > 0.1
    expected = solved(rate, start, found.times).reshape(-1, 2, *shape)
    np.testing.assert_allclose(found["osc.x"], expected[:, 0], atol=1e-6)
    np.testing.assert_allclose(found["osc.x'"], expected[:, 1], atol=1e-6)
    last = pulled(*expected[-1])
    np.testing.assert_allclose(found["load"][-1], last.max(axis=0), atol=1e-6)
    assert certify(compiled(text)).passed


def test_velocities_of_a_sweep() -> None:
    text = PENDULUM + "sweep lines { g = [0.1, 0.5]; record final(theta') }"
    found = run_experiment(compiled(text), "lines")
    for number, g in enumerate((0.1, 0.5)):
        alone = run(PENDULUM, g=g)
        np.testing.assert_allclose(
            found["final(theta')"][number], alone["osc.theta'"][-1], atol=1e-8
        )


def test_swing_equation_of_generators_and_loads() -> None:
    """Inertia in one population and none in the other, coupled both ways; rates of either read."""
    found = run("""
model swing
population gen[2] { state theta on circle = 0.3 * index; inertia 2; dissipation 0.5; drift 0.4 }
population load[2] { state theta on circle = 0; dissipation 1.5; drift -0.4 }
coupling feed: gen -> load over one_to_one(2) { kernel sin(gen.theta[j] - load.theta[i]) }
coupling draw: load -> gen over one_to_one(2) { kernel sin(load.theta[j] - gen.theta[i]) }
observe spread = max(gen.theta') - min(gen.theta')
observe slack = max(load.theta')
simulate { t 0 .. 10 every 0.5; rtol 1e-10 }
""")

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        g, v, w = y.reshape(3, 2)
        flow = np.sin(w - g)
        return np.concatenate([v, (0.4 + flow - 0.5 * v) / 2, (-0.4 - flow) / 1.5])

    expected = solved(rate, [0, 0.3, 0, 0, 0, 0], found.times)
    np.testing.assert_allclose(found["gen.theta"], expected[:, :2], atol=1e-7)
    np.testing.assert_allclose(found["load.theta"], expected[:, 4:], atol=1e-7)
    np.testing.assert_allclose(found["spread"], np.ptp(expected[:, 2:4], axis=1), atol=1e-7)
    rates = np.stack([rate(0, y)[4:].max() for y in expected])
    np.testing.assert_allclose(found["slack"], rates, atol=1e-7)


# ── equations ──────────────────────────────────────────────────────────────────────────────────

WILSON_COWAN = """
model wilson_cowan
param tau_e = 10, tau_i = 20, c1 = 16, c2 = 12, c3 = 15, c4 = 3, P = 1.25, g = 0.5, N = 6
graph connectome = gnp_random_graph(n=N, p=0.5, seed=3, directed=true)
population exc[N] {
  state E on real ~ uniform(0, 0.3)
  E' = (-E + sigmoid(c1*E - c2*inhibit + g*tracts + P)) / tau_e
}
population inh[N] { state I on real = 0.1; I' = (-I + sigmoid(c3*excite - c4*I)) / tau_i }
coupling tracts:  exc -> exc over connectome { kernel E[j] }
coupling inhibit: inh -> exc over one_to_one(N) { kernel I[j] }
coupling excite:  exc -> inh over one_to_one(N) { kernel E[j] }
observe mean_E = mean(E)
observe heard = sum(tracts)
observe change = max(E')
simulate { t 0 .. 100 every 2; rtol 1e-10 }
"""


def test_wilson_cowan_without_delays() -> None:
    import networkx

    found = run(WILSON_COWAN)
    graph = networkx.gnp_random_graph(6, 0.5, seed=3, directed=True)
    hears = networkx.to_numpy_array(graph, nodelist=range(6)).T

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        e, i = y[:6], y[6:]
        up = (-e + sigmoid(16 * e - 12 * i + 0.5 * hears @ e + 1.25)) / 10
        return np.concatenate([up, (-i + sigmoid(15 * e - 3 * i)) / 20])

    start = np.concatenate([found["exc.E"][0], found["inh.I"][0]])
    expected = solved(rate, start, found.times)
    np.testing.assert_allclose(found["exc.E"], expected[:, :6], atol=1e-8)
    np.testing.assert_allclose(found["inh.I"], expected[:, 6:], atol=1e-8)
    np.testing.assert_allclose(found["heard"], (expected[:, :6] @ hears.T).sum(axis=1), atol=1e-7)
    rates = np.stack([rate(0.0, y)[:6].max() for y in expected])
    np.testing.assert_allclose(found["change"], rates, atol=1e-8)
    assert certify(compiled(WILSON_COWAN)).passed


def test_an_equation_on_the_sphere_loses_its_normal_part() -> None:
    found = run("""
model spin
population p[1] { state x on sphere(3) = [0, 0.6, 0.8]; x' = [1, 0, 0] + 5 * x }
simulate { t 0 .. 3 every 0.5; rtol 1e-9 }
""")
    np.testing.assert_allclose(found["p.x"][:, 0, 0], np.tanh(found.times), atol=1e-8)


FITZHUGH = """
model fitzhugh_nagumo
param N = 8, g = 0.2, eps = 0.08, a = 0.7, b = 0.8, kick = 0.8, on = 5.1
population cell[N] {
  state v on real = -1.2
  state w on real = -0.6
  drift v: v - v^3/3 - w + kick * pulse(t, on, on + 5) * (index == 0)
  drift w: eps * (v + a - b*w)
}
coupling gap: cell -> cell.v over ring(N, reach=1) { strength g }
simulate { t 0 .. 30 every 0.7; METHOD }
"""


def kicked(times: np.ndarray) -> np.ndarray:
    """[time, v of 8 then w of 8], solved from pulse end to pulse end."""

    def rate(on: bool):
        def inside(t: float, y: np.ndarray) -> np.ndarray:
            v, w = y[:8], y[8:]
            gap = 0.2 * (np.roll(v, 1) + np.roll(v, -1) - 2 * v)
            up = v - v**3 / 3 - w + gap + 0.8 * on * (np.arange(8) == 0)
            return np.concatenate([up, 0.08 * (v + 0.7 - 0.8 * w)])

        return inside

    y, pieces = np.concatenate([np.full(8, -1.2), np.full(8, -0.6)]), []
    for start, stop, on in ((0.0, 5.1, False), (5.1, 10.1, True), (10.1, 30.0, False)):
        own = times[(times >= start) & ((times < stop) | (stop == 30.0))]
        grid = np.unique([start, *own, stop])
        path = solved(rate(on), y, grid)
        pieces.append(path[np.isin(grid, own)])
        y = path[-1]
    return np.concatenate(pieces)


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        ("rtol 1e-9", 1e-6),
        ("method dopri8; rtol 1e-9", 1e-6),
        ("method bosh3; rtol 1e-8", 1e-5),
        ("method rk4; step 0.05", 2e-6),
        ("method tsit5; step 0.1", 1e-6),
        ("method heun; step 0.01", 1e-4),
        ("method torchdiffeq.rk4; step 0.05", 2e-6),
    ],
)
def test_fitzhugh_nagumo_kicked_once(method: str, tolerance: float) -> None:
    found = run(FITZHUGH.replace("METHOD", method))
    expected = kicked(found.times)
    assert np.ptp(expected[:, 0]) > 2, "the kick excites the first cell"
    np.testing.assert_allclose(found["cell.v"], expected[:, :8], atol=tolerance)
    np.testing.assert_allclose(found["cell.w"], expected[:, 8:], atol=tolerance)


@pytest.mark.parametrize("method", ["euler", "heun", "rk4", "tsit5"])
@pytest.mark.parametrize("stop", [2.0, 3.0])
def test_a_pulse_alone_is_integrated_exactly(method: str, stop: float) -> None:
    """Also where steps and saved times end at its ends: the rates there are those before."""
    found = run(
        "model m\npopulation p[1] { state x on real; drift pulse(t, 1, 2) + pulse(t, 1.25, 1.3) }\n"
        f"simulate {{ t 0 .. {stop} every 0.5; method {method}; step 0.5 }}"
    )
    expected = np.clip(found.times - 1, 0, 1) + 0.05 * (found.times > 1.3)
    np.testing.assert_allclose(found["p.x"][:, 0], expected, atol=1e-12)


# ── maps ───────────────────────────────────────────────────────────────────────────────────────


def test_logistic_map() -> None:
    text = """
model logistic
param r = 3.7
population p[2] { state h on real = 0.2 + 0.1 * index; h <- r * h * (1 - h) }
observe m = mean(h)
simulate { steps 30 }
sweep rates { r = [2.5, 3.2]; record final(h) }
"""
    found = run(text)
    h = np.array([0.2, 0.3])
    for k, row in enumerate(found["p.h"]):
        np.testing.assert_allclose(row, h, atol=1e-9, err_msg=f"update {k}")
        assert found["m"][k] == pytest.approx(h.mean(), abs=1e-9)
        h = 3.7 * h * (1 - h)
    assert len(found.times) == 31
    swept = run_experiment(compiled(text), "rates")["final(h)"]
    assert swept[0] == pytest.approx([1 - 1 / 2.5] * 2, abs=1e-6)
    assert certify(compiled(text)).passed


def test_two_maps_are_updated_at_once() -> None:
    found = run("""
model turn
population p[1] { state x on real = 1; state y on real = 0; x <- y; y <- -x }
simulate { steps 4 }
""")
    np.testing.assert_array_equal(found["p.x"][:, 0], [1, 0, -1, 0, 1])
    np.testing.assert_array_equal(found["p.y"][:, 0], [0, -1, 0, 1, 0])


def test_friedkin_johnsen() -> None:
    import networkx

    found = run("""
model friedkin_johnsen
param N = 20
graph trust = gnp_random_graph(n=N, p=0.3, seed=5, directed=true)
population person[N] {
  param first ~ uniform(0, 1), open ~ uniform(0, 0.9)
  state x on real = first
  x <- open * heard + (1 - open) * first
}
coupling heard: person -> person over trust { kernel x[j]; normalize degree }
observe listened = mean(open)
simulate { steps 200 }
""")
    graph = networkx.gnp_random_graph(20, 0.3, seed=5, directed=True)
    hears = networkx.to_numpy_array(graph, nodelist=range(20)).T
    trust = hears / np.maximum(hears.sum(axis=1, keepdims=True), 1)
    first = found["person.x"][0]
    after_one = found["person.x"][1]
    assert np.ptp(first) > 0.5
    # x1 = a W f + (1 - a) f tells the openness, and the fixed point solves (1 - a W) x = (1 - a) f.
    openness = (after_one - first) / (trust @ first - first)
    left = np.eye(20) - openness[:, None] * trust
    expected = np.linalg.solve(left, (1 - openness) * first)
    np.testing.assert_allclose(found["person.x"][-1], expected, atol=1e-7)
    assert found["listened"][0] == pytest.approx(openness.mean(), abs=1e-7)


def test_steps_of_a_flow_are_euler_steps_of_size_one() -> None:
    found = run("""
model turn
population p[1] { state x on sphere(2) = [1, 0]; drift [0, 0.5] }
simulate { steps 3 }
""")
    x = np.array([1.0, 0.0])
    for row in found["p.x"][:, 0]:
        np.testing.assert_allclose(row, x, atol=1e-12)
        force = np.array([0.0, 0.5])
        x = x + force - (force @ x) * x
        x = x / np.linalg.norm(x)


# ── noise ──────────────────────────────────────────────────────────────────────────────────────

ORNSTEIN_UHLENBECK = """
model ornstein_uhlenbeck
param N = 4000, k = 1.5, s = 0.8
population p[N] { state x on real = 2; drift -k*x; noise s }
simulate { t 0 .. 1 every 0.25; method METHOD; step 0.005 }
"""


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_ornstein_uhlenbeck(method: str) -> None:
    found = run(ORNSTEIN_UHLENBECK.replace("METHOD", method))
    x, t = found["p.x"], found.times
    mean = 2 * np.exp(-1.5 * t)
    variance = 0.8**2 / 3 * (1 - np.exp(-3 * t))
    bias = {"euler": 0.02, "heun": 1e-4}[method]
    assert np.all(np.abs(x.mean(axis=1) - mean) <= 3 * np.sqrt(variance / 4000) + bias * mean[0])
    error = np.abs(x.var(axis=1) - variance)
    assert np.all(error <= 3 * variance * np.sqrt(2 / 4000) + bias * variance)
    again = run(ORNSTEIN_UHLENBECK.replace("METHOD", method))
    np.testing.assert_array_equal(x, again["p.x"])


def test_noise_depends_on_seed_and_repeat_alone() -> None:
    text = ORNSTEIN_UHLENBECK.replace("METHOD", "euler").replace("N = 4000", "N = 3")
    first = run(text)["p.x"]
    other = run(text.replace("step 0.005", "step 0.005; seed 1"))["p.x"]
    assert np.abs(first - other)[1:].min() > 0
    beside = text.replace("drift -k*x", "param w ~ normal(0, 1); drift -k*x")
    np.testing.assert_array_equal(first, run(beside)["p.x"])
    swept = run_experiment(
        compiled(text + "sweep a { k = [1.5, 2]; repeat 2; record final(x) }"), "a"
    )["final(x)"]
    np.testing.assert_allclose(swept[0, 0], first[-1], rtol=1e-12)
    assert np.abs(swept[0, 0] - swept[0, 1]).min() > 0


def test_noise_goes_on_where_a_long_solve_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ORNSTEIN_UHLENBECK.replace("METHOD", "euler").replace("N = 4000", "N = 3")
    whole = run(text)["p.x"]
    monkeypatch.setattr("dynattn.run.recording.MEMORY", 6)
    np.testing.assert_array_equal(whole, run(text)["p.x"])


def test_geometric_brownian_motion_is_ito() -> None:
    found = run("""
model gbm
param N = 4000
population p[N] { state x on real = 1; noise 0.5*x }
simulate { t 0 .. 1; method euler; step 0.01; record final(x) }
""")
    x = found["final(x)"]
    spread = np.sqrt(np.exp(0.25) - 1)
    assert abs(x.mean() - 1) < 3 * spread / np.sqrt(4000), "Stratonovich's mean is exp(1/8)"


def test_noise_on_the_sphere_is_stratonovich_brownian_motion() -> None:
    """On S^2 with noise s, the mean of x decays as exp(-s^2 t): Laplace's eigenvalue 2, halved."""
    found = run("""
model rotor
param N = 4000, s = 0.7
population p[N] { state x on sphere(3) = [0, 0, 1]; noise s }
simulate { t 0 .. 1 every 0.5; method heun; step 0.01 }
""")
    x = found["p.x"]
    np.testing.assert_allclose(np.linalg.norm(x, axis=-1), 1, atol=1e-12)
    expected = np.exp(-(0.7**2) * found.times)
    assert np.all(np.abs(x[..., 2].mean(axis=1) - expected) <= 3 * 0.58 / np.sqrt(4000))


def test_noise_pushes_the_velocity_of_a_state_with_inertia() -> None:
    """In equilibrium m v^2 = s^2 / (2 dissipation): the fluctuation-dissipation relation."""
    found = run("""
model langevin
param N = 4000, m = 2, g = 1.5, s = 0.9
population p[N] { state x on real; inertia m; dissipation g; noise s }
simulate { t 0 .. 8; method heun; step 0.02; record final(x') }
""")
    expected = 0.9**2 / (2 * 1.5 * 2)
    assert abs(found["final(x')"].var() - expected) < 3 * expected * np.sqrt(2 / 4000) + 1e-3


def test_noise_is_certified() -> None:
    for manifold, size in (("real(2)", "0.3 * x + s"), ("sphere(3)", "s"), ("circle", "s * t")):
        found = certify(compiled(f"""
model m
param N = 3
population p[N] {{ state x on {manifold}; param s ~ uniform(0.1, 1); dissipation 2; noise {size} }}
simulate {{ t 0 .. 1; method euler; step 0.1 }}
"""))  # fmt: skip
        assert found.passed
        assert any("noise p.x" in item.quantity for item in found.differences)
