"""Exact gradients of adaptive solves from few states: accepted steps are taken again backwards.

Forwards no graph is made; the sizes of all steps are noted, and the state at every so many of them.
Backwards the steps between two of these are taken again, with the sizes noted, and autograd follows
them. A point whose step was not accepted takes one of length 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import NumericalError
from dynattn.lower.module import System
from dynattn.lower.retaken import Place, planted
from dynattn.solve.adaptive import Demand, Progress, Run
from dynattn.solve.control import Flags, Numbers
from dynattn.solve.discrete import unusual
from dynattn.solve.failures import Reached, Scene
from dynattn.solve.fixed import States
from dynattn.solve.gradients import not_twice
from dynattn.solve.packed import PackedField
from dynattn.solve.pullbacks import parameters_of
from dynattn.solve.tape import NotReplayable


@dataclass(frozen=True)
class Note:
    """A step that some points took: host numbers alone."""

    before: Numbers
    size: Numbers
    arrival: Numbers
    landing: Flags
    accepted: Flags
    after: Numbers


@dataclass(frozen=True)
class Mark:
    """Where steps can be taken again from."""

    number: int
    """Of the step that begins there."""
    y: Tensor
    first: Tensor
    """The rates there."""
    known: Any
    """How many saved times each point had come to."""


class NotedRun(Run):
    """A run that notes its steps, and keeps about as many states as steps lie between two."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.notes: list[Note] = []
        self.marks: list[Mark] = []
        self.apart = 1

    def begin(self) -> None:
        """With the first of the marks."""
        super().begin()
        self._mark()

    def _mark(self) -> None:
        first = self.slopes.first.clone()
        self.marks.append(Mark(len(self.notes), self.y.clone(), first, self.saved.known))

    def _go_on(self, y: Tensor, accepted: Flags) -> None:
        control, where = self.control, self.control.host.where
        size, arrival = (
            where(accepted, control.size, 0.0),
            where(accepted, control.arrival, self.before),
        )
        landing = control.landing & accepted
        self.notes.append(Note(self.before, size, arrival, landing, accepted, control.time))
        super()._go_on(y, accepted)
        if len(self.notes) % self.apart == 0:
            self._mark()
        if len(self.marks) > 2 * self.apart + 2:
            self.marks, self.apart = self.marks[::2], 2 * self.apart

    def step(self) -> None:
        """As ever; it is known where it began."""
        self.before = self.control.time
        super().step()

    def again(self, mark: Mark, stop: int, y: Tensor, first: Tensor) -> list[Tensor]:
        """The steps from a mark with a graph: the state at their end, the rates there, and the
        saved states on the way; their places go to ``saved``.
        """
        self.y, self.slopes = y, self._new_slopes()
        self.slopes.restart(first)
        self.saved.resume(mark.known)
        for note in self.notes[mark.number : stop]:
            self._retake(note)
        return [self.y, self.slopes.first, *self.saved.values]

    def _retake(self, note: Note) -> None:
        control = self.control
        control.time, control.size = note.before, note.size
        control.arrival, control.landing = note.arrival, note.landing
        y, _ = self._stages(self._spread(note.size))
        control.time = note.after
        known = control.known(note.accepted)
        self.saved.take(self.slopes, self.y, note.before, note.size, known)
        Run._go_on(self, y, note.accepted)


