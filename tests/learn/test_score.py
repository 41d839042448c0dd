"""Trained runs measured on their own parts, on other data in their own vocabulary, on pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy
import pytest
import torch

import dynattn
from dynattn.diagnostics.report import SpecError
from dynattn.learn.folder import RunFolder, new_run, read_json
from dynattn.learn.train import train
from tests.learn.small import TEXT, Change, small

SPLIT = ("context=16", "context=16, split=[0.6, 0.2, 0.2]")
CHARACTERS = ("context=16", "context=16, symbols=characters")
WORDS = ('text("words.txt", context=16)', 'words("words.txt", context=8)')
LINES = ('text("words.txt", context=16)', 'words("lines.txt")')
GOOD = ("good\tbad\tconstruction\n"
        "the cat sat on\tthe cat on sat\tshort\n"
        "the dog sat on the cat\tthe dog sat the on cat\tlong\n"
        "the gnu sat\tthe yak sat\tshort\n")  # fmt: skip


def trained(folder: Path, *changes: Change) -> Path:
    """The folder of a short run."""
    lines = "the cat sat\na dog sat on the log\n" * 30
    (folder / "lines.txt").write_text(lines)
    place = folder / "run"
    train(small(folder, *changes), new_run("run", place))
    return place


def code(error: pytest.ExceptionInfo[SpecError]) -> str:
    return error.value.diagnostics[0].code


def test_the_validation_and_the_test_part_of_a_text(tmp_path: Path) -> None:
    text = numpy.random.default_rng(0).integers(97, 110, 1040).astype("uint8").tobytes()
    (tmp_path / "words.txt").write_bytes(text)
    run = trained(tmp_path, SPLIT)
    found = dynattn.evaluate(run)
    result = read_json(RunFolder(run).result)
    assert (found.loss, found.samples) == (result["loss"], result["samples"])
    test = dynattn.evaluate(run, part="test", checkpoint="last")
    (tmp_path / "rest.txt").write_bytes(text[624 + 208 :])
    other = dynattn.evaluate(run, str(tmp_path / "rest.txt"), checkpoint="last")
    assert test.loss == other.loss and test.loss != found.loss
    assert other.bits_per_character == pytest.approx((other.loss or 0) / math.log(2))
    short = dynattn.evaluate(run, f'text("{tmp_path}/rest.txt", context=5)')
    assert (short.samples, other.samples) == ((208 - 1) // 4, (208 - 1) // 15)
    kept = json.loads((run / "eval.json").read_text())["scores"]
    assert [item["part"] for item in kept] == ["validation", "test", "all", "all"]
    dynattn.evaluate(run)
    assert len(read_json(run / "eval.json")["scores"]) == 4


def test_other_text_that_does_not_fit(tmp_path: Path) -> None:
    run = trained(tmp_path)
    (tmp_path / "greek.txt").write_text("what is \u03bb, and what is it not?")
    (tmp_path / "short.txt").write_text("too short")
    for name, message, fix in (
        ("greek.txt", "byte 206 at place 8 of the text is not below V = 128, as the run has it",
         "leave it out, or train a run with V = 256"),
        ("short.txt", f"'{tmp_path}/short.txt' has 9 symbols, fewer than one context of 16",
         "use a longer text or a shorter context="),
    ):  # fmt: skip
        with pytest.raises(SpecError) as error:
            dynattn.evaluate(run, str(tmp_path / name))
        (found,) = error.value.diagnostics
        assert (found.message, found.fix) == (message, fix)


def test_other_characters_and_other_words(tmp_path: Path) -> None:
    run = trained(tmp_path, CHARACTERS)
    (tmp_path / "greek.txt").write_text("the cat sat on the λ mat. " * 3)
    with pytest.raises(SpecError) as error:
        dynattn.evaluate(run, str(tmp_path / "greek.txt"))
    assert code(error) == "E729"
    assert "'λ'" in error.value.diagnostics[0].message
    (tmp_path / "few.txt").write_text("the cat sat on the cat " * 3)
    alone = dynattn.evaluate(run, str(tmp_path / "few.txt"))
    assert alone.remark == "" and alone.loss is not None


def test_words_in_the_vocabulary_of_the_run(tmp_path: Path) -> None:
    run = trained(tmp_path, WORDS)
    (tmp_path / "other.txt").write_text("the yak sat on the gnu\n" * 4)
    found = dynattn.evaluate(run, str(tmp_path / "other.txt"))
    assert found.remark == "28.6% of the words are not among those of the run: <unk>"
    table = tmp_path / "pairs.tsv"
    table.write_text(GOOD)
    scores = dynattn.evaluate(run, str(table)).pairs
    assert scores is not None
    assert (scores.count, set(scores.conditions)) == (2, {"short", "long"})
    assert scores.left_out == {"differ in words that the run does not know alone": 1}
    words = read_json(run / "settings.json")["data"]["words"]
    system = dynattn.load(run).build(dtype=torch.float32)
    margins = [
        _log_chance(system, words, good) - _log_chance(system, words, bad)
        for good, bad in (("the cat sat on", "the cat on sat"),
                          ("the dog sat on the cat", "the dog sat the on cat"))
    ]  # fmt: skip
    assert scores.margin == pytest.approx(sum(margins) / 2, rel=1e-5)
    assert scores.accuracy == sum(margin > 0 for margin in margins) / 2


@torch.no_grad()
def _log_chance(system: torch.nn.Module, words: list[str], sentence: str) -> float:
    """Word by word, from the output before each."""
    text = [words.index(word) for word in ["<eos>", *sentence.split()]]
    system.eval()
    total = 0.0
    for place in range(1, len(text)):
        logits = system(torch.tensor([text[:place]]))[0, -1].double()
        total += float(torch.log_softmax(logits, 0)[text[place]])
    return total


def test_lines_and_their_pairs(tmp_path: Path) -> None:
    run = trained(tmp_path, LINES)
    (tmp_path / "other.txt").write_text("the cat sat\n")
    assert dynattn.evaluate(run, str(tmp_path / "other.txt")).samples == 1
    (tmp_path / "all.csv").write_text("prefix,correct,wrong\nthe gnu,yaks,yak\n")
    with pytest.raises(SpecError) as error:
        dynattn.evaluate(run, str(tmp_path / "all.csv"))
    assert code(error) == "E729"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ('arrays("a.npz")', "E727"),
        ("none.txt", "E501"),
        ("wrong.tsv", "E736"),
        ('text("short.txt")', "E504"),
        ('text("short.txt", contxt=3)', "E511"),
        ('text("short.txt"', "E501"),
    ],
)
def test_data_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, wanted: str
) -> None:
    run = trained(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("the cat")
    (tmp_path / "wrong.tsv").write_text("left\tright\na\tb\n")
    with pytest.raises(SpecError) as error:
        dynattn.evaluate(run, data)
    assert code(error) == wanted
    assert not (run / "eval.json").exists()


def test_a_text_that_was_changed_in_the_run_folder(tmp_path: Path) -> None:
    run = trained(tmp_path)
    spec = run / "spec.dyn"
    lines = spec.read_text().splitlines()
    spec.write_text("\n".join([lines[0] + "  # mine", *lines[1:]]) + "\n")
    with pytest.raises(SpecError) as error:
        dynattn.load(run)
    (said,) = error.value.diagnostics
    assert said.code == "E542"
    change = f"line 1 was '{lines[0]}', and is '{lines[0]}  # mine'"
    assert said.message == f"{spec} was changed after it was trained: {change}"


def test_a_run_without_a_test_part_or_with_other_data_now(tmp_path: Path) -> None:
    run = trained(tmp_path)
    with pytest.raises(SpecError) as part:
        dynattn.evaluate(run, part="test")
    assert code(part) == "E727"
    (tmp_path / "words.txt").write_bytes(TEXT + b"more")
    with pytest.raises(SpecError) as changed:
        dynattn.evaluate(run)
    assert code(changed) == "E544"


def test_pairs_and_a_model_that_is_told_more_than_the_text(tmp_path: Path) -> None:
    run = trained(
        tmp_path, ("cross_entropy(logits, next(text))", "2 * cross_entropy(logits, text)")
    )
    (tmp_path / "p.tsv").write_text(GOOD)
    with pytest.raises(SpecError) as error:
        dynattn.evaluate(run, str(tmp_path / "p.tsv"))
    assert code(error) == "E730"
