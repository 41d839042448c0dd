"""A comparison on the terminal: a bar with the time left for a person, plain lines where piped."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from dynattn.learn.comparison import Comparison, SeedRun
from dynattn.learn.contest import Watcher
from dynattn.present.pace import duration
from dynattn.present.progress import counting_bar


def contest_progress(stream: TextIO | None = None) -> Watcher:
    """The watcher for where the output goes: a terminal, or a pipe or file."""
    place: TextIO = sys.stdout if stream is None else stream
    return BarWatcher(place) if place.isatty() else LineWatcher(place)


class LineWatcher(Watcher):
    """A line for every run that ends, with the time that the others will take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._measure = ""
        self._began = 0.0
        self._total = self._left = self._moved = 0

    def start(self, comparison: Comparison, done: int, total: int, jobs: int) -> None:
        """Says how many runs there are, and how many at a time."""
        self._measure, self._began = comparison.measures[0], time.monotonic()
        self._total, self._left = total, total - done
        for line in start_lines(comparison, jobs):
            self._say(line)

    def moved(self, steps: int) -> None:
        """Counts."""
        self._moved += steps

    def ended(self, run: SeedRun, left: int) -> None:
        """Says what the run came to, and how long the others will take."""
        passed = time.monotonic() - self._began
        more = passed * (self._left - self._moved) / max(1, self._moved)
        after = f"  ({left} left, about {duration(more)})" if left else ""
        self._say(ended_line(run, self._measure) + after)

    def close(self) -> None:
        """Nothing: no line stands open."""

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class BarWatcher(Watcher):
    """A bar over all updates of all runs, with the time left."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._bar = counting_bar(self._console)
        self._task: Any = None
        self._measure = ""

    def start(self, comparison: Comparison, done: int, total: int, jobs: int) -> None:
        """Says how many runs there are, and draws the bar."""
        self._measure = comparison.measures[0]
        for line in start_lines(comparison, jobs):
            self._console.print(line, markup=False)
        self._task = self._bar.add_task("steps  time left", total=total, completed=done)
        self._bar.start()

    def moved(self, steps: int) -> None:
        """Moves the bar."""
        self._bar.advance(self._task, steps)

    def ended(self, run: SeedRun, left: int) -> None:
        """Says what the run came to, above the bar."""
        self._console.print(ended_line(run, self._measure), markup=False)

    def close(self) -> None:
        """Takes the bar off the screen."""
        self._bar.stop()


def start_lines(comparison: Comparison, jobs: int) -> list[str]:
    """How many runs there are, how many are done, where they are written; what is not matched."""
    ends = sum(run.state != "unfinished" for run in comparison.runs)
    kept = f", {ends} of them done before" if ends else ""
    seeds = len(comparison.seeds)
    at_once = f"{jobs} at a time" if jobs > 1 else "one after the other"
    return [
        f"{len(comparison.labels)} specs with {seeds} seed{'s' * (seeds != 1)}: "
        f"{len(comparison.runs)} runs{kept}, {at_once}, in {comparison.folder}",
        *comparison.remarks,
    ]


def ended_line(run: SeedRun, measure: str) -> str:
    """What a run came to."""
    if run.state == "diverged":
        return f"{run.label}  seed {run.seed}  failed: {run.why}"
    return f"{run.label}  seed {run.seed}  {measure} {run.values[measure]:.4f}"
