"""Values that are written out for each node: against the same numbers computed from ``index``, and
SciPy.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.cli.main import run_command
from dynattn.diagnostics.report import SpecError
from dynattn.lower.certify import certify
from tests.truths.solved import compiled, run

THREE = """
model three "Oscillators of three frequencies"
param K = 0.6, N = 3
population osc[N] {
  state theta on circle = [0, pi/2, -1]
  param w = [0.5, K + 0.5, -0.25]
  drift w
}
coupling pull: osc -> osc { strength K; normalize size }
simulate { t 0 .. 5 every 0.5; rtol 1e-10; record theta }
"""


def test_three_oscillators():
    w, start, strength = np.array([0.5, 1.1, -0.25]), [0, np.pi / 2, -1], 0.6

    def rate(_t, theta):
        return w + strength / 3 * np.sin(theta[None] - theta[:, None]).sum(1)

    found = run(THREE)
    times = np.arange(0, 5.1, 0.5)
    known = solve_ivp(rate, (0, 5), start, t_eval=times, rtol=1e-11, atol=1e-12).y.T
    assert found["theta"] == pytest.approx(known, abs=1e-7)


def test_it_is_what_index_says():
    by_index = THREE.replace("[0, pi/2, -1]", "(index == 1)*pi/2 - (index == 2)").replace(
        "[0.5, K + 0.5, -0.25]", "0.5 + (index == 1)*K - (index == 2)*0.75"
    )
    assert run(THREE)["theta"] == pytest.approx(run(by_index)["theta"], abs=1e-12)


def test_points_of_each_node():
    text = """
    model points
    population p[2] { state x on sphere(3) = [[1, 0, 0], [0, 0.6, 0.8]]; drift [0, 0, 1] }
    simulate { t 0 .. 1 every 1; record x }
    """
    start = run(text)["x"][0]
    assert start == pytest.approx(np.array([[1, 0, 0], [0, 0.6, 0.8]]), abs=1e-15)


def test_velocities_of_each_node():
    text = """
    model rolling
    population a[2] { state x on real = 0; state x' = [1, -2]; inertia 1; drift 0 }
    population b[3] {
      state y on torus(2) = 0.5
      state y' = [1, -2]
      inertia 1
      drift [0, 0]
    }
    simulate { t 0 .. 1 every 1; record x, y }
    """
    found = run(text)
    way = 1 - np.exp(-1)
    assert found["x"][-1] == pytest.approx([way, -2 * way], rel=1e-5)
    assert found["y"][-1] == pytest.approx(0.5 + way * np.array([[1, -2]] * 3), rel=1e-5)


def test_where_learning_starts():
    text = """
    model taught
    population p[2] { state x on real = 0; learn w = [1, 3]; drift w - x }
    simulate { t 0 .. 1 }
    """
    system = compiled(text).build()
    (values,) = [v for name, v in system.named_parameters() if name.endswith("w")]
    assert values.detach().numpy() == pytest.approx([1, 3])


def test_it_is_certified():
    assert certify(compiled(THREE)).passed


def test_it_is_written_as_it_was(tmp_path, capsys):
    (tmp_path / "three.dyn").write_text(THREE)
    assert run_command(["explain", str(tmp_path / "three.dyn")]) == 0
    told = capsys.readouterr().out
    assert "= [0.5, K + 0.5, -0.25]" in told and "= [0, pi/2, -1]" in told


def test_a_number_of_nodes_that_is_set():
    with pytest.raises(SpecError, match="'w' has 3 values for 4 nodes"):
        run(THREE, N=4)


def test_two_points_of_two_coordinates_are_not_two_nodes():
    text = """
    model flat
    population p[2] { state x on real(2) = [1, 2]; param c[2] = [3, 4]; drift c - x }
    simulate { t 0 .. 1 every 1; record x }
    """
    assert run(text)["x"][0] == pytest.approx(np.array([[1, 2], [1, 2]]))
