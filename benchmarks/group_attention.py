"""group_attention.dyn on several manifolds: what an update costs, and what training comes to.

Every token has about 128 real numbers on each of them. Bits per character of the validation text
after the same updates, drawn from the same seed; CPU seconds are those of one update, one thread.

    python benchmarks/group_attention.py [--steps N] [--rounds N] [--json]
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import torch
from measure import SPECS, options, show
from training import make_update, paced, shares

import dynattn
from dynattn.learn.folder import new_run
from dynattn.learn.train import train
from dynattn.lower.pairs import real_numbers

POINTS = {"circle": 64, "torus(4)": 16, "sphere(8)": 16, "SO(3)": 14, "SU(2)": 16}
"""How many points a token has on each."""


def trained(path: Path, manifold: str) -> Any:
    """What a training of the spec on a manifold comes to."""
    spec = dynattn.load(str(path), M=manifold, H=POINTS[manifold])
    return train(spec, new_run("run", path.parent / manifold), device="cpu", threads=1)


def row_of(path: Path, manifold: str, rounds: int) -> dict[str, Any]:
    """One manifold's line of the table."""
    spec = dynattn.load(str(path), M=manifold, H=POINTS[manifold])
    _, tokens, update = make_update(spec)
    cpu, _ = paced(update, 1, rounds)
    operations = shares(update, 100)
    slow = [op["share %"] for op in operations if "matrix_exp" in op["operation"]]
    result = trained(path, manifold)
    return {
        "manifold": f"{manifold} x{POINTS[manifold]}",
        "learned numbers": real_numbers(spec.build().parameters()),
        "CPU s": cpu,
        "characters per s": tokens / cpu,
        "fused": "op='attention'" in str(spec.program.steps),
        "matrix_exp %": sum(slow),
        "bits per character": result.final.bits_per_character,
    }


def main() -> None:
    """One row per manifold."""
    chosen = options(__doc__, steps=150, rounds=5)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "group_attention.dyn"
        text = (SPECS / path.name).read_text()
        path.write_text(re.sub(r"steps \d+; seed", f"steps {chosen.steps}; seed", text))
        rows = [row_of(path, manifold, chosen.rounds) for manifold in POINTS]
    show(f"group_attention.dyn after {chosen.steps} updates", rows, chosen.json)


if __name__ == "__main__":
    main()
