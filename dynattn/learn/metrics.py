"""The log of a run: one JSON line a report, and TensorBoard's event files where it is installed."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import write_trouble, write_whole
from dynattn.learn.folder import RunFolder
from dynattn.learn.reports import EvaluationReport, Statistics, StepReport


def has_tensorboard() -> bool:
    """Whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def read_metrics(path: Path, until: int | None = None) -> list[dict[str, Any]]:
    """The lines of a log, up to ``until`` updates; a line that was cut short is left out."""
    lines: list[dict[str, Any]] = []
    for text in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if until is None or line["step"] <= until:
            lines.append(line)
    return lines


class NoLog:
    """The log of a process that writes none."""

    def __enter__(self) -> NoLog:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, report: StepReport) -> None:
        """Nothing."""

    def evaluated(self, report: EvaluationReport) -> None:
        """Nothing."""


class MetricsLog(NoLog):
    """Writes the log of one run; used as a context manager, so that it is closed."""

    def __init__(self, folder: RunFolder, step: int, tensorboard: bool) -> None:
        """Keep what an earlier part of the run wrote up to ``step``, and drop what came after."""
        kept = read_metrics(folder.metrics, step)
        text = "".join(_line(item) for item in kept)
        write_whole(folder.metrics, text)
        self._path = folder.metrics
        with write_trouble(self._path):
            self._file = open(folder.metrics, "a", encoding="utf-8")  # noqa: SIM115
        self._events = _open_events(folder.tensorboard, step) if tensorboard else None

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *_: object) -> None:
        with write_trouble(self._path):
            self._file.close()
        if self._events is not None:
            self._events.close()

    def step(self, report: StepReport) -> None:
        """Log one update."""
        line = {"kind": "train", **asdict(report)}
        if report.statistics is None:
            del line["statistics"]
        self._write(line)
        self._scalars("train/loss", report.loss, report.step)
        self._scalars("train/rate", report.rate, report.step)
        self._scalars("train/gradient", report.gradient, report.step)
        if report.statistics is not None:
            self._layers(report.statistics, report.step)

    def _layers(self, found: Statistics, step: int) -> None:
        for layer, own in found.layers.items():
            self._scalars(f"gradient/{layer}", own.gradient, step)
            if own.update is not None:
                self._scalars(f"update/{layer}", own.update, step)
        for name, value in found.coherence.items():
            self._scalars(f"coherence/{name.replace(' ', '/')}", value, step)

    def evaluated(self, report: EvaluationReport) -> None:
        """Log one measurement."""
        self._write({"kind": "final" if report.whole else "validation", **asdict(report)})
        prefix = "final" if report.whole else "validation"
        self._scalars(f"{prefix}/loss", report.loss, report.step)
        for label, value in report.records.items():
            self._scalars(f"{prefix}/{label}", value, report.step)

    def _write(self, line: dict[str, Any]) -> None:
        with write_trouble(self._path):
            self._file.write(_line(line))
            self._file.flush()

    def _scalars(self, tag: str, value: float, step: int) -> None:
        if self._events is not None:
            self._events.add_scalar(tag, value, step)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _open_events(path: Path, step: int) -> Any:
    """TensorBoard's writer; what an earlier part of the run wrote after ``step`` is not shown."""
    from torch.utils.tensorboard import SummaryWriter

    with write_trouble(path):
        return SummaryWriter(str(path), purge_step=step + 1 if step else None)
