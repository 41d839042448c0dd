"""Data files and text: what is refused, with the exact words, and which windows come out."""

from __future__ import annotations

import hashlib
import lzma
import os
from pathlib import Path

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn import samples
from dynattn.learn.data import SOURCES, load_data
from dynattn.learn.plan import make_plan
from dynattn.learn.samples import SAMPLES, find_sample
from dynattn.learn.text import Alphabet, TextData
from tests.learn.small import SPEC, TEXT, Change, small

LINE = 'text("words.txt", context=16)'


def read(spec: Compilation):
    """The data of the spec."""
    assert spec.model.training is not None
    return load_data(spec.model.training.data, spec.model)


def diagnostic(call, *arguments):
    with pytest.raises(SpecError) as caught:
        call(*arguments)
    (found,) = caught.value.diagnostics
    return found


def refused(folder: Path, words: str, *changes: Change, **options):
    """The one diagnostic of a data line."""
    return diagnostic(read, small(folder, (LINE, words), *changes, **options))


def loaded(folder: Path, words: str = LINE) -> TextData:
    found = read(small(folder, (LINE, words)))
    assert isinstance(found, TextData)
    return found


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_file(tmp_path):
    found = refused(tmp_path, 'text("word.txt", context=16)')
    assert found.code == "E501"
    assert found.message == (
        f"there is no data file 'word.txt'; looked for {tmp_path / 'word.txt'} "
        "and among the files that ship"
    )
    assert found.fix == "did you mean 'words.txt'?"
    assert found.span is not None and found.span.text == 'text("word.txt", context=16)'


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    found = refused(tmp_path, 'text("empty.txt", context=16)')
    assert (found.code, found.message) == ("E502", "the data file 'empty.txt' is empty")


def test_a_folder(tmp_path):
    (tmp_path / "data").mkdir()
    found = refused(tmp_path, 'text("data", context=16)')
    message = f"the data file 'data' is a folder: {tmp_path / 'data'}"
    assert (found.code, found.message) == ("E503", message)


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", deny)
    found = refused(tmp_path, LINE)
    message = "the data file 'words.txt' cannot be read: permission denied"
    assert (found.code, found.message) == ("E509", message)


def deny(path):
    raise PermissionError(13, os.strerror(13))


def test_an_xz_file_is_unpacked(tmp_path):
    (tmp_path / "words.txt.xz").write_bytes(lzma.compress(TEXT))
    data = loaded(tmp_path, 'text("words.txt.xz", context=16)')
    assert bytes(data.training) + bytes(data.validation) == TEXT


def test_a_truncated_xz_file(tmp_path):
    (tmp_path / "words.xz").write_bytes(lzma.compress(os.urandom(3000))[:-100])
    found = refused(tmp_path, 'text("words.xz", context=16)')
    assert found.code == "E505"
    assert found.message == (
        "the data file 'words.xz' is cut short: its xz packing goes on after the last byte"
    )


def test_a_corrupt_xz_file(tmp_path):
    packed = bytearray(lzma.compress(os.urandom(3000)))
    packed[1000:1010] = b"\0" * 10
    (tmp_path / "words.xz").write_bytes(bytes(packed))
    found = refused(tmp_path, 'text("words.xz", context=16)')
    message = "the data file 'words.xz' is damaged: its xz packing does not unpack"
    assert (found.code, found.message) == ("E507", message)


def test_a_file_that_only_says_it_is_xz(tmp_path):
    (tmp_path / "words.xz").write_bytes(TEXT)
    found = refused(tmp_path, 'text("words.xz", context=16)')
    message = "the data file 'words.xz' is not xz: it begins with other bytes"
    assert (found.code, found.message) == ("E507", message)


def test_another_checksum(tmp_path):
    actual = hashlib.sha256(TEXT).hexdigest()
    words = 'text("words.txt", context=16, checksum="sha256:00ff")'
    found = refused(tmp_path, words)
    assert found.code == "E506"
    assert found.message == (
        "the data file 'words.txt' has another checksum: expected sha256 00ff, "
        f"found {actual} ({len(TEXT)} bytes)"
    )


def test_the_right_checksum_passes(tmp_path):
    actual = hashlib.sha256(TEXT).hexdigest()
    words = f'text("words.txt", context=16, checksum="sha256:{actual}")'
    assert loaded(tmp_path, words).facts["sha256"] == actual


