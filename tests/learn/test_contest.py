"""Comparisons: the same budget, pairs of one seed, runs that are kept, and what is refused."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import SpecError, UsageError
from dynattn.interface import load
from dynattn.learn.budget import Budget, chosen_budget
from dynattn.learn.contest import Quiet, contest
from dynattn.learn.folder import RunFolder, new_run, read_json
from dynattn.learn.train import train
from dynattn.run import workers
from tests.learn.small import Change, changed, small

WIDE = ("C = 8", "C = 9")
OTHER_NAMES = (("output logits", "output y"), ("cross_entropy(logits", "cross_entropy(y"))
DIVERGES = ("embed(text, C)", "log(embed(text, C))")


class Listening(Quiet):
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def start(self, comparison: object, done: int, total: int, jobs: int) -> None:
        self.heard.append(f"{done} of {total}")


def pair(folder: Path, *changes: Change, **more: object) -> dict[str, Compilation]:
    return {"one": small(folder), "two": small(folder, *changes, **more)}


def code(error: pytest.ExceptionInfo[SpecError | UsageError]) -> tuple[str, str]:
    (first, *_) = error.value.diagnostics
    return first.code, first.message


def test_a_comparison_its_files_and_the_call_that_adds_a_seed(tmp_path: Path) -> None:
    specs = pair(tmp_path, WIDE, *OTHER_NAMES)
    place = tmp_path / "out"
    found = contest(specs, seeds=2, budget=Budget("steps", 6), folder=place, jobs=1)
    alone = train(small(tmp_path, seed=1), new_run("x", tmp_path / "x"), budget=Budget("steps", 6))
    assert alone.final is not None
    assert found.values("one", "loss")[1] == alone.final.loss
    assert found.measures == ("bits per character", "loss/log(2)", "loss")
    gap = found.rows[1].difference
    own = {name: found.values(name) for name in found.labels}
    assert gap is not None and gap.pairs == 2
    assert gap.mean == pytest.approx(sum(own["two"][s] - own["one"][s] for s in (0, 1)) / 2)
    assert found.steps == {"one": 6, "two": 6}
    assert found.parameters == {"one": 2176, "two": 128 * 9 * 2 + 128}
    assert found.remarks == ("'two' learns 2,432 numbers, +11.8% of the 2,176 of 'one'",)
    lines = list(csv.DictReader((place / "comparison.csv").read_text().splitlines()))
    assert float(lines[0]["loss"]) == found.values("one", "loss")[0]
    assert json.loads((place / "comparison.json").read_text())["rows"][0]["summary"]["count"] == 2
    assert (place / "comparison.md").read_text() == found.table()
    listening = Listening()
    more = contest(specs, seeds=3, budget=Budget("steps", 6), folder=place, jobs=1,
                   watcher=listening)  # fmt: skip
    assert listening.heard == ["24 of 36"]
    assert {s: v for s, v in more.values("two").items() if s < 2} == found.values("two")
    again = contest(specs, seeds=3, budget=Budget("steps", 6), folder=place, watcher=listening)
    assert (len(listening.heard), again.rows) == (1, more.rows)
    with pytest.raises(SpecError) as steps:
        contest(specs, seeds=3, budget=Budget("steps", 7), folder=place)
    assert code(steps)[0] == "E724"
    assert "was started with steps 6, not 7" in code(steps)[1]
    with pytest.raises(SpecError) as text:
        contest(pair(tmp_path, ("C = 8", "C = 10")), budget=Budget("steps", 6), folder=place)
    assert code(text)[0] == "E724"
    assert "'param V = 128, C = 9', and is 'param V = 128, C = 10'" in code(text)[1]


def test_specs_that_extend_others_are_the_same_when_called_again(tmp_path: Path) -> None:
    small(tmp_path)
    specs = {}
    for name, width in (("one", 8), ("two", 9)):
        path = tmp_path / f"{name}.dyn"
        path.write_text(f"model {name} extends small\nparam C = {width}\n")
        specs[name] = load(path)
    place, listening = tmp_path / "out", Listening()
    call = partial(contest, seeds=1, budget=Budget("steps", 2), folder=place, jobs=1)
    found, again = call(specs), call(specs, watcher=listening)
    assert (listening.heard, again.rows) == ([], found.rows)
    (tmp_path / "small.dyn").write_text(changed(("lr=1e-2", "lr=2e-2")))
    with pytest.raises(SpecError) as other:
        call({name: load(tmp_path / f"{name}.dyn") for name in specs})
    assert code(other)[0] == "E724"
    assert "lr=0.02" in code(other)[1]


def test_an_unfinished_run_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    specs = pair(tmp_path, WIDE)
    whole = contest(specs, seeds=1, folder=tmp_path / "whole", jobs=1)
    place = tmp_path / "cut"
    (place / "two").mkdir(parents=True)
    (place / "comparison.json").write_text("{}")
    cut = new_run("cut", place / "one" / "seed-0")
    count = 0

    def stops() -> bool:
        nonlocal count
        count += 1
        return count == 5

    assert train(small(tmp_path, seed=0), cut, stops=stops).interrupted
    listening = Listening()
    found = contest(specs, seeds=1, folder=place, jobs=1, watcher=listening)
    assert listening.heard == ["5 of 24"]
    assert [run.values for run in found.runs] == [run.values for run in whole.runs]
    assert found.runs[0].curve("loss") == whole.runs[0].curve("loss")


def test_runs_that_diverge_or_are_below_a_bound_are_counted(tmp_path: Path) -> None:
    specs = pair(tmp_path, DIVERGES)
    found = contest(specs, seeds=2, folder=tmp_path / "out", jobs=1, fail=["loss<100"])
    assert [run.state for run in found.runs] == ["finished", "diverged"] * 2
    assert [(row.failed, row.ended) for row in found.rows[:2]] == [(2, 2), (2, 2)]
    assert found.rows[1].summary is None and found.rows[1].difference is None
    failure = read_json(RunFolder(found.runs[1].folder).failure)
    assert (failure["code"], failure["line"]) == ("E580", 9)
    assert failure["message"] == "the loss is nan after 0 of 12 steps"
    assert contest(specs, seeds=2, folder=tmp_path / "out", fail=["loss>100"]).rows[0].failed == 0


def test_parts_of_a_step_are_no_budget() -> None:
    assert chosen_budget(epochs=2.5) == Budget("epochs", 2.5)
    with pytest.raises(UsageError) as error:
        chosen_budget(steps=2.5)
    assert code(error) == ("E723", "--steps 2.5: there are no parts of one")


@pytest.mark.parametrize(
    ("changes", "wanted", "words"),
    [
        ([("context=16", "context=15")], "E722", "context is 16 in one, 15 in the other"),
        ([("loss      cross_entropy(logits, next(text))",
           "loss      2 * cross_entropy(logits, next(text))")], "E722", "different losses"),
        ([("batch 4", "batch 5")], "E723", "'one' 12 steps of 4, 'two' 12 steps of 5"),
        ([("steps 12", "epochs 2")], "E723", "different budgets"),
    ],
)  # fmt: skip
def test_specs_that_are_not_matched(
    tmp_path: Path, changes: list[Change], wanted: str, words: str
) -> None:
    with pytest.raises(SpecError) as error:
        contest(pair(tmp_path, *changes), seeds=1, folder=tmp_path / "out")
    assert code(error)[0] == wanted
    assert words in code(error)[1]
    assert not (tmp_path / "out").exists()


def test_a_budget_of_samples_matches_other_batches(tmp_path: Path) -> None:
    specs = pair(tmp_path, ("batch 4", "batch 5"))
    found = contest(specs, seeds=1, budget=Budget("samples", 20), folder=tmp_path / "o", jobs=1)
    assert found.steps == {"one": 5, "two": 4}
    assert "are not the same samples: 4 and 5 each" in found.remarks[0]
    tokens = contest(specs, seeds=1, budget=Budget("tokens", 320), folder=tmp_path / "o", jobs=1)
    assert (tokens.steps, tokens.rows) == (found.steps, found.rows)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"seeds": 0}, "E720"),
        ({"seeds": []}, "E720"),
        ({"seeds": [1, 1]}, "E720"),
        ({"fail": ["accuracy<0.85"]}, "E725"),
        ({"fail": ["loss"]}, "E725"),
        ({"fail": ["loss<low"]}, "E725"),
        ({"measure": "accuracy"}, "E725"),
    ],
)
def test_options_that_are_refused(tmp_path: Path, options: dict[str, object], wanted: str) -> None:
    with pytest.raises(SpecError) as error:
        contest(pair(tmp_path, WIDE), **{"folder": tmp_path / "out", **options})  # type: ignore[arg-type]
    assert code(error)[0] == wanted
    assert not (tmp_path / "out").exists()


def test_budgets_that_are_refused() -> None:
    assert chosen_budget(steps=None, epochs=None) is None
    for amounts in ({"steps": 0.0}, {"steps": 3.0, "epochs": 1.0}):
        with pytest.raises(SpecError) as error:
            chosen_budget(**amounts)
        assert code(error)[0] == "E723"


def test_a_spec_alone_and_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as alone:
        contest({"one": small(tmp_path)})
    assert code(alone)[0] == "E721"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(SpecError) as other:
        contest(pair(tmp_path, WIDE), seeds=1, folder=tmp_path / "mine")
    assert code(other)[0] == "E724"


def test_mistakes_of_all_specs_at_once(tmp_path: Path) -> None:
    from dynattn.diagnostics.report import Source

    text = "model bare\npopulation o[2] { state x on circle; drift 1 }\n"
    bare = Compilation(Source("bare.dyn", text))
    missing = small(tmp_path, ("words.txt", "none.txt"))
    with pytest.raises(SpecError) as error:
        contest({"bare": bare, "missing": missing})
    assert sorted(item.code for item in error.value.diagnostics) == ["E501", "E523"]


def test_the_process_of_a_run_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(workers, "START", killed)
    with pytest.raises(SpecError) as error:
        contest(pair(tmp_path, WIDE), seeds=1, folder=tmp_path / "out", jobs=2)
    assert code(error)[0] == "E726"
    assert code(error)[1].endswith("seed 0 was killed (signal 9) before its run was done")
    assert len(error.value.diagnostics) == 2
