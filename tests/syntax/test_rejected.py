"""Wrong texts beyond those in tests/rejected: files, limits, recovery, and what never happens."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from dynattn.diagnostics.codes.syntax import CODES
from dynattn.diagnostics.frame import render, render_all
from dynattn.diagnostics.report import SpecError
from dynattn.syntax.parse import parse_expression
from dynattn.syntax.read import MAX_BYTES, read_source
from tests.syntax.trees import codes, read

SPECS = Path(__file__).parents[2] / "specs"
LARKS_WORDS = (
    "Unexpected",
    "Token(",
    "Expected one of",
    "__ANON",
    "LPAR",
    "RBRACE",
    "_END",
    "$END",
)


def refusal(path: Path) -> str:
    with pytest.raises(SpecError) as error:
        read_source(path)
    (diagnostic,) = error.value.diagnostics
    return render(diagnostic)


def test_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kuramoto.dyn").write_text("model a\n")
    assert refusal(Path("kuramto.dyn")) == (
        "error[E120]: there is no file 'kuramto.dyn'\n  = fix: did you mean 'kuramoto.dyn'?"
    )


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("specs.dyn").mkdir()
    assert refusal(Path("specs.dyn")) == (
        "error[E121]: 'specs.dyn' is a folder\n  = fix: name a .dyn file in it"
    )


def test_a_large_file_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("large.dyn").open("wb") as file:
        file.truncate(10**12)  # a hole: reading it would take all memory
    assert refusal(Path("large.dyn")) == (
        "error[E124]: 'large.dyn' has 1,000,000,000,000 bytes; a spec has at most 1,000,000\n"
        "  = fix: keep data in files of their own, read with file(...)"
    )


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.dyn"
    path.write_text("model a\n" + "#" * (MAX_BYTES - 8))
    assert len(read_source(path).text) == MAX_BYTES


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop.dyn").symlink_to("loop.dyn")
    assert refusal(Path("loop.dyn")) == (
        "error[E125]: 'loop.dyn' cannot be read: Too many levels of symbolic links\n"
        "  = fix: check the file"
    )


def test_a_byte_order_mark_and_foreign_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "windows.dyn"
    path.write_bytes(b"\xef\xbb\xbfmodel a\r\nparam K = 1\r\n")
    assert read_source(path).text == "model a\nparam K = 1\n"


@pytest.mark.parametrize("text", ["(" * 10_000, "f(" * 10_000, "[" * 10_000 + "]" * 10_000])
def test_ten_thousand_brackets_are_refused_quickly(text: str) -> None:
    start = time.process_time()
    assert codes(f"param x = {text}") == ["E111"]
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("text", ["1" + "+1" * 10_000, "-" * 10_000 + "1", "x" + "'" * 10_000])
def test_deep_expressions_are_refused(text: str) -> None:
    assert codes(f"param x = {text}") == ["E112"]


def test_depth_up_to_the_limit_is_read() -> None:
    read(f"param x = {'(' * 100}1{')' * 100} {'+ 1' * 198}")


def test_one_expression() -> None:
    with pytest.raises(SpecError) as error:
        parse_expression("2 +", "--set K")
    assert render(error.value.diagnostics[0]) == (
        "error[E105]: an expression is missing after '+'\n --> --set K:1:4\n  |\n1 | 2 +\n"
        "  |    ^\n  = fix: write a value or a formula there"
    )


@pytest.mark.parametrize("text", ["", "1; 2", "a = 3", "1 2", "}", "(1", '"', "param"])
def test_only_an_expression_is_one(text: str) -> None:
    if text == "param":
        parse_expression(text, "test")
        return
    with pytest.raises(SpecError):
        parse_expression(text, "test")


def test_a_mistake_does_not_hide_the_next() -> None:
    text = "param a = \nparam b = 2 $\nobserve c = (1\nlet d = 3 4\npopulation p[N] { kernel 2 }"
    assert codes(text) == ["E105", "E103", "E106", "E110", "E109"]


def test_the_mistakes_told_are_limited() -> None:
    start = time.process_time()
    assert len(codes("a b\n" * 100_000)) == 30
    assert time.process_time() - start < 5


def broken(text: str, chance: random.Random) -> str:
    """``text`` with one to three pieces taken out or put in."""
    pieces = list(text)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(pieces))
        if chance.random() < 0.5:
            del pieces[place : place + chance.choice([1, 1, 2, 20])]
        else:
            pieces.insert(
                place, chance.choice(["{", "}", "(", ")", ";", "\n", '"', "=", "x", "..", "$"])
            )
    return "".join(pieces)


def test_broken_specs_are_refused_in_our_own_words() -> None:
    chance = random.Random(0)
    texts = [path.read_text() for path in sorted(SPECS.glob("*.dyn"))]
    refused = 0
    for _ in range(300):
        try:
            read(broken(chance.choice(texts), chance))
        except SpecError as error:
            refused += 1
            shown = [f"{item.message} {item.fix}" for item in error.diagnostics]
            assert not [word for word in LARKS_WORDS for text in shown if word in text]
            assert all(item.code in CODES and item.fix for item in error.diagnostics)
            assert render_all(error.diagnostics)
    assert refused > 200


def test_every_code_is_shown_by_a_test() -> None:
    folder = Path(__file__).parents[1] / "rejected" / "syntax"
    shown = {path.name.partition("_")[0] for path in folder.iterdir()}
    here = {"E120", "E121", "E124", "E125"}
    assert shown | here == set(CODES)


def test_the_examples_of_the_catalogue_are_right() -> None:
    for code, entry in CODES.items():
        if (
            entry.wrong.startswith("dynattn")
            or "..." in entry.wrong + entry.right
            or not entry.wrong
        ):
            continue
        assert code in found_in(entry.wrong), code
        assert found_in(entry.right) == set(), code


def found_in(text: str) -> set[str]:
    """The codes of an example, in the first block it is right in (or only wrong as meant)."""
    wraps = ["{}", "population p[N] {{ {} }}", "coupling c: a -> b {{ {} }}"]
    tries = [set(codes(wrap.format(text))) for wrap in wraps]
    return min(tries, key=lambda found: (len(found), "E109" in found, "E101" in found))


def test_the_cache_may_be_corrupt_or_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynattn.syntax import grammar

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    grammar.lark_parser.cache_clear()
    read("model a")
    (kept,) = (tmp_path / "dynattn").iterdir()
    for content in (b"", b"nonsense", kept.read_bytes()[:-100]):
        kept.write_bytes(content)
        grammar.lark_parser.cache_clear()
        read("model a")
        assert grammar.cached_parser(kept) is not None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    grammar.lark_parser.cache_clear()
    read("model a")
    assert os.listdir(tmp_path / "dynattn") == [kept.name]
