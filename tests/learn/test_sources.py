"""Arrays as data."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy
import pytest

import dynattn
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.folder import new_run
from dynattn.learn.plan import make_plan
from dynattn.learn.train import train
from dynattn.model.model import Model

TIDAL = """
model tidal "A small one"
param d = 5, n = 4, classes = 3
input image: real[d]
input label: class(classes)
layer pass(h: real[n]) { output tanh(linear(h, n, init=orthogonal(1.1))) }
network {
  h = tanh(linear(image, n))
  repeat 4 tied { repeat 2 { h = pass(h) } }
  output logits = linear(h, classes)
}
train {
  data DATA
  loss cross_entropy(logits, label)
  record accuracy(logits, label)
  optimizer adam(lr=2e-2)
  batch 20; epochs 12; seed 0
}
"""


def tidal(data: str, path: str = "tidal.dyn") -> Model:
    return dynattn.Compilation(Source(path, TIDAL.replace("DATA", data))).model


# ── arrays ─────────────────────────────────────────────────────────────────────────────────────


def clouds(count: int = 300) -> dict[str, Any]:
    """Three clouds of points in five dimensions."""
    rng = numpy.random.default_rng(0)
    label = rng.integers(0, 3, count)
    return {"image": rng.standard_normal((count, 5)) + 2 * numpy.eye(3, 5)[label], "label": label}


def stored(folder: Path, data: str = 'arrays("c.npz")', **arrays: Any) -> Model:
    numpy.savez(folder / "c.npz", **arrays)
    return tidal(data, str(folder / "tidal.dyn"))


def test_every_input_takes_the_array_of_its_name(tmp_path: Path) -> None:
    given = clouds()
    data = make_plan(stored(tmp_path, **given)).data
    assert data.samples == 270 and data.facts["validation"] == 30
    (drawn,) = data.draw(numpy.random.default_rng(1), 8)
    known = {row.astype(numpy.float32).tobytes(): k for k, row in enumerate(given["image"])}
    rows = [known[row.tobytes()] for row in drawn["image"]]
    assert drawn["label"].tolist() == given["label"][rows].tolist()
    batches = list(data.validation_batches(20))
    assert [count for _, count in batches] == [20, 10]
    seen = {row.tobytes() for (inputs,), _ in batches for row in inputs["image"]}
    assert len(seen) == 30 and not seen & {row.tobytes() for row in drawn["image"]}


def test_a_batch_of_as_many_as_there_are_is_all_of_them(tmp_path: Path) -> None:
    data = make_plan(stored(tmp_path, **clouds())).data
    (drawn,) = data.draw(numpy.random.default_rng(1), 270)
    assert len({row.tobytes() for row in drawn["image"]}) == 270


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"label": None}, "no array 'label'"),
        ({"image": numpy.ones((300, 4))}, "has the shape [300, 4], not [samples, 5]"),
        ({"image": numpy.ones((20, 5))}, "different numbers of samples"),
        ({"image": numpy.full((300, 5), numpy.nan)}, "no finite real number"),
        ({"label": numpy.full(300, 0.5)}, "a class is a whole number"),
        ({"label": numpy.full(300, 3)}, "holds 3, and its classes are 0 .. 2"),
        ({"label": numpy.full(300, -1)}, "holds -1"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    arrays = {name: a for name, a in (clouds() | change).items() if a is not None}
    with pytest.raises(SpecError) as caught:
        make_plan(stored(tmp_path, **arrays))
    (found,) = caught.value.diagnostics
    assert found.code == "E519" and text in found.message and found.fix


def test_no_npz_file_and_an_empty_part(tmp_path: Path) -> None:
    model = stored(tmp_path, 'arrays("c.npz", split=[300, 1])', **clouds())
    with pytest.raises(SpecError, match="leaves a part empty"):
        make_plan(model)
    (tmp_path / "c.npz").write_text("no npz")
    with pytest.raises(SpecError, match="no npz file"):
        make_plan(model)


def test_training_on_arrays_tells_the_clouds_apart(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "c.npz", **clouds())
    source = Source(str(tmp_path / "tidal.dyn"), TIDAL.replace("DATA", 'arrays("c.npz")'))
    spec = dynattn.Compilation(source)
    result = train(spec, new_run("tidal", tmp_path / "run"), device="cpu")
    assert result.final is not None and result.final.bits_per_character is None
    assert result.final.loss < 0.7 * math.log(3)
    assert result.final.records["accuracy(logits, label)"] > 0.7


def test_classes_of_a_sequence_and_one_length_for_all(tmp_path: Path) -> None:
    text = """
model places "Where the mark is"
dim T <= 6
input frames: real[T, 2]
input marks: token(4)[T]
input place: class(T)
network { output y = linear(frames[place], 1) + linear(mean(embed(marks, 3)), 1) }
train { data arrays("c.npz"); loss y^2; steps 1 }
"""
    source = Source(str(tmp_path / "p.dyn"), text)

    def load(length: int, place: int, marks: int) -> Any:
        rows = {"frames": numpy.ones((20, length, 2)), "marks": numpy.ones((20, marks), int)}
        numpy.savez(tmp_path / "c.npz", place=numpy.full(20, place), **rows)
        return make_plan(dynattn.Compilation(source).model)

    assert load(5, 4, 5).data.samples == 18
    for given, wrong in (
        ((5, 5, 5), "holds 5"),
        ((7, 0, 7), "[20, 7, 2]"),
        ((5, 0, 4), "T is 5 in one"),
    ):
        with pytest.raises(SpecError, match=re.escape(wrong)):
            load(*given)
