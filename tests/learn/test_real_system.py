"""Training the real thing: a Kuramoto attention layer, shrunk until a step takes milliseconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

import dynattn
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.learn.folder import RunFolder, new_run
from dynattn.learn.generate import sample
from dynattn.learn.metrics import read_metrics
from dynattn.learn.reports import Silence, StepReport
from dynattn.learn.train import train

SPEC = (Path(__file__).parents[2] / "specs" / "kuramoto_attention.dyn").read_text()
SMALL = {"C": 8, "H": 2, "depth": 2}


def compilation(folder: Path, **changes: tuple[str, str]) -> Compilation:
    text = SPEC.replace("context=128", "context=24").replace(
        "batch 32; steps 600", "batch 4; steps 9"
    )
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after)
    path = folder / "small_attention.dyn"
    path.write_text(text)
    return Compilation(Source(str(path), text), SMALL)


class Interrupt(Silence):
    def step(self, report: StepReport) -> None:
        if report.step == 5:
            os.kill(os.getpid(), signal.SIGINT)


def losses(folder: Path) -> list[tuple[str, int, float]]:
    return [(x["kind"], x["step"], x["loss"]) for x in read_metrics(folder / "metrics.jsonl")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    place = new_run("small", folder / "run")
    return train(compilation(folder), place, device="cpu", threads=1)


def test_an_interrupted_attention_run_goes_on_exactly(tmp_path, trained):
    spec = compilation(tmp_path)
    cut = new_run("small", tmp_path / "cut")
    interrupted = train(spec, cut, device="cpu", threads=1, progress=Interrupt())
    assert interrupted.interrupted
    resumed = train(spec, RunFolder(cut.path), device="cpu", threads=1, resume=True)
    assert losses(cut.path) == losses(trained.folder)
    assert resumed.final == trained.final


def test_bits_per_character_are_the_recorded_ones(trained):
    (recorded,) = trained.final.records.values()
    assert trained.final.bits_per_character == pytest.approx(recorded, rel=1e-5)


def test_a_run_folder_loads_with_its_weights(trained):
    system = dynattn.load(trained.folder).build(dtype=torch.float32)
    pairs = dict(trained.system.named_parameters())
    assert {name for name, _ in system.named_parameters()} == set(pairs)
    assert all(torch.equal(value, pairs[name]) for name, value in system.named_parameters())


def test_text_is_sampled_from_it(trained):
    made = sample(trained.system, b"ROMEO:", 12, context=24, seed=1)
    assert len(made) == 12
    assert made == sample(trained.system, b"ROMEO:", 12, context=24, seed=1)


def test_divergence_names_a_line_of_the_spec(tmp_path):
    spec = compilation(tmp_path, rate=("lr=6e-3", "lr=1e6"), clip=("; clip 1.0", ""))
    with pytest.raises(NumericalError) as caught:
        train(spec, new_run("small", tmp_path / "run"), device="cpu", threads=1)
    (found,) = caught.value.diagnostics
    assert found.code == "E580"
    told = "the gradient's norm is nan after 1 of 9 steps, first that of attend.0"
    assert found.message == told
    assert found.span is not None and "loss" in SPEC.splitlines()[found.span.line - 1]