def test_the_shipped_sample_is_whole():
    path = find_sample("tinyshakespeare.txt")
    assert path is not None
    content = path.read_bytes()
    sample = SAMPLES["tinyshakespeare.txt"]
    assert (len(content), hashlib.sha256(content).hexdigest()) == (sample.size, sample.sha256)


def test_the_shipped_sample_is_found_from_any_spec(tmp_path):
    data = loaded(tmp_path, 'text("tinyshakespeare.txt", context=16)')
    assert (data.facts["training"], data.facts["validation"]) == (1003854, 111540)


@pytest.mark.parametrize(
    ("content", "code", "word"), [(TEXT, "E505", "cut short"), (b"x" * 1115394, "E506", "changed")]
)
def test_a_shipped_sample_that_is_not_what_shipped(tmp_path, monkeypatch, content, code, word):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "tinyshakespeare.txt").write_bytes(content)
    monkeypatch.setattr(samples, "data_places", lambda: (shipped,))
    words = 'text("tinyshakespeare.txt", context=16)'
    found = refused(tmp_path, words)
    sample = SAMPLES["tinyshakespeare.txt"]
    assert found.code == code
    assert found.message == (
        f"the data file 'tinyshakespeare.txt' that ships is {word}: expected 1115394 bytes, "
        f"sha256 {sample.sha256}, found {len(content)} bytes, "
        f"{hashlib.sha256(content).hexdigest()}"
    )


# ── options ────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_source(tmp_path):
    found = refused(tmp_path, 'txt("words.txt")')
    assert (found.code, found.message) == ("E510", "unknown data source 'txt'")
    assert found.fix == "did you mean 'text'?"
    assert found.span is not None and found.span.text == "txt"


def test_an_unknown_option_is_shown_at_its_place(tmp_path):
    words = 'text("words.txt", context=16, splt=[0.9, 0.1])'
    found = refused(tmp_path, words)
    assert (found.code, found.message) == ("E511", "unknown option 'splt' of 'text'")
    assert found.fix == "did you mean 'split'?"
    assert found.span is not None and found.span.text == "splt"


def test_a_wrong_value(tmp_path):
    found = refused(tmp_path, 'text("words.txt", context=1)')
    message = "context=1: context is a whole number from 2 on"
    assert (found.code, found.message) == ("E512", message)


def test_a_missing_option(tmp_path):
    found = refused(tmp_path, 'text("words.txt")')
    assert (found.code, found.message) == ("E513", "'text' needs context")
    assert found.fix == "give a whole number from 2 on: context=..."


def test_a_context_beyond_the_limit_of_the_dim(tmp_path):
    found = refused(tmp_path, LINE, ("dim T", "dim T <= 8"))
    assert (found.code, found.message) == ("E516", "context=16 is longer than dim T <= 8")
    assert found.fix == "write context=8 or less, or raise the limit"


def test_a_byte_that_is_not_below_v(tmp_path):
    found = refused(tmp_path, LINE, overrides={"V": 100})
    message = "byte 116 at place 0 of the text is not below V = 100"
    assert (found.code, found.message) == ("E508", message)
    assert found.fix == "set V to 256, the number of bytes there are"


def test_more_characters_than_v(tmp_path):
    words = 'text("words.txt", context=16, symbols=characters)'
    found = refused(tmp_path, words, overrides={"V": 5})
    message = "the text has 15 different characters, more than V = 5"
    assert (found.code, found.message) == ("E508", message)


def test_characters_of_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 " * 200)
    words = 'text("latin.txt", context=16, symbols=characters)'
    found = refused(tmp_path, words)
    message = "the data file 'latin.txt' is not UTF-8: byte 3 is wrong"
    assert (found.code, found.message) == ("E517", message)


def test_a_text_shorter_than_one_context(tmp_path):
    found = refused(tmp_path, 'text("words.txt", context=500)')
    assert found.code == "E504"
    assert found.message == (
        "the validation part of 'words.txt' has 104 symbols, fewer than one context of 500"
    )


def test_a_split_that_asks_for_more_than_there_is(tmp_path):
    words = 'text("words.txt", context=16, split=[1000, 100])'
    found = refused(tmp_path, words)
    message = "the text has 1040 symbols, and split= asks for 1100"
    assert (found.code, found.message) == ("E505", message)


