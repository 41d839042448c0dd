"""Exact gradients of a solve with fixed steps, from the states at its steps alone.

Forwards no graph is made. Backwards the cotangents go from stage to stage through pullbacks written
down once (``tape``), and the parameters' gradients are made of many stages in one batched call.
Where what the pullbacks read exceeds the memory allowed, states are kept at some steps, and the
steps between them are taken again, level under level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore  # no stubs

from dynattn.lower.edge_states import rank_of_state
from dynattn.lower.module import System
from dynattn.lower.retaken import Place, planted, pulled_back
from dynattn.solve.fixed import Field, States, instant
from dynattn.solve.gradients import Gradient
from dynattn.solve.noise import Wiener
from dynattn.solve.pullbacks import (
    Gathered,
    Plain,
    Written,
    learned_by,
    parameters_of,
)
from dynattn.solve.tape import NotReplayable
from dynattn.solve.walk import Step, Taken, Walk
from dynattn.vocabulary.tableaus import Tableau

FEWEST = 16
"""Of fewer stages the graph is cheaper than writing down the pullbacks."""

Arrived = Callable[[int, dict[str, Tensor]], None]
"""arrived(k, states): the k-th of the saved times is reached."""


@dataclass(frozen=True)
class Mark:
    """Where steps can be taken again from."""

    number: int
    """Of the step that begins there."""
    states: list[Tensor]
    streams: Mapping[str, Any]


@dataclass
class Run:
    """Steps that were taken, all that they left kept, or marks on the way."""

    marks: list[Mark]
    taken: list[Taken]
    stop: int
    below: int
    """Bytes that the steps between two marks may keep."""


@dataclass
class Differentiable:
    """One solve, whose gradients are wanted."""

    walk: Walk
    by: Written
    steps: Sequence[Step]
    places: Sequence[Place]
    memory: int | None
    """Bytes that may be kept; None: as few as there can be with one more run."""
    arrived: Arrived

    def solve(self, states: States) -> dict[str, Tensor]:
        """The states at all saved times, stacked along a new first axis."""
        tensors = [table[key] for table, key in self.places]
        found = _Solve.apply(self, len(states), *states.values(), *tensors)
        assert isinstance(found, tuple)
        return dict(zip(states, found, strict=True))

    # ── forwards ───────────────────────────────────────────────────────────────────────────────

    def run(
        self, mark: Mark, stop: int, memory: int | None, saved: list[list[Tensor]] | None = None
    ) -> Run:
        """Take the steps from a mark up to ``stop``; states at saved times go to ``saved``."""
        states, count, apart, whole = mark.states, stop - mark.number, 0, 0
        marks, taken = [mark], list[Taken]()
        for number in range(mark.number, stop):
            if apart and number > mark.number and (number - mark.number) % apart == 0:
                marks.append(Mark(number, states, self.walk.streams))
            step = self.steps[number]
            states, one = self.walk.take(self.by, step, states)
            if number == mark.number:
                whole = least(count, one.size, size_of(states)) if memory is None else memory
                apart = steps_apart(count, whole, one.size, size_of(states))
            if not apart:
                taken.append(one)
            if saved is not None and step.saved is not None:
                self.arrived(step.saved, dict(zip(self.walk.names, states, strict=True)))
                saved.append(states)
        return Run(marks, taken, stop, whole // 2)

    def forward(self, states: list[Tensor]) -> tuple[list[Tensor], Run]:
        """The states at the saved times, and what the way back begins with."""
        saved, mark = [states], Mark(0, states, self.walk.streams)
        run = self.run(mark, len(self.steps), self.memory, saved)
        return [torch.stack(column) for column in zip(*saved, strict=True)], run

    def plainly(self, mark: Mark, states: Sequence[Tensor]) -> list[Tensor]:
        """The same with a graph, for derivatives of the gradients."""
        self.walk.rewind(mark.streams)
        by, points = Plain(self.by.system, self.walk.names), list(states)
        saved = [points]
        for step in self.steps:
            points, _ = self.walk.take(by, step, points)
            if step.saved is not None:
                saved.append(points)
        return [torch.stack(column) for column in zip(*saved, strict=True)]

    # ── backwards ──────────────────────────────────────────────────────────────────────────────

    def backward(
        self, run: Run, pushes: Sequence[Tensor], tensors: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """The cotangents of the initial states, and those of the parameters."""
        gathered = Gathered(self.by, tensors)
        cotangents = [torch.zeros_like(x[0]) for x in pushes]
        cotangents = self.back(run, cotangents, pushes, gathered)
        gathered.flush()
        return [*(c + x[0] for c, x in zip(cotangents, pushes, strict=True)), *gathered.totals]

    def back(
        self, run: Run, cotangents: list[Tensor], pushes: Sequence[Tensor], gathered: Gathered
    ) -> list[Tensor]:
        """The cotangents before the steps of a run, from those after them."""
        first = run.marks[0].number
        while run.taken:
            saved = self.steps[first + len(run.taken) - 1].saved
            if saved is not None:
                cotangents = [c + x[saved] for c, x in zip(cotangents, pushes, strict=True)]
            cotangents = self.walk.take_back(self.by, run.taken.pop(), cotangents, gathered)
            if not run.taken:
                return cotangents
        stops = [*(mark.number for mark in run.marks[1:]), run.stop]
        for mark, stop in reversed([*zip(run.marks, stops, strict=True)]):
            self.walk.rewind(mark.streams)
            again = self.run(mark, stop, run.below)
            cotangents = self.back(again, cotangents, pushes, gathered)
        return cotangents


def size_of(tensors: Sequence[Tensor]) -> int:
    """Bytes."""
    return sum(x.numel() * x.element_size() for x in tensors)


def least(count: int, step: int, mark: int) -> int:
    """Bytes with which as much goes into marks as into the steps between two of them."""
    return 2 * max(step, mark, math.isqrt(count * step * mark) + step)


def steps_apart(count: int, memory: int, step: int, mark: int) -> int:
    """How many steps lie between two marks; 0: what every step leaves is kept.

    Half of the memory is for marks, and half for the steps between two of them; where that is not
    enough, marks stand so far apart that others are set between them later.
    """
    if count < 2 or count * step <= memory:
        return 0
    most = max(2, memory // 2 // max(1, mark))
    return max(1, memory // 2 // step, -(-count // most))


class _Solve(torch.autograd.Function):
    """The saved states of (states, parameters), which stand in their places as it is called."""

    @staticmethod
    def forward(ctx: Any, solve: Differentiable, count: int, *tensors: Tensor) -> Any:
        states = [x.detach() for x in tensors[:count]]
        found, ctx.run = solve.forward(states)
        ctx.begin = ctx.run.marks[0]
        ctx.solve, ctx.count = solve, count
        ctx.save_for_backward(*tensors)
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *pushes: Tensor) -> Any:
        solve, tensors = ctx.solve, ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated itself
            return (None, None, *_with_graph(solve, ctx.begin, ctx.count, tensors, pushes))
        run = ctx.run
        if run is None:  # taken back before, and retained
            solve.walk.rewind(ctx.begin.streams)
            run = solve.run(ctx.begin, len(solve.steps), solve.memory)
        ctx.run = None
        found = solve.backward(run, pushes, tensors[ctx.count :])
        return (None, None, *found)


def _with_graph(
    solve: Differentiable, begin: Mark, count: int, tensors: Sequence[Tensor],
    pushes: Sequence[Tensor],
) -> list[Tensor | None]:  # fmt: skip
    tensors = [x.view_as(x) for x in tensors]  # one may depend on another outside
    with planted(solve.places, tensors[count:]):
        found = solve.plainly(begin, tensors[:count])
    return pulled_back(found, tensors, pushes, True)


def differentiable(
    system: Field,
    states: States,
    find: Callable[[], Sequence[Step]],
    tableau: Tableau,
    wiener: Wiener | None,
    gradient: Gradient,
    arrived: Arrived,
) -> Differentiable | None:
    """The solve, where its gradients can be had in this way; else None: autograd follows it.

    ``find`` gives the steps. ``checkpointed`` asks for this way; NotReplayable where it cannot
    be had.
    """
    asked = gradient.kind == "checkpointed"
    if gradient.kind == "backpropagation" or not gradients_wanted(system, states):
        return None
    if not isinstance(system, System) or unusual(system, states):
        return _refused(asked)
    steps = find()
    if not asked and len(steps) * len(tableau.weights) < FEWEST:
        return None
    if system.noisy and wiener is None:
        wiener = Wiener(system)
    walk, places = Walk(tuple(states), tableau, wiener), parameters_of(system)
    try:
        by = _written(walk, system, places, states, steps[0])
    except NotReplayable:
        return _refused(asked)
    return Differentiable(walk, by, steps, places, gradient.room, arrived)


def _refused(asked: bool) -> None:
    if asked:
        raise NotReplayable


def _written(
    walk: Walk, system: System, places: Sequence[Place], states: States, step: Step
) -> Written:
    known = {name: x.detach() for name, x in states.items()}
    white, aside = (), Walk(walk.names, walk.tableau, walk.wiener)
    aside.rewind(walk.streams)
    if aside.wiener is not None:
        white = tuple(aside.wiener.increments(step.h, known).values())
    with torch.no_grad():
        return Written(system, places, instant(step.t, known), white, known)


def gradients_wanted(system: Field, states: States) -> bool:
    """Whether a graph is recorded, of the states or of learned parameters."""
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return any(x.requires_grad for x in (*states.values(), *learned_by(system)))


def unusual(system: System, states: States) -> bool:
    """Delays, torch.func and forward-mode derivatives, which go through every operation, gradients
    of what a retraction or a signal reads, and states with batch axes of their own.
    """
    mapped = peek_interpreter_stack() is not None
    forward = torch.autograd.forward_ad._current_level >= 0
    if system.late or mapped or forward:
        return True
    front = {x.shape[: x.dim() - rank_of_state(system, name)] for name, x in states.items()}
    assert system._retraction is not None
    tables = [table[key] for table, key in system._retraction.tables]
    tables += [signal.values for signal in system.signals.values()]
    return len(front) > 1 or any(isinstance(x, Tensor) and x.requires_grad for x in tables)
