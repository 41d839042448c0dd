"""Bytes of enwik8 at about a million parameters, with equal updates on equal bytes: Kuramoto
attention on the torus (arXiv 2606.11585), frustrated synchronisation with its feed-forward part and
with collective modes in its place (2606.18694), and the rotary SwiGLU transformer.

The first 90 million bytes to train on, the next 5 to measure, the last 5 for the test; bits per
byte of the weights after the last update. Bytes of 256 windows are also told apart by how long a
piece of what stands before them they continue.

    python benchmarks/papers/enwik8.py --data enwik8.xz --out DIR [--device cuda] [--show]

That is 20 000 updates on 64 windows of 256 bytes. Fewer are asked for by --steps and --batch, and
--validation 131072 measures on the first of the 5 million. What DIR has is not trained again, and
what was stopped goes on.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copies import DEPTHS, DISTANCES, bits_by_depth
from records import (
    Arm,
    Record,
    Trained,
    arguments,
    device_of,
    fill,
    learned,
    lines_of,
    show,
    spread,
)

from dynattn.learn.evaluate import measure
from dynattn.learn.text import TextData

PHASES = {"C": 128, "H": 4, "depth": 4}
ARMS = (
    Arm("transformer", "softmax_transformer", {"d": 128, "H": 4, "depth": 5, "hidden": 328}),
    Arm("torus", "kuramoto_attention", PHASES),
    Arm("fsn", "frustrated_synchronization", PHASES),
    Arm("collective", "collective_modes", {**PHASES, "P": 320}),
)
PUBLISHED = {"transformer": "1.611", "torus": "1.637", "fsn": "1.595"}
"""Bits per character after 30 to 50 epochs of a length that is not published."""
CHECKSUM = "56a5a0e4485badded8c6306af47e1aaa934c29d7acfb5922061397294f2b8578"
STEPS, WHOLE = 20_000, 5_000_000
OPTIONS = {
    "batch": (64, "windows of an update"),
    "context": (256, "bytes of a window"),
    "validation": (WHOLE, "bytes measured on"),
    "checksum": (CHECKSUM, "of the file"),
    "training": (90_000_000, "bytes trained on"),
    "rate": (0.0, "rate of learning for all; 0 is that of each spec"),
}
OPTIMIZER = "optimizer adamw(lr={}, betas=[0.9, 0.95], weight_decay=0.1, decay=matrices)"
"""That of all these specs."""
RECORDED = ("batch", "context", "training", "validation")


def on_text(
    arms: Sequence[Arm], given: argparse.Namespace, more: tuple[str, ...] = ()
) -> tuple[Arm, ...]:
    """The arms on the file, windows and parts that are asked for; ``more``: options to record."""
    parts = [given.training, given.validation] + [WHOLE] * (given.validation == WHOLE)
    path = given.data.resolve() if given.data else ""
    source = f'text("{path}", context={given.context}, split={parts}, checksum="{given.checksum}")'
    asked = {name: getattr(given, name) for name in (*RECORDED, *more)}
    clauses = (f"batch {given.batch}",)
    if given.rate:
        asked["rate"] = given.rate
        clauses += (OPTIMIZER.format(given.rate),)
    return tuple(replace(arm, data=source, train=clauses, asked=asked) for arm in arms)


def figures(found: Trained) -> dict[str, Any]:
    """Bits per byte, on the test part where there is one, and by depth of copies."""
    plan = found.plan
    sizes = {"learned": learned(found.system)}
    bits = {"bits": found.last["loss"] / math.log(2)}
    if isinstance(plan.data, TextData) and plan.data.test is not None:
        text = replace(plan.data, validation=plan.data.test)
        tested = measure(found.system, plan.training, text, device_of(found.system))
        bits["test"] = tested.loss / math.log(2)
    return {**sizes, **bits, "copies": bits_by_depth(found, 256, plan.training.batch)}


def trainings(record: Record, arms: Sequence[Arm], given: argparse.Namespace) -> None:
    """Train what is missing."""
    if given.data is None or not given.data.is_file():
        raise SystemExit("name the file: --data enwik8.xz")
    fill(record, arms, given, figures)


def table(
    record: Record, arms: Sequence[Arm], steps: int, published: Mapping[str, str]
) -> None:  # fmt: skip
    """Print bits per byte, and how much more than the first arm's."""
    found = {arm.name: lines_of(record, arm, steps) for arm in arms}
    bits = {name: {line["seed"]: line["bits"] for line in found[name]} for name in found}
    rows = []
    for name, lines in ((name, lines) for name, lines in found.items() if lines):
        gaps = [bits[name][seed] - bits[arms[0].name][seed]
                for seed in bits[name].keys() & bits[arms[0].name].keys()]  # fmt: skip
        row = [name, f"{lines[0]['learned']:,}", str(len(lines))]
        row += [spread([line.get(of) for line in lines], 3) for of in ("bits", "test")]
        row += [spread(gaps, 3), published.get(name, "")]
        rows.append([*row, spread([line["seconds"] for line in lines], 0)])
    head = ["", "learned numbers", "seeds", "bits per byte", "test", f"minus {arms[0].name}",
            "published", "CPU, s"]  # fmt: skip
    show(head, rows)


def copies(record: Record, arms: Sequence[Arm], steps: int) -> None:
    """Print bits by depth and distance of copies: of the first arm, and what others have more."""
    found = {arm.name: lines_of(record, arm, steps) for arm in arms}
    names = [name for name, lines in found.items() if lines]
    if arms[0].name not in names:
        return
    rows = []
    for kind in (*DEPTHS, *DISTANCES):
        means = {name: sum(line["copies"][kind][1] for line in found[name]) / len(found[name])
                 for name in names}  # fmt: skip
        first, count = means.pop(names[0]), found[names[0]][0]["copies"][kind][0]
        if not count:
            continue
        more = [f"{mean - first:+.3f}" for mean in means.values()]
        rows.append([kind, f"{count:,}", f"{first:.3f}", *more])
    show(["copied", "bytes", *names], rows)


def main() -> None:
    """Train what is missing and print the tables."""
    given = arguments(__doc__, "enwik8", ARMS, data="FILE", more=OPTIONS)
    given.steps = given.steps or STEPS
    record, arms = Record(given.out / "enwik8.jsonl"), on_text(ARMS, given)
    if not given.show:
        trainings(record, arms, given)
    table(record, arms, given.steps, PUBLISHED)
    print()
    copies(record, arms, given.steps)


if __name__ == "__main__":
    main()
