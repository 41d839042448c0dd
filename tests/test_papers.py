"""The trainings of the papers: resumable, and explained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec

PAPERS = Path(__file__).parents[1] / "benchmarks" / "papers"
SPECS = sorted((PAPERS / "specs").glob("*.dyn"))
SCRIPTS = sorted(path.stem for path in PAPERS.glob("*.py") if path.stem != "records")


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PAPERS / f"{script}.py"), *arguments], capture_output=True, text=True,
        env={"PYTHONPATH": str(PAPERS.parents[1]), "OMP_NUM_THREADS": "1", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_specs_are_right(path: Path) -> None:
    model = Spec(Source(str(path), path.read_text())).model
    assert model.training is not None


def test_every_script_is_explained() -> None:
    page = (PAPERS.parents[1] / "docs" / "papers.md").read_text()
    assert SCRIPTS and all(f"python benchmarks/papers/{name}.py" in page for name in SCRIPTS)


def test_counts_are_the_published_ones() -> None:
    sys.path.insert(0, str(PAPERS))
    try:
        from keywords import SIZES, costs  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    assert {name: tuple(costs(*sizes).values()) for name, sizes in SIZES.items()} == {
        "keywords": (48216, 24402, 14602, 4998),
        "agreement": (828, 441, 261, 99),
        "stories": (331264, 563456, 298240, 34048),
    }


@pytest.mark.slow
def test_what_is_on_record_is_not_trained_again(tmp_path: Path) -> None:
    given = ("--out", str(tmp_path), "--steps", "4", "--arms", "softmax", "oscillator")
    first = run("agreement", *given, "--seeds", "1")
    path = tmp_path / "agreement.jsonl"
    lines = path.read_text().splitlines()
    assert [json.loads(line)["arm"] for line in lines] == ["softmax", "oscillator"]
    path.write_text("\n".join(lines[:1]) + "\n" + lines[1][:20])  # stopped while it wrote
    second = run("agreement", *given, "--seeds", "2")
    again = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["arm"], line["seed"]) for line in again] == [
        ("softmax", 0), ("oscillator", 0), ("softmax", 1), ("oscillator", 1)
    ]  # fmt: skip
    assert again[0] == json.loads(lines[0])
    assert again[1]["last"] == json.loads(lines[1])["last"]
    assert "| softmax | 1 |" in first and "| softmax | 2 |" in second
