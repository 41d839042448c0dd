"""The past of a solution: what couplings with a delay read, at times between the steps.

Between two steps a state is a cubic of the time (Hermite: the states and rates at both ends), whose
error is of the fourth order in the step, or, where there is noise or the method is Euler's, a
straight line. Kept are the coefficients, per node, of the steps that the largest delay reaches
back to. On curved manifolds the coordinates are interpolated and the point is brought back. Before
the first step a state has its initial value.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dynattn.lower.ahead import Ahead
from dynattn.lower.past import addressed
from dynattn.solve.delays import kinks
from dynattn.solve.fixed import Advance, States, equal_steps, instant, just_before, stretches
from dynattn.solve.methods import Method
from dynattn.solve.point_history import PointHistory
from dynattn.solve.remembered import Delays, Key, Seen

if TYPE_CHECKING:
    from dynattn.lower.module import System

ROOM = 64
"""Steps that a new history has room for."""

SAME = 2 * 2.3e-16
"""Times that differ by rounding alone; those just before a jump differ by more."""

AT_ONCE = 2**16
"""Numbers looked up at once: more gain nothing."""


class History(Delays):
    """Remembers one solution; differentiable in delays, states and parameters."""

    def __init__(self, system: System, start: float, *, cubic: bool):
        super().__init__(system)
        self.start = start
        self.cubic = cubic
        known = [tau.detach().reshape(-1) for tau in self.delays.values()]
        above = torch.cat(known) if known else torch.zeros(0)
        self.shortest = min(above[above > 0].tolist(), default=math.inf)
        self.width = 1
        """Numbers that a coupling sees at one time, in all points."""
        self.count = 0
        """How many steps are known from end to end, of those still kept."""
        self.times = torch.empty(0, dtype=torch.float64, device=system.device)
        """Where each begins, and where the last one ends; infinity behind."""
        self.curves: dict[str, Tensor] = {}
        """[steps, points, nodes, coordinates..., powers of the time since the step began]."""
        self.known = start
        """Up to when the past is known."""
        self._last: tuple[float, States, States] | None = None
        """Where the last of them ends: time, states and rates there."""
        self._open: tuple[float, States] | None = None
        """Where a step has begun whose rates are not known yet."""

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def begin(self, t: float, states: States) -> None:
        """A step begins: its states are kept."""
        self._open = t, self._by_points(states)
        if not self.curves:
            self._make_room(*self._open)
        if not self.cubic:
            self._close({})

    def note(self, rates: States) -> None:
        """The rates where the step began; those of its later stages are not kept."""
        if self.cubic and self._open is not None:
            self._close(self._by_points(rates))

    def _by_points(self, values: States) -> dict[str, Tensor]:
        """[points, nodes, coordinates...] of every state that is seen, from [batch..., ..]."""
        found = addressed(self.system, values)
        points = {}
        for name in self.landings:
            value, rank = found[name], 1 + len(self.system.model.addressed[name].shape)
            self.batch = tuple(value.shape[: value.dim() - rank])
            points[name] = value.reshape(-1, *value.shape[value.dim() - rank :])
        return points

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
            self.times[self.count] = self.known = t
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
            self.width = max([1, *(self._width(*key) for key in self.keys)])
            return
        reached = int((self.times <= t - self.longest).sum())
        first = max(0, reached - 2)
        kept = self.count - first
        room = len(self.times) * (2 if 2 * kept > self.count else 1)
        self.times = _moved(self.times, first, kept + 1, room, math.inf)
        for name, curve in self.curves.items():
            self.curves[name] = _moved(curve, first, kept, room, 0.0)
        self.count = kept

    def _width(self, state: str, name: str) -> int:
        curve, tau, own = self.curves[state], self.delays[name], self.edge_axes(name)
        numbers = curve[0, ..., 0].numel()
        return numbers // curve.shape[2] * math.prod(tau.shape[-own:]) if own else numbers

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

    def look(self, times: Sequence[float]) -> Seen:
        """What couplings see of the past at ``times``, by them: [times, batch..., ..]."""
        return {key: self._seen(times, key) for key in self.keys}

    def _seen(self, times: Sequence[float], key: Key) -> Tensor:
        curve = self.curves[key[0]]
        now = torch.tensor(times, dtype=torch.float64, device=curve.device)
        when = self.before(now[:, None], key[1])
        read = when.detach().to(torch.float64)
        row = torch.searchsorted(self.times, read.contiguous(), right=True) - 1
        row = row.clamp(0, max(self.count - 1, 0))
        found = self.between(key, curve, when, row, self.times.take(row))
        found = self.landings[key[0]](found)
        return found.reshape(len(times), *self.batch, *found.shape[2:])


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
    """A system as a stepper sees it: its couplings read the history.

    ``times`` are those at which rates will be asked, in their order: as far as no delay is shorter,
    the past is looked up for many of them at once.
    """

    def __init__(self, history: History, times: Iterator[float]):
        self.history = history
        self.system = history.system
        self.parts = Ahead(self.system)
        self.ready = all(history.always.values())
        """Whether no edge sees the present, so that all that is late is known ahead."""
        self.times = times
        self.coming: deque[float] = deque()
        self.found: dict[float, Mapping[Any, Tensor]] = {}

    def rates(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """The rates, the past as it is remembered."""
        known = self._known(float(t))
        if self.ready:
            found = self.parts.rates(t, states, known)
        else:
            found = self.system.rates(t, states, self.history.completed(known, states))
        self.history.note(found)
        return found

    def _known(self, t: float) -> Mapping[Any, Tensor]:
        """What is seen at a time, or what is made of it."""
        if t not in self.found:
            times = [t, *self._following(t)]
            distinct = [t]
            places = []
            for time in times:
                if abs(time - distinct[-1]) > SAME * max(1.0, abs(time)):
                    distinct.append(time)
                places.append(len(distinct) - 1)
            seen: Mapping[Any, Tensor] = self.history.look(distinct)
            seen = self.parts.past(seen) if self.ready else seen
            apart = {key: values.unbind(0) for key, values in seen.items()}
            each = [{k: v[i] for k, v in apart.items()} for i in range(len(distinct))]
            self.found = {time: each[i] for time, i in zip(times, places, strict=True)}
        return self.found[t]

    def _following(self, t: float) -> list[float]:
        """The next times, while what is seen then is known already."""
        until = self.history.known + self.history.shortest
        # At a kink that has just been reached the slope behind it is not known yet.
        until += (-1e-9 if self.history.learned else 1e-12) * max(1.0, abs(until))
        room = AT_ONCE // self.history.width
        while len(self.coming) <= room and (time := next(self.times, None)) is not None:
            self.coming.append(time)
            if time > until:
                break
        if t not in self.coming:
            return []  # This is none of the stages.
        while self.coming.popleft() != t:
            pass
        found = []
        while self.coming and len(found) < room and self.coming[0] <= until:
            found.append(self.coming.popleft())
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


def stage_times(
    times: Sequence[float],
    ends: Collection[float],
    step: float,
    nodes: Sequence[float],
    states: States,
) -> Iterator[float]:
    """When the stages of all steps are, as the rates are told."""
    some = next(iter(states.values()))
    kind = (some.real.dtype if some.is_complex() else some.dtype) == torch.float64
    rounded = float if kind else lambda t: float(np.float32(t))
    stops = frozenset(ends)
    for start, stop, _ in stretches(times, ends):
        count = equal_steps(stop - start, step)
        h = (stop - start) / count
        for k in range(count):
            cut = k == count - 1 and stop in stops
            for node in nodes:
                ends_here = cut and node == 1
                yield rounded(
                    just_before(stop, h, states) if ends_here else start + k * h + node * h
                )
