"""What the benchmarks share: CPU time, medians, and one table or JSON object as output."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

PROJECT = Path(__file__).parents[1]
SPECS = PROJECT / "specs"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    out: str
    seconds: float
    """CPU time, user and system."""
    peak: float
    """Most memory held, MiB."""


def options(description: str | None, **numbers: int) -> argparse.Namespace:
    """The command line of a benchmark: ``--json``, and whole numbers with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for name, value in numbers.items():
        text = f"default {value}"
        parser.add_argument(f"--{name}", type=int, default=value, metavar="N", help=text)
    return parser.parse_args()


def run_python(*arguments: str) -> Finished:
    """Run Python on its own with one thread; CalledProcessError where it fails."""
    search = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search}
    command = [sys.executable, *arguments]
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, env=environment, cwd=PROJECT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        out.seek(0)
        return Finished(out.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run_dynattn(*arguments: str) -> Finished:
    """Run a dynattn command line as a shell would."""
    return run_python("-c", "from dynattn.cli.main import main; main()", *arguments)


def interleaved(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each call in each round, the calls taking turns; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for count in range(rounds + 1):
        for name, call in calls.items():
            began = process_time()
            call()
            if count:
                seconds[name].append(process_time() - began)
    return seconds


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Median of the ratios round by round: what slows the machine slows both."""
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def show(title: str, rows: Sequence[Row], as_json: bool, **facts: Any) -> None:
    """Print the rows as a table, or everything as JSON."""
    if as_json:
        print(json.dumps({"title": title, "machine": machine(), **facts, "rows": rows}, indent=1))
        return
    print(title, "", sep="\n")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *[[_spell(row.get(key)) for key in columns] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    for name, value in facts.items():
        print(f"\n{name}: {_spell(value)}")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _spell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
