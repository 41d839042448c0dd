"""Orbits of twice the period against SciPy's integration of the variational equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.run.experiment import run_experiment
from tests.truths.test_cycles import SPIRAL

CASCADE = (
    f"model rossler\n{SPIRAL}"
    + """
continue b { q = -0.2 .. 0.22; start init; detect hopf }
continue orbits { start at b.hopf; q = -0.2 .. 0.22; detect period_doubling }
continue twice { start at orbits.period_doubling; q = 0 .. 0.33; detect period_doubling }
continue four { start at twice.period_doubling; q = 0.3 .. 0.33; detect period_doubling }
"""
)


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", text))


def _after(q: float, begin: np.ndarray, time: float) -> np.ndarray:
    """[12]: where a state is after a time, and what disturbances have become."""

    def rates(t: float, s: np.ndarray) -> np.ndarray:
        x, y, z = s[:3]
        slope = np.array([[0, -1, -1], [1, q, 0], [z, 0, x - 3]])
        return np.concatenate([[-y - z, x + q*y, 0.2 + z*(x - 3)],
                               (slope @ s[3:].reshape(3, 3)).ravel()])  # fmt: skip

    whole = np.concatenate([begin, np.eye(3).ravel()])
    return solve_ivp(rates, (0, time), whole, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]


def test_orbits_of_twice_the_period_against_scipy() -> None:
    """They leave the period doubling, and what SciPy integrates comes back after both turns alone,
    with the same multipliers; their own doubling has the multipliers 1 and -1.
    """
    spec = compiled(CASCADE)
    found: Any = run_experiment(spec, "twice")
    orbits: Any = run_experiment(spec, "orbits")
    one, (two,) = orbits.special[0], found.special
    assert found.values[0] == pytest.approx(one.step.value, abs=1e-9)
    assert found["period"][0] == pytest.approx(2 * one.step.period, rel=1e-9)
    assert found.statistics["ends"] == "range" and two.kind == "period_doubling"
    row = int(np.abs(found.values - 0.27).argmin())
    for step in (found.continuation.steps[row], two.step):
        begin = step.y.numpy()
        end = _after(step.value, begin, step.period)
        assert end[:3] == pytest.approx(begin, abs=1e-6)
        values = np.linalg.eigvals(end[3:].reshape(3, 3))
        order = np.abs(values - 1).argsort()
        assert abs(values[order[0]] - 1) < 1e-5
        left = values[order[1:]]
        assert left[np.abs(left).argmax()] == pytest.approx(step.multipliers[0], abs=1e-5)
        half = _after(step.value, begin, step.period / 2)
        assert np.abs(half[:3] - begin).max() > 0.1
    assert two.step.multipliers[0] == pytest.approx(-1, abs=1e-9)


def test_a_cascade() -> None:
    """The orbits of four turns begin where those of two double."""
    spec = compiled(CASCADE)
    four: Any = run_experiment(spec, "four")
    twice: Any = run_experiment(spec, "twice")
    (two,) = twice.special
    assert four.values[0] == pytest.approx(two.step.value, abs=1e-9)
    assert four["period"][0] == pytest.approx(2 * two.step.period, rel=1e-9)
    assert [other.name for other in four.earlier] == ["orbits", "twice"]
    assert four.equilibria.name == "b"


def test_a_doubling_that_is_undone() -> None:
    """q goes up and down again: the orbits of two turns end where they began, at -w."""
    text = CASCADE.replace("param q = -0.2", "param w = -0.67").replace("q*y", "(0.25 - w^2)*y")
    text = text.replace("q = -0.2 .. 0.22", "w = -0.67 .. -0.2").replace(
        "q = 0 .. 0.33", "w = -1 .. 1"
    )
    found: Any = run_experiment(compiled(text.split("continue four")[0]), "twice")
    assert found.statistics["ends"] == "period_doubling" and found.special == ()
    assert found.values[-1] == pytest.approx(-found.values[0], abs=1e-5)
    assert found["period"][-1] == pytest.approx(found["period"][0], rel=1e-5)


def test_a_range_that_does_not_reach_the_doubling_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        run_experiment(compiled(CASCADE.replace("q = 0 .. 0.33", "q = 0.2 .. 0.3")), "twice")
    (error,) = caught.value.diagnostics
    assert error.code == "E645" and "the period doubling at q = 0.189592 is" in error.message
