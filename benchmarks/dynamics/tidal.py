"""Layers that are reused (arXiv 2511.00044): weight sets and cycles at one count of numbers.

One set is a recurrent network, one cycle a deep one. Slices of MNIST, Fashion-MNIST and CIFAR-10,
and pieces of Shakespeare; the width is the largest whose numbers are not more than the budget.
Then weights of few levels and with noise, and passes that take time, on MNIST.

    python -m benchmarks.dynamics.tidal --data FOLDER --out DIR [--seeds 2] [--show]
    python -m benchmarks.dynamics.tidal --out DIR --figure docs/dynamics/tidal.svg

FOLDER has mnist/train-images-idx3-ubyte.xz with its labels, fashion_mnist_small/*.npz and
cifar10_small/*.npz, whose sums are checked. What DIR has is not trained again, and what was stopped
goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.dynamics import tidal_tables
from benchmarks.dynamics.slices import cut
from benchmarks.dynamics.tidal_arms import (
    SHAPES,
    TASKS,
    grid,
    of,
    physical,
    spiral,
    switches,
    timed,
)
from benchmarks.papers.records import (
    Arm,
    Record,
    Trained,
    arguments,
    compilation,
    device_of,
    fill,
    learned,
)
from dynattn.learn.evaluate import measure

STEPS = 500
AGAIN = 3
"""How often what is drawn anew is measured."""
SPIRALS = 6
"""Seeds of the spiral for each of the others."""


def facts(found: Trained) -> dict[str, Any]:
    """The count of numbers, of passes and of switches."""
    passes, changed = switches(found.system)
    return {"learned": learned(found.system), "passes": passes, "switches": changed}


def read_by(others: Mapping[str, Arm]) -> Any:
    """``facts``, and what the trained weights give in other networks."""

    def more(found: Trained) -> dict[str, Any]:
        read = {name: measured(found, other) for name, other in others.items()}
        return {**facts(found), "read": read}

    return more


def measured(found: Trained, other: Arm) -> dict[str, float]:
    """The trained weights in another network: the mean of ``AGAIN`` draws of its noise."""
    system = compilation(other, 0).build(dtype=found.system.dtype, device=device_of(found.system))
    system.load_state_dict(found.system.state_dict())
    plan, rows = found.plan, []
    for _ in range(AGAIN if other.settings.get("noise") else 1):
        one = measure(system, plan.training, plan.data, device_of(system))
        rows.append({"loss": one.loss, **one.records})
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def fill_all(record: Record, given: argparse.Namespace) -> None:
    """Train what is missing."""
    out = given.out
    cut(given.data, out / "slices")
    for task in TASKS:
        fill(record, grid(task, out), given, facts)
    for shape in SHAPES:
        plain, *others = (a for a in physical(out) if a.name.endswith(f"_{of(shape)}"))
        fill(record, [plain], given, read_by({a.name: a for a in others}))
        fill(record, others, given, facts)
    still, *moving = timed(out)
    fill(record, [still], given, read_by({a.name: a for a in moving}))
    fill(record, moving, given, facts)
    spirals = {"seeds": SPIRALS * given.seeds, "steps": None}
    more = argparse.Namespace(**{**vars(given), **spirals})
    fill(record, spiral(), more, facts)


def main() -> None:
    """Train what is missing and print the tables, or draw them."""
    more = {"figure": ("", "draw what is there into this file instead")}
    named = Path()
    arms = [a for task in TASKS for a in grid(task, named)]
    arms += [*physical(named), *timed(named), *spiral()]
    given = arguments(__doc__, "tidal", arms, data="FOLDER", more=more)
    given.steps = given.steps or STEPS
    record = Record(given.out / "tidal.jsonl")
    if given.figure:
        tidal_tables.draw(Path(given.figure), record, given)
        return
    if not given.show:
        fill_all(record, given)
    tidal_tables.tables(record, given)


if __name__ == "__main__":
    main()
