"""Words in pieces between ``<bos>`` and ``<eos>``."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from dynattn.cli.main import run_command
from dynattn.learn.parts import SamplesData
from dynattn.learn.pieces import pieces
from tests.learn.test_words import LINES, SPEC, TEXT, read, refused

ROOM = ("V = 9", "V = 20")


def test_a_text_in_pieces():
    found = list(pieces("a b c\n\nd e f g\n", "text", 5))
    assert found == [
        ("<bos>", "a", "b", "c", "<eos>"), ("<bos>", "d", "e", "f", "<eos>"),
        ("<bos>", "g", "<eos>"),
    ]  # fmt: skip


def test_lines_in_pieces_without_the_short_ones():
    found = list(pieces("a b c\n\nd\n1 2 3 4 5 6 7 8 9 10\n", "lines", 6))
    assert found == [
        ("<bos>", "a", "b", "c", "<eos>"), ("<bos>", "1", "2", "3", "4", "5"),
        ("6", "7", "8", "9", "10", "<eos>"),
    ]  # fmt: skip


def test_pieces_are_samples(tmp_path: Path):
    (tmp_path / "w.txt").write_text(TEXT)
    data = read(tmp_path, '"w.txt", context=12, pieces=text, split=[13, 4]', ROOM)
    assert isinstance(data, SamplesData)
    count = -(-len(TEXT.split()) // 10)
    assert (data.facts["training"], data.facts["validation"], count) == (13, 4, 17)
    known = data.facts["words"]
    assert known[:4] == ["<unk>", "<eos>", "<bos>", "the"]
    (batch,) = data.draw(numpy.random.default_rng(0), 1)
    row = [known[n] for n in batch["text"][0]]
    assert (row[0], row[-1], len(row)) == ("<bos>", "<eos>", 12)
    assert set(row[1:-1]) <= set(" ".join(LINES).split())


def test_a_folder_keeps_its_parts(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.txt").write_text(TEXT)
    (tmp_path / "set" / "valid.txt").write_text("the cat sat on\nthe zebra sat on\nno\n")
    data = read(tmp_path, '"set", context=12, pieces=lines', ROOM)
    assert isinstance(data, SamplesData)
    assert (data.facts["training"], data.facts["validation"]) == (30, 2)


def test_pieces_that_do_not_fit(tmp_path: Path):
    (tmp_path / "w.txt").write_text(TEXT)
    found = refused(tmp_path, '"w.txt", pieces=text')
    assert (found.code, found.message) == ("E731", "pieces=text does not say how long a piece is")
    found = refused(tmp_path, '"w.txt", pieces=text, context=2')
    assert found.message == "a piece of 2 symbols has no word between <bos> and <eos>"
    fixed = ("dim T <= 12", "param T = 12")
    found = refused(tmp_path, '"w.txt", pieces=lines, context=12', fixed)
    assert found.code == "E514"
    assert found.message == "each piece is a sample of its own length, and 'text' has T words"


def test_a_run_on_pieces_is_measured_on_others_and_writes_text(tmp_path: Path, capsys):
    (tmp_path / "w.txt").write_text(TEXT)
    text = SPEC.replace("WORDS", '"w.txt", context=12, pieces=text').replace("V = 9", "V = 20")
    (tmp_path / "m.dyn").write_text(text.replace("steps 80", "steps 4"))
    run = tmp_path / "run"
    assert run_command(["compile", str(tmp_path / "m.dyn"), "--train", "-o", str(run)]) == 0
    assert "samples" in capsys.readouterr().out
    (tmp_path / "other.txt").write_text("the cat sat on the zebra\n" * 3)
    assert run_command(["eval", str(run), "--data", str(tmp_path / "other.txt")]) == 0
    (tmp_path / "pairs.tsv").write_text("good\tbad\nthe cat sat\tthe sat cat\n")
    assert run_command(["eval", str(run), "--data", str(tmp_path / "pairs.tsv")]) == 0
    assert run_command(["sample", str(run), "--length", "5"]) == 0


@pytest.mark.parametrize("word", ["words", "sentences"])
def test_there_are_two_kinds(tmp_path: Path, word: str):
    (tmp_path / "w.txt").write_text(TEXT)
    assert refused(tmp_path, f'"w.txt", context=12, pieces={word}').code == "E512"
