"""The past of a solution: what couplings with a delay read, at times between the steps.

States are kept where steps begin, with their rates, as far back as the largest delay reaches.
Between two of them they are interpolated, by a cubic (Hermite), whose error is of the fourth order
in the step, or, where there is noise or the method is Euler's, by a straight line. On curved
manifolds the coordinates are interpolated and the point is brought back. Before the first step a
state has its initial value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dynattn.lower.past import addressed, landing, seen_by, senders_of
from dynattn.model.terms import GLOBAL
from dynattn.solve.delays import kinks
from dynattn.solve.fixed import Advance, States, instant, just_before
from dynattn.solve.methods import Method

if TYPE_CHECKING:
    from dynattn.lower.module import System
    from dynattn.model.parts import Coupling

ROOM = 64
"""Steps that a new history has room for."""


class History:
    """Remembers one solution; differentiable in delays, states and parameters."""

    def __init__(self, system: System, start: float, *, cubic: bool):
        self.system = system
        self.start = start
        self.cubic = cubic
        self.delays = system.delays()
        known = [tau.detach().reshape(-1) for tau in self.delays.values()]
        self.longest = max(torch.cat(known).tolist(), default=0.0)
        self.landings = {state: landing(system, state) for state, _ in system.late}
        self.count = 0
        """How many steps have begun, of those still kept."""
        self.sloped = 0
        """Of how many the rates are known."""
        self.times = torch.empty(0, dtype=torch.float64, device=system.device)
        self.points: dict[str, Tensor] = {}
        self.slopes: dict[str, Tensor] = {}

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def begin(self, t: float, states: States) -> None:
        """A step begins: its states are kept."""
        states = addressed(self.system, states)
        if self.count == len(self.times):
            self._make_room(t, states)
        self.times[self.count] = t
        for name, buffer in self.points.items():
            buffer[self.count] = states[name]
        self.count += 1

    def note(self, rates: States) -> None:
        """The rates where the step began; those of its later stages are not kept."""
        if self.sloped == self.count:
            return
        rates = addressed(self.system, rates)
        for name, buffer in self.slopes.items():
            buffer[self.sloped] = rates[name]
        self.sloped += 1

    def _make_room(self, t: float, states: States) -> None:
        """Forget what no delay reaches any more; where little is forgotten, double the room."""
        reached = int((self.times[: self.count] <= t - self.longest).sum())
        first = max(0, reached - 2)
        kept = self.count - first
        room = ROOM if not self.count else len(self.times) * (2 if 2 * kept > self.count else 1)
        self.times = _moved(self.times, first, kept, room)
        for name in self.landings:
            empty = states[name].new_zeros((0, *states[name].shape))
            self.points[name] = _moved(self.points.get(name, empty), first, kept, room)
            if self.cubic:
                self.slopes[name] = _moved(self.slopes.get(name, empty), first, kept, room)
        self.count, self.sloped = kept, self.sloped - first

    def stops(self, jumps: Sequence[float], stop: float, method: Method) -> tuple[float, ...]:
        """The jumps, and the times up to ``stop`` at which a derivative jumps for their sake or
        for that of the start, and would cost the method its order.
        """
        if self.system.noisy:
            return tuple(jumps)
        all_of_them = [delay.detach().reshape(-1) for delay in self.delays.values()]
        taus = torch.cat(all_of_them).tolist()
        more = kinks(taus, [self.start, *jumps], stop, min(method.order, 4) - 1)
        return tuple(sorted((*jumps, *more)))

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    def past(self, t: float, states: States) -> dict[tuple[str, str], Tensor]:
        """What every coupling with a delay sees at time t of these states and those before."""
        found = addressed(self.system, states)
        return {key: self._seen(t, found, *key) for key in self.system.late}

    def _seen(self, t: float, states: States, state: str, name: str) -> Tensor:
        """Where the delay is 0, the present itself."""
        coupling, tau = self.system.model.coupling[name], self.delays[name]
        if not bool((tau.detach() > 0).any()):
            return seen_by(self.system, state, coupling, states[state])
        found = self._interpolated(t - tau, state, coupling)
        if bool((tau.detach() > 0).all()):
            return found
        now = seen_by(self.system, state, coupling, states[state])
        rank = len(self.system.model.addressed[state].shape)
        behind = rank + (coupling.delay is not None and coupling.delay.type.place == GLOBAL)
        return torch.where((tau == 0)[(..., *[None] * behind)], now, found)

    def _interpolated(self, when: Tensor, state: str, coupling: Coupling) -> Tensor:
        """The state at the times ``when``: one, or [batch..., edges]."""
        start, stop = self._interval(when.detach().to(torch.float64))
        points = self.points[state]
        width = self.times[stop] - self.times[start]
        width = torch.where(width == 0, torch.ones_like(width), width).to(points.real.dtype)
        place = ((when - self.times[start]).to(points.real.dtype) / width).clamp(min=0)
        # The axes of a point, and the nodes where all have one delay.
        rank = len(self.system.model.addressed[state].shape)
        behind = rank + (coupling.delay is not None and coupling.delay.type.place == GLOBAL)
        place, width = (x[(..., *[None] * behind)] for x in (place, width))
        ends = [self._index(row, state, coupling) for row in (start, stop)]
        first, last = (_copied(points, index) for index in ends)
        if not self.cubic:
            return self.landings[state](first + place * (last - first))
        before, after = (_copied(self.slopes[state], index) for index in ends)
        rest = 1 - place
        found = first + place**2 * (3 - 2 * place) * (last - first)
        found = found + width * place * rest * (rest * before - place * after)
        return self.landings[state](found)

    def _index(self, row: Tensor, state: str, coupling: Coupling) -> tuple[Tensor, ...]:
        """Where in a buffer [steps, batch..., nodes, ...] the rows stand, seen by the coupling.

        Rows are [batch..., edges], or one number per point of the batch.
        """
        assert coupling.delay is not None
        rank = len(self.system.model.addressed[state].shape)
        batch = self.points[state].shape[1 : -1 - rank]
        if row.dim() == 0 and coupling.delay.type.place == GLOBAL:
            return (row,)
        senders, receivers = senders_of(self.system, coupling)
        edges = 0 if coupling.delay.type.place == GLOBAL else 1 if receivers is None else 2
        points = [
            torch.arange(size, device=row.device).reshape(-1, *[1] * (len(batch) - k - 1 + edges))
            for k, size in enumerate(batch)
        ]
        return (row, *points, senders.to(row.device)) if edges else (row, *points)

    def _interval(self, when: Tensor) -> tuple[Tensor, Tensor]:
        """Between which two kept steps each time lies; a cubic needs the rates at both."""
        known = self.sloped if self.cubic else self.count
        row = torch.searchsorted(self.times[: self.count], when.contiguous(), right=True) - 1
        row = row.clamp(0, max(known - 2, 0))
        return row, (row + 1).clamp(max=self.count - 1)


def _copied(buffer: Tensor, index: tuple[Tensor, ...]) -> Tensor:
    """Entries of a buffer, never a view of it: more will be written there."""
    alone = len(index) == 1 and index[0].dim() == 0
    return buffer.index_select(0, index[0].reshape(1))[0] if alone else buffer[index]


def _moved(buffer: Tensor, first: int, kept: int, room: int) -> Tensor:
    """The kept rows of a buffer at the beginning of one with more room."""
    fresh = buffer.new_zeros((room, *buffer.shape[1:]))
    fresh[:kept] = buffer[first : first + kept]
    return fresh


def new_history(system: System, method: Method, start: float) -> History:
    """The history of a solution that begins."""
    return History(system, start, cubic=method.order > 1 and not system.noisy)


class Late:
    """A system as a stepper sees it: its couplings read the history."""

    def __init__(self, history: History):
        self.history = history
        self.system = history.system

    def rates(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """The rates, the past as it is remembered."""
        found = self.system.rates(t, states, self.history.past(float(t), states))
        self.history.note(found)
        return found

    def retract(self, states: States, steps: States) -> dict[str, Tensor]:
        """Where tangent steps lead from the states."""
        return self.system.retract(states, steps)

    def diffuse(self, t: Tensor, states: States, white: States) -> dict[str, Tensor]:
        """What the noise adds; it knows no delay."""
        return self.system.diffuse(t, states, white)


def remembering(field: Late, advances: Advance) -> Advance:
    """Steps that are remembered when they begin, and where a rate may jump also when they end."""
    history = field.history

    def advance(t: float, states: States, h: float, end: float | None) -> dict[str, Tensor]:
        history.begin(t, states)
        found = advances(t=t, states=states, h=h, end=end)
        if end is not None and history.cubic:
            history.begin(end, found)
            field.rates(instant(just_before(end, h, found), found), found)
        return found

    return advance
