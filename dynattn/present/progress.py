"""Training on the terminal: a bar with the time left for a person, plain lines where piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, TextIO

from dynattn.learn.reports import (
    EvaluationReport,
    Reporter,
    RunSettings,
    StepReport,
    TrainingResult,
)
from dynattn.present.pace import SECONDS_BETWEEN_LINES

_SMOOTHING = 0.95
"""Weight of what came before in the shown loss and pace; the log holds the plain values."""


def training_progress(stream: TextIO | None = None) -> Reporter:
    """The reporter for where the output goes: a terminal, or a pipe or file."""
    place: TextIO = sys.stdout if stream is None else stream
    return BarProgress(place) if place.isatty() else LineProgress(place)


class _Mean:
    """A running mean that starts at the first value."""

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, new: float) -> float:
        before = self.value
        self.value = new if before is None else _SMOOTHING * before + (1 - _SMOOTHING) * new
        return self.value


class LineProgress:
    """Plain lines: one every few seconds, one for every measurement."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._loss, self._pace = _Mean(), _Mean()
        self._said = time.monotonic()
        self._steps = 0
        self._baselines: Mapping[str, float] = {}

    def start(self, settings: RunSettings, folder: Path, step: int) -> None:
        """Says what is trained on what."""
        self._steps, self._baselines = settings.steps, settings.baselines
        for line in start_lines(settings, folder, step):
            self._say(line)

    def step(self, report: StepReport) -> None:
        """Says where training is, where the last line is some seconds old."""
        loss, pace = self._loss.add(report.loss), self._pace.add(report.tokens_per_second)
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._say(f"step {report.step}/{self._steps}  loss {loss:.4f}  {pace:,.0f} tokens/s")

    def evaluated(self, report: EvaluationReport) -> None:
        """Says what was measured."""
        line = measured_line(report, self._baselines)
        self._say(f"step {report.step}/{self._steps}  {line}")

    def saved(self, path: Path) -> None:
        """Nothing: the folder has been named."""

    def interrupted(self, result: TrainingResult) -> None:
        """Says how to go on."""
        for line in interrupted_lines(result):
            self._say(line)

    def done(self, result: TrainingResult) -> None:
        """Shows the result beside the baselines."""
        rows = result_rows(result)
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self._say(f"{name:<{width}}  {value:>8}")

    def failed(self) -> None:
        """Nothing: the error speaks."""

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
        self._said = time.monotonic()


class BarProgress:
    """A bar with loss, measured value, pace and time left; a table at the end."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._bar: Any = None
        self._task: Any = None
        self._loss, self._pace = _Mean(), _Mean()
        self._baselines: Mapping[str, float] = {}
        self._steps = 0

    def start(self, settings: RunSettings, folder: Path, step: int) -> None:
        """Says what is trained on what, and draws the bar."""
        self._baselines, self._steps = settings.baselines, settings.steps

        for line in start_lines(settings, folder, step):
            self._print(line)
        self._bar = counting_bar(self._console)
        self._task = self._bar.add_task("", total=settings.steps, completed=step)
        self._bar.start()

    def step(self, report: StepReport) -> None:
        """Moves the bar."""
        loss, pace = self._loss.add(report.loss), self._pace.add(report.tokens_per_second)
        text = f"loss {loss:.3f}  {pace:,.0f} tokens/s  time left"
        self._bar.update(self._task, completed=report.step, description=text)

    def evaluated(self, report: EvaluationReport) -> None:
        """Says what was measured, above the bar."""
        self._print(f"step {report.step:>{len(str(self._steps))}}  " + self._measured(report))

    def saved(self, path: Path) -> None:
        """Nothing: the folder has been named."""

    def interrupted(self, result: TrainingResult) -> None:
        """Says how to go on."""
        self._bar.stop()
        for line in interrupted_lines(result):
            self._print(line)

    def done(self, result: TrainingResult) -> None:
        """Shows the result beside the baselines."""
        from rich.table import Table
        from rich.text import Text

        self._bar.stop()
        table = Table(show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, value in result_rows(result):
            table.add_row(Text(name), Text(value))
        self._console.print(table)

    def failed(self) -> None:
        """Takes the bar off the screen, so that the error has it for itself."""
        if self._bar is not None:
            self._bar.stop()

    def _measured(self, report: EvaluationReport) -> str:
        return measured_line(report, self._baselines)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False)


def counting_bar(console: Any) -> Any:
    """A bar of rich's with what is done of how many, a text, and the time left."""
    from rich import progress as parts

    return parts.Progress(
        parts.BarColumn(),
        parts.MofNCompleteColumn(),
        parts.TextColumn("{task.description}", markup=False),
        parts.TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    )


