"""Populations of a type are the populations that their bodies written out would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.interface import load
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory
from tests.model.models import checked

REST = """
coupling link: left -> right { strength K; kernel x[j] - x[i] }
simulate { t 0 .. 1 every 0.25; seed 3 }
"""
TYPED = f"""
param K = 2.0
type agent(a=0, b, c=2*a) {{
  state x on real = 0.5
  param w ~ normal(0, c + 1)
  let pull = a - b*x
  drift pull + w
}}
population left[4] is agent(a=1, b=K)
population right[3] is agent(-1, b=3, c=0.5) {{ drift pull - x^3 }}
{REST}"""
WRITTEN_OUT = f"""
param K = 2.0
population left[4] {{
  state x on real = 0.5
  param w ~ normal(0, 2*1 + 1)
  let pull = 1 - K*x
  drift pull + w
}}
population right[3] {{
  state x on real = 0.5
  param w ~ normal(0, 0.5 + 1)
  let pull = -1 - 3*x
  drift pull - x^3
}}
{REST}"""


def trajectory(body: str, **overrides: float) -> Trajectory:
    found = run_experiment(Compilation(Source("m.dyn", f"model m\n{body}"), overrides))
    assert isinstance(found, Trajectory)
    return found


def test_two_populations_of_one_type_move_as_if_written_out() -> None:
    for overrides in ({}, {"K": 0.7}):
        typed, plain = trajectory(TYPED, **overrides), trajectory(WRITTEN_OUT, **overrides)
        for state in ("left.x", "right.x"):
            assert np.array_equal(typed[state], plain[state])
            assert np.ptp(typed[state]) > 0.1


def test_a_setting_reaches_a_parameter_that_is_an_argument() -> None:
    assert not np.array_equal(trajectory(TYPED)["left.x"], trajectory(TYPED, K=0.7)["left.x"])


def test_an_argument_may_be_a_size_and_another_population() -> None:
    model = checked("""
param D = 3
type point(d, other) { state z on sphere(d); drift mean(other.x) * z }
population base[2] { state x on real; drift -x }
population p[5] is point(D, base)
population q[5] is point(d=2, other=base)
""")
    assert [str(model.states[name].manifold) for name in ("p.z", "q.z")] == [
        "sphere(D)",
        "sphere(2)",
    ]


def test_types_are_imported_and_inherited(tmp_path: Path) -> None:
    (tmp_path / "types.dyn").write_text(
        "model types\ntype cell(a=1) { state x on real = 1; drift -a*x; noise 0.1 }\n"
    )
    (tmp_path / "base.dyn").write_text(
        'model base\nuse "types.dyn"\npopulation p[2] is cell(a=2) { drop noise }\n'
        "simulate { t 0 .. 1 every 0.5; rtol 1e-9 }\n"
    )
    (tmp_path / "child.dyn").write_text(
        "model child extends base\npopulation p { drift -3*x }\n"
        "population q[2] is cell(3) { drop noise }\n"
    )
    base, whole = load(tmp_path / "base.dyn").run(), load(tmp_path / "child.dyn")
    assert np.allclose(base["p.x"][-1], np.exp(-2), rtol=1e-7)
    assert "type cell" in whole.tree.source.text and "is cell" in whole.tree.source.text
    assert whole.model.laws[0].noise is None
    found = whole.run()
    for name in ("p.x", "q.x"):
        assert np.allclose(found[name][-1], np.exp(-3), rtol=1e-7)
