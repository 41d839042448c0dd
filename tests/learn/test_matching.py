"""Widths chosen so that specs learn as many numbers as the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.budget import Budget
from dynattn.learn.contest import contest
from dynattn.learn.matching import matched_specs
from tests.learn.small import SPEC, small

TORUS = Path(__file__).parents[2] / "specs" / "kuramoto_attention.dyn"


def wide(C: int) -> Compilation:
    return Compilation(Source("wide.dyn", SPEC), {"C": C})


@pytest.mark.parametrize("start", [1, 9, 300])
def test_the_width_is_found_from_anywhere(start: int) -> None:
    specs = {"one": wide(37), "two": wide(start)}
    found = matched_specs(specs, ["C"])
    assert found.specs["two"].overrides == {"C": 37}
    assert found.specs["one"] is specs["one"]
    count = 128 * (2 * 37 + 1)
    assert found.remarks == (
        f"'two' has C = 37, chosen so that it learns {count:,} numbers, +0.00% of the {count:,} of "
        "'one'",
    )


def test_the_nearest_width_is_taken() -> None:
    """One map more: 128 (2 C + 1) + C (C + 1) numbers."""
    square = SPEC.replace("linear(x, V)", "linear(linear(x, C), V)")
    two = Compilation(Source("two.dyn", square), {"C": 8})
    found = matched_specs({"one": wide(100), "two": two}, ["two:C"]).specs["two"]
    counts = {C: 128 * (2 * C + 1) + C * (C + 1) for C in range(1, 200)}
    best = min(counts, key=lambda C: abs(counts[C] - 128 * 201))
    assert found.overrides == {"C": best}


def test_a_width_that_heads_share() -> None:
    """Four heads: every width between is a multiple of four."""
    source = Source(str(TORUS), TORUS.read_text())
    sizes = {"V": 20, "H": 4, "depth": 1}
    one, two = (Compilation(source, {**sizes, "C": C}) for C in (44, 8))
    found = matched_specs({"one": one, "two": two}, ["C"]).specs["two"]
    assert found.overrides["C"] == 44


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("D", "--match D: 'two' has no parameter 'D'"),
        ("three:C", "--match three:C: the spec 'three' is not there"),
        ("one:C", "--match one:C: the spec 'one' is what others are matched to"),
        ("V", "no V of 'two' comes within 2% of 2,176 learned numbers"),
    ],
)
def test_what_cannot_be_matched_is_told(asked: str, words: str) -> None:
    two = Compilation(Source("two.dyn", SPEC), {"C": 200})
    with pytest.raises(SpecError) as error:
        matched_specs({"one": wide(8), "two": two}, [asked])
    (found,) = error.value.diagnostics
    assert found.code == "E728" and words in found.message


def test_a_comparison_trains_what_was_chosen_and_goes_on_with_it(tmp_path: Path) -> None:
    specs = {"one": small(tmp_path), "two": small(tmp_path, ("C = 8", "C = 20"))}
    shape = {"seeds": 1, "budget": Budget("steps", 2), "folder": tmp_path / "out", "jobs": 1}
    found = contest(specs, match=["C"], **shape)
    assert found.parameters == {"one": 2176, "two": 2176}
    assert found.values("one", "loss") == found.values("two", "loss")
    assert found.remarks[0].startswith("'two' has C = 8, chosen")
    again = contest(specs, match=["C"], **shape)
    assert again.values("two", "loss") == found.values("two", "loss")