def start_lines(settings: RunSettings, folder: Path, step: int) -> list[str]:
    """What is trained, on what, where, and what it has to beat."""
    data = settings.data
    again = f"going on with {settings.model} after step {step}"
    verb = again if step else f"training {settings.model}"
    lines = [
        f"{verb}: {settings.parameters:,} learned numbers, {settings.steps} steps, "
        f"batch {settings.batch}" + (f", context {data['context']}" if "context" in data else ""),
        f"on {settings.device} ({', '.join(_ways(settings))}), seed {settings.seed}",
        f"data {data['path']}: {data['training']:,} "
        f"{_counted(data)} to train on, "
        f"{data['validation']:,} to measure on",
    ]
    if settings.baselines:
        known = ", ".join(f"{name} {value:.3f}" for name, value in settings.baselines.items())
        lines.append(f"bits per character without a model: {known}")
    lines.append(f"run folder {folder}")
    if not settings.tensorboard:
        lines.append("TensorBoard is not installed: metrics go to metrics.jsonl alone")
    return lines


def _ways(settings: RunSettings) -> list[str]:
    """How the steps are computed, as far as it is not the usual."""
    found = [_threads(settings.threads), settings.dtype]
    if settings.processes > 1:
        found.insert(0, f"{settings.processes} processes")
    if settings.precision != settings.dtype:
        found.append(f"products in {settings.precision}")
    if settings.accumulate > 1:
        found.append(f"batches in {settings.accumulate} portions")
    return found


def _counted(data: Mapping[str, Any]) -> str:
    """What is counted of the data: what stands in a running text, or samples."""
    if "context" not in data or "pieces" in data:
        return "samples"
    return "words" if "words" in data else "symbols"


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"


def measured_line(report: EvaluationReport, baselines: Mapping[str, float]) -> str:
    """A measurement in a line: bits per character beside the baselines, records otherwise."""
    part = "all validation data" if report.whole else "validation"
    if report.bits_per_character is not None:
        beside = ", ".join(f"{name} {value:.3f}" for name, value in baselines.items())
        return f"{part} {report.bits_per_character:.3f} bits per character  ({beside})"
    shown = [f"{part} loss {report.loss:.4f}"]
    shown += [f"{label} {value:.4f}" for label, value in report.records.items()]
    return "  ".join(shown)


def interrupted_lines(result: TrainingResult) -> list[str]:
    """Where an interrupted run stands, and the command that goes on with it."""
    return [
        f"interrupted after step {result.step} of {result.steps}; everything is saved",
        f"go on: dynattn compile {quote(result.spec)} --train --resume {quote(str(result.folder))}",
    ]


def result_rows(result: TrainingResult) -> list[tuple[str, str]]:
    """The final measurement beside the baselines, as rows of name and value."""
    final = result.final
    if final is None:
        return []
    if final.bits_per_character is None:
        return [("validation loss", f"{final.loss:.4f}")] + [
            (label, f"{value:.4f}") for label, value in final.records.items()
        ]
    rows = [(f"{name} statistics", f"{value:.3f}") for name, value in result.baselines.items()]
    return [("bits per character of the validation text", ""), *rows,
            (f"{result.model}, best checkpoint (step {final.step})",
             f"{final.bits_per_character:.3f}")]  # fmt: skip
