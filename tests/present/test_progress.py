"""Training on the terminal and in a pipe."""

from __future__ import annotations

import io
from pathlib import Path

from dynattn.learn.reports import EvaluationReport, RunSettings, StepReport, TrainingResult
from dynattn.present import progress
from dynattn.present.progress import BarProgress, LineProgress, training_progress

BASELINES = {"unigram": 4.7891, "bigram": 3.4567}
SETTINGS = RunSettings(
    model="small", spec="my spec.dyn", spec_sha256="00", overrides={}, seed=3, device="cpu",
    dtype="float32", threads=1, parameters=2176, steps=100, batch=4, evaluate_every=10,
    optimizer={}, schedule={}, clip=None,
    data={"path": "[red]words.txt", "context": 16, "training": 936, "validation": 104},
    baselines=BASELINES, versions={}, tensorboard=False,
)  # fmt: skip
FOLDER = Path("runs/small-1")


def step(number: int) -> StepReport:
    return StepReport(number, 2.5, 1e-3, 1.5, 12345.0)


def measured(whole: bool, bits: float | None = 2.7182) -> EvaluationReport:
    return EvaluationReport(100, 1.8842, bits, {"exp(loss)": 6.58}, 6, whole, True)


def result(final: EvaluationReport | None) -> TrainingResult:
    interrupted = final is None
    return TrainingResult(
        FOLDER, "small", "my spec.dyn", 7 if interrupted else 100, 100, interrupted, 1.0,
        BASELINES, final,
    )  # fmt: skip


def lines_of(monkeypatch, *, final: EvaluationReport | None = None) -> list[str]:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    stream = io.StringIO()
    reporter = training_progress(stream)
    assert isinstance(reporter, LineProgress)
    reporter.start(SETTINGS, FOLDER, 0)
    reporter.step(step(1))
    reporter.evaluated(measured(False))
    reporter.saved(FOLDER)
    if final is None:
        reporter.interrupted(result(None))
    else:
        reporter.done(result(final))
    return stream.getvalue().splitlines()


def test_plain_lines_of_a_run(monkeypatch):
    assert lines_of(monkeypatch, final=measured(True)) == [
        "training small: 2,176 learned numbers, 100 steps, batch 4, context 16",
        "on cpu (1 thread, float32), seed 3",
        "data [red]words.txt: 936 symbols to train on, 104 to measure on",
        "bits per character without a model: unigram 4.789, bigram 3.457",
        "run folder runs/small-1",
        "TensorBoard is not installed: metrics go to metrics.jsonl alone",
        "step 1/100  loss 2.5000  12,345 tokens/s",
        "step 100/100  validation 2.718 bits per character  (unigram 4.789, bigram 3.457)",
        "bits per character of the validation text          ",
        "unigram statistics                            4.789",
        "bigram statistics                             3.457",
        "small, best checkpoint (step 100)             2.718",
    ]


def test_an_interrupted_run_says_how_to_go_on(monkeypatch):
    assert lines_of(monkeypatch)[-2:] == [
        "interrupted after step 7 of 100; everything is saved",
        "go on: dynattn compile 'my spec.dyn' --train --resume runs/small-1",
    ]


def test_a_loss_that_is_not_bits(monkeypatch):
    lines = lines_of(monkeypatch, final=measured(True, bits=None))
    assert lines[-2:] == ["validation loss    1.8842", "exp(loss)          6.5800"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_text_as_it_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    reporter = training_progress(stream)
    assert isinstance(reporter, BarProgress)
    reporter.start(SETTINGS, FOLDER, 40)
    reporter.step(step(41))
    reporter.evaluated(measured(False))
    reporter.done(result(measured(True)))
    shown = stream.getvalue()
    assert "going on with small after step 40" in shown
    assert "[red]words.txt" in shown  # never read as markup
    assert "41/100" in shown and "time left" in shown
    assert "validation 2.718 bits per character  (unigram 4.789, bigram 3.457)" in shown
    assert "best checkpoint (step 100)" in shown


def test_a_failure_takes_the_bar_away():
    stream = Terminal()
    reporter = BarProgress(stream)
    reporter.failed()  # before the start there is nothing to take away
    reporter.start(SETTINGS, FOLDER, 0)
    reporter.failed()
    assert stream.getvalue().endswith("\x1b[?25h")  # the cursor is back
