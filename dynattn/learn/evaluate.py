"""Measuring a system on validation data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from dynattn.learn.parts import Batch, SamplesData
from dynattn.learn.processes import ALONE, World
from dynattn.learn.text import Alphabet, TextData
from dynattn.lower.losses import Parts
from dynattn.model.plans import Training


@dataclass(frozen=True)
class Measurement:
    """Means over the validation data."""

    loss: float
    bits_per_character: float | None
    records: dict[str, float]
    samples: int


def move(batch: Batch, device: torch.device) -> tuple[dict[str, torch.Tensor], ...]:
    """Numpy inputs as tensors on the device."""
    return tuple(
        {name: torch.from_numpy(array).to(device) for name, array in group.items()}
        for group in batch
    )


def one_by_one(groups: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, list[torch.Tensor]]:
    """The samples of all groups as lists, in the order of the groups."""
    return {name: [row for group in groups for row in group[name]] for name in groups[0]}


def batch_loss(system: Any, groups: Sequence[Mapping[str, torch.Tensor]]) -> torch.Tensor:
    """The loss of one batch, a mean over all of its samples."""
    found = [system.environment(group) for group in groups]
    return system.objective(lambda: found, system.training)["loss"]


def measure(
    system: Any,
    training: Training,
    data: TextData | SamplesData,
    device: torch.device,
    limit: int | None = None,
    world: World = ALONE,
) -> Measurement:
    """Means over all validation samples, or over ``limit`` of them that are always the same.

    Each process of ``world`` computes its share of the batches.
    """
    samples, first = 0, system.white.call

    def made() -> Iterator[Mapping[str, Any]]:
        nonlocal samples
        samples, system.white.call = 0, first  # every stage of a loss sees the same noise
        batches = data.validation_batches(training.batch, limit)
        for number, (batch, count) in enumerate(batches):
            samples += count
            if number % world.size == world.rank:
                yield from (system.environment(group) for group in move(batch, device))

    was_training = system.training
    system.eval()
    with torch.no_grad():
        found = system.losses(made, False, partial(_gathered, system, world))
        means = {name: float(value) for name, value in found.items()}
    system.train(was_training)
    loss = means.pop("loss")
    characters = isinstance(data, TextData) and isinstance(data.alphabet, Alphabet)
    along = bits(training, loss) if characters else None
    return Measurement(loss, along, means, samples)


def _gathered(system: Any, world: World, parts: Parts) -> Parts:
    """The means of all processes."""
    if world.size == 1:
        return parts
    numbers = {name: [(float(x), n) for x, n in found] for name, found in parts.items()}
    origin = torch.zeros((), dtype=system.dtype, device=system.device)
    everyone = world.gathered(numbers)
    return {
        name: [(origin.new_tensor(x), n) for own in everyone for x, n in own[name]]
        for name in parts
    }


def bits(training: Training, loss: float) -> float | None:
    """Bits per character of a loss in nats along a text; None where the loss is something else."""
    loss_term = training.loss
    along = loss_term.op == "cross_entropy" and loss_term.args[1].type.place.kind == "nodes"
    return loss / math.log(2) if along else None
