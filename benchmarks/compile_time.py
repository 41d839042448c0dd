"""Compiling at growing N where no graph is drawn: CPU ms from the text to the module, one thread.

python benchmarks/compile_time.py [--rounds N] [--json]
"""

from __future__ import annotations

from typing import Any

import torch
from measure import interleaved, options, show

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source

SPEC = """model flat
param N = SIZE
population osc[N] { state theta on circle ~ uniform; drift 1 }
coupling pull: osc -> osc OVER { CLAUSES }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
GRAPHS = {
    "everyone": ("", "strength 1/N"),
    "ring, reach 5": ("over ring(N, reach=5)", "strength 0.1"),
    "everyone, not separable": ("", "strength 1/N; kernel tanh(sin(theta[j] - theta[i]))"),
}
SIZES = (100, 10_000, 1_000_000)
LIMIT = 3.0
"""Times as long at the largest N as at the smallest, at most."""


def compiled(graph: str, size: int) -> Any:
    """From the text to the module."""
    over, clauses = GRAPHS[graph]
    text = SPEC.replace("SIZE", str(size)).replace("OVER", over).replace("CLAUSES", clauses)
    return Compilation(Source("flat.dyn", text)).build()


def rows(rounds: int) -> list[dict[str, Any]]:
    """By graph: CPU ms at each N, and the largest over the smallest."""
    torch.set_num_threads(1)
    calls = {(g, n): lambda g=g, n=n: compiled(g, n) for g in GRAPHS for n in SIZES}
    seconds = interleaved(calls, rounds)  # type: ignore[arg-type]
    found = []
    for graph in GRAPHS:
        best = {n: 1e3 * min(seconds[graph, n]) for n in SIZES}  # type: ignore[index]
        figures = {f"N = {n:g}": ms for n, ms in best.items()}
        grown = best[SIZES[-1]] / best[SIZES[0]]
        found.append({"graph": graph, **figures, "grown": grown, "limit": LIMIT})
    return found


if __name__ == "__main__":
    chosen = options(__doc__, rounds=5)
    show("From a text to a module, CPU ms", rows(chosen.rounds), chosen.json)
