"""The README keeps its promises: the two commands have the agreed form, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()


def block_under(heading: str) -> list[str]:
    """The lines of the first fenced block of a section, which opens it."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].strip()
    found = re.match(r"```sh\n(.*?)\n```", section, re.DOTALL)
    assert found, f"'## {heading}' does not open with a sh block"
    return found[1].splitlines()


@pytest.mark.parametrize("heading", ["Run", "Test"])
def test_one_command_on_one_line(heading):
    lines = block_under(heading)
    assert len(lines) == 1
    assert not lines[0].endswith("\\")
    assert "python3 -m venv .venv" in lines[0]
    assert "-c constraints.txt" in lines[0]


def test_torch_comes_first_and_pinned():
    command = block_under("Run")[0]
    pinned = re.search(r"^torch==(.*)$", (PROJECT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    torch, rest = f"torch=={pinned[1]} -c constraints.txt", '-e ".[all]"'
    assert command.index(torch) < command.index(rest)


def test_run_trains_the_attention_layer():
    assert "dynattn compile specs/kuramoto_attention.dyn --train" in block_under("Run")[0]


def test_constraints_name_no_index():
    text = (PROJECT / "constraints.txt").read_text()
    assert "--" not in text
    assert "://" not in text


def test_links_lead_somewhere():
    missing = [
        target
        for target in re.findall(r"\]\(([^)#:]+)\)", README)
        if not (PROJECT / target).exists()
    ]
    assert missing == []


def test_the_spec_shown_is_the_one_that_ships():
    shown = re.search(r"```dyn\n(.*?)```", README, re.DOTALL)
    assert shown
    assert shown[1] == (PROJECT / "specs" / "kuramoto.dyn").read_text()


def test_the_output_shown_is_what_it_prints(capsys, monkeypatch):
    from dynattn.cli.main import run_command

    shown = README.split("says what that is and how it is computed:\n\n```\n", 1)[1].split(
        "```", 1
    )[0]
    monkeypatch.chdir(PROJECT)
    assert run_command(["compile", "specs/kuramoto.dyn"]) == 0
    assert capsys.readouterr().out == shown


def test_every_command_is_in_the_table():
    from dynattn.cli.main import COMMANDS

    table = set(re.findall(r"^\| `dynattn (\w+)", README, re.MULTILINE))
    assert table == set(COMMANDS)
