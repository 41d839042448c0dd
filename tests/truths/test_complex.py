"""Complex states against closed forms and SciPy: Stuart-Landau oscillators, noise, records."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from dynattn.run.experiment import run_experiment
from dynattn.run.results import ResultFolder, read_results
from dynattn.solve.solve import solve

SHIPPED = (Path(__file__).parents[2] / "specs" / "stuart_landau.dyn").read_text()
SHORT = "t 0 .. 5 every 0.5; rtol 1e-10"


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("complex.dyn", text), overrides)


def network(every: str = SHORT, **changes: str) -> Compilation:
    text = SHIPPED.replace("t 0 .. 50 every 0.1", every)
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after)
    return compiled(text, N=12)


ALONE = """model alone
param lambda = 0.7, omega = 1.3
population osc[1] { state z on complex = 0.1 + 0.2i; drift (lambda + 1i*omega - abs(z)^2) * z }
simulate { t 0 .. 6 every 0.5; METHOD }
"""


@pytest.mark.parametrize(
    "method", ["method rk4; step 0.02", "rtol 1e-10", "method tsit5; step 0.05"]
)
def test_one_oscillator_has_the_radius_and_phase_of_the_closed_form(method: str) -> None:
    found = run_experiment(compiled(ALONE.replace("METHOD", method)))
    z, t = found["osc.z"][:, 0], found.axes["time"]
    start = 0.1 + 0.2j
    radius = np.sqrt(0.7 / (1 + (0.7 / abs(start) ** 2 - 1) * np.exp(-2 * 0.7 * t)))
    expected = radius * np.exp(1j * (np.angle(start) + 1.3 * t))
    np.testing.assert_allclose(z, expected, atol=1e-7)


def test_a_network_agrees_with_scipy() -> None:
    spec = network()
    found = run_experiment(spec)
    omega = spec.build().get_buffer("osc.omega").numpy()

    def rate(t: float, z: np.ndarray) -> np.ndarray:
        return (1 + 1j * omega - abs(z) ** 2) * z + (z.sum() - z - 11 * z) / 12

    start = found["osc.z"][0]
    times = found.axes["time"]
    end = solve_ivp(rate, (0, 5), start, t_eval=times, rtol=1e-11, atol=1e-12, method="DOP853").y.T
    np.testing.assert_allclose(found["osc.z"], end, atol=1e-7)
    np.testing.assert_allclose(found["r"], abs(end.mean(1)), atol=1e-7)


PAIR = """model pair
param d = 5
population osc[2] {
  state z on complex ~ normal(0, 1)
  drift (1 + 1i*d*(index - 0.5) - abs(z)^2) * z
}
coupling c: osc -> osc { strength 3; normalize size }
observe r = order(z)
simulate { t 0 .. 40 every 10; method rk4; step 0.1; record final(r) }
"""


def test_amplitude_death_of_two_unlike_oscillators() -> None:
    """At rest the linear rates are 1 - K/2 +- sqrt(K^2 - d^2)/2: rest is stable for 2 < K < d."""
    assert run_experiment(compiled(PAIR))["final(r)"] < 1e-7
    assert run_experiment(compiled(PAIR, d=0))["final(r)"] == pytest.approx(1, abs=1e-9)


def test_gradients_are_those_of_central_differences() -> None:
    text = network().model.source.text.replace(
        "  param omega ~ normal(0, width)\n",
        "  param omega ~ normal(0, width)\n  learn g on complex ~ normal(0, 0.3)\n",
    )
    text = text.replace("abs(z)^2) * z", "abs(z)^2) * z + g*conj(z)")
    system = compiled(text, N=4).build()
    g = system.get_parameter("osc.g")
    assert g.dtype == torch.complex128

    def loss() -> torch.Tensor:
        found = solve(system, system.initial_states(), [0.0, 1.0], method="rk4", step=0.1)
        z = found.states["osc.z"][-1]
        return (z.real**2 + z.imag**3).sum()

    loss().backward()
    gradient = g.grad
    assert gradient is not None
    for k, direction in itertools.product(range(4), (1.0, 1j)):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                g[k] += sign * 1e-6 * direction
                values.append(float(loss()))
                g[k] -= sign * 1e-6 * direction
        slope = (values[0] - values[1]) / 2e-6
        expected = gradient[k].real if direction == 1.0 else gradient[k].imag
        assert slope == pytest.approx(float(expected), abs=1e-7)


EVERYTHING = """model everything
param N = 6, K = 0.7, c on complex = 0.3 + 1i, d = 2*c, z0 on complex ~ normal(1i, 0.1)
param A[2, 2] = [[1i, 2], [0.5, 1 - 1i]]
population osc[N] {
  state z on complex ~ normal(0, 0.5)
  state w[2] on complex
  param omega ~ normal(0, 1)
  learn g on complex ~ normal(0, 0.5)
  drift z: (1i*omega - abs(z)^2)*z + c*sin(z) + d*g*conj(z) + exp(0.1*z0*z)/(2 + z) + arg(z)
  drift w: A @ w + re(w)*im(w)^2 + dot(conj(w), A @ [z, 1]) + 1/(2 + norm(w))
  noise z: 0.1 + 0.2i
}
coupling pull: osc -> osc.z { strength K; normalize size }
coupling ring: osc -> osc.z over ring(N, reach=1) {
  kernel conj(z[j])*z[i]^2 + cis(omega[j] - omega[i]) * g[j]
  strength 1 + 0.3i
}
coupling sparse: osc -> osc.z over watts_strogatz_graph(n=N, k=2, p=0.1, seed=1) {
  kernel im(conj(z[i])*z[j]) + re(z[j])
  weight 0.3 + 1i
}
coupling shared: osc -> osc.w over everyone(N) {
  kernel z[j] * w[i]
  weight softmax(re(conj(z[i]) * z[j]))
}
coupling before: osc -> osc.w over causal(N) { kernel cis(z[j]) - conj(w[i]) * w[j]^2 }
observe r = order(z) + std(z)
observe m = mean(z) * sum(w)
"""


def test_everything_complex_is_certified() -> None:
    assert certify(compiled(EVERYTHING)).passed


FORMS = """model forms
population p[GRAPH] { state z on complex ~ normal(0, 1) }
coupling c: p -> p over GRAPH { kernel z[j] * conj(z[i]) + cis(1i + 0.3) * z[j]; weight 0.5 }
"""


@pytest.mark.parametrize("nodes", [50, 400])
@pytest.mark.parametrize(
    "graph", ["everyone({0})", "causal({0})", "ring({0}, reach=2)", "ring({0}, reach=20)",
              "watts_strogatz_graph(n={0}, k=4, p=0.3, seed=1)"],
)  # fmt: skip
def test_sums_of_complex_features_are_those_of_the_edges(graph: str, nodes: int) -> None:
    text = FORMS.replace("[GRAPH]", f"[{nodes}]").replace("GRAPH", graph.format(nodes))
    spec = compiled(text)
    system = spec.build()
    states = system.initial_states()
    found = system.rates(0.0, states)["p.z"].numpy()
    z = states["p.z"].numpy()
    edges = spec.network.connections["c"]
    if edges.kind == "edges":
        i, j = edges.receivers, edges.senders
        assert i is not None and j is not None
    else:
        i, j = np.indices((nodes, nodes)).reshape(2, -1)
        kept = j <= i if edges.kind == "causal" else i >= 0
        i, j = i[kept], j[kept]
    expected = np.zeros(nodes, complex)
    np.add.at(expected, i, 0.5 * (z[j] * z[i].conj() + np.exp(1j * (1j + 0.3)) * z[j]))
    np.testing.assert_allclose(found, expected, atol=1e-11 * abs(expected).max())


NOISE = """model noise
population p[3000] { state z on complex; drift -z + 1i*z; noise 0.6 }
observe a = mean(re(z)^2)
observe b = mean(im(z)^2)
observe c = mean(re(z)*im(z))
simulate { t 0 .. 4 every 1; method euler; step 0.01; record final(a), final(b), final(c) }
"""


def test_noise_drives_both_parts_alike_and_independently() -> None:
    """The stationary variance of each part is s^2/2."""
    found = run_experiment(compiled(NOISE))
    assert found["final(a)"] == pytest.approx(0.18, rel=0.08)
    assert found["final(b)"] == pytest.approx(0.18, rel=0.08)
    assert abs(found["final(c)"]) < 0.015


def test_draws_have_two_independent_parts() -> None:
    text = (
        "model d\nparam m on complex ~ normal(3 - 1i, 0)\npopulation p[4000] {\n"
        "state z on complex ~ normal(1i, 0.5)\nstate u on complex ~ uniform(2, 4)\n"
        "drift z: m\ndrift u: m }\n"
    )
    system = compiled(text).build()
    states: dict[str, Any] = {n: x.numpy() for n, x in system.initial_states().items()}
    assert complex(system.get_buffer("m")) == 3 - 1j
    z, u = states["p.z"], states["p.u"]
    assert z.mean() == pytest.approx(1j, abs=0.03)
    assert [z.real.std(), z.imag.std()] == pytest.approx([0.5, 0.5], rel=0.05)
    assert abs(np.corrcoef(z.real, z.imag)[0, 1]) < 0.05
    assert 2 <= u.real.min() < 2.01 and 3.99 < u.imag.max() <= 4
    assert abs(np.corrcoef(u.real, u.imag)[0, 1]) < 0.05


def test_results_keep_the_imaginary_part(tmp_path: Path) -> None:
    text = SHIPPED.replace("observe r", "observe m = mean(z)\nobserve r")
    brief = "t 0 .. 1 every 0.5; record m, z, average(m)"
    spec = compiled(text.replace("t 0 .. 50 every 0.1", brief), N=3)
    found = run_experiment(spec)
    folder = ResultFolder.make(tmp_path / "run", SHIPPED)
    folder.write(found)
    back = read_results(tmp_path / "run")
    assert back["z"].dtype == np.complex128 and abs(np.imag(back["z"])).min() > 0
    np.testing.assert_array_equal(back["m"], found["m"])
    weights = np.array([0.25, 0.5, 0.25])
    assert complex(back["average(m)"]) == pytest.approx(complex(weights @ back["m"]))
    folder = ResultFolder.make(tmp_path / "table", SHIPPED)
    found = run_experiment(compiled(text.replace("every 0.1", "every 25"), N=3))
    folder.write(found)
    written = (tmp_path / "table" / "results.csv").read_text()
    rows = list(csv.DictReader(written.splitlines()))
    assert list(rows[0]) == ["time", "re(m)", "im(m)", "r", "size"]
    assert float(rows[-1]["im(m)"]) == pytest.approx(found["m"][-1].imag)


def test_a_sweep_of_complex_records() -> None:
    text = ALONE.replace("METHOD", "rtol 1e-9").replace("lambda = 0.7", "lambda = 0.7 in 0 .. 2")
    spec = compiled(
        text + "observe m = mean(z)\nsweep s { lambda = 0.5 .. 1 by 0.5; record final(m) }"
    )
    found = run_experiment(spec, "s")
    assert found["final(m)"].dtype == np.complex128
    for index, value in enumerate((0.5, 1.0)):
        alone = run_experiment(compiled(text, **{"lambda": value}))["osc.z"][-1, 0]
        assert found["final(m)"][index].item() == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize("method", ["method rk4; step 0.05", "rtol 1e-8"])
def test_an_emitted_file_gives_the_same_numbers(tmp_path: Path, method: str) -> None:
    text = network().model.source.text.replace("rtol 1e-10", method)
    text = text.replace("param omega", "learn g on complex ~ normal(0, 0.3)\n  param omega")
    spec = compiled(text.replace("abs(z)^2) * z", "abs(z)^2) * z + (0.1 + 2i)*g*conj(z)"), N=4)
    from dynattn.solve.methods import METHODS

    tableau = METHODS["rk4"].tableau if "rk4" in method else None
    emit_files(tmp_path / "m.py", spec.model, spec.network, spec.program, tableau=tableau)
    import importlib.util

    at = importlib.util.spec_from_file_location("emitted_complex", tmp_path / "m.py")
    assert at is not None and at.loader is not None
    module = importlib.util.module_from_spec(at)
    at.loader.exec_module(module)
    times = torch.linspace(0, 5, 11, dtype=torch.float64)
    path = module.solve(module.StuartLandau(), times).detach().numpy()
    np.testing.assert_allclose(path, run_experiment(spec)["osc.z"], atol=1e-5)


DELAYED = """model delayed
param c on complex = 0.4 + 0.8i
population p[1] { state z on complex = 1 + 2i }
coupling a: p -> p over causal(1) { delay 1; kernel c * z[j] }
simulate { t 0 .. 2 every 0.25; method rk4; step 0.05 }
"""


def test_delayed_complex_states_follow_the_method_of_steps() -> None:
    found = run_experiment(compiled(DELAYED))
    c, start, t = 0.4 + 0.8j, 1 + 2j, found.axes["time"]
    late = np.maximum(t - 1, 0)
    expected = start * (1 + c * t + c**2 * late**2 / 2)
    np.testing.assert_allclose(found["p.z"][:, 0], expected, atol=1e-10)
