"""Pairs of sentences, in the columns of the published sets and in one's own."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from dynattn.diagnostics.report import Diagnostic, Source, Span, SpecError
from dynattn.learn.pairs import Pair, Pairs, load_pairs
from dynattn.model.plans import Choice


def load(path: Path, text: str, **options: str) -> Pairs:
    path.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
    span = Span(Source(str(path.parent / "spec.dyn"), "data pairs"), 1, 1, 1, 10)
    return load_pairs(Choice("pairs", (path.name,), options, span))


def wrong(path: Path, text: str, **options: str) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        load(path, text, **options)
    (found,) = caught.value.diagnostics
    assert found.fix
    return found


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    found = load(tmp_path / "p.tsv", "good\tbad\nthe cat sits\tthe cat sit\n\na\tb\n")
    assert found.pairs == (Pair("the cat sits", "the cat sit"), Pair("a", "b"))
    text = 'good,bad,kind\n"one, two",one two,comma\n'
    (pair,) = load(tmp_path / "p.csv", text, condition="kind").pairs
    assert pair == Pair("one, two", "one two", "comma")
    assert found.facts["pairs"] == 2 and len(found.facts["sha256"]) == 64


def test_the_columns_of_the_published_sets(tmp_path: Path) -> None:
    blimp = {"sentence_good": "It is.", "sentence_bad": "It are.", "UID": "irregular", "pairID": 3}
    (pair,) = load(tmp_path / "b.jsonl.xz", json.dumps(blimp) + "\n").pairs
    assert pair == Pair("It is.", "It are.", "irregular")
    text = "id\ttarget_index\tcorrect\twrong\tn_attractors\tsentence\n"
    (pair,) = load(tmp_path / "l.tsv", f"{text}0\t2\tis\tare\t1\tthe town is open .\n").pairs
    assert pair == Pair("the town is open .", "the town are open .", "1")
    text = "type\tcorrect\twrong\tprefix\tsentence\n"
    (pair,) = load(tmp_path / "g.tsv", f'{text}original\tis\tare\tThe " thing "\tThe .\n').pairs
    assert pair == Pair('The " thing " is', 'The " thing " are', "original")
    text = "construction\tcondition\tgood\tbad\n"
    row = "simple\tsing\tthe author laughs\tthe author laugh\n"
    assert load(tmp_path / "m.tsv", text + row).pairs[0].condition == "simple"
    assert load(tmp_path / "m.tsv", text + row, condition="condition").pairs[0].condition == "sing"


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    found = wrong(path, "right\twrong\na\tb\n")
    assert found.code == "E736" and "right, wrong" in found.message
    assert wrong(path, "good\tbad\n").code == "E736"
    assert wrong(path, "good\tbad\na\tb\n", condition="kind").code == "E736"
    assert wrong(path, "good\tbad\na\n").message == "line 2 has 1 cells, and there are 2 columns"
    assert "the same" in wrong(path, "good\tbad\na\ta\n").message
    found = load(path, "good\tbad\na\ta\nb\tc\n")
    assert found.pairs == (Pair("b", "c"),) and found.facts["same"] == 1
    assert "empty" in wrong(path, "good\tbad\nc\td\n\tb\n").message
    head = "sentence\ttarget_index\tcorrect\twrong\n"
    assert "of 2 words" in wrong(path, f"{head}a b\t2\tis\tare\n").message
    assert wrong(path, f"{head}a b\tx\tis\tare\n").code == "E737"
    lines = tmp_path / "p.jsonl"
    assert "no JSON" in wrong(lines, "{\n").message
    assert "not an object" in wrong(lines, "3\n").message
    both = json.dumps({"good": "a", "bad": "b"})
    assert "has no 'bad'" in wrong(lines, both + '\n{"good": "a"}\n').message
    assert wrong(lines, both, checksum="0" * 64).code == "E506"
    path.write_bytes(b"good\tbad\n\xff\tb\n")
    with pytest.raises(SpecError, match="not UTF-8"):
        span = Span(Source(str(tmp_path / "spec.dyn"), "data pairs"), 1, 1, 1, 10)
        load_pairs(Choice("pairs", ("p.tsv",), {}, span))
