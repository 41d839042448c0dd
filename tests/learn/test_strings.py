"""Strings that come again: what is asked can be told from what stands before."""

from __future__ import annotations

import re
from typing import Any

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan

WHOLE = "dim T; input text: token(12)[T]"
ASKED = f"{WHOLE}; input last: class(T); input label: class(12)"


def load(data: str, inputs: str = ASKED) -> SamplesData:
    asked = "label" in inputs
    network = "embed(text, 3)[last]" if asked else "embed(text, 3)"
    loss = "label" if asked else "next(text)"
    text = f"""
model strings
{inputs}
network {{ output logits = linear({network}, 12) }}
train {{ data {data}; loss cross_entropy(logits, {loss}); steps 1 }}
"""
    found = make_plan(Compilation(Source("s.dyn", text)).model).data
    assert isinstance(found, SamplesData)
    return found


def rows(data: SamplesData) -> list[tuple[list[int], int, int]]:
    part = data.training
    both = zip(part.arrays["text"], part.lengths["T"], strict=True)
    said = [text[:length].tolist() for text, length in both]
    labels = part.arrays.get("label", numpy.zeros(len(said), int))
    places = part.arrays.get("last", part.lengths["T"] - 1)
    return list(zip(said, places.tolist(), labels.tolist(), strict=True))


def test_what_follows_is_what_followed_before() -> None:
    lengths = set()
    for text, last, label in rows(load("induction(length=8, shortest=5, samples=300)")):
        assert last == len(text) - 1
        before = text.index(text[-1])  # symbols are different within a string
        assert before < last and text[before + 1] == label
        lengths.add(len(text))
    assert lengths == set(range(6, 16))


def test_a_copy_begins_at_the_mark() -> None:
    ends = set()
    for text, last, label in rows(load("copy(length=6, samples=200, symbols=any)")):
        assert text[6] == 0 and 0 not in text[:6] and last == len(text) - 1
        copied = text[7:]
        assert copied == text[: len(copied)] and label == text[len(copied)]
        ends.add(len(copied))
    assert ends == set(range(6))


def test_whole_strings_twice_and_parts_of_their_own() -> None:
    data = load("induction(length=5, samples=40, validation=40)", WHOLE)
    for text, _, _ in rows(data):
        assert len(text) == 10 and text[:5] == text[5:] and len(set(text)) == 5
    fixed = load(
        "copy(length=5, samples=40, validation=40)", WHOLE.replace("dim T;", "param T = 11;")
    )
    assert fixed.training.arrays["text"].shape == (40, 11)
    other = load("induction(length=5, samples=40, validation=40, measure=test)", WHOLE)
    assert (other.training.arrays["text"] == data.training.arrays["text"]).all()
    assert (other.validation.arrays["text"] != data.validation.arrays["text"]).any()
    assert (
        load("copy(length=5, seed=1)").facts["sha256"]
        != load("copy(length=5, seed=2)").facts["sha256"]
    )


def test_made_data_are_called_as_they_were_written() -> None:
    assert load("copy(length=5)").facts["path"] == "copy(length=5, seed=0)"
    found = load("induction(seed=2, length=6, shortest=4)").facts["path"]
    assert found == "induction(length=6, shortest=4, seed=2)"


def code(data: str, inputs: str = ASKED) -> Any:
    with pytest.raises(SpecError) as caught:
        load(data, inputs)
    (found,) = caught.value.diagnostics
    assert found.fix and re.search(r"\d|'", found.message)
    return found.code


def test_strings_that_do_not_fit() -> None:
    assert code("copy(length=12)") == "E508"
    assert code("induction(length=13)") == "E508"
    assert code("induction(length=5, shortest=6)") == "E512"
    assert code("induction(length=1)") == "E512"
    assert code("induction(length=5)", WHOLE.replace("dim T;", "param T = 11;")) == "E514"
    assert code("induction(length=5)", WHOLE.replace("dim T;", "dim T <= 9;")) == "E516"
    assert code("copy(length=5)", "dim T; input text: token(12)[T]; input last: class(T)") == "E514"
