"""The past of a solution: what couplings with a delay read, at times between the steps.

Between two steps a state is a cubic of the time (Hermite: the states and rates at both ends), whose
error is of the fourth order in the step, or, where there is noise or the method is Euler's, a
straight line. Kept are the coefficients, per node, of the steps that the largest delay reaches
back to. On curved manifolds the coordinates are interpolated and the point is brought back. Before
the first step a state has its initial value.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dynattn.lower.past import addressed, landing, seen_by, senders_of
from dynattn.model.terms import GLOBAL
from dynattn.solve.delays import kinks
from dynattn.solve.fixed import Advance, States, instant, just_before
from dynattn.solve.methods import Method
from dynattn.solve.point_history import PointHistory

if TYPE_CHECKING:
    from dynattn.lower.module import System
    from dynattn.model.parts import Coupling

ROOM = 64
"""Steps that a new history has room for."""

FEW = 16
"""Up to so many times are looked up from scratch; more go on from where they were."""

Key = tuple[str, str]
"""(state, coupling)."""


class History:
    """Remembers one solution; differentiable in delays, states and parameters."""

    def __init__(self, system: System, start: float, *, cubic: bool):
        self.system = system
        self.start = start
        self.cubic = cubic
        self.delays = system.delays()
        known = [tau.detach().reshape(-1) for tau in self.delays.values()]
        self.longest = max(torch.cat(known).tolist(), default=0.0)
        self.late = {name: bool((tau.detach() > 0).any()) for name, tau in self.delays.items()}
        self.always = {name: bool((tau.detach() > 0).all()) for name, tau in self.delays.items()}
        self.learned = any(tau.requires_grad for tau in self.delays.values())
        self.landings = {state: landing(system, state) for state, _ in system.late}
        self.count = 0
        """How many steps are known from end to end, of those still kept."""
        self.times = torch.empty(0, dtype=torch.float64, device=system.device)
        """Where each begins, and where the last one ends; infinity behind."""
        self.curves: dict[str, Tensor] = {}
        """[steps, batch..., nodes, coordinates..., powers of the time since the step began]."""
        self._last: tuple[float, States, States] | None = None
        """Where the last of them ends: time, states and rates there."""
        self._open: tuple[float, States] | None = None
        """Where a step has begun whose rates are not known yet."""
        self._rows: dict[Key, tuple[float, Tensor]] = {}
        self._read: dict[Key, tuple[tuple[float, int], Tensor]] = {}
        self._places: dict[Key, Tensor] = {}

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def begin(self, t: float, states: States) -> None:
        """A step begins: its states are kept."""
        found = addressed(self.system, states)
        self._open = t, {name: found[name] for name in self.landings}
        if not self.curves:
            self._make_room(*self._open)
        if not self.cubic:
            self._close({})

    def note(self, rates: States) -> None:
        """The rates where the step began; those of its later stages are not kept."""
        if self.cubic and self._open is not None:
            self._close(addressed(self.system, rates))

    def _close(self, rates: States) -> None:
        """What is between the last point and the one that is open is known from now on."""
        assert self._open is not None
        t, states = self._open
        if self._last is not None:
            if self.count + 2 == len(self.times):
                self._make_room(t, states)
            before, first, slopes = self._last
            for name, curve in self.curves.items():
                ends = (first[name], states[name])
                sides = (slopes[name], rates[name]) if self.cubic else ()
                curve[self.count] = _coefficients(t - before, ends, sides)
            self.count += 1
            self.times[self.count] = t
        self._last, self._open = (t, states, rates), None

    def _make_room(self, t: float, states: States) -> None:
        """Forget what no delay reaches any more; where little is forgotten, double the room."""
        if not self.curves:
            self.times = self.times.new_full((ROOM,), math.inf)
            self.times[0] = t
            for name, point in states.items():
                powers = 4 if self.cubic else 2
                self.curves[name] = point.new_zeros((ROOM, *point.shape, powers))
                self.curves[name][0, ..., 0] = point
            return
        reached = int((self.times <= t - self.longest).sum())
        first = max(0, reached - 2)
        kept = self.count - first
        room = len(self.times) * (2 if 2 * kept > self.count else 1)
        self.times = _moved(self.times, first, kept + 1, room, math.inf)
        for name, curve in self.curves.items():
            self.curves[name] = _moved(curve, first, kept, room, 0.0)
        self.count = kept
        self._rows = {key: (t, (row - first).clamp(min=0)) for key, (t, row) in self._rows.items()}

    def kinks(
        self, jumps: Sequence[float], stop: float, method: Method, steps: int
    ) -> tuple[float, ...]:
        """The times up to ``stop`` at which a derivative jumps for the sake of the start or of the
        ``jumps`` of the rates, and would cost the method its order; ``steps``: those taken anyway.
        """
        if self.system.noisy:
            return ()
        all_of_them = [delay.detach().reshape(-1) for delay in self.delays.values()]
        taus = torch.cat(all_of_them).tolist()
        return kinks(taus, [self.start, *jumps], stop, min(method.order, 4) - 1, steps)

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    def past(self, t: float, states: States) -> dict[Key, Tensor]:
        """What every coupling with a delay sees at time t of these states and those before."""
        found = states if self.landings.keys() <= states.keys() else addressed(self.system, states)
        return {key: self._seen(t, found, *key) for key in self.system.late}

    def _seen(self, t: float, states: Mapping[str, Tensor], state: str, name: str) -> Tensor:
        """Where the delay is 0, the present itself."""
        coupling, tau = self.system.model.coupling[name], self.delays[name]
        if not self.late[name]:
            return seen_by(self.system, state, coupling, states[state])
        known = self._read.get((state, name))
        if known is None or known[0] != (t, self.count):
            known = (t, self.count), self._interpolated(t, state, coupling)
            self._read[state, name] = known  # methods look at one time more than once
        if self.always[name]:
            return known[1]
        now = seen_by(self.system, state, coupling, states[state])
        return torch.where(self._beside(tau == 0, state, coupling), now, known[1])

    def _beside(self, values: Tensor, state: str, coupling: Coupling) -> Tensor:
        """A number per edge, or per point of the batch, with axes behind it: those of a point, and
        the nodes where all have one delay.
        """
        rank = len(self.system.model.addressed[state].shape)
        return values[(..., *[None] * (rank + _is_one(coupling)))]

    def _interpolated(self, t: float, state: str, coupling: Coupling) -> Tensor:
        """The state at the coupling's own times before t: one, or [batch..., edges]."""
        when = t - self.delays[coupling.name]
        curve, key = self.curves[state], (state, coupling.name)
        row = self._row(key, t, when.detach().to(torch.float64))
        since = (when - self.times.take(row)).clamp(min=0).to(curve.dtype)
        since = self._beside(since, state, coupling)
        *lower, found = self._coefficients(curve, row, state, coupling).unbind(-1)
        for coefficient in reversed(lower):
            found = torch.addcmul(coefficient, since, found)
        return self.landings[state](found)

    def _coefficients(self, curve: Tensor, row: Tensor, state: str, coupling: Coupling) -> Tensor:
        """Those of the steps ``row``, as the coupling sees them: copies, as more will be written.

        Rows are [batch..., edges], or one number per point of the batch.
        """
        one = _is_one(coupling)
        front = curve.dim() - 2 - len(self.system.model.addressed[state].shape) + (not one)
        if front == 1:
            return curve.index_select(0, row.reshape(1))[0]
        key = (state, coupling.name)
        if key not in self._places:
            self._places[key] = self._numbered(curve.shape[1:front], coupling)
        width = math.prod(curve.shape[1:front])
        place = row * width + self._places[key]
        flat = curve.reshape(-1, *curve.shape[front:])
        return flat.index_select(0, place.reshape(-1)).reshape(*place.shape, *flat.shape[1:])

    def _numbered(self, shape: Sequence[int], coupling: Coupling) -> Tensor:
        """Which of the points of one step each edge, or point of the batch, reads."""
        points = torch.arange(math.prod(shape), device=self.times.device).reshape(*shape)
        if _is_one(coupling):
            return points
        senders, receivers = senders_of(self.system, coupling)
        points = points.index_select(-1, senders.to(points.device))
        return points if receivers is None else points.unsqueeze(-2)

    def _row(self, key: Key, t: float, when: Tensor) -> Tensor:
        """In which of the kept steps each time lies."""
        before, row = self._rows.get(key, (math.inf, when))
        if t < before or when.numel() <= FEW:
            row = torch.searchsorted(self.times, when.contiguous(), right=True) - 1
            row = row.clamp(min=0)
        else:
            while bool((ahead := self.times.take(row + 1) <= when).any()):
                row = row + ahead
        self._rows[key] = t, row
        return row.clamp(max=max(self.count - 1, 0))


