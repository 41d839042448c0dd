"""A disk that fills up while a sweep writes its chunks."""

from __future__ import annotations

import errno
import os

import pytest

from dynattn.diagnostics import files
from dynattn.diagnostics.report import SpecError
from dynattn.run import systems
from tests.run.test_chunks import divided, log, run, same


def test_a_full_disk_ends_a_sweep_and_with_room_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(systems, "MOST", 4)
    whole, kept, exchange = run("fixed", workers=1), [], os.replace

    def full(source, target):
        if str(target).endswith(".npz"):
            kept.append(target)
            if len(kept) > 2:
                raise OSError(errno.ENOSPC, "No space left on device")
        exchange(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(SpecError) as caught:
        run("fixed", workers=1, folder=tmp_path / "out")
    (item,) = caught.value.diagnostics
    assert item.code == "E705" and item.message.endswith("cannot be written: the disk is full")
    assert item.fix == "make room; what was written before is whole"
    assert log(tmp_path / "out") == [0, 1] and not list(tmp_path.rglob("*.tmp"))
    monkeypatch.setattr(files.os, "replace", exchange)
    assert same(whole, run("fixed", workers=1, folder=tmp_path / "out"))
    assert log(tmp_path / "out") == [chunk.number for chunk in divided("fixed")]
