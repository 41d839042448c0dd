"""First passages against closed forms: within steps, and of Brownian paths within errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


FALL = """
model fall
param v = 0.5
population p[1] {{ state x on real = 0; x' = v + x }}
passage {{ when max(x) > 1; t 2 .. 12; v = [0.5, 2, -1]; {how} }}
"""


@pytest.mark.parametrize(
    "how, error",
    [
        ("rtol 1e-9", 1e-7), ("method rodas5p; rtol 1e-10", 1e-8),
        ("method rk4; step 0.01", 1e-9), ("method tsit5; step 0.02", 1e-8),
        ("method euler; step 5e-3", 1e-2),
    ],
)  # fmt: skip
def test_a_passage_is_located_within_its_step(how: str, error: float) -> None:
    found = measured(FALL.format(how=how))
    # x = v (e^t - 1) from t = 2 on; with v < 0 it falls the other way.
    known = [np.log(3), np.log(1.5)]
    assert found["times"][:2, 0] == pytest.approx(known, abs=error)
    assert np.isinf(found["times"][2, 0]) and np.isnan(found["mean"][2])
    assert found["share"].tolist() == [1, 1, 0]


def test_passages_of_many_starts_on_a_circle_and_those_that_are_there() -> None:
    text = """
    model clock
    population p[1] { state theta on circle ~ uniform(0, 2*pi); drift 1 }
    passage { when min(cos(theta)) <= 0; t 0 .. 10; starts 40; rtol 1e-10 }
    observe c = min(cos(theta))
    """
    found = measured(text)["times"]
    spec = compiled(text)
    starts = [spec.build().redrawn_states(k)["p.theta"].item() for k in range(40)]
    known = [0 if np.cos(a) <= 0 else (np.pi / 2 - a) % (2 * np.pi) for a in starts]
    assert found == pytest.approx(known, abs=1e-7)
    assert 5 < np.sum(found == 0) < 35 and len(set(starts)) == 40


def test_two_crossings_between_saved_times_are_seen() -> None:
    text = """
    model blip
    population p[1] { state x on real = 0; state y on real = 1; x' = y; y' = -x }
    passage { when max(x) > 0.999; t 0 .. 3 every 3; rtol 1e-9 }
    """
    assert measured(text)["mean"] == pytest.approx(np.arcsin(0.999), abs=1e-7)


def test_brownian_motion_with_drift_passes_as_wald_has_it() -> None:
    text = """
    model wald
    param v = 1, s = 0.7
    population p[1] { state x on real = 0; drift v; noise s }
    passage { when max(x) > 1; t 0 .. 40; starts 4000; method euler; step 0.1 }
    """
    found = measured(text)
    # Mean a / v, variance a s^2 / v^3; without bridges within steps the mean is 0.13 more.
    assert found["share"] == 1
    assert abs(found["mean"] - 1) < 4 * found["error"] < 0.06
    assert np.var(found["times"]) == pytest.approx(0.49, rel=0.15)


def test_an_ornstein_uhlenbeck_process_passes_as_its_integral_has_it() -> None:
    from scipy.integrate import quad
    from scipy.special import erf

    text = """
    model ou
    population p[1] { state x on real = 0; drift -x; noise sqrt(2) }
    passage { when max(x) > 1; t 0 .. 80; starts 1000; method euler; step 0.04 }
    """
    found = measured(text)
    # Mean first passage from 0 to 1, reflected nowhere: sqrt(pi/2) int e^{x^2/2} (1 + erf) dx.
    known = np.sqrt(np.pi / 2) * quad(
        lambda x: np.exp(x * x / 2) * (1 + erf(x / np.sqrt(2))), 0, 1
    )[0]  # fmt: skip
    assert abs(found["mean"] - known) < 4 * found["error"] and found["error"] < 0.15


def test_what_has_no_passage() -> None:
    maps = "population p[1] { state x on real; x <- x + 1 }\n"
    flow = "population p[2] { state x on real; drift -x }\n"
    for body, end in (
        (maps, "steps 5"),
        (flow, "t 0 .. 9; method dopri5"),
        (flow + "coupling c: p -> p { delay 1 }\n", "t 0 .. 9"),
    ):
        with pytest.raises(SpecError) as caught:
            measured(f"model m\n{body}passage {{ when max(x) > 1; {end} }}\n")
        assert [item.code for item in caught.value.diagnostics] == ["E671"]
