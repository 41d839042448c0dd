"""Data whose samples have lengths of their own: read, refused, drawn, trained on and resumed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.learn.evaluate import measure
from dynattn.learn.folder import RunFolder, new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan
from dynattn.learn.reports import Silence, StepReport
from dynattn.learn.train import train

SPEC = """
model ragged "Which of two tokens there is more of, and where the mark is"
param V = 3, d = 4
dim T <= 9
input text: token(V)[T]
input frames: real[T, 2]
input mark: class(T)
input label: class(2)
network {
  x = embed(text, d) + linear(frames, d)
  output logit = linear([mean(x), x[mark]], 1)
  output logits = linear(x, V)
}
train {
  data arrays("r.npz"OPTIONS)
  loss binary_cross_entropy(logit, label) + LOSS
  record accuracy(logit, label), exp(loss)
  optimizer adam(lr=2e-2)
  batch 16; steps 60; seed 1
}
"""


def arrays(count: int = 200, seed: int = 0) -> dict[str, Any]:
    """Padded samples of 2 to 9 places; the padding is what would be wrong anywhere else."""
    rng = numpy.random.default_rng(seed)
    T = rng.integers(2, 10, count)
    text = numpy.full((count, 9), -1)
    frames = numpy.full((count, 11, 2), numpy.nan)
    label = numpy.zeros(count, int)
    for row, length in enumerate(T):
        text[row, :length] = rng.integers(0, 3, length)
        frames[row, :length] = rng.standard_normal((length, 2))
        label[row] = (text[row] == 0).sum() > (text[row] == 1).sum()
    return {"text": text, "frames": frames, "mark": rng.integers(0, T), "label": label, "T": T}


def stored(folder: Path, given: dict[str, Any], options: str = "", loss: str = "0.01 * T") -> Any:
    numpy.savez(folder / "r.npz", **{name: a for name, a in given.items() if a is not None})
    text = SPEC.replace("OPTIONS", options).replace("LOSS", loss)
    (folder / "r.dyn").write_text(text)
    return Compilation(Source(str(folder / "r.dyn"), text))


def read(spec: Compilation) -> SamplesData:
    data = make_plan(spec.model).data
    assert isinstance(data, SamplesData)
    return data


# ── what is refused ────────────────────────────────────────────────────────────────────────────


def put(name: str, place: Any, value: Any) -> dict[str, Any]:
    array = arrays()[name].copy()
    array[place] = value
    return {name: array}


T = arrays()["T"]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (put("T", 7, 10), "E522", "sample 7 (from 0) has T = 10, above dim T <= 9"),
        (put("T", 3, 0), "E522", "sample 3 (from 0) has T = 0"),
        ({"text": arrays()["text"][:, :8]}, "E522",
         f"sample {int((T > 8).argmax())} (from 0) has T = 9, and the array 'text' has 8 places"),
        ({"T": T[:50]}, "E522", "the lengths 'T' are int64[50], and there are 200 samples"),
        ({"T": T * 1.0}, "E522", "the lengths 'T' are float64[200]"),
        ({"T": None, "frames": numpy.ones((200, 5, 2))}, "E522",
         "T is 9 in one array, 5 in 'frames'"),
        ({"T": None, "text": numpy.ones((200, 9), int), "frames": arrays()["frames"][:, :9]},
         "E519", "'frames' holds something that is no finite real number: sample 0 (from 0)"),
        (put("frames", (5, 1, 0), numpy.inf), "E519", "no finite real number: sample 5 (from 0)"),
        (put("text", (4, 1), 3), "E519", "holds 3, and its classes are 0 .. 2: sample 4 (from 0)"),
        (put("mark", 6, T[6]), "E519",
         f"holds {T[6]}, and its classes are 0 .. {T[6] - 1}: sample 6 (from 0)"),
    ],
)  # fmt: skip
def test_lengths_and_values_that_do_not_fit(
    tmp_path: Path, change: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read(stored(tmp_path, arrays() | change))
    (found,) = caught.value.diagnostics
    assert found.code == code and text in found.message and found.fix
    assert found.span is not None and found.span.text == 'arrays("r.npz")'


def test_a_sample_without_a_next_token_is_refused(tmp_path: Path) -> None:
    given = arrays() | put("T", 9, 1) | put("mark", 9, 0)
    assert read(stored(tmp_path, given)).samples == 180
    with pytest.raises(SpecError, match=re.escape("sample 9 (from 0) has T = 1, and next(text)")):
        read(stored(tmp_path, given, loss="cross_entropy(logits, next(text))"))


def test_a_checksum_that_is_another(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="another checksum"):
        read(stored(tmp_path, arrays(), ', checksum="00ff"'))


# ── what is drawn ──────────────────────────────────────────────────────────────────────────────


def test_a_batch_has_whole_samples_without_their_padding(tmp_path: Path) -> None:
    given = arrays()
    data = read(stored(tmp_path, given))
    known = {
        given["text"][row, :n].tobytes() + given["frames"][row, :n].astype("f4").tobytes():
        (given["mark"][row], given["label"][row]) for row, n in enumerate(given["T"])
    }  # fmt: skip
    batch = data.draw(numpy.random.default_rng(0), 40)
    assert sum(len(group["label"]) for group in batch) == 40
    for group in batch:
        for text, frames, *rest in zip(*group.values(), strict=True):
            assert tuple(rest) == known[text.tobytes() + frames.tobytes()]
    assert data.facts["lengths"] == {"T": [2, 9]} and data.facts["validation"] == 20
    whole = data.draw(numpy.random.default_rng(0), data.samples)
    part = data.training
    assert sorted(text.tobytes() for group in whole for text in group["text"]) == sorted(
        part.arrays["text"][row, :n].tobytes() for row, n in enumerate(part.lengths["T"])
    )


def test_every_sample_is_drawn_as_often_and_with_its_like(tmp_path: Path) -> None:
    given = arrays(4000) | {"label": numpy.zeros(4000, int)}
    for options, fewest, most in (("", 1, 3), (", batches=mixed", 7, 8)):
        data = read(stored(tmp_path, given, f", split=[3999, 1]{options}"))
        rng, seen, groups = numpy.random.default_rng(0), numpy.zeros(10), 0
        for _ in range(2000):
            batch = data.draw(rng, 32)
            groups += len(batch)
            for group in batch:
                seen[group["text"].shape[1]] += len(group["text"])
        shares = numpy.bincount(data.training.lengths["T"], minlength=10) / 3999
        # neighbours are drawn together, so that 2000 batches count, not their 64000 samples
        assert numpy.abs(seen / 64000 - shares).max() < 0.02
        assert fewest <= groups / 2000 <= most


def test_a_measurement_does_not_depend_on_the_batches(tmp_path: Path) -> None:
    found = []
    for batch in (1, 7, 16, 100):
        spec = stored(tmp_path, arrays(), ", split=[100, 100]", "cross_entropy(logits, next(text))")
        plan = make_plan(spec.model)
        system = spec.build(dtype=torch.float64)
        training = plan.training.__class__(**{**vars(plan.training), "batch": batch})
        found.append(measure(system, training, plan.data, torch.device("cpu")))
    for other in found[1:]:
        assert other.samples == 100
        assert other.loss == pytest.approx(found[0].loss, rel=1e-12)
        assert other.records == pytest.approx(found[0].records, rel=1e-12)
    assert found[0].records["exp(loss)"] == pytest.approx(numpy.exp(found[0].loss), rel=1e-12)


STIRRED = """
layer stir(x: real[T, d]) {
  population cell[T] { state h on real(d) = x; drift -h; noise 0.5 }
  evolve { steps 1 }
  output h
}
network {"""


def test_every_mean_of_a_measurement_is_of_the_same_noise(tmp_path: Path) -> None:
    """The second record is a mean made with another one: it takes a second pass."""
    spec = stored(tmp_path, arrays(), loss="0")
    text = (
        spec.source.text.replace("network {", STIRRED)
        .replace("linear(frames, d)", "linear(frames, d); x = stir(x)")
        .replace("exp(loss)", "norm(logit), norm(logit) * mean(logits^2) / mean(logits^2)")
    )
    spec = Compilation(Source(spec.source.path, text))
    plan, system = make_plan(spec.model), spec.build(dtype=torch.float64)
    found = [measure(system, plan.training, plan.data, torch.device("cpu")) for _ in range(2)]
    for one in found:
        first, second = (value for name, value in one.records.items() if name.startswith("norm"))
        assert second == pytest.approx(first, rel=1e-12)
    assert found[0].loss != found[1].loss


def test_a_number_that_is_none_is_traced_to_its_line(tmp_path: Path) -> None:
    spec = stored(tmp_path, arrays())
    text = spec.source.text.replace("linear(frames, d)", "linear(log(frames), d)")
    spec = Compilation(Source(spec.source.path, text))
    with pytest.raises(NumericalError) as caught:
        train(spec, new_run("ragged", tmp_path / "run"), device="cpu", threads=1)
    (found,) = caught.value.diagnostics
    assert found.code == "E580" and found.span is not None and found.span.text == "log(frames)"


# ── training ───────────────────────────────────────────────────────────────────────────────────


class Interrupt(Silence):
    """Presses Ctrl-C after a step."""

    def step(self, report: StepReport) -> None:
        if report.step == 23:
            os.kill(os.getpid(), signal.SIGINT)


def test_training_learns_and_goes_on_exactly_where_it_stopped(tmp_path: Path) -> None:
    spec = stored(tmp_path, arrays(600))
    whole = train(spec, new_run("ragged", tmp_path / "whole"), device="cpu", threads=1)
    assert whole.final is not None and whole.final.bits_per_character is None
    assert whole.final.records["accuracy(logit, label)"] > 0.8
    folder = new_run("ragged", tmp_path / "cut")
    cut = train(spec, folder, device="cpu", threads=1, progress=Interrupt())
    assert cut.interrupted
    train(spec, RunFolder(folder.path), device="cpu", threads=1, resume=True)
    logs = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut")]
    first, second = ([(x["kind"], x["step"], x["loss"]) for x in log] for log in logs)
    assert first == second and len(first) > 60
