"""docs/dynamics.md names, for every claim of the three papers, something that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.dynamics import decisions, ecology

PROJECT = Path(__file__).parents[1]
NUMBERED = {f"{paper}{k}" for paper, most in (("D", 8), ("E", 7), ("L", 7))
            for k in range(1, most + 1)}  # fmt: skip
SPECS = [
    *(PROJECT / "specs" / f"{name}.dyn" for name in ("uninformed", "lotka_volterra", "tidal")),
    *(PROJECT / "benchmarks" / "dynamics" / "specs").glob("*.dyn"),
]


def rows() -> list[tuple[str, str, list[str]]]:
    """(claim, place, names) of the last table."""
    page = (PROJECT / "docs" / "dynamics.md").read_text(encoding="utf-8")
    table = page.partition("## Every claim with its test")[2]
    found = re.findall(r"^\| (.*?) \|.*\| ([DEL]): (.*) \|$", table, re.MULTILINE)
    return [(claim, place, re.findall(r"`(\w+)`", names)) for claim, place, names in found]


def test_every_numbered_claim_has_a_row():
    assert {claim.split()[0] for claim, _, _ in rows()} >= NUMBERED


def test_what_the_rows_name_is_there():
    tests = (PROJECT / "tests" / "truths" / "test_tidal.py").read_text(encoding="utf-8")
    known = {
        "D": {claim.__name__ for claim in decisions.CLAIMS},
        "E": {claim.__name__ for claim, _ in ecology.CLAIMS.values()},
        "L": set(re.findall(r"^def (test_\w+)\(", tests, re.MULTILINE)),
    }
    for claim, place, names in rows():
        assert names and set(names) <= known[place], claim
    told = {name for _, place, names in rows() if place != "L" for name in names}
    assert told == known["D"] | known["E"]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_are_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30
