"""What steps of a system are made of, and the pullbacks of it: slopes, retraction, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.edge_states import rank_of_state
from dynattn.lower.module import System
from dynattn.lower.retaken import Place, planted
from dynattn.solve.tape import NotReplayable, Tape

BLOCK = 2**15
"""Numbers of the states of stages whose parameters' gradients are made at once: of more, the arrays
made on the way fall out of the processor's cache."""

CLOSE = 1e-6
"""A pullback written down at one point gives at another what the system gives, but for rounding."""

Arrays = Sequence[Tensor]


def parameters_of(system: System) -> list[Place]:
    """Where the tensors stand that rates and noise read, and that want a gradient."""
    found: dict[Any, Place] = {}
    for routine in (system._field, system._noise):
        for table, key in () if routine is None else routine.tables:
            if isinstance(table[key], Tensor) and table[key].requires_grad:
                found[id(table), key] = (table, key)
    return list(found.values())


def learned_by(system: Any) -> list[Tensor]:
    """What the rates of any field read and that wants a gradient, as far as the field tells."""
    if isinstance(system, System):
        return [table[key] for table, key in parameters_of(system)]
    return [*system.parameters()] if isinstance(system, torch.nn.Module) else []


class Plain:
    """Slopes and retraction as the system has them; autograd goes through.

    ``arrays`` are the states in their order. Every method gives what it is asked for and what a
    pullback reads: here nothing.
    """

    def __init__(self, system: System, names: Sequence[str]) -> None:
        self.system, self.names, self.noisy = system, tuple(names), system.noisy

    def slopes(
        self, t: Tensor, h: Tensor, white: Arrays, arrays: Arrays
    ) -> tuple[list[Tensor], Arrays]:
        """The rates; with noise the way of a whole step. t, h: 0-d, or of as many axes as there
        are in front.
        """
        states = dict(zip(self.names, arrays, strict=True))
        found = self.system.rates(t, states)
        if self.noisy:
            pushes = self.system.diffuse(t, states, dict(zip(self.noisy, white, strict=True)))
            found = {name: _wide(h, x) * x for name, x in found.items()}
            found |= {name: found[name] + push for name, push in pushes.items()}
        return [found[name] for name in self.names], ()

    def retracted(self, steps: Arrays, arrays: Arrays) -> tuple[list[Tensor], Arrays]:
        """Where the steps lead."""
        states = dict(zip(self.names, arrays, strict=True))
        found = self.system.retract(states, dict(zip(self.names, steps, strict=True)))
        return [found[name] for name in self.names], ()


def _wide(h: Tensor, x: Tensor) -> Tensor:
    return h if h.dim() == 0 else h.reshape(*h.shape, *[1] * (x.dim() - h.dim()))


