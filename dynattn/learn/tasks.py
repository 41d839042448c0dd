"""One run of a comparison, in whatever process: a spec, a seed, a folder, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError
from dynattn.learn.budget import Budget
from dynattn.learn.folder import RunFolder, furnish, write_json
from dynattn.learn.reports import EvaluationReport, Reporter, StepReport
from dynattn.learn.train import train
from dynattn.run.portable import compilation_message, compilation_of, packed, unpacked
from dynattn.run.worker import Answer, Message, Stops, Told


@dataclass(frozen=True)
class Task:
    """A run to make, or to go on with. The compilation has its seed, and nothing computed yet."""

    label: str
    seed: int
    compilation: Compilation
    folder: Path
    budget: Budget
    device: str
    steps: int

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"{self.label}, seed {self.seed}"

    def message(self) -> tuple[dict[str, Any], bytes]:
        """What ``perform_message`` makes the run of, in whatever process."""
        said = {
            "label": self.label, "seed": self.seed, "folder": str(self.folder),
            "budget": [self.budget.unit, self.budget.amount], "device": self.device,
            "steps": self.steps, "compilation": compilation_message(self.compilation),
        }  # fmt: skip
        values = self.compilation.values or {}
        return said, packed({n: x.detach().cpu().numpy() for n, x in values.items()})


def perform_message(message: Message, content: bytes, told: Told, stops: Stops) -> Answer:
    """Make the run of a message, or go on with it."""
    task = Task(
        message["label"], message["seed"],
        compilation_of(message["compilation"], unpacked(content)), Path(message["folder"]),
        Budget(*message["budget"]), message["device"], message["steps"],
    )  # fmt: skip
    return {"ended": perform(task, told, stops)}, b""


class _Steps(Reporter):
    """Tells of steps alone."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def step(self, report: StepReport) -> None:
        """Passes the count on."""
        self._told(report.step)

    def evaluated(self, report: EvaluationReport) -> None:
        """Passes the count on: a measurement takes time too."""
        self._told(report.step)


def perform(task: Task, told: Told, stops: Stops | None = None) -> bool:
    """Train until the run has an end; False where it was stopped before, with all of it saved.

    A run whose numbers go wrong has an end too: ``failure.json`` says why.
    """
    folder = furnish(task.folder)
    resume = folder.last.exists() and folder.settings.exists()
    try:
        result = train(
            task.compilation, folder, device=task.device, threads=1, resume=resume,
            progress=_Steps(told), budget=task.budget, stops=stops,
        )  # fmt: skip
    except NumericalError as error:
        (problem,) = error.diagnostics
        line = problem.span.line if problem.span else None
        about = {"code": problem.code, "message": problem.message, "line": line}
        write_json(folder.failure, about)
        return True
    return not result.interrupted


def ended(folder: RunFolder) -> bool:
    """Whether there is nothing more to do for a run."""
    return folder.result.exists() or folder.failure.exists()