def _is_one(coupling: Coupling) -> bool:
    """Whether all edges of a coupling have one delay."""
    assert coupling.delay is not None
    return coupling.delay.type.place == GLOBAL


def _coefficients(width: float, ends: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    """Those of the cubic through two ends with these slopes, or of the line without slopes: along a
    new last axis, of the powers 0, 1, .. of the time since its beginning.
    """
    (first, last), width = ends, width or 1.0
    mean = (last - first) / width
    if not slopes:
        return torch.stack([first, mean], -1)
    before, after = slopes
    square = (3 * mean - 2 * before - after) / width
    cube = (before + after - 2 * mean) / width**2
    return torch.stack([first, before, square, cube], -1)


def _moved(buffer: Tensor, first: int, kept: int, room: int, empty: float) -> Tensor:
    """The kept rows of a buffer at the beginning of one with more room."""
    fresh = buffer.new_full((room, *buffer.shape[1:]), empty)
    fresh[:kept] = buffer[first : first + kept]
    return fresh


def new_history(
    system: System, method: Method, start: float, step: float | None
) -> History | PointHistory:
    """The history of a solution that begins; ``step`` None: in adaptive steps, if there are."""
    if method.chooses_steps(step):
        return PointHistory(system, start)
    return fixed_history(system, method, start)


def fixed_history(system: System, method: Method, start: float) -> History:
    """The same in steps of a fixed size."""
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


def remembering(field: Late, advances: Advance, jumps: Collection[float]) -> Advance:
    """Steps that are remembered when they begin, and where a rate jumps also when they end.

    Where the past first reaches the start the rate has no jump, but its slope along the delay has.
    """
    history = field.history

    def advance(t: float, states: States, h: float, end: float | None) -> dict[str, Tensor]:
        history.begin(t, states)
        found = advances(t=t, states=states, h=h, end=end)
        if end is not None and history.cubic and (history.learned or end in jumps):
            history.begin(end, found)
            field.rates(instant(just_before(end, h, found), found), found)
        return found

    return advance
