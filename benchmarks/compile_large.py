"""Compiling kuramoto.dyn at growing N: CPU seconds, memory, and the size of the array program.

python benchmarks/compile_large.py [--rounds N] [--json]
"""

from __future__ import annotations

import json
import statistics

from measure import options, run_dynattn, run_python, show

SIZES = (20, 1000, 10_000, 100_000)
LIMIT = 8.0
"""Most CPU seconds at N = 100 000, import of torch included."""

COUNT = """
import json, sys
import dynattn
program = dynattn.load("specs/kuramoto.dyn", N=int(sys.argv[1])).program
print(json.dumps([len(block.nodes) for block in program.blocks]))
"""


def main() -> None:
    """Compile each size in turn, round by round."""
    chosen = options(__doc__, rounds=3)
    command = ("compile", "specs/kuramoto.dyn", "--set")
    runs = [[run_dynattn(*command, f"N={n}") for n in SIZES] for _ in range(chosen.rounds)]
    rows = [
        {
            "N": n,
            "edges": 10 * n,
            "CPU s": statistics.median(run.seconds for run in own),
            "limit": LIMIT if n == SIZES[-1] else None,
            "peak MiB": max(run.peak for run in own),
            "operations in the program": sum(json.loads(run_python("-c", COUNT, str(n)).out)),
        }
        for n, own in zip(SIZES, zip(*runs, strict=True), strict=True)
    ]
    show("dynattn compile specs/kuramoto.dyn --set N=...", rows, chosen.json)


if __name__ == "__main__":
    main()
