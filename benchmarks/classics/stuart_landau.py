"""Stuart-Landau oscillators: their limit cycle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import dynattn
from benchmarks.classics.truth import Truth

SPEC = Path(__file__).parents[2] / "specs" / "stuart_landau.dyn"


def truths() -> list[Truth]:
    """The radius of uncoupled oscillators."""
    free = dynattn.load(SPEC, N=20, K=0.0).run()
    radius = np.abs(free["osc.z"][-1]).mean()
    return [Truth("radius without coupling", 1.0, float(radius), 1e-4, "r' = r (1 - r^2)")]
