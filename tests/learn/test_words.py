"""Words as data: which are known, windows and lines of them, and text made of them again."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy
import pytest

from dynattn.cli.main import run_command
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.learn.folder import new_run
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan, plan_mistakes
from dynattn.learn.text import TextData
from dynattn.learn.train import train
from dynattn.learn.words import END, UNKNOWN, Words, in_words, most_frequent, prepared

SPEC = """
model words "The next word from the last"
param V = 9, d = 6
dim T <= 12
input text: token(V)[T]
network { output logits = linear(embed(text, d), V) }
train {
  data words(WORDS)
  loss cross_entropy(logits, next(text))
  record exp(loss)
  optimizer adam(lr=5e-2)
  batch 8; steps 80; seed 0
}
"""
LINES = ("the cat sat on the mat", "", "the dog sat", "a cat saw the dog on the mat")
TEXT = "\n".join(LINES * 10) + "\n"


def model(folder: Path, words: str, *changes: tuple[str, str]) -> Compilation:
    text = SPEC.replace("WORDS", words)
    for before, after in changes:
        text = text.replace(before, after)
    (folder / "words.dyn").write_text(text)
    return Compilation(Source(str(folder / "words.dyn"), text))


def read(folder: Path, words: str, *changes: tuple[str, str]) -> TextData | SamplesData:
    return make_plan(model(folder, words, *changes).model).data


def refused(folder: Path, words: str, *changes: tuple[str, str]) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        read(folder, words, *changes)
    (found,) = caught.value.diagnostics
    assert found.fix and found.span is not None
    return found


# ── words ──────────────────────────────────────────────────────────────────────────────────────


def test_words_and_line_ends() -> None:
    assert in_words("a b\n\nc  d\r\n") == ["a", "b", END, END, "c", "d", END]


def test_the_most_frequent_words_are_known_and_equals_stand_by_alphabet() -> None:
    known = most_frequent(in_words("b c c a\n <unk> d d d"), 5)
    assert known.words == (UNKNOWN, END, "d", "c", "a")
    assert known.numbers(["a", "b", END, UNKNOWN]).tolist() == [4, 0, 1, 0]
    assert known.decode([2, 3, 1, 9, 4]) == b"d c \n<unk> a "
    assert known.encode(b"d c\na").tolist() == [2, 3, 1, 4]
    with pytest.raises(ValueError, match=r"^b$"):
        known.encode(b"a b")


# ── windows ────────────────────────────────────────────────────────────────────────────────────


def test_running_text_in_windows_of_words(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text(TEXT)
    data = read(tmp_path, '"w.txt", context=5, split=[100, 60]')
    assert isinstance(data, TextData) and isinstance(data.alphabet, Words)
    assert len(data.training) == 100 and len(data.validation) == 60
    # seven of nine are words: the, on, sat, mat, cat, dog and one of a and saw
    assert data.alphabet.words[:3] == (UNKNOWN, END, "the") and data.alphabet.size == 9
    written = [data.alphabet.words[n] for n in data.training[:9]]
    assert written == ["the", "cat", "sat", "on", "the", "mat", END, END, "the"]
    assert data.baselines() == {}
    (batch,) = data.draw(numpy.random.default_rng(0), 3)
    assert batch["text"].shape == (3, 5) and batch["text"].max() < 9


def test_a_folder_has_its_own_parts_and_words_come_from_the_first(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.txt.xz").write_bytes(lzma.compress(TEXT.encode()))
    (tmp_path / "set" / "valid.txt").write_text("the zebra sat\n" * 5)
    data = read(tmp_path, '"set", context=5', ("V = 9", "V = 20"))  # room for a zebra
    assert isinstance(data, TextData)
    assert (data.facts["training"], data.facts["validation"]) == (len(in_words(TEXT)), 20)
    assert data.alphabet.decode(data.validation[:4]) == b"the <unk> sat \n"
    found = refused(tmp_path, '"set", context=5, split=[0.5, 0.5]')
    assert found.code == "E515" and found.span is not None and found.span.text == "split"
    (tmp_path / "set" / "valid.txt").unlink()
    assert "no data file 'set/valid.txt'" in refused(tmp_path, '"set", context=5').message


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


def test_each_line_is_a_sample_of_its_own_length(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text(TEXT)
    data = read(tmp_path, '"w.txt", split=[25, 5]', ("V = 9", "V = 20"))
    assert isinstance(data, SamplesData) and data.samples == 25
    assert data.facts["lengths"] == {"T": [4, 9]}
    known = Words(tuple(data.facts["words"]))
    wanted = {f"{line} ".replace("  ", " ") + "\n" for line in LINES if line}
    for group in data.draw(numpy.random.default_rng(0), 40):
        assert {known.decode(row).decode() for row in group["text"]} <= wanted


def test_lines_of_a_folder_keep_their_parts(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.txt").write_text(TEXT)
    (tmp_path / "set" / "valid.txt").write_text("the cat\nthe zebra\n")
    data = read(tmp_path, '"set"', ("V = 9", "V = 20"))  # room for a zebra
    assert isinstance(data, SamplesData) and data.samples == 30
    known = Words(tuple(data.facts["words"]))
    ((batch,), count), = data.validation_batches(8)  # fmt: skip
    assert count == 2
    assert [known.decode(row) for row in batch["text"]] == [b"the cat \n", b"the <unk> \n"]


@pytest.mark.parametrize(
    ("words", "changes", "code", "text"),
    [
        ('"w.txt"', (("T <= 12", "T <= 8"),), "E522",
         "line 4 of 'w.txt' has T = 9, above dim T <= 8"),
        ('"w.txt"', (("dim T <= 12", ""), ("[T]", "[5]")), "E514", "'text' has 5 words"),
        ('"w.txt", context=13', (), "E516", "context=13 is longer than dim T <= 12"),
        ('"w.txt", context=5, vocabulary=10', (), "E508", "vocabulary=10 is more than V = 9"),
        ('"w.txt"', (("V = 9", "V = 2"),), "E508", "V = 2 has no room"),
        ('"w.txt", context=5', (("text:", "story:"), ("(text", "(story")), "E514",
         "the data source 'words' fills the input 'text'"),
        ('"latin.txt", context=5', (), "E517", "'latin.txt' is not UTF-8"),
        ('"w.txt", context=5, checksum="00"', (), "E506", "another checksum"),
    ],
)  # fmt: skip
def test_words_that_do_not_fit(
    tmp_path: Path, words: str, changes: tuple[tuple[str, str], ...], code: str, text: str
) -> None:
    (tmp_path / "w.txt").write_text(TEXT)
    (tmp_path / "latin.txt").write_bytes("café".encode("latin1"))
    found = refused(tmp_path, words, *changes)
    assert found.code == code and text in found.message


def test_a_spec_is_checked_where_its_data_is_not(tmp_path: Path) -> None:
    assert plan_mistakes(model(tmp_path, '"nowhere", context=5').model) == ()
    assert refused(tmp_path, '"nowhere", context=5').code == "E501"


# ── from a file to text ────────────────────────────────────────────────────────────────────────


def test_a_run_on_words_is_measured_and_sampled_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.txt").write_text(TEXT)
    spec = model(tmp_path, '"w.txt", context=6', ("V = 9", "V = 20"))
    result = train(spec, new_run("words", tmp_path / "run"), device="cpu", threads=1)
    assert result.final is not None and result.final.bits_per_character is None
    perplexity = result.final.records["exp(loss)"]
    assert perplexity == pytest.approx(numpy.exp(result.final.loss), rel=1e-6) and perplexity < 4
    asked = ["sample", str(tmp_path / "run"), "--length", "12", "--prompt"]
    assert run_command([*asked, "the"]) == 0
    made = capsys.readouterr().out
    assert len(in_words(made)) >= 6 and set(made.split()) <= set(TEXT.split())
    assert run_command([*asked, "zebra"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error[E572]: ") and "'zebra'" in told


# ── what is done to a text first, and the third part ───────────────────────────────────────────


def test_small_letters_and_marks() -> None:
    text = 'The <unk>, "Bob" said: it\'s half-way.\n<|endoftext|>\n'
    apart = prepared(text, "lower", "apart")
    assert apart.split() == (
        [
            "the",
            "<unk>",
            ",",
            '"',
            "bob",
            '"',
            "said",
            ":",
            "it",
            "'",
            "s",
            "half-way",
            ".",
            "<|endoftext|>",
        ]
    )
    dropped = prepared(text, "kept", "dropped")
    assert " ".join(dropped.split()) == "The <unk> Bob said it s half way <|endoftext|>"
    assert dropped.count("\n") == 2 and prepared(text, "kept", "kept") == text


def test_a_text_is_prepared_and_a_folder_has_a_test(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    for name, line in (
        ("train", "The cat, the cat."),
        ("valid", "The cat."),
        ("test", "Cat, the."),
    ):
        (tmp_path / "w" / f"{name}.txt").write_text(f"{line}\n" * 9)
    options = '"w", context=5, letters=lower, marks=apart'
    data = read(tmp_path, options)
    assert data.facts["words"] == [UNKNOWN, END, "cat", "the", ",", "."]
    test = read(tmp_path, f"{options}, measure=test")
    assert isinstance(data, TextData) and isinstance(test, TextData)
    assert test.training.tolist() == data.training.tolist()
    assert data.validation[:4].tolist() == [3, 2, 5, 1]
    assert test.validation[:5].tolist() == [2, 4, 3, 5, 1]
    assert refused(tmp_path, '"w/train.txt", context=5, measure=test').code == "E515"
    assert refused(tmp_path, '"w", context=5, marks=away').code == "E512"
