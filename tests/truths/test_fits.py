"""Fits of measured series find what was planted, within the errors that they state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.interface import load
from dynattn.learn.experiments import run_any


def fitted(folder: Path, text: str, **arrays: Any) -> Any:
    """The fit of the spec ``text`` to arrays in ``data.npz``."""
    np.savez(folder / "data.npz", **arrays)
    place = folder / "fit.dyn"
    place.write_text(text)
    return run_any(Compilation(Source(str(place), text)), "fit")


def solved(rates: Any, start: Any, times: Any) -> Any:
    """[times, numbers] by an independent solver."""
    found = solve_ivp(rates, (times[0], times[-1]), start, t_eval=times, rtol=1e-9, atol=1e-9)
    return found.y.T


def distance(result: Any, name: str, truth: Any) -> Any:
    """In stated errors."""
    return (result[name] - truth) / result[f"{name} error"]


def sakaguchi(t: float, theta: Any, omega: Any, K: float, alpha: float) -> Any:
    n = len(theta)
    force = np.sin(theta[None] - theta[:, None] - alpha)
    return omega + K / (n - 1) * (force.sum(1) - np.sin(-alpha))


SAKAGUCHI = """
model network
param N = {N}, K = 0.5, alpha on circle = 0
population osc[N] {{ state theta on circle; param omega = 0; drift omega }}
coupling pull: osc -> osc {{ strength K * N/(N - 1); frustration alpha; normalize size }}
train fit {{ data series("data.npz"); free K, alpha, omega; {rest} }}
"""


def planted(n: int, seed: int, noise: float, stop: float) -> tuple[Any, Any, Any]:
    """(times, phases measured modulo 2 pi, frequencies) of a Kuramoto-Sakaguchi network."""
    rng = np.random.default_rng(seed)
    omega, times = rng.normal(0, 0.6, n), np.sort(rng.uniform(0, stop, round(stop * 8)))
    start = rng.uniform(0, 2 * np.pi, n)
    theta = solved(lambda t, x: sakaguchi(t, x, omega, 1.4, 0.4), start, times)
    return times, np.mod(theta + noise * rng.normal(size=theta.shape), 2 * np.pi), omega


def test_frequencies_coupling_and_frustration_of_a_network(tmp_path: Path) -> None:
    misses = []
    for seed in range(2):
        times, theta, omega = planted(6, seed, 0.1, 7.0)
        text = SAKAGUCHI.format(N=6, rest="")
        result = fitted(tmp_path, text, t=times, theta=theta)
        misses += [distance(result, "K", 1.4), distance(result, "alpha", 0.4)]
        misses += [*distance(result, "osc.omega", omega)]
        assert result.statistics["sigma"]["osc.theta"] == pytest.approx(0.1, rel=0.15)
        assert result["K error"] < 0.2
    z = np.abs(misses)
    assert (z < 1.96).mean() > 0.8 and z.max() < 4
    assert 0.5 < np.sqrt((z**2).mean()) < 1.5


def test_the_metronomes_that_ship() -> None:
    from benchmarks.data.metronomes import ALPHA, OMEGA, TARGET, K

    result: Any = load(TARGET.parents[1] / "metronomes.dyn").run("fit")
    z = [distance(result, "K", K), distance(result, "alpha", ALPHA)]
    z += [*distance(result, "beat.omega", OMEGA)]
    assert np.abs(z).max() < 3 and np.sqrt(np.mean(np.square(z))) < 1.5
    assert result["K error"] < 0.03 and result["alpha error"] < 0.03


def test_the_table_of_the_metronomes_is_what_makes_it() -> None:
    from benchmarks.data.metronomes import TARGET, phases

    table = np.genfromtxt(TARGET, delimiter=",", skip_header=1)
    times, theta = phases()
    np.testing.assert_allclose(table, np.c_[times, theta], atol=6e-4)


def test_gaps_and_segments_change_nothing_but_what_is_told(tmp_path: Path) -> None:
    times, theta, omega = planted(4, 5, 0.05, 8.0)
    rng = np.random.default_rng(1)
    theta[rng.random(theta.shape) < 0.15] = np.nan
    theta[7] = np.nan
    text = SAKAGUCHI.format(N=4, rest="shoot 7")
    result = fitted(tmp_path, text, t=times, theta=theta)
    other = fitted(tmp_path, text.replace("shoot 7", "shoot 20"), t=times, theta=theta)
    assert np.abs(distance(result, "osc.omega", omega)).max() < 4
    assert np.abs(result["K"] - other["K"]) < 1e-2 * result["K error"]
    assert result["K error"] == pytest.approx(other["K error"], rel=1e-3)
    assert any("1 of 64 rows" in note for note in result.notes)
    assert any("measurements of 'osc.theta' are missing" in note for note in result.notes)
    assert np.isnan(result["measured osc.theta"]).sum() == np.isnan(theta).sum() - 4


def test_errors_are_those_of_linear_least_squares(tmp_path: Path) -> None:
    """x' = a has the straight line as its solution, whose errors are known in closed form."""
    rng = np.random.default_rng(3)
    times = np.linspace(0, 5, 41)
    x = 0.7 * times + 1 + 0.2 * rng.normal(size=41)
    text = """
model line
param a = 0
population p[1] { state x on real; drift a }
train fit { data series("data.npz"); free a; shoot 8 }
"""
    result = fitted(tmp_path, text, t=times, x=x)
    (slope, _), covariance = np.polyfit(times, x, 1, cov=True)
    assert result["a"] == pytest.approx(slope, abs=1e-9)
    assert result["a error"] == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-6)
    facts = result.statistics["estimates"]["a"]
    assert facts == {"value": float(result["a"]), "error": float(result["a error"]), "start": 0.0}


