"""``until equilibrium``: the last states are at rest to the last digits; what is not is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

PITCHFORK = """
model pitchfork
param r = 2.0
population p[2] { state x on real = 0.1 + index; drift r*x - x^3 }
observe m = mean(x)
simulate { t 0 .. 100000 every 1; until equilibrium; rtol 1e-4 }
simulate kept { record x, final(x), average(m) after 90000, time when m > 1 }
sweep all { r = [-1, 0, 0.25, 4]; record x, final(m) }
sweep on { r = [0.25, 4]; start previous; record final(x) }
sweep repeated { r = [0.25, 4]; repeat 2; record final(x) }
"""

LOCKED = """
model locked
param K = 2
population osc[3] { state theta on circle = 0.3*index; drift 0.1 + 0.2*index }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
simulate { t 0 .. 500 every 1; until equilibrium; rtol 1e-4 }
sweep some { K = [0.01, 2]; record theta }
"""


def run(*arguments: Any) -> Any:
    return run_experiment(*arguments)


def test_the_last_state_is_an_equilibrium() -> None:
    found = run(compiled(PITCHFORK))
    assert found["p.x"][-1] == pytest.approx([2**0.5] * 2, abs=1e-14)
    assert 1e-12 < abs(found["p.x"][-2] - 2**0.5).max() < 1e-3
    told = found.statistics["equilibrium"]
    assert told["points"] == 1 and told["kept"] == 0 and told["residual"] < 1e-14
    assert 1e-9 < told["moved"] < 1e-3


def test_records_hold_the_equilibrium_too() -> None:
    found = run(compiled(PITCHFORK), "kept")
    assert found["x"][-1] == pytest.approx([2**0.5] * 2, abs=1e-14)
    assert np.array_equal(found["x"][-1], found["final(x)"])
    # It ends long before 90 000, and an average over no time is the last value.
    assert found["average(m) after 90000"] == pytest.approx(2**0.5, abs=1e-14)
    assert 0 < found["time when m > 1"] < found.times[-1] < 100


def test_each_point_of_a_sweep_ends_at_its_own() -> None:
    want = np.array([0.0, 0.5, 2.0])
    found = run(compiled(PITCHFORK), "all")
    assert found["final(m)"][[0, 2, 3]] == pytest.approx(want, abs=1e-12)
    for k, series in enumerate(found["x"]):
        last = np.isfinite(series[:, 0]).sum() - 1
        assert series[last].mean() == found["final(m)"][k] and np.isnan(series[last + 1 :]).all()
    # At the bifurcation itself rates are small at 0.1 already, and 0 is far from there.
    told = found.statistics["equilibrium"]
    assert (told["points"], told["kept"]) == (4, 1) and 0.05 < found["final(m)"][1] < 0.1
    assert run(compiled(PITCHFORK), "on")["final(x)"] == pytest.approx(
        np.array([[0.5] * 2, [2.0] * 2]), abs=1e-13
    )
    assert run(compiled(PITCHFORK), "repeated")["final(x)"].shape == (2, 2, 2)


def test_phases_that_drift_together_are_at_rest() -> None:
    found = run(compiled(LOCKED))
    theta, omega = found["osc.theta"][-1], np.array([0.1, 0.3, 0.5])

    def rates(x: np.ndarray) -> np.ndarray:
        return omega + 2 / 3 * np.sin(x[None] - x[:, None]).sum(1)

    assert np.ptp(rates(theta)) < 1e-14 and rates(theta) == pytest.approx([0.3] * 3, abs=1e-14)
    # The middle one is in phase with the mean; 0.2 = 2/3 (sin d + sin 2d) from it to the others.
    gap = brentq(lambda d: 2 / 3 * (np.sin(d) + np.sin(2 * d)) - 0.2, 0, 0.5, xtol=1e-15)
    assert np.diff(theta) == pytest.approx([gap, gap], abs=1e-12)
    assert found.times[-1] < 40

    some = run(compiled(LOCKED), "some")
    assert np.isfinite(some["theta"][0]).all()  # these never lock
    ended = np.isfinite(some["theta"][1][:, 0]).sum()
    assert some["theta"][1][ended - 1] == pytest.approx(theta, abs=1e-12)
    assert some.statistics["equilibrium"]["points"] == 1


def test_what_dies_out_keeps_a_trace() -> None:
    text = """
model rivals
population n[2] { state x on positive = 1; drift 1 + 0.5*index - a }
let a = sum(x)
observe gone = count(x' < 0 and x < 1e-3)
simulate { t 0 .. 1000 every 1; until equilibrium; rtol 1e-8; record final(x), final(gone) }
"""
    found = run(compiled(text))
    assert found["final(x)"][0] == 1e-12 and found["final(gone)"] == 1
    assert found["final(x)"][1] == pytest.approx(1.5, abs=1e-11)


def test_matrices_and_maps() -> None:
    text = """
model turning
param A on su(2) = [[0.3i, 0.1], [-0.1, -0.3i]]
population spin[3] { state U on SU(2); drift A @ U }
coupling pull: spin -> spin { normalize size }
simulate { t 0 .. 200 every 1; until equilibrium; rtol 1e-6 }
"""
    found = run(compiled(text))
    u = found["spin.U"][-1]
    assert abs(u - u[:1]).max() < 1e-12 and found.times[-1] < 60
    assert u[0] @ u[0].conj().T == pytest.approx(np.eye(2), abs=1e-14)
    text = """
model tanh
population p[2] { state h on real = 0.1*index; h <- 0.5*tanh(2*h) + 0.3 }
simulate { steps 200; until equilibrium }
"""
    want = fsolve(lambda h: 0.5 * np.tanh(2 * h) + 0.3 - h, 0.7, xtol=1e-14)[0]
    assert run(compiled(text))["p.h"][-1] == pytest.approx([want] * 2, abs=1e-14)


@pytest.mark.parametrize(
    ("drift", "reason"),
    [
        ("pulse(t, 0, 3) - x", "the rates depend on the time"),
        ("-(x - 1)^2 - 1e-9", "Newton's method leads to no equilibrium nearby"),
        ("1e-5*(1 - x)", "Newton's method leads to no equilibrium nearby"),
    ],
)
def test_where_newton_does_not_go_the_simulated_state_is_kept(drift: str, reason: str) -> None:
    text = f"""
model late
population p[1] {{ state x on real = 1.05 * pulse(0, -1, 1); drift {drift} }}
simulate {{ t 0 .. 1000000 every 1; until equilibrium; rtol 1e-6 }}
""".replace("1.05 * pulse(0, -1, 1)", "0.5" if "1e-5" in drift else "1.001")
    found = run(compiled(text))
    told = found.statistics["equilibrium"]
    assert told["kept"] == 1 and told["reason"].startswith(reason) and told["moved"] == 0
    assert "residual" not in told


def test_the_command_line_tells(tmp_path, monkeypatch, capsys) -> None:
    from dynattn.cli.main import run_command

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.dyn").write_text(PITCHFORK)
    assert run_command(["run", "a.dyn", "--plot", "none"]) == 0
    out, err = capsys.readouterr()
    assert "at equilibrium: the largest rate left is" in out and "note" not in err
    assert run_command(["run", "a.dyn", "all", "--plot", "none"]) == 0
    out, err = capsys.readouterr()
    assert "no equilibrium nearby: the last states of 1 of 4 points are at rest to 10" in err
