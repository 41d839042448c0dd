"""Every wrong spec in this folder gets exactly the text that stands beside it."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

import pytest

from dynattn.diagnostics.frame import render_all
from dynattn.diagnostics.report import SpecError
from dynattn.model.check import check
from dynattn.network.build import build_network
from dynattn.syntax.inherit import parse_whole
from dynattn.syntax.read import read_source

HERE = Path(__file__).parent
CASES = sorted(HERE.rglob("*.dyn"))


def diagnose(path: Path) -> str:
    """What a user reads who checks the spec at ``path`` from its own folder."""
    with contextlib.chdir(path.parent):
        try:
            check_file(path.name)
        except SpecError as error:
            return render_all(error.diagnostics)
    return "no errors"


def check_file(name: str) -> None:
    build_network(check(parse_whole(read_source(name))))


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(HERE)))
def test_the_text_is_exact(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert diagnose(path) + "\n" == expected


def test_every_case_shows_the_code_it_is_named_after() -> None:
    for path in CASES:
        code = re.match(r"E\d+", path.stem) or re.match(r"E\d+", path.parent.name)
        text = path.with_suffix(".txt").read_text(encoding="utf-8")
        assert f"error[{code[0] if code else ''}" in text, path


def test_no_text_is_left_without_its_spec() -> None:
    assert [path for path in HERE.rglob("*.txt") if not path.with_suffix(".dyn").exists()] == []


if __name__ == "__main__":
    for argument in map(Path, sys.argv[1:]):
        text = diagnose(argument.resolve())
        argument.with_suffix(".txt").write_text(f"{text}\n", encoding="utf-8")
        print(text)
