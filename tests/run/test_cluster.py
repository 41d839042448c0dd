"""Sweeps on a Dask cluster: the numbers of one process, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest

from dynattn.diagnostics.report import UsageError
from dynattn.run import cluster, systems
from tests.run.test_chunks import log, run, same


def refused(address: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        run("transition", cluster=address)
    (item,) = caught.value.diagnostics
    return item.code, item.message


def test_no_scheduler_at_the_address(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 0.3)
    code, message = refused("tcp://127.0.0.1:9")
    assert code == "E744"
    assert message.startswith("no Dask scheduler answers at tcp://127.0.0.1:9: ")


def test_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refused("tcp://127.0.0.1:9") == ("E744", "Dask is not installed")


@pytest.fixture
def dask(tmp_path):
    """The address of a scheduler, and what begins a worker of it."""
    processes = []

    def begin(module: str, *options: str) -> subprocess.Popen[bytes]:
        call = [sys.executable, "-W", "ignore", "-m", "distributed.cli." + module, *options]
        places = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        quiet = subprocess.DEVNULL
        processes.append(subprocess.Popen(call, cwd=tmp_path, stderr=quiet, env=places))
        return processes[-1]

    port = 20000 + int(time.time() * 1000) % 20000
    begin("dask_scheduler", "--port", str(port), "--dashboard-address", ":0")
    address = f"tcp://127.0.0.1:{port}"
    yield address, lambda: begin("dask_worker", address, "--nthreads", "1", "--no-dashboard")
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_equal_numbers_on_a_cluster(dask, tmp_path, monkeypatch):
    monkeypatch.setattr(systems, "MOST", 4)
    address, begin = dask
    alone = run("up", workers=1)
    workers = [begin(), begin()]
    for _ in range(60):  # until the workers are there
        with suppress(UsageError):
            run("up", cluster=address, folder=tmp_path / "out")
            break
        time.sleep(0.5)
    together = run("up", folder=tmp_path / "out")
    assert same(alone, together) and np.isfinite(together["final(r)"]).all()
    assert len(log(tmp_path / "out")) == len(set(log(tmp_path / "out"))) == 4
    workers[0].kill()
    assert same(alone, run("up", cluster=address))
