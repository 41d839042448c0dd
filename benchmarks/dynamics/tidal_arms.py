"""The networks of layers that are reused: how wide, on what, and how they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.papers.records import Arm
from dynattn.lower.unroll import unroll

SPECS = Path(__file__).parent / "specs"
WEIGHTS, CYCLES = (1, 2, 4), (1, 2, 4, 8)


@dataclass(frozen=True)
class Task:
    """What is learned, and from how much."""

    spec: str
    inputs: int
    """Numbers that the first linear map reads."""
    classes: int
    budget: int
    """The largest count of learned numbers."""
    split: tuple[int, int]
    apart: int = 0
    """Learned numbers outside of the linear maps."""

    def width(self, weights: int) -> int:
        """The widest network within the budget: L n (n+1) + n (d+1) + C (n+1) numbers."""
        b = weights + self.inputs + 1 + self.classes
        free = self.budget - self.classes - self.apart
        return int((math.sqrt(b * b + 4 * weights * free) - b) / (2 * weights))


TASKS = {
    "mnist": Task("tidal_physical", 784, 10, 36_000, (4000, 1000)),
    "fashion": Task("tidal_physical", 784, 10, 36_000, (4000, 1000)),
    "cifar10": Task("tidal_physical", 3072, 10, 130_000, (4000, 500)),
    "shakespeare": Task("tidal_text", 96, 65, 10_000, (20_000, 4000), 65 * 8),
}
SHAPES = ((1, 8), (2, 4), (4, 2), (8, 1))
"""Sets and cycles of eight passes each, from recurrent to deep, for what is physical."""
READS = {f"noise_{x}": {"noise": x / 100} for x in (2, 5, 10)}
READS |= {f"bits_{x}": {"bits": x} for x in (4, 3, 2)}
"""How weights are read: with noise, in percent of the largest, or of few bits."""
SPIRAL = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 1), (2, 4))
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0)
TIMED = (2, 2)
"""Sets and cycles of the network whose passes take time."""


def arm(
    name: str, task: str, shape: tuple[int, int], out: Path, spec: str = "", **settings: Any
) -> Arm:
    """A network of the task's budget with so many sets and cycles."""
    about, (weights, cycles) = TASKS[task], shape
    source = "images" if about.spec == "tidal_physical" else "arrays"
    path = (out / "slices" / f"{task}.npz").resolve()
    sizes = {"weights": weights, "cycles": cycles, "n": about.width(weights), **settings}
    if source == "images":
        sizes |= {"d": about.inputs}
    data = f'{source}("{path}", split={list(about.split)})'
    return Arm(name, spec or about.spec, sizes, data, ("batch 100",), folder=SPECS)


def grid(task: str, out: Path) -> list[Arm]:
    """Sets times cycles."""
    shapes = [(weights, cycles) for weights in WEIGHTS for cycles in CYCLES]
    return [arm(f"{task}_{of(shape)}", task, shape, out) for shape in shapes]


def physical(out: Path) -> list[Arm]:
    """Eight passes, read as they are and read with noise or of few levels."""
    reads = {"plain": {}, **READS}
    return [
        arm(f"{how}_{of(shape)}", "mnist", shape, out, **settings)
        for shape in SHAPES
        for how, settings in reads.items()
    ]


def timed(out: Path) -> list[Arm]:
    """Passes that take no time, and such as last tau."""
    spec = {"spec": "tidal_relaxing", "step": 0.25}
    names = {tau: f"tau_{tau:g}".replace(".", "_") for tau in TIMES}
    relaxing = [arm(name, "mnist", TIMED, out, tau=tau, **spec) for tau, name in names.items()]
    return [arm("no_time", "mnist", TIMED, out, spec="tidal"), *relaxing]


def of(shape: tuple[int, int]) -> str:
    """``2x4``: two sets, four cycles."""
    return f"{shape[0]}x{shape[1]}"


def spiral() -> list[Arm]:
    """Six units on the arms of a spiral, behind a fixed first layer."""
    return [
        Arm(f"spiral_{of(shape)}", "spiral", {"weights": shape[0], "cycles": shape[1]},
            folder=SPECS)
        for shape in SPIRAL
    ]  # fmt: skip


def switches(system: Any) -> tuple[int, int]:
    """Passes of one sample, and how often another set of weights than before is put in, the next
    sample's first pass with them.
    """
    uses = unroll(system.program.steps, system.model.sizes)
    order = [use.copy for use in uses if getattr(use.step, "layer", "") == "pass"]
    changed = sum(a != b for a, b in zip(order, [*order[1:], *order[:1]], strict=True))
    return len(order), changed
