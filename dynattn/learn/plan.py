"""What a ``train`` block asks for, read and checked before anything is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dynattn.diagnostics.report import Collector, Diagnostic, SpecError, UsageError
from dynattn.learn.budget import Budget
from dynattn.learn.data import check_data, load_data
from dynattn.learn.optimizers import OptimizerChoice, read_optimizer
from dynattn.learn.parts import SamplesData
from dynattn.learn.schedules import Pace, read_schedule
from dynattn.learn.text import TextData
from dynattn.model.model import Model
from dynattn.model.plans import Choice, Training

Data = TypeVar("Data")

EVALUATIONS = 16
"""Measurements on validation data during a run, about; the last one is of all of it."""
EVALUATION_BATCHES = 8
"""Batches in each of those measurements but the last."""
STATISTICS = 100
"""Updates of a run whose statistics are taken, about."""


@dataclass(frozen=True)
class Plan:
    """A run's data, steps, optimiser and pace."""

    training: Training
    data: TextData | SamplesData = field(repr=False)
    optimizer: OptimizerChoice
    pace: Pace
    steps: int
    accumulate: int = 1
    """In how many portions a batch is computed, one after the other."""
    precision: str = "float32"
    """Of the matrix products of a step."""

    @property
    def evaluate_every(self) -> int:
        """Updates from one measurement to the next."""
        return max(1, math.ceil(self.steps / EVALUATIONS))

    def watches(self, step: int) -> bool:
        """Whether statistics are taken of the update that makes the count ``step``."""
        return step % math.ceil(self.steps / STATISTICS) == 0

    def evaluates_after(self, step: int) -> bool:
        """Whether the validation data is measured after ``step`` updates."""
        return step % self.evaluate_every == 0 or step == self.steps


def make_plan(
    model: Model,
    budget: Budget | None = None,
    accumulate: int | None = None,
    precision: str | None = None,
) -> Plan:
    """Read the ``train`` block; SpecError with all its mistakes, or with that of the data.

    ``budget`` None: as long as the block says; ``accumulate`` None: in as many portions;
    ``precision`` None: with that of the block.
    UsageError where a batch has not as many samples as it is to have portions.
    """
    training = model.training
    if training is None:
        message = f"the model '{model.name}' has no train block, so it cannot be trained"
        fix = "write train { data ...; loss ...; optimizer ...; batch ...; steps ... }"
        if runs := (*model.placements, *model.fits):
            lacks = "no data" if model.placements else "series"
            message = (
                f"the 'train' of the model '{model.name}' has {lacks}: it is run, not compiled"
            )
            fix = f"run it: dynattn run SPEC {runs[0].name}"
        raise SpecError(Diagnostic("E523", message, fix=fix))
    found = Collector()
    _refuse_unbuilt(training, model, found)
    optimizer = _check_settings(training, model, found)
    data = _collected(load_data, model, training, found)
    found.raise_if_any()
    assert data is not None
    own = Budget("steps", training.steps) if training.steps else None
    chosen = budget or own or Budget("epochs", training.epochs or 1)
    steps = chosen.steps(training.batch, data)
    pace = read_schedule(training.schedule, steps, found)
    portions, own = _portions(training, accumulate), training.precision
    return Plan(training, data, optimizer, pace, steps, portions, precision or own)


def _portions(training: Training, given: int | None) -> int:
    """In how many portions a batch is computed."""
    if given is not None and not 1 <= given <= training.batch:
        message = f"--accumulate {given}: a batch of {training.batch} has from 1 to "
        fix = f"give a number from 1 to {training.batch}"
        raise UsageError(Diagnostic("E524", f"{message}{training.batch} portions", fix=fix))
    return given or training.accumulate


def plan_mistakes(model: Model) -> tuple[Diagnostic, ...]:
    """What is wrong with the ``train`` block, as far as it shows without reading the data."""
    found = Collector()
    if model.training is not None:
        _check_settings(model.training, model, found)
        _collected(check_data, model, model.training, found)
    return tuple(found.found)


def _refuse_unbuilt(training: Training, model: Model, found: Collector) -> None:
    """What is checked, and that nothing here computes."""
    if training.free:
        text = f"training cannot be run with 'free {', '.join(training.free)}' in this version"
        fix = f"declare {training.free[0]} with learn"
        found.add("E620", text, training.span, fix)
    if not model.network:
        text = "training cannot be run without a network in this version"
        fix = "write network { output ... }, and a loss of what comes out"
        found.add("E620", text, training.span, fix)


def _check_settings(training: Training, model: Model, found: Collector) -> OptimizerChoice:
    _check_learned(training, model, found)
    read_schedule(training.schedule, 1, found)
    return read_optimizer(training.optimizer, found)


def _check_learned(training: Training, model: Model, found: Collector) -> None:
    if not any(parameter.learned for parameter in model.parameters):
        message = f"the model '{model.name}' has nothing to learn"
        fix = "declare what training moves with learn"
        found.add("E525", message, training.span, fix)


def _collected(
    read: Callable[[Choice, Model], Data], model: Model, training: Training, found: Collector
) -> Data | None:
    try:
        return read(training.data, model)
    except SpecError as error:
        for item in error.diagnostics:
            found.add(item.code, item.message, item.span, item.fix, item.notes)
    return None


def choice_facts(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A choice and its options as JSON values."""
    return {"name": name, **json_values(options)}


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, texts and lists of them as JSON gives them back."""
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_json(item) for item in value] if isinstance(value, (list, tuple)) else value
