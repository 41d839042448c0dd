"""Every ending of a command has its exit code, and says what it should where it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dynattn import __version__
from dynattn.cli import main as cli
from dynattn.diagnostics.report import Diagnostic, NumericalError

PROJECT = Path(__file__).parents[2]


def replace_check(monkeypatch, function):
    """Let ``dynattn check`` do something else than it does."""
    from dynattn.cli import check

    monkeypatch.setattr(check, "mistakes_in", function)


def test_version(dynattn):
    done = dynattn("--version")
    assert (done.code, done.out, done.err) == (0, f"dynattn {__version__}\n", "")


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_every_help_has_examples(dynattn, command):
    done = dynattn(*command.split(), "--help")
    assert done.code == 0
    assert "Examples\n" in done.out
    assert f"dynattn {command}".rstrip() in done.out.split("Examples\n")[1]


def test_help_lists_the_exit_codes(dynattn):
    assert "130  interrupted" in dynattn("--help").out


def test_every_command_file_is_listed():
    listed = {target.split(":")[0].rsplit(".", 1)[-1] for target in cli.COMMANDS.values()}
    inner = {"main", "screen", "settings", "describe", "train", "outcome",
             "certify", "shelf", "branches", "curves", "searches", "fits", "measurements",
             "beside", "doubts", "__init__"}  # fmt: skip
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    assert files == listed | inner


def test_no_command_is_wrong_usage(shell):
    done = shell()
    assert (done.code, done.out) == (2, "")
    assert "Usage: dynattn" in done.err


def test_an_unknown_command_gets_a_suggestion(shell):
    done = shell("chek", "a.dyn")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("Error: there is no command 'chek'; did you mean 'check'?\n")


def test_an_unknown_option_is_wrong_usage(dynattn):
    done = dynattn("check", "a.dyn", "--jsn")
    assert done.code == 2
    assert "No such option '--jsn'. Did you mean '--json'?" in done.err


def test_a_wrong_spec_is_code_1(shell):
    done = shell("check", "there_is_none.dyn")
    assert (done.code, done.out) == (1, "")
    assert "there is no file 'there_is_none.dyn'" in done.err
    assert "Traceback" not in done.err


def test_a_numerical_failure_is_code_3(dynattn, monkeypatch):
    def fail(path):
        raise NumericalError(Diagnostic("E601", "theta is NaN at t = 3"))

    replace_check(monkeypatch, fail)
    done = dynattn("check", "a.dyn")
    assert done.code == 3
    assert done.err == "error[E601]: theta is NaN at t = 3\n\n1 error\n"


def test_an_interruption_is_code_130(dynattn, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    replace_check(monkeypatch, interrupt)
    done = dynattn("check", "a.dyn")
    assert done.code == 130
    assert done.err.endswith("interrupted\n")
    assert "Traceback" not in done.err


def test_a_fault_of_ours_shows_its_traceback(dynattn, monkeypatch):
    def fail(path):
        raise ZeroDivisionError("planted")

    replace_check(monkeypatch, fail)
    done = dynattn("check", "a.dyn")
    assert done.code == 70
    assert "ZeroDivisionError: planted" in done.err
    assert "This is a fault of dynattn, not of your spec." in done.err


def test_a_full_disk_is_no_fault_of_ours(dynattn, monkeypatch):
    def fail(path):
        raise OSError(28, "No space left on device", "model.py")

    replace_check(monkeypatch, fail)
    done = dynattn("check", "a.dyn")
    assert done.code == 1
    assert done.err == (
        "error[E705]: model.py cannot be written: the disk is full\n"
        "  = fix: make room; what was written before is whole\n\n1 error\n"
    )


def test_a_file_that_we_miss_is_a_fault_of_ours(dynattn, monkeypatch):
    def fail(path):
        raise FileNotFoundError(2, "No such file", "dyn.lark")

    replace_check(monkeypatch, fail)
    assert dynattn("check", "a.dyn").code == 70


def test_a_reader_that_goes_away_ends_it_quietly():
    call = "from dynattn.cli.main import main; main()"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", call, "explain", "E701"],
        stdout=write, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_diagnostics_as_json_go_to_stdout(dynattn):
    done = dynattn("compile", "there_is_none.dyn", "--json")
    assert (done.code, done.err) == (1, "")
    facts = json.loads(done.out)
    assert facts["ok"] is False
    assert [item["code"] for item in facts["diagnostics"]] == ["E120"]


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "dynattn", "--version"], capture_output=True, text=True, cwd=PROJECT
    )
    assert (done.returncode, done.stdout) == (0, f"dynattn {__version__}\n")
