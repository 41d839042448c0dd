"""Every code of the catalogue is told by some test, and every mistake the checker knows is made."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dynattn.diagnostics.catalogue import CODES
from dynattn.diagnostics.report import Collector, SpecError
from dynattn.model.check import check
from dynattn.model.draft import Draft
from dynattn.syntax.inherit import parse_whole
from dynattn.syntax.read import read_source

TESTS = Path(__file__).parents[1]
MODEL = TESTS.parent / "dynattn" / "model"


def codes_told() -> set[str]:
    """Codes in the texts of rejected specs, and those that a test compares with a string."""
    found: set[str] = set()
    for path in TESTS.rglob("*.txt"):
        found |= set(re.findall(r"error\[(E\d+)\]", path.read_text(encoding="utf-8")))
    for path in TESTS.rglob("test_*.py"):
        if path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"[\"'`\[ ](E\d{3})\b", text))
    return found


def test_every_code_is_told_by_a_test() -> None:
    assert sorted(CODES.keys() - codes_told()) == []


def test_no_code_has_two_entries() -> None:
    folder = TESTS.parent / "dynattn" / "diagnostics" / "codes"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    entries = [code for text in texts for code in re.findall(r'^    "(E\d{3})": Entry', text, re.M)]
    assert sorted(entries) == sorted(CODES)


def sites() -> dict[tuple[str, int], tuple[int, str]]:
    """Where the checker refuses something: (file, first line) -> last line and text of the call."""
    found = {}
    for path in sorted(MODEL.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            call = ast.unparse(node)
            if node.func.attr == "not_yet" or call.split("(")[0].endswith("errors.add"):
                found[path.name, node.lineno] = (node.end_lineno or node.lineno, call)
    return found


def watched(reached: set[tuple[str, int]], method: Callable[..., None]) -> Callable[..., None]:
    """The method, noting the line that calls it."""

    def call(*arguments: Any, **named: Any) -> None:
        frame = sys._getframe(1)
        reached.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return method(*arguments, **named)

    return call


def test_every_mistake_the_checker_knows_is_made_by_a_rejected_spec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached: set[tuple[str, int]] = set()
    monkeypatch.setattr(Collector, "add", watched(reached, Collector.add))
    monkeypatch.setattr(Draft, "not_yet", watched(reached, Draft.not_yet))
    for path in sorted((TESTS / "rejected").rglob("*.dyn")):
        try:
            check(parse_whole(read_source(path)))
        except SpecError:
            continue
    missed = [
        f"{name}:{first} {call[:100]}"
        for (name, first), (last, call) in sites().items()
        if not any((name, line) in reached for line in range(first, last + 1))
    ]
    assert missed == []
