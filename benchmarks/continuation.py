"""Branches of equilibria of 1 000 oscillators: about 100 points down to the fold, one thread.

The coupling is symmetric: all to all, or along the edges of a sparse undirected graph. The phases
lock at a strong coupling; the branch of locked states is followed down to the fold where the last
of them unlocks, and back. Every point is at rest to 1e-10, with its leading eigenvalues.

    python benchmarks/continuation.py [--size N] [--json]
"""

from __future__ import annotations

from time import process_time
from typing import Any

import torch
from measure import options, show

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.run.experiment import run_experiment

SPEC = """
model locked
param N = SIZE, K = 6
GRAPH
population osc[PLACE] { state theta on circle = 0; param w ~ normal(0, 1); drift w }
coupling pull: osc -> osc OVER { strength K; kernel sin(theta[j] - theta[i]); normalize HOW }
continue branch { K = 6 .. 1; step 0.05; detect fold }
"""

NETWORKS = {
    "all to all": {"GRAPH": "", "PLACE": "N", "OVER": "", "HOW": "size"},
    "8 neighbours": {
        "GRAPH": "graph g = watts_strogatz_graph(N, 8, 0.5, seed=1)",
        "PLACE": "g",
        "OVER": "over g",
        "HOW": "degree",
    },
}


def locked(name: str, size: int) -> Compilation:
    """The network with so many oscillators."""
    text = SPEC.replace("SIZE", str(size))
    for word, value in NETWORKS[name].items():
        text = text.replace(word, value)
    return Compilation(Source("locked.dyn", text))


def row(name: str, size: int) -> dict[str, Any]:
    """One branch."""
    compilation, began = locked(name, size), process_time()
    found: Any = run_experiment(compilation, "branch")
    seconds = process_time() - began
    fold, count = found.first("fold"), len(found.values)
    return {
        "coupling": name, "oscillators": size, "points": count,
        "fold at K": round(fold.value, 9), "residual": float(found["residual"].max()),
        "seconds": round(seconds, 1), "for 100 points": round(100 * seconds / count, 1),
    }  # fmt: skip


def main() -> None:
    """Both networks."""
    chosen = options(__doc__, size=1000)
    torch.set_num_threads(1)
    show("Branches of locked phases", [row(name, chosen.size) for name in NETWORKS], chosen.json)


if __name__ == "__main__":
    main()
