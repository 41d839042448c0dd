"""Fixed steps taken one after another, and taken back: cotangents go from their ends to their
beginnings.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dynattn.solve.fixed import equal_steps, instant, just_before, stretches
from dynattn.solve.noise import Wiener
from dynattn.solve.pullbacks import Arrays, Gathered, Plain, Written
from dynattn.vocabulary.tableaus import Tableau

Pulled = Sequence[Tensor | None]
"""Cotangents; None is 0."""


@dataclass(frozen=True)
class Step:
    """A step to be taken: when it begins, how long it is, the time of a jump at its end, and the
    number of the saved time there.
    """

    t: float
    h: float
    end: float | None
    saved: int | None


@dataclass(frozen=True)
class Stage:
    """A stage of a step, with what the pullbacks of its slopes and of the move to it read."""

    t: Tensor
    states: Arrays
    slopes: Arrays
    moves: Arrays


@dataclass(frozen=True)
class Taken:
    """A step that has been taken, with what the pullback of its last move reads."""

    factor: float
    """What slopes are multiplied by."""
    h: Tensor
    white: Arrays
    stages: Sequence[Stage]
    moves: Arrays

    @property
    def size(self) -> int:
        """Bytes."""
        rows = [self.white, self.moves]
        rows += [row for s in self.stages for row in (s.states, s.slopes, s.moves)]
        storages = {x.untyped_storage()._cdata: x for row in rows for x in row}
        return sum(x.untyped_storage().nbytes() for x in storages.values())


def steps_of(times: Sequence[float], step: float, jumps: Collection[float]) -> list[Step]:
    """The steps through all of the times, as ``fixed.trajectory`` takes them."""
    found: list[Step] = []
    number = 0
    for start, stop, saved in stretches(times, jumps):
        count = equal_steps(stop - start, step)
        h = (stop - start) / count
        number += saved
        for k in range(count):
            last = k == count - 1
            end = stop if last and stop in jumps else None
            found.append(Step(start + k * h, h, end, number if last and saved else None))
    return found


@dataclass
class Walk:
    """What takes steps; the noise goes on with each."""

    names: tuple[str, ...]
    tableau: Tableau
    wiener: Wiener | None

    @property
    def streams(self) -> Mapping[str, Any]:
        """Those of the noise as they are now, kept for another time."""
        return {} if self.wiener is None else copy.deepcopy(dict(self.wiener.streams))

    def rewind(self, streams: Mapping[str, Any]) -> None:
        """Let the noise go on from there."""
        if self.wiener is not None:
            self.wiener = copy.copy(self.wiener)  # another may go on with the one before
            self.wiener.streams = copy.deepcopy(dict(streams))

    def take(self, by: Plain, step: Step, states: Arrays) -> tuple[list[Tensor], Taken]:
        """The states after one step, as ``fixed.advance`` and ``noise.diffuse`` make them."""
        named = dict(zip(self.names, states, strict=True))
        noisy = self.wiener is not None
        white = tuple(self.wiener.increments(step.h, named).values()) if self.wiener else ()
        h, factor = instant(step.h, named), 1.0 if noisy else step.h
        slopes: list[list[Tensor]] = []
        stages = []
        for node, row in zip(self.tableau.nodes, self.tableau.stages, strict=True):
            point, moves = moved(by, states, slopes, [factor * a for a in row])
            when = step.t + node * step.h
            if step.end is not None and node == 1:
                when = just_before(step.end, step.h, named)
            t = instant(when, named)
            found, residuals = by.slopes(t, h, white, point)
            slopes.append(found)
            stages.append(Stage(t, point, residuals, moves))
        point, moves = moved(by, states, slopes, [factor * b for b in self.tableau.weights])
        return point, Taken(factor, h, white, stages, moves)

    def take_back(
        self, by: Written, taken: Taken, cotangents: list[Tensor], gathered: Gathered
    ) -> list[Tensor]:
        """The cotangents of the states before a step, from those after it."""
        below: list[list[Tensor | None]] = [[None] * len(cotangents) for _ in taken.stages]
        before: list[Tensor | None] = [None] * len(cotangents)

        def spread(steps: Pulled, states: Pulled, weights: Sequence[float]) -> None:
            for cotangent, weight in zip(below, weights, strict=False):
                if weight:
                    add(cotangent, steps, taken.factor * weight)
            add(before, states)

        spread(*by.retracted_back(taken.moves, cotangents), self.tableau.weights)
        for k in reversed(range(len(taken.stages))):
            stage, wanted = taken.stages[k], filled(below[k], cotangents)
            gathered.add(stage.t, taken.h, taken.white, stage.states, wanted)
            pulled = by.slopes_back(stage.slopes, wanted)
            row = self.tableau.stages[k]
            if any(row):
                spread(*by.retracted_back(stage.moves, filled(pulled, cotangents)), row)
            else:
                add(before, pulled)
        return filled(before, cotangents)


def moved(
    by: Plain, states: Arrays, slopes: Sequence[Arrays], factors: Sequence[float]
) -> tuple[list[Tensor], Arrays]:
    """Where the sum of the slopes leads, and what the pullback of that reads."""
    used = [(factor, row) for factor, row in zip(factors, slopes, strict=True) if factor]
    if not used:
        return list(states), ()
    steps = []
    for k in range(len(states)):
        total = used[0][0] * used[0][1][k]
        for factor, row in used[1:]:
            total = torch.add(total, row[k], alpha=factor)
        steps.append(total)
    return by.retracted(steps, states)


def add(totals: list[Tensor | None], more: Pulled, factor: float = 1.0) -> None:
    """Add multiples; None is 0."""
    for k, x in enumerate(more):
        if x is not None:
            total = totals[k]
            if total is None:
                totals[k] = x if factor == 1 else factor * x
            else:
                totals[k] = torch.add(total, x, alpha=factor)


def filled(found: Pulled, like: Sequence[Tensor]) -> list[Tensor]:
    """Zeros where nothing is."""
    return [torch.zeros_like(y) if x is None else x for x, y in zip(found, like, strict=True)]
