"""``start equilibrium``: where a model comes to rest by itself, at the parameters of each point."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

PITCHFORK = """
model pitchfork
param r = 1.0
population p[2] {{ state x on real = 0.1 + index; drift r*x - x^3{more} }}
simulate {{ t 0 .. 1 every 0.5; {start} }}
sweep all {{ r = [0.25, 4]; {start}; record x }}
sweep repeated {{ r = [0.25, 4]; repeat 2; {start}; record final(x) }}
"""


def pitchfork(start: str, more: str = ""):
    return compiled(PITCHFORK.format(start=start, more=more))


def test_a_simulation_starts_at_rest_and_stays():
    got = run_experiment(pitchfork("start equilibrium"))
    assert got["p.x"] == pytest.approx(np.ones((3, 2)), abs=1e-12)
    assert got.settings["start"] == "equilibrium"


def test_at_sets_parameters_for_the_start_alone():
    got = run_experiment(pitchfork("start equilibrium at r = 4"))
    assert got["p.x"][0] == pytest.approx([2, 2], abs=1e-12)
    # From 2 at r = 1: x(t)^2 = 1/(1 - 3/4 exp(-2 t)).
    assert got["p.x"][-1] == pytest.approx([(1 - 0.75 * np.exp(-2)) ** -0.5] * 2, abs=1e-5)


def test_each_point_of_a_sweep_starts_at_its_own():
    got = run_experiment(pitchfork("start equilibrium"), "all")
    want = np.array([0.5, 2.0])[:, None, None] * np.ones((2, 3, 2))
    assert got["x"] == pytest.approx(want, abs=1e-10)
    assert run_experiment(pitchfork("start equilibrium"), "repeated")["final(x)"].shape == (2, 2, 2)
    same = run_experiment(pitchfork("start equilibrium at r = 4"), "all")
    assert same["x"][:, 0] == pytest.approx(2 * np.ones((2, 2)), abs=1e-12)


def test_locked_phases_begin_locked():
    text = """
model locked
population osc[3] { state theta on circle ~ normal(0, 0.5); param w = 0.2*index; drift w }
coupling pull: osc -> osc { strength 2; normalize size }
observe r = order(theta)
simulate { t 0 .. 20 every 5; start equilibrium; rtol 1e-9 }
"""
    got = run_experiment(compiled(text))
    assert np.ptp(got["r"]) < 1e-8
    assert got["osc.theta"][-1] - got["osc.theta"][0] == pytest.approx([4.0] * 3, abs=1e-6)


RAMP = """
model ramp
param eps = 0.5, half = eps/2, w = 2.0
population p[2] { state x on real = 1; drift 3 - x - half*x/2 + w*(eps*sin(t) - 2*half*t) }
BLOCK
"""


def test_a_rest_where_what_the_time_moves_is_0():
    block = "simulate { t 0 .. 1 every 1; start equilibrium at eps = 0; rtol 1e-10 }"
    got = run_experiment(compiled(RAMP.replace("BLOCK", block)))["p.x"]
    assert got[0] == pytest.approx([3.0, 3.0], abs=1e-12) and (got[1] < 2.9).all()


@pytest.mark.parametrize("block", [
    "simulate { t 0 .. 1; start equilibrium at w = 0.1 }",
    "sweep s { eps = [0, 0.1]; t 0 .. 1; start equilibrium }",
    "continue s { w = 0 .. 1 }",
])  # fmt: skip
def test_no_rest_where_the_time_moves_it(block):
    with pytest.raises(SpecError, match="E636"):
        run_experiment(compiled(RAMP.replace("BLOCK", block)))


def test_what_never_rests_is_refused():
    with pytest.raises(SpecError, match="E636"):
        run_experiment(pitchfork("start equilibrium", " + 0*sin(t) + t"))
    turning = """
model turning
population p[1] { state x on real = 1; state y on real; x' = x*(1 - x^2 - y^2) - y
  y' = y*(1 - x^2 - y^2) + x }
simulate { t 0 .. 1; start equilibrium }
"""
    with pytest.raises(NumericalError, match="E637"):
        run_experiment(compiled(turning))
