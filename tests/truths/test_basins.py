"""Basins: shares in closed form, and start by start against scipy."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


def test_a_bistable_number_has_the_shares_of_its_starts() -> None:
    text = """
    model bistable
    param c = 0.3 in -5 .. 5
    population p[1] { state x on real ~ uniform(-0.9, 0.9); drift (x + 1)*(1 - x)*(x - c) }
    observe m = mean(x)
    basins { t 0 .. 30 every 15; starts 400; c = [0.3, -0.5, 3] }
    """
    found = measured(text)
    assert found["share"].shape == (3, 2) and found.swept == ["c"]
    for row, c in ((0, 0.3), (1, -0.5)):
        below = (c + 0.9) / 1.8  # of uniform starts, to -1
        share, error = found["share"][row], found["share error"][row]
        order = np.argsort(found["m"][row])
        assert found["m"][row][order] == pytest.approx([-1, 1], abs=1e-6)
        assert (abs(share[order] - [below, 1 - below]) < 4 * error).all()
        assert error == pytest.approx(np.sqrt(share * (1 - share) / 400))
        assert found["p.x"][row, :, 0][order] == pytest.approx([-1, 1], abs=1e-10)
    # With c = 3 all of these starts lead to -1.
    assert found["share"][2, 0] == 1 and np.isnan(found["share"][2, 1])


def test_what_still_moves_is_an_attractor_too() -> None:
    text = """
    model subcritical
    param w = 2
    population p[1] {
      state x on real ~ normal(0, 1); state y on real ~ normal(0, 1)
      let s = (x^2 + y^2 - 1) * (4 - x^2 - y^2)
      x' = s*x - w*y + 0.01*x^2
      y' = s*y + w*x
    }
    observe square = mean(x^2 + y^2)
    basins { t 0 .. 20 every 0.1; starts 300 }
    """
    found = measured(text)
    assert sorted(found["at rest"]) == [0, 1] and found["attractor of"].shape == (300,)
    moving = int(np.argmin(found["at rest"]))
    assert found["square"][moving] == pytest.approx(4, abs=0.05)
    assert abs(found["share"][moving] - exp(-0.5)) < 4 * found["share error"][moving] + 0.01


def test_twisted_states_of_a_ring_start_by_start() -> None:
    text = """
    model ring_of_phases
    param N = 12
    population osc[N] { state theta on circle ~ uniform }
    coupling pull: osc -> osc over ring(N, reach=1)
    readout next: osc -> osc over ring(N, reach=1) {
      weight (index[j] == index[i] + 1) + (index[j] == index[i] + 1 - N)
      kernel sin(theta[j] - theta[i])
    }
    observe q = N/(2*pi) * asin(mean(next))
    basins { t 0 .. 60 every 30; starts 40 }
    """
    found, spec = measured(text), compiled(text)
    system = spec.build()

    def rates(_: float, x: Any) -> Any:
        return np.sin(np.roll(x, 1) - x) + np.sin(np.roll(x, -1) - x)

    for k, number in enumerate(found["attractor of"].astype(int)):
        start = system.redrawn_states(k)["osc.theta"].numpy()
        end = solve_ivp(rates, (0, 60), start, rtol=1e-7, atol=1e-7).y[:, -1]
        winding = np.angle(np.exp(1j * (np.roll(end, -1) - end))).sum() / (2 * np.pi)
        assert found["q"][number] == pytest.approx(round(winding), abs=1e-3)
    assert len(found["share"]) >= 3 and (np.diff(found["share"]) <= 0).all()
    assert found["share"].sum() == pytest.approx(1) and (found["at rest"] == 1).all()


def test_what_has_no_basins() -> None:
    fixed = "population p[1] { state x on real = 1; drift -x }\n"
    drawn = "population p[1] { state x on real ~ normal(0, 1); drift -x }\n"
    for body, end in ((fixed, ""), (drawn, "; start equilibrium")):
        with pytest.raises(SpecError) as caught:
            measured(f"model m\n{body}basins {{ t 0 .. 9{end} }}\n")
        assert [item.code for item in caught.value.diagnostics] == ["E673"]
