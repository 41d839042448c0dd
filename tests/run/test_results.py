"""Results on disk: whole files, read back as they were."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.run import results
from dynattn.run.experiment import run_experiment
from dynattn.run.results import ResultFolder, read_results
from tests.run.specs import kuramoto

AVERAGE = "average(r) after 2"


def rows(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.reader(file))


def refused(action, *arguments):
    with pytest.raises(SpecError) as caught:
        action(*arguments)
    (item,) = caught.value.diagnostics
    return item.code, item.message, item.fix


def test_a_sweep_on_disk(tmp_path):
    folder = tmp_path / "a" / "sweep"
    got = run_experiment(kuramoto(), "transition", folder=folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        "results.csv", "results.npz", "settings.json", "spec.dyn", "summary.json",
    ]  # fmt: skip
    assert "model small" in (folder / "spec.dyn").read_text()
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["experiment"] == "transition"
    assert settings["seed"] == 0
    assert settings["grid"] == {"K": [0, 0.5, 1, 1.5, 2]}
    assert "torch" in settings["versions"]
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
    head, *body = rows(folder)
    assert head == ["K", "repeat", AVERAGE]
    assert len(body) == 15
    assert float(body[4][2]) == pytest.approx(got[AVERAGE][1, 1])
    back = read_results(folder)
    assert np.array_equal(back[AVERAGE], got[AVERAGE])
    assert back.variables[AVERAGE].axes == ("K", "repeat")
    assert np.array_equal(back.axes["K"], got.axes["K"])


def test_a_trajectory_on_disk(tmp_path):
    got = run_experiment(kuramoto(), folder=tmp_path / "run")
    head, *body = rows(tmp_path / "run")
    assert head[0] == "time"
    assert set(head[1:]) == {"r", "w"}
    assert len(body) == 11
    assert np.array_equal(read_results(tmp_path / "run")["osc.theta"], got["osc.theta"])


def test_an_interrupted_sweep_is_on_disk(tmp_path, monkeypatch):
    write = ResultFolder.write

    def interrupted(self, result):
        write(self, result)
        if result.status == "running":
            raise KeyboardInterrupt

    monkeypatch.setattr(ResultFolder, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(kuramoto(), "transition", folder=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "interrupted"
    found = read_results(tmp_path / "run")[AVERAGE]
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1:]).all()


def test_a_place_that_is_taken(tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    code, message, fix = refused(ResultFolder.make, file, "")
    assert (code, message) == ("E704", f"{file} cannot be made: {file} is a file")
    assert fix == "choose another place with -o, or move the file away"
    assert file.read_text() == "precious"
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("precious")
    assert refused(ResultFolder.make, full, "") == (
        "E704", f"{full} is not empty", "choose another place with -o DIR",
    )  # fmt: skip


def test_damaged_results(tmp_path):
    run_experiment(kuramoto(), folder=tmp_path / "run")
    npz = tmp_path / "run" / "results.npz"
    npz.write_bytes(npz.read_bytes()[:100])
    assert refused(read_results, tmp_path / "run") == (
        "E609",
        f"{tmp_path / 'run'} holds no results that can be read",
        "name the folder of a finished 'dynattn run'",
    )
    assert refused(read_results, tmp_path / "none")[0] == "E609"


def test_arrays_are_not_written_after_every_part(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "SECONDS", 1e9)
    count = []
    monkeypatch.setattr(results.np, "savez", lambda file, **arrays: count.append(len(arrays)))
    run_experiment(kuramoto(), "transition", folder=tmp_path / "run")
    assert len(count) == 2


def test_to_xarray():
    got = run_experiment(kuramoto(), "transition")
    if find_spec("xarray") is None:
        with pytest.raises(ModuleNotFoundError, match="xarray"):
            got.to_xarray()
    else:
        assert float(got.to_xarray()[AVERAGE].sel(K=1.0, repeat=2)) == got[AVERAGE][2, 2]
