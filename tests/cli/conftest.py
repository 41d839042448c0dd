"""Runs commands as a shell would, and in this process where that is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dynattn.cli.main import run_command

PROJECT = Path(__file__).parents[2]
SPECS = PROJECT / "specs"


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ending]


@pytest.fixture
def dynattn(tmp_path, monkeypatch, capsys) -> Command:
    """Runs a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ending:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Ending(code, *capsys.readouterr())

    return run


@pytest.fixture
def shell(tmp_path) -> Command:
    """Runs a command in a process of its own, in an empty folder."""

    def run(*arguments: object) -> Ending:
        call = "from dynattn.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", call, *map(str, arguments)],
            capture_output=True, text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        return Ending(done.returncode, done.stdout, done.stderr)

    return run


SMALL = """model small "two oscillators"
param N = 2, K = 1.0 in 0 .. 10 "coupling strength"
population osc[N] { state theta on circle; param omega ~ normal(0, 1); drift omega }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
simulate { t 0 .. 1 every 0.5 }
sweep strengths { K = 0 .. 1 by 0.5; record final(r) }
"""


@pytest.fixture
def small(tmp_path) -> Path:
    """A spec that is done in a moment."""
    path = tmp_path / "small.dyn"
    path.write_text(SMALL)
    return path
