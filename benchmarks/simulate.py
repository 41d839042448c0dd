"""The experiments of kuramoto.dyn: the simulation with several methods, and the sweep as shipped.

CPU seconds on one thread, without the import of torch and without compiling.

    python benchmarks/simulate.py [--rounds N] [--repeat N] [--json]
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from time import process_time
from typing import Any

import torch
from measure import SPECS, interleaved, options, show

import dynattn
from dynattn.compilation import Compilation
from dynattn.model.plans import Simulation
from dynattn.run.simulate import simulate
from dynattn.run.sweep import sweep

ADAPTIVE = ("tsit5", "dopri5")
FIXED = ("rk4", "tsit5", "torchdiffeq.rk4")
STEP = 0.1
"""Of the methods with steps of one size."""


def row(name: str, method: str, seconds: float, statistics: Any, points: int) -> dict[str, Any]:
    """One line of the table."""
    evaluations = int(statistics["evaluations"])
    return {
        "experiment": name,
        "method": method,
        "CPU s": seconds,
        "steps": int(statistics["steps"]),
        "evaluations": evaluations,
        "us per evaluation": 1e6 * seconds / evaluations,
        "points": points,
        "points per s": points / seconds,
    }


def simulations(compilation: Compilation, shipped: Simulation, rounds: int) -> list[dict[str, Any]]:
    """The shipped simulation with steps that follow the tolerance, and with steps of one size."""
    adaptive = [replace(shipped, method=name) for name in ADAPTIVE]
    chosen = {item.method: item for item in adaptive}
    chosen |= {f"{n}, step {STEP}": replace(shipped, method=n, step=STEP) for n in FIXED}
    calls = {n: lambda item=item: simulate(compilation, item) for n, item in chosen.items()}
    seconds = interleaved(calls, rounds)
    return [
        row("simulate", name, statistics.median(seconds[name]), call().statistics, 1)
        for name, call in calls.items()
    ]


def main() -> None:
    """Every experiment."""
    chosen = options(__doc__, rounds=5, repeat=20)
    torch.set_num_threads(1)
    compilation = dynattn.load(str(SPECS / "kuramoto.dyn"))
    first, transition = compilation.model.simulations
    transition = replace(transition, repeat=chosen.repeat)
    rows = simulations(compilation, first, chosen.rounds)
    began = process_time()
    found = sweep(compilation, transition)
    seconds = process_time() - began
    rows.append(
        row("sweep transition", transition.method, seconds, found.statistics, found.done.size)
    )
    show("experiments of kuramoto.dyn, N = 500, 5000 edges, float64", rows, chosen.json)


if __name__ == "__main__":
    main()
