"""Results on disk: whole files, read back as they were."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest

from dynattn.diagnostics.report import Source, SpecError, UsageError
from dynattn.interface import Spec
from dynattn.run.experiment import run_experiment
from dynattn.run.labelled import Labelled, Variable
from dynattn.run.netcdf import netcdf_bytes, read_netcdf
from dynattn.run.results import ResultFolder, read_results
from tests.run.specs import KURAMOTO, kuramoto

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
        "chunks", "results.csv", "results.nc", "settings.json", "spec.dyn", "summary.json",
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
    file = tmp_path / "run" / "results.nc"
    file.write_bytes(file.read_bytes()[:100])
    assert refused(read_results, tmp_path / "run") == (
        "E609",
        f"{tmp_path / 'run'} holds no results that can be read",
        "name the folder of a finished 'dynattn run'",
    )
    assert refused(read_results, tmp_path / "none")[0] == "E609"


def test_to_xarray():
    spec = Spec(
        Source("small.dyn", KURAMOTO.format(seed="").replace("0 .. 10", '0 .. 10 "strength"'))
    )
    got = spec.run("transition")
    data = got.to_xarray()
    assert float(data[AVERAGE].sel(K=1.0, repeat=2)) == got[AVERAGE][2, 2]
    assert data["K"].attrs == {"long_name": "strength"}
    assert data.attrs["spec"] == spec.source.text and data.attrs["seed"] == 0
    assert json.loads(data.attrs["settings"])["grid"] == {"K": [0, 0.5, 1, 1.5, 2]}
    assert json.loads(data.attrs["versions"])["torch"]


@pytest.mark.parametrize("experiment", ["simulate", "transition"])
def test_the_file_is_the_data_set_for_xarray(experiment, tmp_path):
    import xarray

    got = run_experiment(kuramoto(), experiment, folder=tmp_path / "run")
    with xarray.open_dataset(tmp_path / "run" / "results.nc") as found:
        xarray.testing.assert_identical(found.load(), got.to_xarray())
    assert read_results(tmp_path / "run").to_xarray().identical(got.to_xarray())


def test_names_that_a_file_cannot_have_and_complex_numbers(tmp_path):
    waves = np.array([1 + 2j, 3 - 1j])
    variables = {
        "final(a / \N{GREEK SMALL LETTER THETA})": Variable(("K/2",), np.array([1.0, 2.0])),
        "z": Variable(("K/2",), waves), "on": Variable((), np.array(True)),
        "im(y)": Variable((), np.array(1.0)), "words": Variable(("K/2",), np.arange(2)),
    }  # fmt: skip
    long = {"spec": "x" * 200_000, "seed": 3}
    notes = {"z": {"long_name": "wave"}, "K/2": {"long_name": "half"}}
    data = Labelled({"K/2": np.array([0.5, 1.0])}, variables, long, notes)
    (tmp_path / "a.nc").write_bytes(netcdf_bytes(data))
    back = read_netcdf(tmp_path / "a.nc")
    assert set(back.variables) == set(variables) and back.attributes == long
    assert back.notes == notes
    for name, item in variables.items():
        assert back.variables[name].axes == item.axes
        assert np.array_equal(back[name], item.values)
    assert back["z"].dtype == complex and back.axes["K/2"].tolist() == [0.5, 1.0]


def test_without_xarray(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(UsageError) as caught:
        run_experiment(kuramoto()).to_xarray()
    assert [item.code for item in caught.value.diagnostics] == ["E739"]
