"""Measuring a system on validation data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from dynattn.learn.arrays import ArraysData
from dynattn.learn.text import TextData
from dynattn.model.plans import Training


@dataclass(frozen=True)
class Measurement:
    """Means over the validation data."""

    loss: float
    bits_per_character: float | None
    records: dict[str, float]
    samples: int


def move(inputs: dict[str, Any], device: torch.device) -> dict[str, torch.Tensor]:
    """Numpy inputs as tensors on the device."""
    return {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}


def measure(
    system: Any,
    training: Training,
    data: TextData | ArraysData,
    device: torch.device,
    limit: int | None = None,
) -> Measurement:
    """Means over all validation windows, or over ``limit`` windows that are always the same."""
    totals: dict[str, float] = {}
    samples = 0
    was_training = system.training
    system.eval()
    with torch.no_grad():
        for inputs, count in data.validation_batches(training.batch, limit):
            for label, value in system.loss(**move(inputs, device)).items():
                totals[label] = totals.get(label, 0.0) + float(value) * count
            samples += count
    system.train(was_training)
    means = {label: total / samples for label, total in totals.items()}
    loss = means.pop("loss")
    return Measurement(loss, bits(training, loss), means, samples)


def bits(training: Training, loss: float) -> float | None:
    """Bits per character of a loss in nats along a text; None where the loss is something else."""
    loss_term = training.loss
    along = loss_term.op == "cross_entropy" and loss_term.args[1].type.place.kind == "nodes"
    return loss / math.log(2) if along else None
