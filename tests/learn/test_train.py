"""Training: what it writes, that it learns, stops, and goes on exactly."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from dynattn.diagnostics import files
from dynattn.diagnostics.report import NumericalError, SpecError, UsageError
from dynattn.learn.folder import RunFolder, new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.reports import EvaluationReport, Silence, StepReport, TrainingResult
from dynattn.learn.train import train
from tests.learn.small import SPEC, small


class Interrupt(Silence):
    """Presses Ctrl-C after a step, as the terminal would, or ends it as a cluster would."""

    def __init__(self, after: int, number: signal.Signals = signal.SIGINT) -> None:
        self.after, self.number = after, number

    def step(self, report: StepReport) -> None:
        if report.step == self.after:
            os.kill(os.getpid(), self.number)


class Notes(Silence):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def evaluated(self, report: EvaluationReport) -> None:
        self.said.append(report)

    def saved(self, path: Path) -> None:
        self.said.append(path.name)

    def done(self, result: TrainingResult) -> None:
        self.said.append("done")

    def failed(self) -> None:
        self.said.append("failed")


def run(folder: Path, name: str = "run", **options: Any) -> TrainingResult:
    compilation = options.pop("compilation", None) or small(folder)
    place = RunFolder(folder / name) if options.get("resume") else new_run("small", folder / name)
    return train(compilation, place, device="cpu", threads=1, **options)


def diagnostic(call, *arguments, error=SpecError, **named):
    with pytest.raises(error) as caught:
        call(*arguments, **named)
    (found,) = caught.value.diagnostics
    return found


def losses(folder: Path) -> list[tuple[Any, ...]]:
    """Every line of a log without what the clock says."""
    return [
        (line["kind"], line["step"], line["loss"], line.get("rate"), line.get("gradient"))
        for line in read_metrics(folder / "metrics.jsonl")
    ]


def test_a_run_folder_holds_everything(tmp_path):
    result = run(tmp_path)
    made = {str(p.relative_to(result.folder)) for p in result.folder.rglob("*") if p.is_file()}
    events = {name for name in made if name.startswith("tensorboard/")}
    assert made - events == {
        "spec.dyn", "settings.json", "result.json", "metrics.jsonl",
        "checkpoints/best.safetensors", "checkpoints/best.json",
        "checkpoints/last.safetensors", "checkpoints/last.json",
    }  # fmt: skip
    assert len(events) == 1
    settings = json.loads((result.folder / "settings.json").read_text())
    assert (result.folder / "spec.dyn").read_text() == SPEC
    assert (settings["seed"], settings["threads"], settings["parameters"]) == (3, 1, 2176)
    assert settings["optimizer"]["betas"] == [0.9, 0.999]
    assert settings["versions"]["torch"] == torch.__version__


def test_nothing_is_pickled(tmp_path):
    result = run(tmp_path)
    starts = {p.suffix: p.read_bytes()[:1] for p in (result.folder / "checkpoints").iterdir()}
    assert set(starts) == {".safetensors", ".json"}


def test_training_beats_the_unigram(tmp_path):
    result = run(tmp_path, compilation=small(tmp_path, ("steps 12", "steps 200")))
    assert result.final is not None and result.final.bits_per_character is not None
    assert result.final.bits_per_character < result.baselines["unigram"]
    label = "loss/log(2)"
    assert result.final.records[label] == pytest.approx(result.final.bits_per_character, rel=1e-6)


def test_the_same_seed_gives_the_same_run(tmp_path):
    run(tmp_path, "one")
    torch.rand(5)  # what the caller draws changes nothing
    run(tmp_path, "two")
    run(tmp_path, "three", compilation=small(tmp_path, seed=4))
    assert losses(tmp_path / "one") == losses(tmp_path / "two")
    assert losses(tmp_path / "one") != losses(tmp_path / "three")


def test_training_leaves_the_callers_generator_and_threads_alone(tmp_path):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("after", "number"),
    [(1, signal.SIGINT), (5, signal.SIGINT), (11, signal.SIGINT), (12, signal.SIGINT),
     (5, signal.SIGTERM)],
)  # fmt: skip
def test_an_interrupted_run_goes_on_exactly(tmp_path, after, number):
    whole = run(tmp_path, "whole")
    cut = run(tmp_path, "cut", progress=Interrupt(after, number))
    assert (cut.interrupted, cut.step, cut.final) == (True, after, None)
    resumed = run(tmp_path, "cut", resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert resumed.final == whole.final
    pairs = zip(whole.system.parameters(), resumed.system.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(tmp_path):
    longer = small(tmp_path, ("steps 12", "steps 40"))
    whole = run(tmp_path, "whole", compilation=longer)

    class Killed(Exception):
        pass

    class Kill(Silence):
        def step(self, report: StepReport) -> None:
            if report.step == 20:
                raise Killed

    with pytest.raises(Killed):
        run(tmp_path, "cut", compilation=longer, progress=Kill())
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as log:
        log.write('{"kind": "train", "st')  # the line it was writing
    resumed = run(tmp_path, "cut", compilation=longer, resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert resumed.final == whole.final


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_do_after_a_run_what_they_did_before(tmp_path, number):
    before = signal.getsignal(number)
    run(tmp_path)
    assert signal.getsignal(number) is before


def test_the_reporter_hears_everything_in_order(tmp_path):
    notes = Notes()
    run(tmp_path, compilation=small(tmp_path, ("steps 12", "steps 2")), progress=notes)
    assert [type(item).__name__ if not isinstance(item, str) else item for item in notes.said] == [
        "best.safetensors", "EvaluationReport", "last.safetensors",
        "best.safetensors", "EvaluationReport", "last.safetensors",
        "EvaluationReport", "done",
    ]  # fmt: skip
    assert notes.said[-2].whole


# ── what is refused ────────────────────────────────────────────────────────────────────────────


def cut_short(folder: Path) -> None:
    run(folder, progress=Interrupt(5))


def test_resuming_with_another_spec(tmp_path):
    cut_short(tmp_path)
    other = small(tmp_path, ("batch 4", "batch 8"))
    found = diagnostic(run, tmp_path, resume=True, compilation=other)
    assert found.code == "E543"
    assert found.message == (
        f"the run in {tmp_path / 'run'} was started with another spec: line 19 was "
        "'batch 4; steps 12; seed 3', and is 'batch 8; steps 12; seed 3'"
    )


def test_a_finished_run_of_another_spec(tmp_path):
    """That it is another spec's is told before that it is finished, or that its settings differ."""
    run(tmp_path, compilation=small(tmp_path, overrides={"C": 4}))
    other = small(tmp_path, ("C = 8", "width = 8"), (", C)", ", width)"))
    found = diagnostic(run, tmp_path, resume=True, compilation=other)
    assert found.code == "E543"
    assert "line 3 was 'param V = 128, C = 8', and is 'param V = 128, width = 8'" in found.message


