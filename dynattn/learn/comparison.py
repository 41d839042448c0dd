"""What came out of a comparison: every run, the statistics over seeds, and the table of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dynattn.analyse.paired import Difference, Summary, paired_difference, summarise
from dynattn.diagnostics.files import write_whole
from dynattn.learn.folder import RunFolder, read_json, write_json
from dynattn.learn.measures import Failure, measured_values
from dynattn.learn.metrics import read_metrics

Curve = tuple[tuple[int, ...], tuple[float, ...]]
"""Updates, and what was measured after each."""


@dataclass(frozen=True)
class SeedRun:
    """One spec with one seed. ``state``: ``finished``, ``diverged`` or ``unfinished``."""

    label: str
    seed: int
    folder: Path
    state: str
    values: Mapping[str, float] = field(default_factory=dict)
    """What the best checkpoint gives on the whole validation part, by measure."""
    seconds: float | None = None
    why: str = ""
    """What stopped a run that diverged."""

    def curve(self, measure: str) -> Curve:
        """What was measured on validation data while it was trained."""
        found = [
            (line["step"], measured_values(line).get(measure))
            for line in read_metrics(RunFolder(self.folder).metrics)
            if line["kind"] == "validation"
        ]
        kept = [(step, value) for step, value in found if value is not None]
        return tuple(step for step, _ in kept), tuple(value for _, value in kept)


def read_run(label: str, seed: int, folder: RunFolder) -> SeedRun:
    """A run as it stands on disk."""
    if folder.failure.exists():
        why = read_json(folder.failure)["message"]
        return SeedRun(label, seed, folder.path, "diverged", why=why)
    if not folder.result.exists():
        return SeedRun(label, seed, folder.path, "unfinished")
    result = read_json(folder.result)
    values = measured_values(result)
    return SeedRun(label, seed, folder.path, "finished", values, result["seconds"])


@dataclass(frozen=True)
class Row:
    """One spec by one measure. ``difference`` is to the first spec, in pairs of one seed."""

    measure: str
    label: str
    parameters: int
    summary: Summary | None
    """None where no run is finished."""
    difference: Difference | None
    ended: int
    failed: int
    """Runs that diverged, or of which a condition for failure is true; of those that ended."""


@dataclass(frozen=True)
class Comparison:
    """Specs over seeds. ``labels``, ``measures``: in the order in which they are shown."""

    folder: Path
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    parameters: Mapping[str, int]
    steps: Mapping[str, int]
    measures: tuple[str, ...]
    failures: tuple[Failure, ...]
    runs: tuple[SeedRun, ...]
    remarks: tuple[str, ...] = ()
    interrupted: bool = False

    def values(self, label: str, measure: str | None = None) -> dict[int, float]:
        """What the finished runs of a spec give, by seed; by the first measure unless named."""
        name = measure or self.measures[0]
        return {
            run.seed: run.values[name]
            for run in self.runs
            if run.label == label and run.state == "finished"
        }

    def failed(self, run: SeedRun) -> bool:
        """Whether a run diverged, or a condition for failure is true of it."""
        if run.state != "finished":
            return run.state == "diverged"
        return any(failure.holds(run.values) for failure in self.failures)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every measure, and in it every spec."""
        return tuple(self._row(label, name) for name in self.measures for label in self.labels)

    def _row(self, label: str, measure: str) -> Row:
        own, first = self.values(label, measure), self.values(self.labels[0], measure)
        both = [seed for seed in own if seed in first]
        difference = None
        if label != self.labels[0]:
            difference = paired_difference([own[s] for s in both], [first[s] for s in both])
        ended = [run for run in self.runs if run.label == label and run.state != "unfinished"]
        return Row(
            measure, label, self.parameters[label], summarise(tuple(own.values())), difference,
            len(ended), sum(map(self.failed, ended)),
        )  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the cells of ``cells``."""
        return (
            "spec", "parameters", "runs", "mean", "median", "sd", "min", "max",
            f"minus {self.labels[0]}", "95 % interval", "failed",
        )  # fmt: skip

    def cells(self, row: Row) -> tuple[str, ...]:
        """A row as it is shown."""
        found, gap = row.summary, row.difference
        numbers = ("", "", "", "", "")
        if found is not None:
            spread = "" if found.deviation is None else _shown(found.deviation)
            middle = (_shown(found.mean), _shown(found.median))
            numbers = (*middle, spread, _shown(found.low), _shown(found.high))
        between = "" if gap is None or gap.interval is None else (
            " .. ".join(_signed(end) for end in gap.interval)
        )  # fmt: skip
        return (
            row.label, f"{row.parameters:,}", str(found.count if found else 0), *numbers,
            "" if gap is None else _signed(gap.mean), between, f"{row.failed} of {row.ended}",
        )  # fmt: skip

    def table(self) -> str:
        """All rows as one table in Markdown."""
        lines = [("measure", *self.columns)]
        lines += [(row.measure, *self.cells(row)) for row in self.rows]
        texts = [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        ]
        rule = "| --- | --- |" + " ---: |" * (len(self.columns) - 1)
        return "\n".join([texts[0], rule, *texts[1:]]) + "\n"

    def facts(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "folder": str(self.folder),
            "seeds": list(self.seeds),
            "steps": dict(self.steps),
            "parameters": dict(self.parameters),
            "measures": list(self.measures),
            "fail": [failure.text for failure in self.failures],
            "remarks": list(self.remarks),
            "interrupted": self.interrupted,
            "rows": [asdict(row) for row in self.rows],
            "runs": [
                {**asdict(run), "folder": str(run.folder), "failed": self.failed(run)}
                for run in self.runs
            ],
        }

    def save(self) -> dict[str, Path]:
        """Write the table into the folder, as Markdown and JSON, and the runs as CSV."""
        files = {
            "table": self.folder / "comparison.md",
            "runs": self.folder / "comparison.csv",
            "facts": self.folder / "comparison.json",
        }
        write_whole(files["table"], self.table())
        write_whole(files["runs"], self._runs_as_csv())
        write_json(files["facts"], self.facts())
        return files

    def _runs_as_csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("spec", "seed", "state", "failed", "parameters", *self.measures))
        for run in self.runs:
            values = [run.values.get(name, "") for name in self.measures]
            ends = run.state != "unfinished"
            about = (run.label, run.seed, run.state, int(self.failed(run)) if ends else "")
            writer.writerow((*about, self.parameters[run.label], *values))
        return file.getvalue()


def _shown(value: float) -> str:
    return f"{value:.5g}"


def _signed(value: float) -> str:
    return f"{value:+.4g}"
