"""The tutorial, read from top to bottom as a newcomer does: saved, typed and compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import PROJECT, Block, blocks

PAGE = PROJECT / "docs" / "tutorial.md"
TEXT = PAGE.read_text()
LINES = TEXT.splitlines()


def file_named_above(block: Block) -> str:
    """The last file that the lines above a block say to save: ``as `first.dyn```."""
    above = "\n".join(LINES[: block.line - 1])
    return re.findall(r"as `([\w.]+)`", above)[-1]


def newcomer(folder: Path) -> dict[str, str]:
    """An environment in which ``dynattn`` and ``python`` are this project's."""
    commands = folder / "bin"
    commands.mkdir()
    start = "from dynattn.cli.main import main; main()"
    scripts = {
        "dynattn": f"'{sys.executable}' -c '{start}' \"$@\"",
        "python": f"'{sys.executable}' \"$@\"",
    }
    for name, line in scripts.items():
        (commands / name).write_text(f"#!/bin/sh\nexec {line}\n")
        (commands / name).chmod(0o755)
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PATH": path}


def typed(commands: str, folder: Path, environment: dict[str, str]) -> str:
    """What the commands print, errors too; each must succeed."""
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout


def assert_printed(shown: str, printed: str) -> None:
    """Every line shown stands among those printed, in this order."""
    found = iter(printed.splitlines())
    for line in filter(None, map(str.rstrip, shown.splitlines())):
        assert any(agree(line.split(), other.split()) for other in found), f"not printed: {line}"


def agree(shown: list[str], printed: list[str]) -> bool:
    """The same words; numbers with a fraction may differ by a hundredth, as machines round."""
    if len(shown) != len(printed):
        return False
    for word, other in zip(shown, printed, strict=True):
        if word != other and not (re.fullmatch(r"\d+\.\d+", word) and near(word, other)):
            return False
    return True


def near(word: str, other: str) -> bool:
    return bool(re.fullmatch(r"[\d.]+", other)) and float(other) == pytest.approx(
        float(word), rel=0.01
    )


@pytest.mark.slow
def test_the_tutorial_from_top_to_bottom(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = newcomer(tmp_path)
    printed = ""
    for block in blocks(PAGE):
        if block.kind in ("dyn", "python"):
            (folder / file_named_above(block)).write_text(block.text)
        elif block.kind == "sh":
            printed = typed(block.text, folder, environment)
        elif block.kind == "text":
            assert_printed(block.text, printed)
    assert (folder / "second.svg").stat().st_size > 1000
    written = {path.name for path in (folder / "runs").iterdir()}
    assert {"first-simulate-1", "first-rise-1", "layer-1", "plain-1"} <= written
    promised = re.findall(r"`(\w[\w.]*\.(?:svg|png|csv|npz))`", TEXT)
    there = {path.name for path in folder.rglob("*")}
    assert set(promised) <= there


def test_commands_of_the_installation_are_those_of_the_readme():
    readme = (PROJECT / "README.md").read_text()
    (install,) = [block for block in blocks(PAGE) if block.kind == "console"]
    for command in install.text.replace("\n", " && ").split(" && "):
        assert command in readme or command in ("", ". .venv/bin/activate")


def test_files_are_saved_before_they_are_used():
    known: set[str] = set()
    for block in blocks(PAGE):
        if block.kind in ("dyn", "python"):
            known.add(file_named_above(block))
        elif block.kind == "sh":
            known |= set(re.findall(r"> ([\w.]+)", block.text))
            used = set(re.findall(r"\b[\w/]+\.(?:dyn|py)\b", block.text))
            assert used <= known
    assert {"first.dyn", "layer.dyn"} <= known
