"""``equilibria`` as an experiment: all places of rest, at settings, and starts at one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

CELLS = """
model cells
param r = 1.0 in -5 .. 5, N = 1
population cell[N] { state x on real ~ normal(0, 1); drift r*x - x^3 }
observe m = mean(x)
simulate { t 0 .. 1 every 0.5; start at rest[2] }
simulate gone { start at rest[3] }
sweep moved { r = [1, 4]; start at rest[0]; record m }
equilibria rest { starts 12 }
equilibria along { r = [-1, 1, 4]; record x^2, m; seed 3 }
equilibria sizes { N = [1, 2] }
continue branch { r = 1 .. 3; start at rest[0] }
"""


def run(name: str | None = None, text: str = CELLS, **options: Any) -> Any:
    return run_experiment(compiled(text), name, **options)


def test_all_places_of_rest_and_how_stable_they_are() -> None:
    found = run("rest")
    assert sorted(found["m"]) == pytest.approx([-1, 0, 1], abs=1e-12)
    assert found["m"][2] == pytest.approx(0, abs=1e-12)  # the unstable one is last
    assert found["stable"].tolist() == [1, 1, 0]
    assert found["eigenvalues"][:, 0] == pytest.approx([-2, -2, 1], abs=1e-9)
    assert found["cell.x"].shape == (3, 1) and found.labelled.variables["m"].axes == (
        "equilibrium",
    )


def test_at_each_of_the_settings() -> None:
    found = run("along")
    assert found.swept == ["r"] and found["x^2"].shape == (3, 3, 1)
    # For r > 0 there are 0 and two at the root of r; where there are fewer there is NaN.
    assert np.isfinite(found["m"]).sum(1).tolist() == [1, 3, 3]
    assert found["m"][0, 0] == pytest.approx(0, abs=1e-12)
    for row, r in ((1, 1.0), (2, 4.0)):
        assert sorted(found["m"][row]) == pytest.approx([-(r**0.5), 0, r**0.5], abs=1e-10)
        assert found["x^2"][row, :2, 0] == pytest.approx([r, r], abs=1e-10)
    assert found["eigenvalues"][2, :, 0] == pytest.approx([-8, -8, 4], abs=1e-9)
    assert found.seed == 3 and found.settings["grid"] == {"r": [-1.0, 1.0, 4.0]}


def test_symmetries_of_some_points_alone(tmp_path: Any) -> None:
    """Apart, both phases turn freely; pulled together, only with one another."""
    phases = "{ state theta on circle = 1; drift 1 }"
    text = f"""model m
param K = 1
population a[1] {phases}
population b[1] {phases}
group all = a + b
coupling c: all -> all {{ strength K }}
equilibria along {{ starts 3; K = [0, 1] }}
"""
    found = run("along", text, folder=tmp_path)
    drifts = {n: v for n, v in found.labelled.variables.items() if n.startswith("drift")}
    assert len(drifts) > 1
    assert {v.values.shape for v in drifts.values()} == {found["stable"].shape}
    assert all(np.nanmax(abs(abs(v.values) - 1)) < 1e-9 for v in drifts.values())
    assert (tmp_path / "results.csv").read_text().startswith("K,equilibrium")


def test_states_of_different_shapes_fit_into_no_array() -> None:
    with pytest.raises(SpecError) as caught:
        run("sizes")
    assert [item.code for item in caught.value.diagnostics] == ["E612"]


def test_experiments_start_at_one_of_them() -> None:
    found = run()
    assert found["m"] == pytest.approx([0, 0, 0], abs=1e-12)
    with pytest.raises(NumericalError) as caught:
        run("gone")
    (error,) = caught.value.diagnostics
    assert error.code == "E649" and "'rest' found 3 equilibria" in error.message
    # Each point starts at the one that is there with r = 1.
    first = run("rest")["m"][0]
    moved = run("moved")["m"]
    assert moved[:, 0] == pytest.approx([first, first], abs=1e-12)
    assert moved[0] == pytest.approx([first] * 3, abs=1e-12)
    assert abs(moved[1, -1]) == pytest.approx(2, abs=1e-2)
    branch = run("branch")
    assert branch["m"] ** 2 == pytest.approx(branch.values, abs=1e-9)
    assert np.sign(branch["m"]).tolist() == [np.sign(first)] * len(branch.values)


@pytest.mark.parametrize(("law", "code"), [("-x; noise 0.1", "E621"), ("t - x", "E636")])
def test_what_is_never_at_rest_is_refused(law: str, code: str) -> None:
    text = f"""
model never
population p[1] {{ state x on real; drift {law} }}
equilibria rest {{ starts 2 }}
"""
    with pytest.raises(SpecError) as caught:
        run("rest", text)
    assert [item.code for item in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].span is not None


def test_results_pictures_and_words(tmp_path, monkeypatch, capsys) -> None:
    from dynattn.cli.main import run_command
    from dynattn.run.results import read_results

    monkeypatch.chdir(tmp_path)
    (tmp_path / "cells.dyn").write_text(CELLS)
    assert run_command(["run", "cells.dyn", "rest", "-o", "a"]) == 0
    out = capsys.readouterr().out
    assert "3 equilibria, from 12 starts" in out and "unstable" in out
    kept = read_results(tmp_path / "a")
    assert np.array_equal(kept["m"], run("rest")["m"]) and (tmp_path / "a/equilibria.svg").exists()
    assert run_command(["run", "cells.dyn", "along", "-o", "b", "--json"]) == 0
    out = capsys.readouterr().out
    assert '"points": [[{"verdict"' in out and '"verdict": "unstable"' in out
    assert (tmp_path / "b/equilibria.svg").exists()
    assert run_command(["run", "cells.dyn", "along", "-o", "c", "--plot", "series"]) == 2
    assert "a search for equilibria" in capsys.readouterr().err
    assert run_command(["run", "cells.dyn", "along", "-o", "c", "--plot", "none"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["4", "3", "2"] in lines and ["-1", "1", "1"] in lines
