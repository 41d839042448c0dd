"""Which models the methods that keep a structure refuse, and batches, pulses and friction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.lower.emit import emit
from dynattn.lower.module import System
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory
from dynattn.solve.gradients import Gradient
from dynattn.solve.newton_krylov import solve_linear
from dynattn.solve.solve import solve


def compiled(body: str, method: str = "leapfrog", **settings: float) -> Compilation:
    text = f"model m\n{body}\nsimulate {{ t 0 .. 2 every 0.5; method {method}; step 0.05 }}"
    return Compilation(Source("spec.dyn", text), settings)


def refused(body: str, method: str = "leapfrog") -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        run_experiment(compiled(body, method))
    assert all(item.span is not None and item.fix for item in caught.value.diagnostics)
    return [(item.code, item.message) for item in caught.value.diagnostics]


def final(system: System, method: str, step: float, stop: float = 1.0) -> torch.Tensor:
    with torch.no_grad():
        found = solve(system, system.initial_states(), [0.0, stop], method=method, step=step)
    return torch.cat([x[-1].reshape(-1) for x in found.states.values()])


def exact(system: System, stop: float = 1.0) -> torch.Tensor:
    with torch.no_grad():
        found = solve(system, system.initial_states(), [0.0, stop], rtol=1e-12, method="dopri8")
    return torch.cat([x[-1].reshape(-1) for x in found.states.values()])


def order(system: System, method: str, step: float = 0.05) -> float:
    errors = [(final(system, method, h) - exact(system)).abs().max() for h in (step, step / 2)]
    return float(torch.log2(errors[0] / errors[1]))


# ── refused ────────────────────────────────────────────────────────────────────────────────────


def test_a_model_without_inertia() -> None:
    pair = "population p[2] { state x on real = 1; state v on real; x' = v; v' = -x }"
    assert refused(pair) == [
        ("E624", "no state has inertia, and the method 'leapfrog' moves those that have")
    ]


@pytest.mark.parametrize(
    "clause, word",
    [
        ("drift -x - 0.1*x'^2", "drift"),
        ("dissipation abs(x')", "dissipation"),
        ("let u = 2*x'; drift -x - u", "drift"),
    ],
)
def test_a_force_that_reads_a_velocity(clause: str, word: str) -> None:
    message = (
        f"the {word} of 'p.x' reads a velocity, and 'leapfrog' kicks velocities by forces of the "
        "positions"
    )
    body = f"population p[2] {{ state x on real = 1; inertia 1; {clause} }}"
    assert refused(body) == [("E625", message)]


def test_a_coupling_of_velocities_and_a_sum_that_hides_them() -> None:
    nodes = "population p[3] { state x on real = 1; inertia 1; drift -x * (1 + FORCE) }\n"
    drag = nodes.replace("FORCE", "0") + "coupling drag: p -> p { kernel x'[j] - x'[i] }"
    assert [code for code, _ in refused(drag)] == ["E625"]
    read = nodes.replace("FORCE", "speed") + "readout speed: p -> p { kernel x'[j] }"
    assert [code for code, _ in refused(read)] == ["E625"]


def test_states_without_inertia_have_no_place_in_steps_back_in_time() -> None:
    body = "population p[2] { state x on real = 1; inertia 1; drift -x }\n"
    body += "population q[2] { state y on real = 1; drift -y }"
    message = "'q.y' has no inertia, and the method 'yoshida4' is for those with"
    assert refused(body, "yoshida4") == [("E625", message)]


def test_noise_and_delays() -> None:
    body = "population p[2] { state x on real = 1; inertia 1; noise 0.1 }\n"
    assert [code for code, _ in refused(body)] == ["E614"]
    body = body.replace("noise 0.1", "drift -x") + "coupling c: p -> p { delay 1 }"
    for method in ("leapfrog", "avf"):
        assert [code for code, _ in refused(body, method)] == ["E616"]


def test_what_has_no_straight_line_or_no_constant_friction() -> None:
    assert refused("population p[2] { state x on sphere(3); drift [1, 0, 0] }", "avf") == [
        ("E631", "'avf' averages rates along a straight line, and sphere(3) has none")
    ]
    message = (
        "the dissipation of 'p.x' changes, and 'avf' keeps the energy only where it is constant"
    )
    body = "population p[2] { state x on real; dissipation 1 + x^2; energy x^4 }"
    assert refused(body, "avf") == [("E631", message)]


def test_friction_too_strong_for_steps_back_in_time() -> None:
    body = "population p[2] { state x on real = 1; inertia 0.01; dissipation g; drift -x }"
    system = compiled(f"param g = 9\n{body}", "yoshida4").build()
    with pytest.raises(NumericalError) as caught:
        final(system, "yoshida4", 0.1)
    (item,) = caught.value.diagnostics
    assert (item.code, item.message) == (
        "E629", "the friction at t = 0.05 is too strong for the steps of 'yoshida4': those "
        "backwards in time multiply velocities by 3.5e+66",
    )  # fmt: skip
    assert final(system, "leapfrog", 0.1).abs().max() < 1


def test_no_emitted_file() -> None:
    found = compiled("population p[2] { state x on real = 1; inertia 1; drift -x }", "yoshida4")
    with pytest.raises(SpecError) as caught:
        emit(found.model, found.network, found.program)
    (item,) = caught.value.diagnostics
    assert item.code == "E401"
    assert item.message.startswith("the method 'yoshida4' in an emitted file")


def test_no_checkpoints() -> None:
    system = compiled("population p[2] { state x on real = 1; inertia 1; drift -x }").build()
    with pytest.raises(SpecError) as caught:
        solve(
            system, system.initial_states(), [0.0, 1.0], method="leapfrog", step=0.1,
            gradient=Gradient("checkpointed"),
        )  # fmt: skip
    (item,) = caught.value.diagnostics
    assert item.code == "E363"
    assert item.message == "with the method 'leapfrog' no steps are taken again backwards"


# ── what goes ──────────────────────────────────────────────────────────────────────────────────


def test_friction_that_depends_on_position_and_time_keeps_the_order() -> None:
    body = "population p[2] { state x on real = 1 + index; state x' = 1; inertia 2 + sin(t)\n"
    system = compiled(body + "dissipation 1 + x^2/4 + cos(t); drift -x^3 }").build()
    assert order(system, "leapfrog") == pytest.approx(2, abs=0.2)
    assert order(system, "blanes_moan4", 0.2) == pytest.approx(4, abs=0.4)


def test_states_without_inertia_beside_those_with_it_keep_the_order() -> None:
    body = """