class Written(Plain):
    """The same without a graph, and with pullbacks; NotReplayable where these cannot be had."""

    def __init__(
        self, system: System, places: Sequence[Place], t: Tensor, white: Arrays,
        states: Mapping[str, Tensor],
    ) -> None:  # fmt: skip
        super().__init__(system, tuple(states))
        self.places = places
        arrays = list(states.values())
        self.front = arrays[0].dim() - rank_of_state(system, self.names[0])
        """How many axes stand in front of the nodes."""
        given = [t, torch.full_like(t, 0.01), *white]
        with planted(places, [table[key].detach() for table, key in places]):
            self.slope = Tape(self._slopes, given, arrays)
            self.move = Tape(self._moved, [], [*[0.01 * x for x in arrays], *arrays])
            self.kept_slope = self.slope.prepare(self.slope.lasting)
            self.kept_move = self.move.prepare(self.move.lasting)
            self._check(t, white, arrays)

    def _slopes(self, t: Tensor, h: Tensor, *arrays: Tensor) -> list[Tensor]:
        count = len(self.noisy)
        return super().slopes(t, h, arrays[:count], arrays[count:])[0]

    def _moved(self, *arrays: Tensor) -> list[Tensor]:
        count = len(self.names)
        return super().retracted(arrays[:count], arrays[count:])[0]

    def _check(self, t: Tensor, white: Arrays, arrays: Arrays) -> None:
        """At another time and point the system does the same."""
        steps = [0.01 * x for x in self._slopes(t, t, *white, *arrays)]
        points, later = self._moved(*steps, *arrays), t + 0.01
        expected = [*self._slopes(later, t, *white, *points), *points]
        found = [*self.slopes(later, t, white, points)[0], *self.retracted(steps, arrays)[0]]
        for one, other in zip(found, expected, strict=True):
            if not torch.allclose(one, other, rtol=CLOSE, atol=CLOSE, equal_nan=True):
                raise NotReplayable

    def slopes(
        self, t: Tensor, h: Tensor, white: Arrays, arrays: Arrays
    ) -> tuple[list[Tensor], Arrays]:
        """As above, with what ``slopes_back`` reads."""
        found, residuals = self.slope.forward(self.kept_slope, (t, h, *white, *arrays))
        return list(found), residuals

    def retracted(self, steps: Arrays, arrays: Arrays) -> tuple[list[Tensor], Arrays]:
        """As above, with what ``retracted_back`` reads."""
        found, residuals = self.move.forward(self.kept_move, (*steps, *arrays))
        return list(found), residuals

    def slopes_back(self, residuals: Arrays, cotangents: Arrays) -> list[Tensor | None]:
        """The cotangents of the states."""
        moving = [cotangents[k] for k in self.slope.moving]
        return list(self.slope.pullback(self.kept_slope, residuals, moving))

    def retracted_back(
        self, residuals: Arrays, cotangents: Arrays
    ) -> tuple[list[Tensor | None], list[Tensor | None]]:
        """Those of the steps, and of the states."""
        moving = [cotangents[k] for k in self.move.moving]
        found = list(self.move.pullback(self.kept_move, residuals, moving))
        return found[: len(self.names)], found[len(self.names) :]


class Gathered:
    """The gradients of the parameters, from cotangents of the slopes of one stage after another."""

    def __init__(self, steps: Written, tensors: Sequence[Tensor]) -> None:
        self.steps = steps
        self.tensors = [x.detach().requires_grad_() for x in tensors]
        self.totals: list[Tensor | None] = [None] * len(tensors)
        self.stages: list[tuple[Tensor, Tensor, Arrays, Arrays, Arrays]] = []
        self.size = 0

    def add(
        self, t: Tensor, h: Tensor, white: Arrays, states: Arrays, cotangents: Arrays
    ) -> None:  # fmt: skip
        """One stage."""
        if not self.tensors:
            return
        self.stages.append((t, h, white, states, cotangents))
        self.size += sum(x.numel() for x in states)
        if self.size >= BLOCK:
            self.flush()

    def flush(self) -> None:
        """The gradients of the stages that wait."""
        if not self.stages:
            return
        t, h, white, states, cotangents = zip(*self.stages, strict=True)
        self.stages, self.size = [], 0
        ones = [1] * self.steps.front
        times, lengths = (torch.stack(x).reshape(-1, *ones) for x in (t, h))
        noise = [x.reshape(len(x), *ones, *x.shape[1:]) for x in _stacked(white)]
        pushes = _stacked(cotangents)
        with torch.enable_grad(), planted(self.steps.places, self.tensors):
            found = self.steps._slopes(times, lengths, *noise, *_stacked(states))
            some = [k for k, x in enumerate(found) if x.requires_grad]
            if not some:
                return
            gradients = torch.autograd.grad(
                [found[k] for k in some], self.tensors, [pushes[k] for k in some],
                allow_unused=True,
            )  # fmt: skip
        for k, gradient in enumerate(gradients):
            if gradient is not None:
                total = self.totals[k]
                self.totals[k] = gradient if total is None else total.add_(gradient)


def _stacked(rows: Sequence[Arrays]) -> list[Tensor]:
    return [torch.stack(column) for column in zip(*rows, strict=True)]
