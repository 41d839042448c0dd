"""Run folders: numbered, never overwritten, refused where something stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.learn.folder import new_run, open_run, read_json


def diagnostic(call, *arguments, **named):
    with pytest.raises(SpecError) as caught:
        call(*arguments, **named)
    (found,) = caught.value.diagnostics
    return found


def test_runs_are_numbered(tmp_path):
    made = [new_run("small", root=tmp_path / "runs").path.name for _ in range(3)]
    assert made == ["small-1", "small-2", "small-3"]


def test_a_chosen_place(tmp_path):
    folder = new_run("small", tmp_path / "here" / "there")
    assert folder.checkpoints.is_dir() and folder.figures.is_dir()
    assert (tmp_path / "other").mkdir() is None
    assert new_run("small", tmp_path / "other").path == tmp_path / "other"


def test_a_place_taken_by_a_file(tmp_path):
    (tmp_path / "taken").write_text("mine")
    found = diagnostic(new_run, "small", tmp_path / "taken")
    path = tmp_path / "taken"
    assert (found.code, found.message) == ("E704", f"{path} cannot be made: {path} is a file")
    assert path.read_text() == "mine"


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "runs").write_text("mine")
    found = diagnostic(new_run, "small", root=tmp_path / "runs")
    assert found.code == "E704"
    below = diagnostic(new_run, "small", tmp_path / "runs" / "one")
    message = f"{tmp_path / 'runs' / 'one'} cannot be made: {tmp_path / 'runs'} is a file"
    assert (below.code, below.message) == ("E704", message)


def test_a_place_that_holds_a_run(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    found = diagnostic(new_run, "small", tmp_path)
    assert (found.code, found.message) == ("E704", f"{tmp_path} holds a run already")
    assert found.fix == f"go on with it: --resume {tmp_path}; or choose another place with -o DIR"


def test_a_place_with_something_else_in_it(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    found = diagnostic(new_run, "small", tmp_path)
    assert (found.code, found.message) == ("E704", f"{tmp_path} is not empty")


def test_a_place_that_may_not_be_written(tmp_path, monkeypatch):
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "mkdir", deny)
    found = diagnostic(new_run, "small", tmp_path / "here")
    message = f"{tmp_path / 'here'} cannot be written: permission denied"
    assert (found.code, found.message) == ("E705", message)


def test_a_folder_that_is_no_run(tmp_path):
    found = diagnostic(open_run, tmp_path)
    message = f"{tmp_path} is no run folder (it has no settings.json and spec.dyn)"
    assert (found.code, found.message) == ("E545", message)
    gone = diagnostic(open_run, tmp_path / "gone")
    assert gone.message == f"{tmp_path / 'gone'} does not exist"


def test_settings_that_are_cut_short(tmp_path):
    (tmp_path / "settings.json").write_text('{"seed": ')
    found = diagnostic(read_json, tmp_path / "settings.json")
    message = f"{tmp_path / 'settings.json'} cannot be read as JSON"
    assert (found.code, found.message) == ("E545", message)
