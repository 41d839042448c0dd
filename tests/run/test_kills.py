"""Sweeps that are killed at any moment: nothing is lost, nothing is solved twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dynattn.run.results import read_results
from tests.run.test_chunks import log

SPEC = """model small
param N = 40
param K = 1.0 in 0 .. 10
population osc[N] {
  state theta on circle ~ uniform(-pi, pi)
  param omega ~ normal(0, 1)
  drift omega
}
coupling pull: osc -> osc { strength K; normalize degree }
observe r = order(theta)
simulate { t 0 .. 20 every 1 }
sweep all { K = linspace(0, 4, 40); repeat 12; method rk4; step 0.02; record average(r) after 10 }
"""
CALL = """import sys; sys.path[:] = sys.argv[2:]
from dynattn.run import division, systems; systems.MOST = 10; division.PARTS = 1
from dynattn.cli.main import main; sys.argv = ["dynattn", *sys.argv[1].split("|")]; main()
"""
KILLS = 20


def begin(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    words = ["run", str(folder.parent / "small.dyn"), "all", "-o", str(folder), "--plot", "none"]
    call = [sys.executable, "-I", "-c", CALL, "|".join([*words, *options]), *filter(None, sys.path)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(call, stdout=quiet, stderr=quiet, start_new_session=True)


def workers_of(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill(process: subprocess.Popen[bytes], chance: random.Random, kills: Counter[str]) -> str:
    """SIGKILL to the process, or to one of its workers, or to both; to workers where they are and
    few of them were killed.
    """
    workers = workers_of(process.pid)
    chosen = chance.choice(["main", "worker", "worker", "both"]) if workers else "main"
    if workers and kills["worker"] <= 3 and sum(kills.values()) >= KILLS // 2:
        chosen = "worker"
    if chosen != "main":
        with suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
    if chosen != "worker":
        process.kill()
    return chosen


def progress(folder: Path) -> int:
    with suppress(OSError):
        return len((folder / "chunks" / "log.jsonl").read_text().splitlines())
    return 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_twenty_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    (tmp_path / "small.dyn").write_text(SPEC)
    whole = begin(tmp_path / "whole", "--workers", "1")
    assert whole.wait() == 0
    folder, kills = tmp_path / "killed", Counter[str]()
    while sum(kills.values()) < KILLS:
        process = begin(folder, "--workers", "2")
        target = progress(folder) + chance.randint(0, 2)
        while process.poll() is None and sum(kills.values()) < KILLS:
            if progress(folder) >= target:
                time.sleep(chance.uniform(0, 0.3))
                kills[kill(process, chance, kills)] += 1
                target = progress(folder) + chance.randint(0, 2)
            time.sleep(0.02)
        if process.wait() == 0:
            break
    last = begin(folder, "--workers", "2")
    assert last.wait() == 0
    assert sum(kills.values()) == KILLS, kills
    assert kills["main"] + kills["both"] > 3 and kills["worker"] > 3, kills
    numbers = log(folder)
    assert Counter(numbers).most_common(1)[0][1] == 1
    one, other = read_results(tmp_path / "whole"), read_results(folder)
    for name in one.variables:
        assert np.array_equal(one[name], other[name]) and np.isfinite(one[name]).all()
    assert sorted(numbers) == sorted(log(tmp_path / "whole"))
    assert not list(folder.rglob("*.tmp"))