def test_a_weight_per_edge(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    W = rng.uniform(0.2, 0.6, (3, 3)) * (1 - np.eye(3))
    times = np.linspace(0, 12, 121)

    def rates(t: float, x: Any) -> Any:
        return np.sin(2 * t + np.arange(3) * 2) + (W * np.tanh(x[None] - x[:, None])).sum(1)

    x = solved(rates, rng.normal(size=3), times)
    text = """
model edges
graph all = complete_graph(n=3)
population p[3] { state x on real; drift sin(2*t + 2*index) }
coupling c: p -> p over all { param w = 0.1; weight w; kernel tanh(x[j] - x[i]) }
train fit { data series("data.npz"); free c.w }
"""
    result = fitted(tmp_path, text, t=times, x=x + 0.01 * rng.normal(size=x.shape))
    found = result.statistics["estimates"]
    assert len(found) == 6
    for label, item in found.items():
        j, i = (int(k) for k in label[4:-1].split(" -> "))
        assert abs(item["value"] - W[i, j]) < 4 * item["error"] < 0.4


def test_a_delay(tmp_path: Path) -> None:
    """x' = -x(t - tau) with x = 1 before 0: by steps, in closed form up to 2 tau."""
    tau, times = 0.8, np.linspace(0, 1.6, 33)
    late = np.maximum(times - tau, 0)
    x = 1 - times + late**2 / 2
    rng = np.random.default_rng(2)
    text = """
model late
param k = 0.8, tau = 0.5
population p[1] { state x on real = 1 }
population q[1] { state y on real = 0; drift 0 - y }
coupling c: p -> p over everyone(1) { kernel 0 - x[j]; strength k; delay tau }
simulate { t 0 .. 1 every 0.1; method rk4; step 0.02 }
train fit { data series("data.npz"); free k, tau }
"""
    text = text.replace("population q[1] { state y on real = 0; drift 0 - y }\n", "")
    result = fitted(tmp_path, text, t=times, x=x + 0.003 * rng.normal(size=33))
    assert abs(distance(result, "tau", tau)) < 3 and abs(distance(result, "k", 1.0)) < 3
    assert result["tau error"] < 0.05


def test_slopes_along_a_delay_are_exact(tmp_path: Path) -> None:
    """x' = -k x(t - tau), x = c before 0: c (1 - k t + k^2 (t - tau)^2/2) up to 2 tau."""
    import torch

    from dynattn.learn.fits import Work
    from dynattn.learn.series import read_series

    times, c, k, tau = np.linspace(0, 1.4, 15), 1.3, 0.8, 0.73
    np.savez(tmp_path / "data.npz", t=times, x=np.cos(times))
    text = """
model late
param k = 0.8, tau = 0.73
population p[1] { state x on real = 1.3 }
coupling c: p -> p over everyone(1) { kernel 0 - x[j]; strength k; delay tau }
simulate { t 0 .. 1; method rk4; step 0.05 }
train fit { data series("data.npz"); free k, tau }
"""
    spec = Compilation(Source(str(tmp_path / "m.dyn"), text))
    plan = spec.model.fits[0]
    fit = Work(spec, plan, read_series(spec.model, spec.network, plan), 0, "cpu").fitting()
    start = torch.full_like(fit.y, c)
    lifts = torch.ones((1, *start.shape), dtype=start.dtype)
    found = fit.shots.slopes(start, fit.q, lifts, slice(0, 1)).measured[:, 0, :, 0].numpy()
    late = np.maximum(times - tau, 0)
    by_start = 1 - k * times + (k * late) ** 2 / 2
    np.testing.assert_allclose(found[0], by_start, atol=1e-12)
    np.testing.assert_allclose(found[1], c * (-times + k * late**2), atol=1e-12)
    np.testing.assert_allclose(found[2], -c * k**2 * late, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_coupling_from_the_order_parameter_alone(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(2)
    omega, times = np.linspace(-0.5, 0.5, 4), np.linspace(0, 10, 81)

    def rates(t: float, x: Any) -> Any:
        return omega + 1.2 / 4 * np.sin(x[None] - x[:, None]).sum(1)

    theta = solved(rates, rng.uniform(0, 2 * np.pi, 4), times)
    r = np.abs(np.exp(1j * theta).mean(1)) + 0.01 * rng.normal(size=81)
    text = """
model together
param N = 4, K = 0.8
population osc[N] { state theta on circle; param omega = -0.5 + index/3; drift omega }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
train fit { data series("data.npz"); free K; seed SEED }
"""
    result = fitted(tmp_path, text.replace("SEED", str(seed)), t=times, r=r)
    assert abs(distance(result, "K", 1.2)) < 3.5 and result["K error"] < 0.1


@pytest.mark.slow
def test_hares_and_lynxes_as_scipy_finds_them(tmp_path: Path) -> None:
    """Noisy predators and prey with gaps: values and errors are those of curve_fit."""
    from scipy.optimize import curve_fit

    rng, times = np.random.default_rng(1), np.linspace(0, 14, 36)

    def path(t: Any, a: float, b: float, c: float, d: float, x: float, y: float) -> Any:
        rates = lambda _, n: [n[0] * (a - b * n[1]), n[1] * (d * n[0] - c)]  # noqa: E731
        return solved(rates, [x, y], times).T

    truth = (0.55, 0.028, 0.8, 0.024, 30.0, 4.0)
    n = path(times, *truth) + 1.5 * rng.normal(size=(2, 36))
    n[rng.random(n.shape) < 0.1] = np.nan
    seen = np.isfinite(n)
    best, covariance = curve_fit(lambda t, *p: path(t, *p)[seen], times, n[seen], p0=truth)
    text = """
model hares
param a = 0.4, b = 0.02, c = 0.6, d = 0.02
population hare[1] { state h on positive = 20; drift a }
population lynx[1] { state l on positive = 10; drift 0 - c }
coupling eaten: lynx -> hare over everyone(1) { kernel 0 - l[j]; strength b }
coupling eats: hare -> lynx over everyone(1) { kernel h[j]; strength d }
simulate { t 0 .. 14; rtol 1e-8 }
train fit { data series("data.npz"); free a, b, c, d }
"""
    result = fitted(tmp_path, text, t=times, h=n[0], l=n[1])
    for k, name in enumerate("abcd"):
        error = covariance[k, k] ** 0.5
        assert abs(result[name] - best[k]) < 0.35 * error, name
        assert result[f"{name} error"] == pytest.approx(error, rel=0.35)
        assert abs(distance(result, name, truth[k])) < 3.5


HIDDEN = """
model cell
param a = 0.5, eps = 0.12
population p[1] {
  state v on real = -1
  state w on real = 0.5
  drift v: v - v^3/3 - w + 0.5
  drift w: eps * (v + a - 0.8*w)
}
simulate { t 0 .. 40 every 1; method rk4; step 0.35 }
train fit { data series("data.npz"); free a, eps }
"""


@pytest.mark.slow
def test_a_state_that_is_not_measured(tmp_path: Path) -> None:
    def rates(t: float, x: Any) -> Any:
        v, w = x
        return np.array([v - v**3 / 3 - w + 0.5, 0.08 * (v + 0.7 - 0.8 * w)])

    times = np.linspace(0, 40, 61)
    v = solved(rates, [-1, 0.5], times)[:, 0]
    rng = np.random.default_rng(0)
    result = fitted(tmp_path, HIDDEN, t=times, v=v + 0.05 * rng.normal(size=61))
    assert abs(distance(result, "a", 0.7)) < 3.5 and abs(distance(result, "eps", 0.08)) < 3.5
    assert result["eps error"] < 0.004


@pytest.mark.slow
def test_a_missing_term_as_a_small_network(tmp_path: Path) -> None:
    times = np.linspace(0, 6, 31)
    rng = np.random.default_rng(0)
    start = np.array([-2.5, -1.0, 0.3, 2.6])
    x = solved(lambda t, x: -x + 2 * np.sin(x) + 0.4 * np.cos(t), start, times)
    text = """
model missing
population p[4] { state x on real; let f = dot(mlp([x], hidden=4, out=1), 1)
  drift 0.4*cos(t) - x + f }
observe term = f
simulate { t 0 .. 6 every 0.1; method rk4; step 0.2 }
train fit { data series("data.npz"); steps 100 }
"""
    result = fitted(tmp_path, text, t=times, x=x + 0.02 * rng.normal(size=x.shape))
    assert result.statistics["sigma"]["p.x"] == pytest.approx(0.02, rel=0.15)
    assert result.statistics["estimates"] == {}
    weights = [result[f"p.f.mlp.{part}"] for part in
               ("up.weight", "up.bias", "down.weight", "down.bias")]  # fmt: skip
    from scipy.special import erf

    at = np.linspace(-2, 2, 9)
    up = at[:, None] @ weights[0].reshape(1, 4) + weights[1]
    term = (up * (1 + erf(up / 2**0.5)) / 2) @ weights[2].reshape(4, 1)[:, 0] + weights[3]
    assert np.abs(term - 2 * np.sin(at)).max() < 0.3


@pytest.mark.slow
def test_a_missing_damping_as_a_small_network(tmp_path: Path) -> None:
    from scipy.special import erf

    times, rng = np.linspace(0, 20, 101), np.random.default_rng(1)
    y = solved(
        lambda t, y: np.array([y[1], -y[0] + 0.8 * y[1] - 0.5 * y[1] ** 3]), [0.1, 0.2], times
    )
    y = y + 0.03 * rng.normal(size=y.shape)
    text = """
model damping
population p[1] { state x on real = 0.1; state v on real = 0.1
  let f = dot(mlp([v], hidden=6, out=1), 1)
  drift x: v
  drift v: f - x }
simulate { t 0 .. 20 every 0.2 }
train fit { data series("data.npz") }
"""
    result = fitted(tmp_path, text, t=times, x=y[:, 0], v=y[:, 1])
    weights = [result[f"p.f.mlp.{part}"] for part in
               ("up.weight", "up.bias", "down.weight", "down.bias")]  # fmt: skip
    v = np.linspace(-1.5, 1.5, 31)
    up = v[:, None] @ weights[0].reshape(1, 6) + weights[1]
    term = (up * (1 + erf(up / 2**0.5)) / 2) @ weights[2].reshape(6, 1)[:, 0] + weights[3]
    assert np.sqrt(np.mean((term - 0.8 * v + 0.5 * v**3) ** 2)) < 0.05


def rising() -> tuple[np.ndarray, np.ndarray]:
    """What x' = 2 - x gives from 0, with noise of 0.01: times and x."""
    times = np.linspace(0, 4, 41)
    noise = np.random.default_rng(0).normal(size=41)
    return times, 2 - 2 * np.exp(-times) + 0.01 * noise


def test_what_the_data_do_not_tell_is_told(tmp_path: Path) -> None:
    times, x = rising()
    text = """
model twice
param a = 0.5, b = 0.5, c = 1 in 0.5 .. 1.5, k = 2 in 0 .. 0.7
population p[1] { state x on real; drift a + b - c*x }
population q[1] { state y on real; drift k - y }
train fit { data series("data.npz"); free a, b, c, k }
"""
    result = fitted(tmp_path, text.replace("k = 2", "k = 0.2"), t=times, x=x)
    assert result.statistics["undetermined"] == ["a", "b", "k"]
    assert result["a"] + result["b"] == pytest.approx(2, abs=0.1)
    assert abs(distance(result, "c", 1)) < 4
    assert any("combination of a, b" in note for note in result.notes)
    assert any("k changes nothing" in note for note in result.notes)


def test_a_number_at_the_end_of_its_range_and_a_model_that_misses_something(tmp_path: Path) -> None:
    times, x = rising()
    text = """
model kept
param a = 0.5 in 0 .. 1.6
population p[1] { state x on real; drift a - x }
train fit { data series("data.npz"); free a }
"""
    result = fitted(tmp_path, text, t=times, x=x)
    assert result["a"] == 1.6
    assert any("a is at an end of its range" in note for note in result.notes)
    assert any("the model misses something" in note for note in result.notes)


def test_a_signal_of_the_same_file_drives_the_model(tmp_path: Path) -> None:
    times = np.linspace(0, 6, 61)
    drive = np.sin(times)
    x = solved(lambda t, x: np.interp(t, times, drive) * 1.5 - x, [0.0], times)
    text = """
model driven
param g = 1
input drive: signal
population p[1] { state x on real; drift g*drive - x }
train fit { data series("data.npz"); free g }
"""
    rng = np.random.default_rng(0)
    x = x + 0.01 * rng.normal(size=x.shape)
    result = fitted(tmp_path, text, t=times, x=x, drive=drive)
    assert abs(distance(result, "g", 1.5)) < 3 and result["g error"] < 0.02


def test_points_of_a_sphere_by_what_is_observed_of_them(tmp_path: Path) -> None:
    times = np.linspace(0, 3, 31)

    def rates(t: float, flat: Any) -> Any:
        x = flat.reshape(2, 3)
        pull = 0.6 * x[::-1]
        return (pull - (pull * x).sum(1, keepdims=True) * x).ravel()

    start = np.array([[1, 0, 0], [0, 0.6, 0.8]])
    x = solved(rates, start.ravel(), times).reshape(-1, 2, 3)
    rng = np.random.default_rng(0)
    text = """
model sphere
param K = 0.3
population p[2] { state x on sphere(3) = [cos(index), 0.6*sin(index), 0.8*sin(index)] }
coupling c: p -> p { strength K; kernel x[j] }
observe h = dot(x, [0, 0, 1])
observe f = dot(x, [1, 0, 0])
observe g = dot(x, [0, 1, 0])
train fit { data series("data.npz"); free K }
"""
    arrays = {name: x[..., k] + 0.01 * rng.normal(size=(31, 2)) for k, name in enumerate("fgh")}
    result = fitted(tmp_path, text, t=times, **arrays)
    assert abs(distance(result, "K", 0.6)) < 3.5 and result["K error"] < 0.02


def test_too_few_steps_are_told_with_what_was_found(tmp_path: Path) -> None:
    times, theta, _ = planted(4, 5, 0.05, 8.0)
    with pytest.raises(NumericalError) as caught:
        fitted(tmp_path, SAKAGUCHI.format(N=4, rest="steps 1"), t=times, theta=theta)
    assert caught.value.diagnostics[0].code == "E691"
    assert caught.value.partial.status == "failed"