@dataclass
class Replayed:
    """One solve whose gradients are wanted."""

    run: NotedRun
    places: Sequence[Place]
    progress: Progress | None

    def solve(self, y: Tensor) -> Tensor:
        """[times, batch..., coordinates] from the packed states."""
        tensors = [table[key] for table, key in self.places]
        found = _Replay.apply(self, y, *tensors)
        assert isinstance(found, Tensor)
        return found

    def forward(self) -> Tensor:
        """To the end; notes and marks stay."""
        run = self.run
        run.begin()
        while not run.control.done:
            run.step()
            if self.progress is not None:
                self.progress(run.fraction)
        found = run.saved.gathered()
        run.saved.resume(run.saved.known)
        return found

    def backward(self, push: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """The cotangent of the packed start, and those of the parameters."""
        run, marks = self.run, self.run.marks
        totals: list[Tensor | None] = [None] * len(tensors)
        rows = push.reshape(-1, push.shape[-1])
        pushes = [torch.zeros_like(run.y), torch.zeros_like(run.y)]
        leaves = [x.detach().requires_grad_() for x in tensors]
        stops = [*(mark.number for mark in marks[1:]), len(run.notes)]
        with torch.enable_grad(), planted(self.places, leaves):
            for mark, stop in reversed([*zip(marks, stops, strict=True)]):
                y, first = (x.detach().requires_grad_() for x in (mark.y, mark.first))
                found = run.again(mark, stop, y, first)
                some = [rows[torch.as_tensor(p, device=rows.device)] for p in run.saved.places]
                pushes, more = _pulled(found, [*pushes, *some], [y, first], leaves)
                totals = _sums(totals, more)
            start = marks[0].y.detach().requires_grad_()
            run.control.time = run.notes[0].before if run.notes else run.control.time
            first = run.rates(run.now(run.control.time), start)
            (last,), more = _pulled([first], [pushes[1]], [start], leaves)
            totals = _sums(totals, more)
        begun = rows[: pushes[0].numel() // rows.shape[-1]].reshape(pushes[0].shape)
        return [(pushes[0] + last + begun).reshape(push.shape[1:]), *totals]


def _pulled(
    found: Sequence[Tensor], pushes: Sequence[Tensor], points: Sequence[Tensor],
    leaves: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor | None]]:  # fmt: skip
    """The cotangents of points and parameters, from those of what was found."""
    moving = [k for k, x in enumerate(found) if x.requires_grad]
    wanted = [*points, *leaves]
    gradients: Sequence[Tensor | None] = [None] * len(wanted)
    if moving:
        gradients = torch.autograd.grad(
            [found[k] for k in moving], wanted, [pushes[k] for k in moving], allow_unused=True
        )
    count = len(points)
    below = [torch.zeros_like(x) if g is None else g
             for x, g in zip(points, gradients[:count], strict=True)]  # fmt: skip
    return below, list(gradients[count:])


def _sums(totals: list[Tensor | None], more: Sequence[Tensor | None]) -> list[Tensor | None]:
    return [b if a is None else a if b is None else a + b
            for a, b in zip(totals, more, strict=True)]  # fmt: skip


class _Replay(torch.autograd.Function):
    """The saved states of (start, parameters), which stand in their places as it is called."""

    @staticmethod
    def forward(ctx: Any, solve: Replayed, y: Tensor, *tensors: Tensor) -> Tensor:
        found = solve.forward()
        ctx.solve = solve
        ctx.save_for_backward(*tensors)
        return found

    @staticmethod
    def backward(ctx: Any, *pushes: Tensor) -> Any:
        if torch.is_grad_enabled():
            raise not_twice(ctx.solve.run.field.scene.span)
        return (None, *ctx.solve.backward(pushes[0], ctx.saved_tensors))


def integrate_replayed(
    scene: Scene,
    states: States,
    times: Sequence[float],
    demand: Demand,
    progress: Progress | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As ``integrate_adaptively``, with checkpoints; NotReplayable where these cannot be had."""
    system = scene.system
    if not isinstance(system, System) or unusual(system, states):
        raise NotReplayable
    field = PackedField(scene)
    with torch.no_grad():
        known = {name: x.detach() for name, x in states.items()}
        run = NotedRun(field, known, times, demand)
    solve = Replayed(run, parameters_of(system), progress)
    try:
        found = solve.solve(field.packing.pack(states))
    except NumericalError as error:
        error.partial = Reached(field.states(run.saved.gathered()), run.costs)
        raise
    return field.states(found), run.costs
