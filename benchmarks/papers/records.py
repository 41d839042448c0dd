"""Trainings on record: one JSON line for each, which is not done again; and tables of them."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.learn import checkpoint as saved
from dynattn.learn.evaluate import measure
from dynattn.learn.folder import RunFolder, new_run
from dynattn.learn.plan import Plan, make_plan
from dynattn.learn.train import train

SPECS = Path(__file__).parent / "specs"


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a spec beside the scripts, with parameters set."""

    name: str
    spec: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    """What the spec is trained on, where it is not what the spec says."""
    train: tuple[str, ...] = ()
    """Other clauses of the ``train`` block, where they are not what the spec says."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What else its trainings are known by in a record."""
    folder: Path = SPECS
    """Where its spec stands."""


@dataclass(frozen=True)
class Trained:
    """A system with the weights of its last update, and how its training went."""

    system: Any = field(repr=False)
    plan: Plan = field(repr=False)
    last: Mapping[str, float]
    """Of the weights after the last update, over all validation data."""
    best: float
    """Loss of the best weights, over all validation data."""
    seconds: float | None
    """CPU time; None where the training was stopped and went on."""


class Record:
    """The lines of one file, each a training that is done."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that was cut short is dropped."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8") if path.exists() else ""
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in text.split("\n")[:-1]]
        if text and not text.endswith("\n"):
            path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), "utf-8")

    def of(self, **key: Any) -> list[dict[str, Any]]:
        """The lines that have these values, each seed once."""
        found = [line for line in self.lines if key.items() <= line.items()]
        return list({line["seed"]: line for line in found}.values())

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line; it is on disk when this returns."""
        self.lines.append(dict(line))
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def arguments(
    description: str | None,
    folder: str,
    arms: Sequence[Arm],
    data: str = "",
    more: Mapping[str, tuple[Any, str]] | None = None,
) -> argparse.Namespace:
    """What every script of trainings takes. ``data``: it reads a ``FILE``, or a ``FOLDER``;
    ``more``: defaults and meanings of options of its own.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path("runs") / folder, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="0 .. N-1; default 10")
    if data:
        parser.add_argument("--data", type=Path, metavar=data, help="what it is trained on")
    names = [arm.name for arm in arms]
    parser.add_argument("--arms", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--steps", type=int, metavar="N", help="updates; the spec's unless given")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda or auto")
    parser.add_argument("--show", action="store_true", help="only print what is there")
    for name, (default, meaning) in (more or {}).items():
        kind = type(default)
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{meaning}; {default}")
    return parser.parse_args()


def key_of(arm: Arm, seed: int, steps: int | None) -> dict[str, Any]:
    """What a training is known by in its record."""
    return {"arm": arm.name, "seed": seed, "asked": steps, **arm.asked}


def lines_of(record: Record, arm: Arm, steps: int | None) -> list[dict[str, Any]]:
    """The trainings of an arm that are there, in the order of their seeds."""
    key = key_of(arm, 0, steps)
    del key["seed"]
    return sorted(record.of(**key), key=lambda line: line["seed"])


def fill(
    record: Record,
    arms: Sequence[Arm],
    given: argparse.Namespace,
    more: Callable[[Trained], Mapping[str, Any]],
) -> None:
    """Train what is missing, seed by seed, so that all arms have as many."""
    for seed in range(given.seeds):
        for arm in arms:
            key = key_of(arm, seed, given.steps)
            if arm.name not in given.arms or record.of(**key):
                continue
            found = trained(arm, seed, given.steps, running(record, key), given.device)
            facts = {"steps": found.plan.steps, "batch": found.plan.training.batch}
            figures = {"last": dict(found.last), "best": found.best, "seconds": found.seconds}
            record.add({**key, **facts, **figures, **more(found)})
            print(json.dumps(record.lines[-1]), flush=True)


def running(record: Record, key: Mapping[str, Any]) -> Path:
    """Where a training of this key stands until it is done: no other shares the place."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return record.path.parent / "running" / f"{key['arm']}-{key['seed']}-{digest[:8]}"


def compilation(arm: Arm, seed: int, steps: int | None = None) -> Compilation:
    """The arm's spec, with so many steps if they are given."""
    text = f"model {arm.name}_here extends {arm.spec}\n"
    clauses = [f"steps {steps}"] * bool(steps) + [f"data {arm.data}"] * bool(arm.data)
    clauses += arm.train
    text += f"train {{ {'; '.join(clauses)} }}\n" if clauses else ""
    return Compilation(Source(str(arm.folder / f"{arm.name}.dyn"), text), dict(arm.settings), seed)


def trained(
    arm: Arm, seed: int, steps: int | None, place: Path, device: str = "cpu"
) -> Trained:  # fmt: skip
    """Train one arm from one seed, on one thread; ``place``: its folder while it runs.

    A training that was stopped goes on there.
    """
    spec, began, folder = compilation(arm, seed, steps), time.process_time(), RunFolder(place)
    resume = folder.last.exists()
    if not resume:
        shutil.rmtree(place, ignore_errors=True)
        folder = new_run(arm.name, place)
    result = train(spec, folder, device=device, threads=1, resume=resume)
    if result.final is None:
        raise SystemExit("stopped: the same command goes on from here")
    seconds = None if resume else round(time.process_time() - began, 1)
    saved.put_weights(
        saved.read_checkpoint(folder.last), result.system, folder.last, spec.model.source
    )
    plan = make_plan(spec.model)
    found = measure(result.system, plan.training, plan.data, device_of(result.system))
    shutil.rmtree(place)
    last = {"loss": found.loss, **found.records}
    return Trained(result.system, plan, last, result.final.loss, seconds)


def learned(system: Any) -> int:
    """How many real numbers training moves."""
    parts = (value.numel() * (1 + value.is_complex()) for value in system.parameters())
    return sum(parts)


def device_of(system: Any) -> Any:
    """Where the weights are."""
    return next(system.parameters()).device


# ── tables ─────────────────────────────────────────────────────────────────────────────────────


def spread(values: Sequence[float | None], digits: int = 1) -> str:
    """Mean and sample standard deviation of those that are known."""
    values = [value for value in values if value is not None]
    if len(values) < 2:
        return "".join(f"{value:.{digits}f}" for value in values) or "-"
    return f"{statistics.mean(values):.{digits}f} +- {statistics.stdev(values):.{digits}f}"


def difference(first: Mapping[int, float], second: Mapping[int, float], digits: int = 1) -> str:
    """Mean of second - first over the seeds that both have, with its 95 % interval (Student)."""
    from scipy.stats import t

    gaps = [second[seed] - first[seed] for seed in sorted(first.keys() & second.keys())]
    if len(gaps) < 2:
        return "-"
    middle, error = statistics.mean(gaps), statistics.stdev(gaps) / len(gaps) ** 0.5
    half = float(t.ppf(0.975, len(gaps) - 1)) * error
    return f"{middle:+.{digits}f} [{middle - half:+.{digits}f}, {middle + half:+.{digits}f}]"


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
