"""Own fixed-step integration: one stepper for every explicit tableau, on every manifold.

Everything here is out of place and free of data-dependent branches: ``torch.func.vmap``,
``jacfwd``, ``torch.export`` and ``torch.compile(fullgraph=True)`` go through it, and it
back-propagates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Protocol

import torch

from dynattn.solve.methods import METHODS, Tableau

States = Mapping[str, torch.Tensor]
Advance = Callable[..., dict[str, torch.Tensor]]
"""advances(t=, states=, h=, end=): the states one step later."""


MOST_BENDS = 200
"""Samples of signals that steps are made to end at; of more, none is."""


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
    if getattr(system, "noisy", ()):
        raise ValueError("a system with noise is integrated by solve")
    if getattr(system, "late", ()):
        raise ValueError("a system with delays is integrated by solve")
    if tableau is None:
        raise ValueError(f"'{method}' is not one of the own methods")
    advances = partial(advance, system, tableau=tableau)
    points = [dict(states), *trajectory(advances, states, times, step, jumps_of(system))]
    return {name: torch.stack([point[name] for point in points]) for name in states}


def jumps_of(system: Field) -> tuple[float, ...]:
    """The times at which the rates of a system jump."""
    jumps = getattr(system, "jumps", None)
    return () if jumps is None else tuple(jumps())


def bends_of(system: Field, start: float, stop: float) -> tuple[float, ...]:
    """The samples of signals on the way, where a straight line bends: stepped to, if they are few,
    so that no method loses its order there.
    """
    low, high = min(start, stop), max(start, stop)
    signals = getattr(system, "signals", {}).values()
    found = {t for signal in signals for t in signal.times.tolist() if low < t < high}
    return tuple(sorted(found)) if len(found) <= MOST_BENDS else ()


def longest_step(system: Field) -> float:
    """No adaptive step is longer than from one sample of a signal to the next: a burst in between
    would be missed, in silence.
    """
    signals = getattr(system, "signals", {}).values()
    return min((signal.spacing for signal in signals), default=math.inf)


def stretches(
    times: Sequence[float], jumps: Collection[float]
) -> Iterator[tuple[float, float, bool]]:
    """(start, stop, whether stop is a saved time) of what is stepped through evenly."""
    for start, stop in pairwise(times):
        low, high = min(start, stop), max(start, stop)
        inside = sorted((t for t in jumps if low < t < high), reverse=stop < start)
        for left, right in pairwise([start, *inside, stop]):
            yield left, right, right == stop


def trajectory(
    advances: Advance,
    states: States,
    times: Sequence[float],
    step: float,
    jumps: Collection[float] = (),
) -> Iterator[dict[str, torch.Tensor]]:
    """The states at the second, third, ... of the times, one after another.

    A step ends at every jump, and sees the rates there as they are before it.
    """
    point = dict(states)
    for start, stop, saved in stretches(times, jumps):
        count = equal_steps(stop - start, step)
        h = (stop - start) / count
        for k in range(count):
            last = stop if k == count - 1 and stop in jumps else None
            point = advances(t=start + k * h, states=point, h=h, end=last)
        if saved:
            yield point


def advance(
    system: Field, t: float, states: States, h: float, tableau: Tableau, end: float | None = None
) -> dict[str, torch.Tensor]:
    """One step of size h: every stage is a point of the manifold, and so is the result.

    ``end``: the time where the step ends, if the rates jump there; stages stay before it.
    """
    slopes: list[dict[str, torch.Tensor]] = []
    for node, row in zip(tableau.nodes, tableau.stages, strict=True):
        point = _moved(system, states, slopes, row, h)
        when = just_before(end, h, states) if end is not None and node == 1 else t + node * h
        slopes.append(system.rates(instant(when, states), point))
    return _moved(system, states, slopes, tableau.weights, h)


def just_before(end: float, h: float, states: States) -> float:
    """A time that in the states' own precision is just before the end of a step."""
    some = next(iter(states.values()))
    spacing = 4 * torch.finfo(some.dtype).eps * max(1.0, abs(end))
    return end - math.copysign(spacing, h)


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


def instant(t: float, states: States) -> torch.Tensor:
    """A time as the rates take it."""
    some = next(iter(states.values()))
    kind = some.real.dtype if some.is_complex() else some.dtype
    return torch.full((), t, dtype=kind, device=some.device)
