"""Every classic that ships agrees with what is known of it, and is short."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks.classics.truth import Truth
from benchmarks.gallery import page

PROJECT = Path(__file__).parents[2]
CLASSICS = sorted(
    path.stem for path in (PROJECT / "benchmarks" / "classics").glob("*.py") if path.stem != "truth"
)
LONGEST = 30
"""Lines of a classic's spec, without blanks and comments."""


@pytest.mark.parametrize("name", CLASSICS)
def test_truths(name):
    found = importlib.import_module(f"benchmarks.classics.{name}").truths()
    assert found
    for truth in found:
        assert truth.holds, truth
    assert_told(name, found)


def assert_told(name: str, found: list[Truth]):
    """The gallery tells of the same quantities; a study, which is slower, may follow."""
    told = page.quantities(page.sections(page.PAGE.read_text(encoding="utf-8")).get(name, ""))
    now = [page.escaped(truth.quantity) for truth in found]
    fix = f"python -m benchmarks.gallery {name} tells of them"
    assert told[: len(now)] == now, fix
    study = hasattr(importlib.import_module(f"benchmarks.classics.{name}"), "study")
    assert study == (len(told) > len(now)), fix


@pytest.mark.parametrize("name", CLASSICS)
def test_a_classic_is_short(name):
    text = (PROJECT / "specs" / f"{name}.dyn").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.split("#")[0].strip()]
    assert len(lines) <= LONGEST
