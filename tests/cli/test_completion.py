"""dynattn completion: the scripts, and what they are told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import PROJECT


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o nosort -F _dynattn_completion dynattn"),
        ("zsh", "#compdef dynattn"),
        ("fish", "complete --no-files --command dynattn"),
    ],
)
def test_scripts(dynattn, shell, line):
    done = dynattn("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert line in done.out


def test_an_unknown_shell(dynattn):
    done = dynattn("completion", "tcsh")
    assert done.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err


def completed(words: str) -> list[str]:
    """What a shell is offered for the last word."""
    asked = {
        "_DYNATTN_COMPLETE": "bash_complete", "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1), "PYTHONPATH": str(PROJECT),
    }  # fmt: skip
    call = "from dynattn.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", call], capture_output=True, text=True, env={**os.environ, **asked}
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_words_are_completed():
    assert completed("dynattn com") == ["compile", "compare", "completion"]
    assert completed("dynattn compile --cer") == ["--certify"]
