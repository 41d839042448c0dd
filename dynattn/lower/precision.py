"""Matrix products of networks in lower precision; everything else as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.binding import CallRun
from dynattn.lower.module import System
from dynattn.lower.routine import Routine
from dynattn.model.composition import Settling

PRODUCTS = ("linear", "attention", "successor_attention")
"""Operations whose factors are rounded: weights of learned maps, and attention's products."""


def round_products(system: System, dtype: torch.dtype) -> None:
    """From now on the products of the network are those of numbers of ``dtype``, in training.

    Their results are numbers of the module's own dtype again, and so are states, what moves them,
    normalisations and losses. Layers that run until they are at rest are left alone: how still they
    are is measured with numbers of full precision. So is a module that does not train (``eval()``).
    """
    for routine in _routines(system):
        ops = [instruction.node.op for instruction in routine.plan.instructions]
        routine.steps = [
            (_rounded(system, step[0], dtype) if op in PRODUCTS else step[0], *step[1:])
            for op, step in zip(ops, routine.steps, strict=True)
        ]


def has_products(system: System) -> bool:
    """Whether there is anything that ``round_products`` changes."""
    plans = [routine.plan for routine in _routines(system)]
    return any(i.node.op in PRODUCTS for plan in plans for i in plan.instructions)


def _routines(system: System) -> Iterator[Routine]:
    for run in system._runs:
        if isinstance(run, CallRun):
            yield run.routine
        elif not isinstance(run.evolution, Settling):
            yield run.rate


def _rounded(
    system: System, function: Callable[..., Any], dtype: torch.dtype
) -> Callable[..., Any]:
    kind, own = system.device.type, system.dtype

    def call(*arrays: Any) -> Any:
        if not system.training:
            return function(*arrays)
        with torch.autocast(kind, dtype):
            found = function(*arrays)
        return _whole(found, own)

    return call


def _whole(found: Any, own: torch.dtype) -> Any:
    if isinstance(found, Tensor):
        return found.to(own) if found.is_floating_point() else found
    return tuple(_whole(item, own) for item in found)
