"""Grids of measurements are divided, shared out, resumed and told of as sweeps are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dynattn
from dynattn.cli.main import run_command
from dynattn.diagnostics.report import NumericalError, SpecError

TEXT = """
model grids
param a = 0 in -9 .. 9
param n = 2
population u[n] { state x on real ~ normal(0, 1); energy x^4/4 - x^2/2; drift a }
observe m = mean(x)
lyapunov growths { t 0 .. 2; a = 0 .. 1 by 0.5; rtol 1e-3 }
basins shares    { starts 4; t 0 .. 20; a = [0, 0.1, 0.7]; record m; rtol 1e-3 }
passage first    { when m > 0.5; starts 3; t 0 .. 4; a = 0 .. 1 by 0.25 }
balance lost     { t 0 .. 5; n = [1, 2]; a = [0, 0.5] }
basins many      { starts 20; t 0 .. 20; a = 0 .. 2 by 0.1; record m }
"""
FAILS = """
model fails
param a = 0 in -9 .. 9
population u[1] { state x on real = 1; x' = a*x^2 }
passage out { when min(x) < -1; t 0 .. 3; a = [-1, 0.2, 1] }
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "m.dyn").write_text(TEXT)
    return tmp_path


def assert_same(one: Any, other: Any) -> None:
    assert one.axes.keys() == other.axes.keys()
    for name, item in one.labelled.variables.items():
        assert item.axes == other.labelled.variables[name].axes
        np.testing.assert_array_equal(item.values, other[name], name)


def test_workers_measure_the_same(place: Path) -> None:
    spec = dynattn.load(place / "m.dyn")
    for name in ("growths", "shares", "first", "lost"):
        alone = spec.run(name, workers=1)
        shared = spec.run(name, workers=2, folder=place / name)
        assert_same(alone, shared)
        assert alone.done.all() and shared.status == "finished"
        if name == "shares":  # one file for each point, and all of them gone at the end
            log = (place / name / "chunks" / "log.jsonl").read_text().splitlines()
            assert len(log) == 3 and not list((place / name / "chunks").glob("*.npz"))
            again = spec.run(name, workers=2, folder=place / name)
            assert_same(shared, again)
            lines = (place / name / "chunks" / "log.jsonl").read_text().splitlines()
            assert lines == log


def test_a_killed_grid_goes_on_where_it_was(place: Path) -> None:
    call = [sys.executable, "-c", "from dynattn.cli.main import main; main()",
            "run", "m.dyn", "many", "-o", "out", "--plot", "none", "--workers", "1"]  # fmt: skip
    process = subprocess.Popen(call, cwd=place, env={**os.environ, "PYTHONPATH": os.getcwd()})
    chunks, deadline = place / "out" / "chunks", time.monotonic() + 100
    while len(list(chunks.glob("*.npz"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(chunks.glob("0*.npz")))
    assert 3 <= kept < 21
    spec = dynattn.load(place / "m.dyn")
    found = spec.run("many", workers=1, folder=place / "out")
    lines = (chunks / "log.jsonl").read_text().splitlines()
    solved = {json.loads(line)["chunk"] for line in lines}
    assert len(solved) == len(lines) >= 20  # the kill may fall between a chunk and its line
    assert_same(spec.run("many", workers=1), found)


def test_points_that_fail_are_told_and_the_rest_goes_on(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "m.dyn").write_text(FAILS)
    with pytest.raises(NumericalError) as caught:
        dynattn.load(tmp_path / "m.dyn").run("out", folder=tmp_path / "out")
    (item,) = caught.value.diagnostics
    assert "a = 1" in item.message and "repeat" not in item.message
    found = caught.value.partial
    assert found.done.tolist() == [True, True, False] and found.status == "failed"
    assert np.isinf(found["times"][:2, 0]).all() and np.isnan(found["times"][2]).all()
    assert [failure.point for failure in found.failures] == [(2, 0)]
    one = FAILS.replace("; a = [-1, 0.2, 1]", "").replace("a = 0 in", "a = 1 in")
    (tmp_path / "one.dyn").write_text(one)
    with pytest.raises(NumericalError) as caught:
        dynattn.load(tmp_path / "one.dyn").run("out")
    assert "()" not in caught.value.diagnostics[0].message
    assert run_command(["run", str(tmp_path / "m.dyn"), "out", "-o", str(tmp_path / "o2")]) == 3
    assert "what was finished, 2 of 3 points, is in" in capsys.readouterr().err


def test_a_folder_of_another_grid_is_left_alone(place: Path, capsys: Any) -> None:
    where = ["-o", str(place / "out"), "--plot", "none"]
    assert run_command(["run", str(place / "m.dyn"), "first", *where]) == 0
    assert run_command(["run", str(place / "m.dyn"), "growths", *where]) == 1
    assert "error[E740]" in capsys.readouterr().err


def test_sizes_of_different_shapes_fit_into_no_array(place: Path) -> None:
    text = TEXT.replace("shares    { starts 4; t 0 .. 20; a = [0, 0.1, 0.7]",
                        "shares    { starts 2; t 0 .. 2; n = [1, 2]")  # fmt: skip
    (place / "n.dyn").write_text(text)
    with pytest.raises(SpecError, match=r"E612.*another shape for each n"):
        dynattn.load(place / "n.dyn").run("shares")