def test_resuming_with_other_settings(tmp_path):
    cut_short(tmp_path)
    other = small(tmp_path, overrides={"C": 8})
    found = diagnostic(run, tmp_path, resume=True, compilation=other)
    message = f"the run in {tmp_path / 'run'} was started with overrides {{}}, not {{'C': 8}}"
    assert (found.code, found.message) == ("E544", message)


def test_resuming_keeps_settings_that_were_given(tmp_path):
    set_before = small(tmp_path, overrides={"C": numpy.int64(4)})
    run(tmp_path, "whole", compilation=set_before)
    run(tmp_path, "cut", compilation=set_before, progress=Interrupt(4))
    assert run(tmp_path, "cut", resume=True).system.sizes["C"] == 4
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_resuming_with_another_seed(tmp_path):
    cut_short(tmp_path)
    other = small(tmp_path, seed=9)
    found = diagnostic(run, tmp_path, resume=True, compilation=other)
    message = f"the run in {tmp_path / 'run'} was started with seed 3, not 9"
    assert (found.code, found.message) == ("E544", message)


def test_resuming_keeps_a_seed_that_was_given(tmp_path):
    seeded = small(tmp_path, seed=9)
    run(tmp_path, "whole", compilation=seeded)
    run(tmp_path, "cut", compilation=seeded, progress=Interrupt(4))
    run(tmp_path, "cut", resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_resuming_with_other_data(tmp_path):
    cut_short(tmp_path)
    before = json.loads((tmp_path / "run" / "settings.json").read_text())["data"]
    (tmp_path / "words.txt").write_bytes(b"other words, " * 80)
    found = diagnostic(run, tmp_path, resume=True)
    assert found.code == "E544"
    assert found.message.startswith(
        f"the data of the run in {tmp_path / 'run'} has changed: sha256 {before['sha256']}, now "
    )


def test_resuming_a_finished_run(tmp_path):
    run(tmp_path)
    found = diagnostic(run, tmp_path, resume=True)
    message = f"the run in {tmp_path / 'run'} is finished: 12 steps"
    assert (found.code, found.message) == ("E546", message)


def test_a_checkpoint_of_another_spec_in_the_folder(tmp_path):
    cut_short(tmp_path)
    wider = small(tmp_path, overrides={"V": 130})
    run(tmp_path, "wider", compilation=wider, progress=Interrupt(5))
    stolen = tmp_path / "wider" / "checkpoints" / "last.safetensors"
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    last.write_bytes(stolen.read_bytes())
    found = diagnostic(run, tmp_path, resume=True)
    assert found.code == "E542"
    assert "x.embed.weight is [130, 8] in it and [128, 8] in the spec" in found.message


def test_a_device_that_is_not_there(tmp_path):
    place = new_run("small", tmp_path / "run")
    found = diagnostic(train, small(tmp_path), place, device="cuda:99", error=UsageError)
    assert (found.code, found.message) == ("E703", "'cuda:99' is not there on this machine")
    assert found.fix.startswith("this machine has cpu")
    unknown = diagnostic(train, small(tmp_path), place, device="gpu", error=UsageError)
    assert unknown.message == "'gpu' is not a device"


def test_a_loss_that_is_no_number(tmp_path):
    """The steps of margin sum to 0.015 after three, and to 0.025 after four."""
    loss = "cross_entropy(logits, next(text))"
    broken = small(
        tmp_path,
        ("dim T", "learn margin = 0.02\ndim T"),
        (f"{loss}\n", f"{loss} + log(margin)\n"),
        ("cosine(warmup=0.1,", "cosine(warmup=4,"),
        ("steps 12", "steps 40"),
    )
    notes = Notes()
    found = diagnostic(run, tmp_path, compilation=broken, error=NumericalError, progress=notes)
    assert (found.code, found.message) == ("E580", "the loss is nan after 4 of 40 steps")
    assert found.fix == (
        "lower the learning rate (lr=), clip gradients (clip 1.0) or lengthen warmup=; the "
        f"checkpoint before it is whole: {tmp_path / 'run' / 'checkpoints' / 'last.safetensors'}"
    )
    assert found.span is not None and found.span.line == 16
    assert notes.said[-1] == "failed"


def test_a_disk_that_fills_while_training(tmp_path, monkeypatch):
    real, calls = os.replace, []

    def fill(source, target):
        calls.append(target)
        if len(calls) > 12:
            raise OSError(28, os.strerror(28))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", fill)
    found = diagnostic(run, tmp_path)
    assert found.code == "E705"
    monkeypatch.setattr(files.os, "replace", real)
    whole = run(tmp_path, "whole")
    resumed = run(tmp_path, resume=True)
    assert resumed.final == whole.final
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_a_gpu(tmp_path):
    place = new_run("small", tmp_path / "run")
    result = train(small(tmp_path, ("steps 12", "steps 200")), place, device="cuda")
    assert result.final is not None
    assert result.final.bits_per_character < result.baselines["unigram"]  # type: ignore[operator]
