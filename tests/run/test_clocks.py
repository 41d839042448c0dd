"""Which methods can integrate which laws: pulses, noise, maps."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.lower.emit import emit
from dynattn.network.equations import spell_laws
from dynattn.network.styles import MINUS, PRETTY
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory
from dynattn.solve.solve import solve
from tests.run.specs import compiled

NOISY = """
model m
population p[2] {{ state x on {}; drift {}; noise {} }}
simulate {{ t 0 .. 1; {} }}
"""


def refused(text: str) -> tuple[str, str, str]:
    """Code, message and fix of what cannot be run."""
    compilation = compiled(text)
    with pytest.raises(SpecError) as caught:
        run_experiment(compilation)
    (only,) = caught.value.diagnostics
    assert only.span is not None
    return only.code, only.message, only.fix


def test_noise_needs_fixed_steps() -> None:
    assert refused(NOISY.format("real", "-x", "0.1", "rtol 1e-3")) == (
        "E614", "the method 'tsit5' takes adaptive steps, and 'p.x' has noise",
        "write 'method euler; step 0.01'",
    )  # fmt: skip
    assert refused(NOISY.format("real", "-x", "0.1", "method rk4; step 0.1")) == (
        "E614", "the method 'rk4' takes no noise, and 'p.x' has noise",
        "write 'method euler; step 0.01'",
    )  # fmt: skip


def test_noise_that_depends_on_the_state_is_itos() -> None:
    assert refused(NOISY.format("real", "-x", "0.1*x", "method heun; step 0.1")) == (
        "E614",
        "the noise of 'p.x' depends on the state, and is meant in Itô's sense; 'heun' is "
        "Stratonovich's",
        "write 'method euler; step 0.01'",
    )


def test_noise_on_a_sphere_is_stratonovichs() -> None:
    assert refused(NOISY.format("sphere(3)", "[1, 0, 0]", "0.1", "method euler; step 0.1")) == (
        "E614", "noise on sphere(3) is meant in Stratonovich's sense; 'euler' is Itô's",
        "write 'method heun; step 0.01'",
    )  # fmt: skip


def test_the_solver_itself_refuses_them_too() -> None:
    system = compiled(NOISY.format("real", "-x", "0.1", "method euler; step 0.1")).build()
    with pytest.raises(SpecError) as caught:
        solve(system, system.initial_states(), [0.0, 1.0])
    assert [item.code for item in caught.value.diagnostics] == ["E614"]


PULSE = """
model m
population p[1] {{ state x on real; drift pulse(t, 1, 2) }}
simulate {{ t 0 .. 3; {} }}
"""


@pytest.mark.parametrize(
    "method", ["explicit_adams; step 0.1", "implicit_adams; step 0.1", "scipy_solver"]
)
def test_methods_that_go_across_a_pulse(method: str) -> None:
    name = method.split(";")[0]
    assert refused(PULSE.format(f"method {method}")) == (
        "E613", f"the method '{name}' does not stop at the ends of a pulse",
        "use 'method tsit5', or 'method rk4'",
    )  # fmt: skip


def test_a_short_pulse_is_not_stepped_over() -> None:
    text = PULSE.replace("1, 2", "50, 50.001").replace("0 .. 3", "0 .. 100 every 100")
    found = run_experiment(compiled(text.format("rtol 1e-3")))
    assert found["p.x"][-1, 0] == pytest.approx(0.001, rel=1e-6)


def test_pulses_of_a_sweep_stop_each_at_its_own_time() -> None:
    text = "model m\nparam a = 1\npopulation p[1] { state x on real; drift pulse(t, a, 2*a) }\n"
    text += "simulate { t 0 .. 10 }\nsweep s { a = [0.31, 1.7, 4]; record final(x) }"
    found = run_experiment(compiled(text), "s")
    np.testing.assert_allclose(found["final(x)"][:, 0], [0.31, 1.7, 4], atol=1e-6)


MAP = "model m\npopulation p[1] {{ state h on real = 1; h <- h/2 }}\nsimulate {{ {} }}"


def test_a_map_has_no_time() -> None:
    assert refused(MAP.format("t 0 .. 10")) == (
        "E615", "'p.h' is a map, which knows updates and no time", "write steps 100 in place of t",
    )  # fmt: skip


def test_an_experiment_after_a_map_may_have_time_again() -> None:
    text = "model m\npopulation p[1] { state x on real = 1; drift -x }\n"
    text += "simulate { steps 2 }\nsimulate later { t 0 .. 1; rtol 1e-8 }"
    assert run_experiment(compiled(text))["p.x"][:, 0].tolist() == [1, 0, 0]
    later = run_experiment(compiled(text), "later")
    assert isinstance(later, Trajectory)
    np.testing.assert_allclose(later["p.x"][:, 0], np.exp(-later.times), atol=1e-7)


LATE = """
model m
population p[2] { state x on real; drift -x }
coupling c: p -> p { kernel x[j]; delay 1 }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""


def test_what_no_emitted_file_holds() -> None:
    for text, word in (
        (NOISY.format("real", "-x", "0.1", "method euler; step 0.1"), "noise"),
        (PULSE.format("rtol 1e-3"), "a pulse"),
        (LATE, "a delay"),
    ):
        parts = compiled(text)
        with pytest.raises(SpecError) as caught:
            emit(parts.model, parts.network, parts.program)
        message = f"{word} in an emitted file has no meaning in this version of dynattn yet"
        assert caught.value.diagnostics[0].message == message


def test_laws_are_spelled_as_they_came_out() -> None:
    model = compiled("""
model m
population a[2] { state theta on circle; inertia 2; dissipation 0.5; drift -sin(theta); noise 0.1 }
population b[2] { state h on real; h <- 0.5 * h + heard }
coupling heard: b -> b { kernel h[j] }
coupling pull: a -> a { energy -cos(theta[j] - theta[i]) }
observe E = total_energy()
simulate { steps 3 }
""").model
    assert spell_laws(model, model.laws) == (
        "2 * theta[i]'' = -sin(theta[i]) + sum_j sin(theta[j] - theta[i]) - 0.5 * theta[i]'"
        " + 0.1 * W[i]'",
        "h[i] <- 0.5 * h[i] + sum_j h[j]",
    )
    assert spell_laws(model, model.laws, PRETTY)[:2] == (
        "2 θ_i'' = -sin(θ_i) + Σ_j sin(θ_j - θ_i) - 0.5 θ_i' + 0.1 W_i'".replace("-", MINUS),
        "h_i ← 0.5 h_i + Σ_j h_j",
    )
