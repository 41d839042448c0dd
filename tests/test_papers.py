"""The trainings of the papers: resumable, and explained."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numpy
import pytest

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec

PAPERS = Path(__file__).parents[1] / "benchmarks" / "papers"
SPECS = sorted((PAPERS / "specs").glob("*.dyn"))
SHARED = {"records", "copies"}
SCRIPTS = sorted(path.stem for path in PAPERS.glob("*.py") if path.stem not in SHARED)


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


def test_counts_are_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PAPERS)
    keywords = import_module("keywords")
    sizes = keywords.SIZES.items()
    assert {name: tuple(keywords.costs(*size).values()) for name, size in sizes} == {
        "keywords": (48216, 24402, 14602, 4998),
        "agreement": (828, 441, 261, 99),
        "stories": (331264, 563456, 298240, 34048),
    }


def test_depths_of_copies_are_those_of_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PAPERS)
    windows = numpy.random.default_rng(0).integers(0, 3, (3, 40))
    deep, away = import_module("copies").depths(windows)
    for row, text in enumerate(windows):
        for t in range(39):
            found = [(-1, 0)]
            for place in range(t + 1):
                if text[place] == text[t + 1]:
                    depth = 0
                    while depth < place and text[place - 1 - depth] == text[t - depth]:
                        depth += 1
                    found.append((depth, -(t + 1 - place)))
            assert (deep[row, t], -away[row, t]) == max(found)
    assert deep.max() > 3


def test_the_models_of_enwik8_have_a_million_numbers_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(PAPERS)
    records = import_module("records")
    for arm in import_module("enwik8").ARMS:
        system = records.compilation(arm, 0).build()
        assert abs(records.learned(system) - 1_020_000) < 10_000, arm.name


def test_what_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dynattn.learn.folder import new_run
    from dynattn.learn.train import train

    monkeypatch.syspath_prepend(PAPERS)
    records = import_module("records")
    sizes = {"C": 8, "H": 2, "depth": 1}
    source = 'text("tinyshakespeare.txt", context=8, split=[0.99, 0.0001])'
    arm = records.Arm("small", "kuramoto_attention", sizes, source, ("batch 2",))
    whole = records.trained(arm, 0, 6, tmp_path / "whole")
    place = new_run("small", tmp_path / "part")
    train(records.compilation(arm, 0, 6), place, device="cpu", threads=1, stops=lambda: True)
    again = records.trained(arm, 0, 6, tmp_path / "part")
    assert again.last == whole.last and again.seconds is None and whole.seconds is not None
    assert not place.path.exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, a folder of words, and recordings, all small."""
    place, rng = tmp_path_factory.mktemp("data"), numpy.random.default_rng(0)
    text = "the cat sees a dog and the dog sees a cat . " * 100
    (place / "words").mkdir()
    for path in ("bytes.txt", "words/train.txt", "words/valid.txt"):
        (place / path).write_text(text)
    sizes = rng.integers(2000, 4000, 40)
    numpy.savez(
        place / "digits.npz", audio=rng.integers(-99, 99, sizes.sum()).astype(numpy.int16),
        offsets=numpy.r_[0, sizes.cumsum()], digit=numpy.arange(40) % 10,
        index=numpy.arange(40) // 4,
    )  # fmt: skip
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", ["enwik8", "ablations", "words", "robustness"])
def test_a_short_training_gives_a_table(name: str, data: Path, tmp_path: Path) -> None:
    known = sha256((data / "bytes.txt").read_bytes()).hexdigest()
    text = ("--data", str(data / "bytes.txt"), "--checksum", known, "--training", "4000")
    text += ("--validation", "300", "--batch", "2", "--context", "32")
    sizes = ("--C", "8", "--depth", "1")
    words = ("--corpus", "wikitext2", "--data", str(data / "words"), "--batch", "2")
    options = {
        "enwik8": (*text, "--arms", "transformer", "torus"),
        "ablations": (*text, *sizes),
        "words": (*words, "--arms", "softmax", "D2_p2"),
        "robustness": ("--data", str(data / "digits.npz")),
    }[name]
    given = ("--out", str(tmp_path), "--steps", "2", "--seeds", "1")
    first = run(name, *given, *options)
    tables = [line for line in first.splitlines() if not line.startswith("{")]
    assert len(tables) >= 4
    assert run(name, *given, *options, "--show").splitlines() == tables


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
