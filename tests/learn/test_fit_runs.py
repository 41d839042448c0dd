"""A fit as a run: told, stopped by Ctrl-C, gone on with exactly, and trained by ``compile``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynattn.cli.main import run_command
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.experiments import run_any
from dynattn.learn.fit_store import FILE
from dynattn.run.results import read_results

SPEC = """model small
param N = 3, K = 0.3, alpha on circle = 3 in -pi .. pi
population osc[N] { state theta on circle; param omega = 4; drift omega }
coupling pull: osc -> osc { strength K; frustration alpha; normalize size }
train fit { data series("data.csv"); free K, alpha, omega }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with the spec and a series of alpha = -2.9: across the end of the range of 3."""
    from scipy.integrate import solve_ivp

    monkeypatch.chdir(tmp_path)
    times, omega = np.linspace(0, 8, 81), np.array([3.5, 4.0, 4.6])

    def rates(t: float, theta: Any) -> Any:
        force = np.sin(theta[None] - theta[:, None] + 2.9)
        return omega + 0.9 / 3 * (force - np.diag(np.diag(force))).sum(1)

    theta = solve_ivp(rates, (0, 8), [0, 2, 4], t_eval=times, rtol=1e-9, atol=1e-9).y.T
    theta = theta + 0.03 * np.random.default_rng(0).normal(size=theta.shape)
    names = ",".join(["t", *(f"theta[{k}]" for k in range(3))])
    np.savetxt("data.csv", np.c_[times, theta], delimiter=",", header=names, comments="")
    (tmp_path / "small.dyn").write_text(SPEC)
    return tmp_path


def spec(place: Path, text: str = SPEC) -> Compilation:
    return Compilation(Source(str(place / "small.dyn"), text))


class Hand:
    """Presses Ctrl-C after so many steps."""

    def __init__(self, last: int):
        self.last, self.said = last, []

    def __call__(self, done: float) -> None:
        self.said.append(done)
        if len(self.said) == self.last:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_fit_goes_on_exactly(place: Path) -> None:
    whole = run_any(spec(place), "fit", folder=place / "whole")
    for last in (1, 3, 4):
        hand = Hand(last)
        with pytest.raises(KeyboardInterrupt):
            run_any(spec(place), "fit", folder=place / "out", progress=hand)
        assert len(hand.said) == last and hand.said == sorted(hand.said)
        assert (place / "out" / FILE).exists()
        status = json.loads((place / "out" / "summary.json").read_text())["status"]
        assert status == "interrupted" and "K error" in read_results(place / "out")
        if last == 1:
            other = spec(place, SPEC.replace("K = 0.3", "K = 0.4"))
            with pytest.raises(SpecError, match=r"E794.*holds another fit: of another spec"):
                run_any(other, "fit", folder=place / "out")
    done = run_any(spec(place), "fit", folder=place / "out")
    assert not (place / "out" / FILE).exists()
    for name in ("K", "alpha", "osc.omega", "K error", "osc.theta"):
        np.testing.assert_array_equal(done[name], whole[name])
    assert done.statistics["steps"] == whole.statistics["steps"]
    with pytest.raises(SpecError, match="E704"):
        run_any(spec(place), "fit", folder=place / "out")


def test_a_damaged_fit_is_told(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / FILE).write_bytes(b"PK half")
    with pytest.raises(SpecError, match=r"E794.*cannot be read"):
        run_any(spec(place), "fit", folder=place / "out")


def test_compile_trains_it(place: Path, capsys: Any) -> None:
    assert run_command(["compile", "small.dyn", "--train", "--json", "-o", "a"]) == 0
    facts = json.loads(capsys.readouterr().out)["trained"]
    found = facts["estimates"]
    assert found["alpha"]["value"] == pytest.approx(-2.9, abs=4 * found["alpha"]["error"])
    assert found["K"]["value"] == pytest.approx(0.9, abs=4 * found["K"]["error"])
    assert found["K"]["error"] < 0.05
    for name in ("results.nc", "fit.svg"):
        assert str(Path("a", name)) in facts["files"] and (place / "a" / name).exists()
    data = read_results("a")
    assert data["alpha error"] == found["alpha"]["error"] and data["osc.omega error"].shape == (3,)
    assert data.variables["osc.omega error"].axes == data.variables["osc.omega"].axes


def test_compile_goes_on_with_its_settings(place: Path, capsys: Any) -> None:
    changed = Compilation(Source(str(place / "small.dyn"), SPEC), {"K": 0.5}, 3)
    with pytest.raises(KeyboardInterrupt):
        run_any(changed, "fit", folder=Path("runs/small-fit-1"), progress=Hand(2))
    assert run_command(["compile", "small.dyn", "--train", "--json", "--resume"]) == 0
    facts = json.loads(capsys.readouterr().out)["trained"]
    assert facts["folder"] == "runs/small-fit-1" and facts["seed"] == 3
    assert facts["estimates"]["K"]["start"] == 0.5
    assert run_command(["compile", "small.dyn", "--train", "--resume"]) == 2
    assert "error[E709]: there is no fit of 'small' in runs" in capsys.readouterr().err
    assert run_command(["compile", "small.dyn", "--train", "--accumulate", "2"]) == 2
    assert "error[E708]: --accumulate is for a training on batches" in capsys.readouterr().err


def test_a_fit_that_does_not_settle_leaves_what_it_found(place: Path, capsys: Any) -> None:
    (place / "few.dyn").write_text(SPEC.replace("alpha, omega }", "alpha, omega; steps 1 }"))
    assert run_command(["run", "few.dyn", "fit", "-o", "few"]) == 3
    said = capsys.readouterr().err
    assert "where it stands, is in few" in said and "E691" in said and "steps 4" in said
    assert (place / "few" / "fit.svg").exists()
    assert json.loads((place / "few" / "summary.json").read_text())["status"] == "failed"


def test_angles_go_on_from_segment_to_segment(place: Path) -> None:
    result = run_any(spec(place), "fit")
    assert np.abs(np.diff(result["osc.theta"], axis=0)).max() < 1
    np.testing.assert_allclose(
        result["measured osc.theta"], result["osc.theta"] + result["residual osc.theta"]
    )
