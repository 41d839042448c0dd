"""dynattn compare: one table of several specs, several runs at a time, killed and called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT, Command
from tests.learn.small import SPEC, TEXT


@pytest.fixture
def specs(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "words.txt").write_bytes(TEXT)
    places = tmp_path / "small.dyn", tmp_path / "wide.dyn"
    places[0].write_text(SPEC)
    places[1].write_text(SPEC.replace("model small", "model wide").replace("C = 8", "C = 9"))
    return places


def test_a_table_a_figure_and_json(dynattn: Command, specs, tmp_path: Path) -> None:
    call = ("compare", *specs, "--seeds", 2, "--steps", 4, "--jobs", 1, "--fail", "bits>1")
    done = dynattn(*call)
    assert done.code == 0
    assert done.err == "note: 'wide' learns 2,432 numbers, +11.8% of the 2,176 of 'small'\n"
    for words in ("4 runs, one after the other", "minus small", "2 of 2", "comparison.svg"):
        assert words in done.out
    place = tmp_path / "runs" / "compare-small-wide"
    assert b"<svg" in (place / "comparison.svg").read_bytes()
    facts = json.loads(dynattn(*call, "--json").out)
    assert facts["ok"] and facts["steps"] == {"small": 4, "wide": 4}
    assert [run["failed"] for run in facts["runs"]] == [True] * 4


def test_one_file_under_two_names(dynattn: Command, specs, tmp_path: Path) -> None:
    one = f"narrow={specs[0]}"
    call = ("compare", one, f"broad={specs[0]}", "--seeds", 1, "--steps", 2, "--jobs", 1)
    done = dynattn(*call, "--set", "broad:C=10", "--set", "V=129", "-o", "out", "--json")
    facts = json.loads(done.out)
    assert facts["parameters"] == {"narrow": 129 * 17, "broad": 129 * 21}
    wrong = dynattn(*call, "--set", "bread:C=10")
    assert (wrong.code, wrong.err.splitlines()[0]) == (
        2, "error[E702]: --set bread:C=10: there is no spec 'bread'",
    )  # fmt: skip
    twice = dynattn("compare", specs[0], specs[0])
    assert (twice.code, twice.err.splitlines()[0]) == (
        1, "error[E721]: two of the specs are called 'small'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--seeds", 0), "error[E720]: --seeds 0"),
        (("--steps", 0), "error[E723]: --steps 0"),
        (("--fail", "acc<1"), "error[E725]: --fail acc<1: nothing that is measured"),
    ],
)
def test_usage_that_is_refused(dynattn: Command, specs, more, words) -> None:
    done = dynattn("compare", *specs, *more)
    assert (done.code, done.err[: len(words)]) == (2, words)


def begin(specs, folder: str, steps: int, place: Path) -> subprocess.Popen[str]:
    """A comparison in a process of its own."""
    call = [sys.executable, "-c", "from dynattn.cli.main import main; main()", "compare"]
    return subprocess.Popen(
        [*call, *map(str, specs), "--seeds", "2", "--steps", str(steps), "--jobs", "2", "-o",
         folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        preexec_fn=_heed_ctrl_c,
    )  # fmt: skip


def _heed_ctrl_c() -> None:
    """A suite that was started in the background ignores Ctrl-C, and so would its processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(folder: Path, lines: int) -> None:
    """Until some run of the folder has so many lines in its log."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        logs = folder.glob("*/*/metrics.jsonl")
        if any(path.read_bytes().count(b"\n") >= lines for path in logs):
            return
        time.sleep(0.05)
    raise AssertionError("no run began")


@pytest.mark.slow
def test_killed_and_called_again_gives_the_same(specs, tmp_path: Path) -> None:
    process = begin(specs, "cut", 200, tmp_path)
    wait_for(tmp_path / "cut", 60)
    process.kill()
    process.communicate()
    time.sleep(1.0)
    sizes = {path: path.stat().st_size for path in (tmp_path / "cut").rglob("metrics.jsonl")}
    assert not list((tmp_path / "cut").rglob("result.json"))
    time.sleep(0.5)
    assert sizes == {path: path.stat().st_size for path in sizes}  # no worker goes on alone
    for folder in ("cut", "whole"):
        out, err = begin(specs, folder, 200, tmp_path).communicate(timeout=300)
        assert "4 runs, 2 at a time" in out, err
    tables = [(tmp_path / name / "comparison.csv").read_text() for name in ("cut", "whole")]
    assert tables[0] == tables[1]
    assert tables[0].count("finished") == 4


@pytest.mark.slow
def test_ctrl_c_prints_what_there_is_and_keeps_it(specs, tmp_path: Path) -> None:
    process = begin(specs, "cut", 5000, tmp_path)
    wait_for(tmp_path / "cut", 20)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err.splitlines()[-1]) == (130, "interrupted")
    assert "4 of 4 runs are not done; the same command goes on" in out
    saved = list((tmp_path / "cut").glob("*/*/checkpoints/last.safetensors"))
    begun = list((tmp_path / "cut").glob("*/*/settings.json"))
    assert saved and len(saved) == len(begun)
