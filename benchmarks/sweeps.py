"""A sweep over processes: points of 100 Kuramoto oscillators, 1 000 RK4 steps each, one worker and
two.

``seconds`` is the wall clock of ``run(workers=...)`` with a folder, so that every chunk is written;
``CPU`` is that of all its processes together. Where other programs share the cores the wall clock
tells of them, and ``CPU / workers`` of the sweep.

    python benchmarks/sweeps.py [--points N] [--workers N] [--rounds N] [--json]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from batches import TRANSITION
from measure import options, run_python, show

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.run.results import read_results

SPEC = (
    TRANSITION
    + """
sweep points {
  K = linspace(0, 4, POINTS)
  t 0 .. 20 every 5; method rk4; step 0.02; seed 1
  record final(r)
}
"""
)
STEPS = 1000


def solve(points: int, workers: int, folder: str) -> None:
    """One sweep in this process and its workers; prints how long it took."""
    spec = Spec(Source("transition.dyn", SPEC.replace("POINTS", str(points))))
    began = perf_counter()
    found = spec.run("points", folder=folder, workers=workers)
    print(json.dumps({"seconds": perf_counter() - began, "solving": found.statistics["seconds"]}))


def measured(points: int, workers: int, folder: str) -> dict[str, float]:
    """Seconds, and those of the processors, of one sweep."""
    done = run_python(__file__, "--solve", str(points), str(workers), folder)
    return {**json.loads(done.out), "CPU": done.seconds}


def rows_of(points: int, workers: int, rounds: int) -> list[dict[str, Any]]:
    """One worker and several, in turn."""
    counts = (1, workers)
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as place:
        for k in range(rounds):
            for count in counts:
                found[count].append(measured(points, count, f"{place}/{k}-{count}"))
        one, other = (read_results(Path(place, f"0-{count}"))["final(r)"] for count in counts)
    assert np.array_equal(one, other), "the numbers depend on the number of workers"
    rows = []
    for count in counts:
        middle = {n: median(run[n] for run in found[count]) for n in ("seconds", "solving", "CPU")}
        rows.append({
            "workers": count, "points": points, "steps": STEPS, **middle,
            "CPU / workers": middle["CPU"] / count,
        })  # fmt: skip
    for name, key in (("speed-up", "seconds"), ("of the CPU's", "CPU / workers")):
        rows[-1][name] = rows[0][key] / rows[-1][key]
    return rows


def main() -> None:
    """Print the table."""
    if "--solve" in sys.argv:
        points, workers, folder = sys.argv[2:]
        solve(int(points), int(workers), folder)
        return
    asked = options(__doc__, points=10_000, workers=2, rounds=1)
    rows = rows_of(asked.points, asked.workers, asked.rounds)
    show("sweeps", rows, asked.json, cores=len(os.sched_getaffinity(0)), load=os.getloadavg()[0])


if __name__ == "__main__":
    main()