def test_fractions_that_sum_to_more_than_one(tmp_path):
    words = 'text("words.txt", context=16, split=[0.9, 0.2])'
    found = refused(tmp_path, words)
    message = "the parts of split= sum to 1.1, more than the whole text"
    assert (found.code, found.message) == ("E515", message)


def test_inputs_that_the_source_does_not_fill(tmp_path):
    renamed = (
        ("input text", "input story"),
        ("embed(text", "embed(story"),
        ("next(text", "next(story"),
    )
    found = refused(tmp_path, LINE, *renamed)
    message = "the data source 'text' fills the input 'text'; the inputs are: 'story'"
    assert (found.code, found.message) == ("E514", message)


def test_all_mistakes_of_a_train_block_at_once(tmp_path):
    spec = small(tmp_path, ("adamw", "adamv"), ("cosine", "cosin"), ("words.txt", "no.txt"))
    with pytest.raises(SpecError) as caught:
        make_plan(spec.model)
    assert {item.code for item in caught.value.diagnostics} == {"E501", "E520", "E521"}


def test_no_train_block():
    text = SPEC[: SPEC.index("train {")]
    found = diagnostic(make_plan, Compilation(Source("small.dyn", text)).model)
    message = "the model 'small' has no train block, so it cannot be trained"
    assert (found.code, found.message) == ("E523", message)


def test_nothing_to_learn(tmp_path):
    fixed = (
        ("dim T", "param w[V] ~ normal(0, 1)\ndim T"),
        ("  x = dropout(embed(text, C), 0.1)\n", ""),
        ("linear(x, V)", "w * text"),
        (", C = 8", ""),
    )
    found = diagnostic(make_plan, small(tmp_path, *fixed).model)
    assert (found.code, found.message) == ("E525", "the model 'small' has nothing to learn")


def test_epochs_become_steps(tmp_path):
    spec = small(tmp_path, ("steps 12", "epochs 2"))
    assert make_plan(spec.model).steps == 29  # 2 * (936 // 16) windows, 4 at a time


# ── windows ────────────────────────────────────────────────────────────────────────────────────


def test_every_source_is_named_by_its_key():
    assert all(name == entry.name for name, entry in SOURCES.items())


def test_validation_windows_predict_every_symbol_once(tmp_path):
    data = loaded(tmp_path)
    windows = [row for (batch,), _ in data.validation_batches(4) for row in batch["text"]]
    predicted = numpy.concatenate([row[1:] for row in windows])
    assert numpy.array_equal(predicted, data.validation[1 : 1 + len(predicted)])
    assert len(data.validation) - 1 - len(predicted) < 15


def test_a_part_of_the_validation_windows_is_spread_and_fixed(tmp_path):
    data = loaded(tmp_path)
    every, some = data.validation_starts(), data.validation_starts(3)
    assert list(some) == [every[0], every[2], every[-1]] or list(some) == [
        every[0], every[3], every[-1]
    ]  # fmt: skip
    assert sum(count for _, count in data.validation_batches(2, 3)) == 3


def test_training_windows_come_from_the_training_part(tmp_path):
    data = loaded(tmp_path)
    windows = data.draw(numpy.random.default_rng(0), 50)[0]["text"]
    assert windows.shape == (50, 16) and windows.dtype == numpy.int64
    text = bytes(data.training)
    assert all(bytes(row.astype(numpy.uint8)) in text for row in windows)


def test_characters_are_numbered_in_order(tmp_path):
    (tmp_path / "umlauts.txt").write_text("äöüöä" * 50)
    data = loaded(tmp_path, 'text("umlauts.txt", context=16, symbols=characters)')
    assert isinstance(data.alphabet, Alphabet)
    assert data.alphabet.characters == "äöü"
    assert list(data.training[:5]) == [0, 1, 2, 1, 0]
    assert data.alphabet.decode(data.alphabet.encode("öü".encode())).decode() == "öü"


def test_symbols_that_stand_for_nothing_are_shown():
    assert Alphabet("ab").decode([0, 1, 7]) == b"ab?"
    assert Alphabet().decode([104, 105, 300]) == b"hi?"