population heavy[2] { state x on circle = 1 + index; inertia 1; dissipation 0.3; drift -sin(x) }
population light[2] { state n on sphere(3) = [0.6, 0, 0.8]; drift [sin(2*t), 0, 0] }
coupling push: light -> heavy over one_to_one(2) { kernel n[j][0] * cos(x[i]) }
coupling turn: heavy -> light over one_to_one(2) { kernel [x'[j], sin(x[j]), 1] }
"""
    system = compiled(body).build()
    assert order(system, "leapfrog") == pytest.approx(2, abs=0.2)


def test_a_pulse_is_met_at_its_ends() -> None:
    body = (
        "population p[1] { state x on real; inertia 1; dissipation 0; drift pulse(t, 0.3, 0.71) }"
    )
    for method in ("leapfrog", "blanes_moan4", "avf"):
        found = run_experiment(compiled(body, method))
        assert isinstance(found, Trajectory)
        assert found["p.x'"][-1, 0] == pytest.approx(0.41, abs=1e-12)
        assert found["p.x"][-1, 0] == pytest.approx(0.41 * (2 - 0.505), abs=1e-12)


@pytest.mark.parametrize("method", ["leapfrog", "yoshida4", "avf"])
def test_points_of_a_sweep_are_solved_as_each_alone(method: str) -> None:
    body = "param k = 1.0, g = 0.1\npopulation p[4] { state x on torus(2) ~ uniform(0, 6)\n"
    body += "inertia 1 + index; dissipation g * (1 + index); energy -dot(cos(x), [k, 1]) }\n"
    body += "coupling c: p -> p { strength k }\nsimulate { t 0 .. 0.6; method METHOD; step 0.1 }\n"
    body += "sweep s { k = [0.5, 2]; g = [0, 0.7]; record final(x) }"
    text = "model m\n" + body.replace("METHOD", method)
    together = run_experiment(Compilation(Source("s.dyn", text), {}), "s")["final(x)"]
    for i, k in enumerate((0.5, 2.0)):
        for j, g in enumerate((0.0, 0.7)):
            alone = run_experiment(Compilation(Source("s.dyn", text), {"k": k, "g": g}))
            assert isinstance(alone, Trajectory)
            np.testing.assert_allclose(together[i, j], alone["p.x"][-1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", ["leapfrog", "yoshida4", "avf"])
def test_parameters_learn_through_the_steps(method: str) -> None:
    body = "learn k = 1.3, g = 0.4, m = 2\npopulation p[3] { state x on real = 1 + index\n"
    body += "inertia m; dissipation g; energy k*x^2/2 + cos(x) }"
    system = compiled(body, method).build()

    def value() -> torch.Tensor:
        found = solve(system, system.initial_states(), [0.0, 1.0], method=method, step=0.1)
        return found.states["p.x"][-1].sum()

    value().backward()
    for parameter in system.parameters():
        slope = parameter.grad
        assert slope is not None
        width, ends = 1e-5, []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * width
                ends.append(float(value()))
                parameter -= sign * width
        by_differences = (ends[0] - ends[1]) / (2 * width)
        assert float(slope) == pytest.approx(by_differences, rel=1e-7, abs=1e-9)


def test_friction_of_zero_has_a_gradient() -> None:
    body = (
        "learn g = 0\npopulation p[1] { state x on real = 1; inertia 1; dissipation g; drift -x }"
    )
    system = compiled(body).build()
    found = solve(system, system.initial_states(), [0.0, 1.0], method="leapfrog", step=0.001)
    found.states["p.x"][-1].sum().backward()
    (g,) = system.parameters()
    assert g.grad is not None
    assert float(g.grad) == pytest.approx((np.sin(1) - np.cos(1)) / 2, rel=1e-5)


def test_edges_with_inertia_are_kicked_too() -> None:
    body = """
population p[3] { state x on real = index; inertia 1; drift -x }
coupling spring: p -> p over ring(3) {
  state w on real = 1; inertia 2; dissipation 0.5; drift -w + 0.1 * x[i]; kernel w * (x[j] - x[i])
}
"""
    system = compiled(body).build()
    assert order(system, "leapfrog") == pytest.approx(2, abs=0.2)
    assert order(system, "avf") == pytest.approx(2, abs=0.2)


WELLS = """
graph net = watts_strogatz_graph(n=12, k=4, p=0.3, seed=2)
population p[12] { state x on real ~ normal(0, 1.5); dissipation 0.7; energy 5 * (x^2 - 1)^2/4 }
coupling c: p -> p over net { strength 2; energy (x[i] - x[j])^2/2 }
observe E = total_energy()
"""


@pytest.mark.parametrize("step", [0.01, 0.3, 3.0, 100.0])
def test_avf_goes_downhill_at_any_step(step: float) -> None:
    system = compiled(WELLS).build()
    times = [step * k for k in range(4)]
    found = solve(system, system.initial_states(), times, method="avf", step=step).states
    energy, ways = system.observe(0.0, found)["E"], found["p.x"].diff(dim=0)
    lost = -0.7 / step * ways.square().sum(-1)
    torch.testing.assert_close(energy.diff(), lost, rtol=1e-11, atol=1e-11 * max(1, step))
    assert bool((lost < 0).all())


def test_the_gradient_through_a_long_implicit_step() -> None:
    system = compiled("learn k = 1.3" + WELLS.replace("5 *", "5 * k *")).build()
    (k,) = system.parameters()

    def value() -> torch.Tensor:
        states = system.initial_states()
        return solve(system, states, [0.0, 2.0], method="avf", step=1.0).states["p.x"][-1].sum()

    value().backward()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            k += sign * 1e-6
            ends.append(float(value()))
            k -= sign * 1e-6
    assert k.grad is not None
    assert float(k.grad) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_an_implicit_step_that_does_not_exist() -> None:
    system = compiled("population p[2] { state x on real = index; x' = 1 + x^2 }").build()
    with pytest.raises(NumericalError) as caught:
        final(system, "avf", 10.0, stop=10.0)
    (item,) = caught.value.diagnostics
    start = "the implicit step of 'avf' from t = 0 to t = 10 was not found: p.x of node "
    assert item.code == "E630"
    assert item.message.startswith(start)
    assert item.fix == "take smaller steps: step 2.5"


def test_a_linear_equation_is_solved_point_by_point() -> None:
    rng = np.random.default_rng(0)
    matrix = torch.as_tensor(np.eye(90) + 0.08 * rng.normal(size=(3, 90, 90)))
    right = torch.as_tensor(rng.normal(size=(3, 90)))
    right[1] = 0.0
    found, known = solve_linear(lambda v: (matrix @ v[..., None])[..., 0], right)
    assert known
    torch.testing.assert_close(found, torch.linalg.solve(matrix, right), rtol=0, atol=1e-10)
