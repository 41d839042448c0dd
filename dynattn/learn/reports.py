"""What training tells while it runs: the facts, and the protocol of whoever listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class RunSettings:
    """Everything that fixes a run; ``settings.json`` holds it."""

    model: str
    spec: str
    """Where the text came from; data paths are relative to it."""
    spec_sha256: str
    overrides: Mapping[str, Any]
    seed: int
    device: str
    dtype: str
    threads: int
    parameters: int
    """How many real numbers are learned: a complex one is two."""
    steps: int
    batch: int
    evaluate_every: int
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    clip: float | None
    data: Mapping[str, Any]
    baselines: Mapping[str, float]
    """Bits per character without a model, by name."""
    versions: Mapping[str, str]
    tensorboard: bool
    """Whether TensorBoard is installed, so that its event files are written."""
    compiled: bool = False
    """Whether the loss and its gradient are one graph of torch.compile."""
    accumulate: int = 1
    """In how many portions a batch is computed."""
    precision: str = "float32"
    """Of the matrix products of a step."""
    processes: int = 1
    """How many train together."""


@dataclass(frozen=True)
class LayerStatistics:
    """Of the parameters of one use of a layer, in one update."""

    gradient: float
    """The gradient's norm before clipping."""
    weights: float
    """Their norm before the update."""
    update: float | None
    """The norm of what the update moved them by, in shares of theirs; None where that is 0."""


@dataclass(frozen=True)
class Statistics:
    """What the layers do in one update."""

    layers: Mapping[str, LayerStatistics]
    """By the use of a layer, ``attend.0``, or by what learned maps outside of layers make."""
    coherence: Mapping[str, float]
    """Order parameters after the update, by layer and state: ``attend.0 token.theta``."""


@dataclass(frozen=True)
class StepReport:
    """One update. ``step`` counts updates from 1; ``loss`` is that before the update."""

    step: int
    loss: float
    rate: float
    """The learning rate."""
    gradient: float
    """The gradient's norm before clipping."""
    tokens_per_second: float
    statistics: Statistics | None = None
    """None for updates between those of which they are taken."""


@dataclass(frozen=True)
class EvaluationReport:
    """One measurement on validation data after ``step`` updates."""

    step: int
    loss: float
    bits_per_character: float | None
    """Of a loss that is the cross entropy of the next character; None for others."""
    records: Mapping[str, float]
    """What ``record`` in ``train`` names, by its label."""
    samples: int
    whole: bool
    """Whether the whole validation part was measured, or a fixed part of it."""
    best: bool
    """Whether the loss is the lowest so far."""


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended. ``final`` is the best checkpoint measured on the whole validation part."""

    folder: Path
    model: str
    spec: str
    """Where the spec's text came from."""
    step: int
    steps: int
    interrupted: bool
    seconds: float
    baselines: Mapping[str, float]
    final: EvaluationReport | None = None
    """None where the run was interrupted."""
    statistics: Statistics | None = field(default=None, compare=False)
    """The last ones."""
    system: Any = field(default=None, repr=False, compare=False)
    """The torch module: with the weights of the best checkpoint, or the last where interrupted."""


class Reporter(Protocol):
    """Listens to a run, silently unless it says more. It cannot change the run's numbers."""

    def start(self, settings: RunSettings, folder: Path, step: int) -> None:
        """The run begins, or goes on after ``step`` updates."""
        pass

    def step(self, report: StepReport) -> None:
        """One update is done."""
        pass

    def evaluated(self, report: EvaluationReport) -> None:
        """The validation data has been measured."""
        pass

    def saved(self, path: Path) -> None:
        """A checkpoint is on disk."""
        pass

    def interrupted(self, result: TrainingResult) -> None:
        """Ctrl-C: the last checkpoint is on disk."""
        pass

    def done(self, result: TrainingResult) -> None:
        """All steps are done."""
        pass

    def failed(self) -> None:
        """The run stopped with an error, which is raised next."""
        pass


class Silence(Reporter):
    """A Reporter that says nothing."""
