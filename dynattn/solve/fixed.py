"""Own fixed-step integration: one stepper for every explicit tableau, on every manifold.

Everything here is out of place and free of data-dependent branches: ``torch.func.vmap``,
``jacfwd``, ``torch.export`` and ``torch.compile(fullgraph=True)`` go through it, and it
back-propagates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import torch

from dynattn.solve.methods import METHODS, Tableau

States = Mapping[str, torch.Tensor]


class Field(Protocol):
    """What is integrated: rates of change, and how a finite step is taken on the manifold."""

    def rates(self, t: torch.Tensor, states: States) -> dict[str, torch.Tensor]:
        """Tangent vectors at the states, by state."""
        ...

    def retract(self, states: States, steps: States) -> dict[str, torch.Tensor]:
        """The points where the steps lead."""
        ...


def equal_steps(interval: float, step: float) -> int:
    """How many equal steps fill the interval, none longer than ``step`` (up to rounding)."""
    return max(1, math.ceil(abs(interval) / step * (1 - 1e-9)))


def integrate(
    system: Field, states: States, times: Sequence[float], *, method: str, step: float
) -> dict[str, torch.Tensor]:
    """The states at each time, stacked along a new first axis.

    ``times`` are plain numbers, so that the steps are known without looking at a tensor. Every one
    is hit exactly: an interval is cut into ceil(interval / step) equal steps.
    """
    tableau = METHODS[method].tableau
    if tableau is None:
        raise ValueError(f"'{method}' is not one of the own methods")
    points = [dict(states), *trajectory(system, states, times, tableau, step)]
    return {name: torch.stack([point[name] for point in points]) for name in states}


def trajectory(
    system: Field, states: States, times: Sequence[float], tableau: Tableau, step: float
) -> Iterator[dict[str, torch.Tensor]]:
    """The states at the second, third, ... of the times, one after another."""
    point = dict(states)
    for start, stop in pairwise(times):
        count = equal_steps(stop - start, step)
        h = (stop - start) / count
        for k in range(count):
            point = advance(system, start + k * h, point, h, tableau)
        yield point


def advance(
    system: Field, t: float, states: States, h: float, tableau: Tableau
) -> dict[str, torch.Tensor]:
    """One step of size h: every stage is a point of the manifold, and so is the result."""
    slopes: list[dict[str, torch.Tensor]] = []
    for node, row in zip(tableau.nodes, tableau.stages, strict=True):
        point = _moved(system, states, slopes, row, h)
        slopes.append(system.rates(_time(t + node * h, states), point))
    return _moved(system, states, slopes, tableau.weights, h)


def _moved(
    system: Field,
    states: States,
    slopes: Sequence[States],
    weights: Sequence[float],
    h: float,
) -> dict[str, torch.Tensor]:
    used = [(h * w, slope) for w, slope in zip(weights, slopes, strict=True) if w]
    if not used:
        return dict(states)
    return system.retract(states, {name: _combined(used, name) for name in states})


def _combined(used: Sequence[tuple[float, States]], name: str) -> torch.Tensor:
    factor, slope = used[0]
    total = factor * slope[name]
    for factor, slope in used[1:]:
        total = torch.add(total, slope[name], alpha=factor)
    return total


def _time(t: float, states: States) -> torch.Tensor:
    some = next(iter(states.values()))
    return torch.full((), t, dtype=some.dtype, device=some.device)
