"""Arms of a spiral: every point stands where the formula puts it."""

from __future__ import annotations

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan

INPUTS = "input x: real[2]; input label: class(3)"


def load(data: str, inputs: str = INPUTS) -> SamplesData:
    label = "label" if "label" in inputs else "y"
    more = " + more" if "more" in inputs else ""
    text = f"""
model arms
{inputs}
network {{ output logits = linear(x, 3){more} }}
train {{ data {data}; loss cross_entropy(logits, {label}); steps 1 }}
"""
    found = make_plan(Compilation(Source("s.dyn", text)).model).data
    assert isinstance(found, SamplesData)
    return found


def test_without_noise_the_angle_tells_the_arm() -> None:
    data = load("spiral(noise=0, turns=2, samples=500, validation=70)")
    x, label = data.training.arrays["x"].astype(float), data.training.arrays["label"]
    radius = numpy.hypot(*x.T)
    turns = numpy.arctan2(x[:, 1], x[:, 0]) / (2 * numpy.pi)
    away = turns - 2 * radius - label / 3
    assert numpy.abs(away - away.round()).max() < 1e-5
    assert (data.training.count, data.validation.count) == (500, 70)
    assert 0.45 < radius.mean() < 0.55 and radius.max() < 1
    assert numpy.bincount(label).min() > 120


def test_noise_moves_along_the_circle_and_the_seed_decides() -> None:
    data = load("spiral(noise=0.05, samples=4000)")
    x, label = data.training.arrays["x"].astype(float), data.training.arrays["label"]
    turns = numpy.arctan2(x[:, 1], x[:, 0]) / (2 * numpy.pi)
    away = turns - 1.25 * numpy.hypot(*x.T) - label / 3
    assert (away - away.round()).std() == pytest.approx(0.05, rel=0.05)
    again, other = load("spiral(noise=0.05, samples=4000)"), load("spiral(seed=1, samples=4000)")
    assert numpy.array_equal(again.training.arrays["x"], data.training.arrays["x"])
    assert not numpy.array_equal(other.training.arrays["label"], label)
    test = load("spiral(validation=4000, measure=test)").validation.arrays["label"]
    assert not numpy.array_equal(test, load("spiral(validation=4000)").validation.arrays["label"])


@pytest.mark.parametrize(
    "inputs",
    [
        "input x: real[3]; input label: class(3)",
        "input x: real[2]; input y: class(3)",
        "input x: real[2]; input label: class(3); input more: real",
    ],
)
def test_other_inputs_are_refused(inputs: str) -> None:
    with pytest.raises(SpecError) as caught:
        load("spiral()", inputs)
    found = {item.code: item for item in caught.value.diagnostics}
    assert "a point of the plane" in found["E514"].message


def test_options_are_checked() -> None:
    with pytest.raises(SpecError) as caught:
        load("spiral(arms=5)")
    assert caught.value.diagnostics[0].code == "E511"
