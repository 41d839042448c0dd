"""Several processes that train one model together, each on its share of every batch."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, distributed

from dynattn.diagnostics.launch import process_count
from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.learn.devices import choose_device

if TYPE_CHECKING:
    from dynattn.learn.plan import Plan

Value = TypeVar("Value")


@dataclass(frozen=True)
class World:
    """The processes of a training, and which of them this one is. Alone, it is the first of one.

    Every method is a place where all processes meet, and gives all of them the same.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    """Where numbers are sent from and to."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def total(self, numbers: Sequence[float]) -> list[float]:
        """The sums over all processes."""
        if self.size == 1:
            return list(numbers)
        found = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        with _meeting():
            distributed.all_reduce(found)
        return found.tolist()

    def add_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Let the gradient of each parameter be the sum of those of all processes.

        A parameter that has none anywhere keeps none.
        """
        if self.size == 1:
            return
        there = self.total([float(x.grad is not None) for x in parameters])
        moved = [x for x, count in zip(parameters, there, strict=True) if count]
        for kind in {x.dtype for x in moved}:
            self._add([x for x in moved if x.dtype == kind])

    def _add(self, parameters: Sequence[Tensor]) -> None:
        gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in parameters]
        flat = torch.cat([_real(gradient).flatten() for gradient in gradients])
        with _meeting():
            distributed.all_reduce(flat)
        sizes = [_real(gradient).numel() for gradient in gradients]
        for parameter, gradient, part in zip(parameters, gradients, flat.split(sizes), strict=True):
            whole = part.view(_real(gradient).shape)
            parameter.grad = torch.view_as_complex(whole) if gradient.is_complex() else whole

    def gathered(self, value: Value) -> list[Value]:
        """What every process has, in their order."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _meeting():
            distributed.all_gather_object(found, value)
        return found

    def told(self, value: Value) -> Value:
        """What the first process has."""
        return self.gathered(value)[0]

    def reseed(self, system: Any, seed: int, step: int) -> None:
        """Give the random numbers of a step other streams in every process but the first.

        They follow from the step alone, so that going on needs to know nothing of them.
        """
        if self.first:
            return
        digest = hashlib.sha256(f"{seed}\x00{self.rank}\x00{step}".encode()).digest()
        number = int.from_bytes(digest[:7], "little")
        torch.manual_seed(number)
        system.white.seed, system.white.call = number, 0


ALONE = World()


def _real(x: Tensor) -> Tensor:
    return torch.view_as_real(x) if x.is_complex() else x


@contextlib.contextmanager
def _meeting() -> Iterator[None]:
    """UsageError E747 where another process did not come, for it has ended."""
    try:
        yield
    except RuntimeError as error:
        message = "another process of this training has ended, and this one cannot go on alone"
        fix = "see what that one said above; then go on with --resume"
        raise UsageError(Diagnostic("E747", message, fix=fix)) from error


@contextlib.contextmanager
def joined(device: str) -> Iterator[World]:
    """The world of this process while inside: that of torchrun, or itself alone.

    UsageError E746 where there are fewer devices of CUDA than processes that each need one.
    """
    if process_count() == 1:
        yield ALONE
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    where = own_device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield World(rank, size, str(where))
    finally:
        distributed.destroy_process_group()


def check_shares(plan: Plan, world: World) -> None:
    """UsageError E524 where a batch has fewer samples than there are portions in all processes."""
    batch, count = plan.training.batch, plan.accumulate
    if count * world.size > batch:
        message = f"{world.size} processes with {count} portions each make more portions of a batch"
        fix = f"let {world.size} times --accumulate be {batch} at most"
        raise UsageError(Diagnostic("E524", f"{message} than it has samples, {batch}", fix=fix))


def own_device(name: str) -> torch.device:
    """The device of this process among those that torchrun started."""
    where, local = choose_device(name), int(os.environ["LOCAL_RANK"])
    if where.type == "mps":
        message = "processes that train together need devices of CUDA, or the CPU, not mps"
        raise UsageError(Diagnostic("E746", message, fix="give --device cpu"))
    if where.type != "cuda":
        return where
    count = torch.cuda.device_count()
    if where.index is not None or local >= count:
        message = f"each process needs a device of its own, and there are {count} of CUDA"
        if where.index is not None:
            message = f"each process has a device of its own, and --device {name} is one for all"
        fix = f"start torchrun with --nproc_per_node {count} and --device cuda, or --device cpu"
        raise UsageError(Diagnostic("E746", message, fix=fix))
    return torch.device("cuda", local)
