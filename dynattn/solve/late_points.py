"""Adaptive steps where there are delays: each point of a batch with steps and a past of its own.

No step is longer than the smallest delay above 0, so that the past that its stages see is known
before it begins, and is looked up for all of them at once: no step is implicit, and what a delay
does to a solution can be differentiated as it stands. Steps end where a derivative jumps for the
sake of the start, while such times are few; else the error of the step finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from dynattn.lower.ahead import Ahead
from dynattn.solve.adaptive import Demand, Progress, Run, finish
from dynattn.solve.control import LANDS, Controller, Flags, Numbers
from dynattn.solve.delays import check_delays, kinks
from dynattn.solve.failures import Scene
from dynattn.solve.fixed import States, jumps_of
from dynattn.solve.packed import PackedField
from dynattn.solve.point_history import PointHistory

GENERATIONS = ((1e-7, 3), (0.0, 5))
"""Relative tolerance, and so many delays after a jump steps still end where a derivative jumps for
its sake. The order of the method needs five; but each jump is in a higher derivative than the one
before, and where less is asked for, the last ones cost more steps than they save.
"""


def integrate_late(
    scene: Scene,
    states: States,
    times: Sequence[float],
    demand: Demand,
    progress: Progress | None,
    history: PointHistory | None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As ``integrate_adaptively``; E617 where a delay is no time from 0 on."""
    system: Any = scene.system
    check_delays(scene, system, times, 0.0)
    field = LateField(scene, history or PointHistory(system, times[0]))
    return finish(LateRun(field, states, times, demand), progress)


class LateField(PackedField):
    """A system whose couplings read a history."""

    def __init__(self, scene: Scene, history: PointHistory):
        super().__init__(scene)
        self.history = history
        history.batch = tuple(self.packing.batch)
        self.parts = Ahead(history.system)
        self.ready = all(history.always.values())
        """Whether no edge sees the present, so that all that is late is known ahead."""
        self.ahead: list[Mapping[Any, Tensor]] = []
        """What the next calls of the rates see, or what was made of it."""

    def look(self, times: Numbers) -> None:
        """The next calls are at these times [calls, points]."""
        calls = len(times)
        distinct = calls - (calls > 1 and bool((times[-1] == times[-2]).all()))
        seen: Mapping[Any, Tensor] = self.history.look(times[:distinct])
        seen = self.parts.past(seen) if self.ready else seen
        parts = {key: values.unbind(0) for key, values in seen.items()}
        self.ahead = [{k: v[min(i, distinct - 1)] for k, v in parts.items()} for i in range(calls)]

    def speeds(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """The rates of the states at the time that was looked up."""
        system: Any = self.system
        known = self.ahead.pop(0)
        if self.ready:
            return self.parts.rates(t, states, known)
        return system.rates(t, states, self.history.completed(known, states))


class LateRun(Run):
    """One solve on its way."""

    field: LateField

    def __init__(
        self, field: LateField, states: States, times: Sequence[float], demand: Demand
    ) -> None:
        super().__init__(field, states, times, demand)
        self.history = field.history
        self.history.begin(field.packing, times[0], self.y, self.slopes.dense.shape[1] + 1)
        self.began: Numbers = self.control.time

    def controller(self, stops: Sequence[float], longest: float) -> Controller:
        """Steps of every point end at the jumps of its own derivatives."""
        system: Any = self.field.system
        points = len(self.saved.known)
        history, start, stop = self.field.history, float(self.grid[0]), float(self.grid[-1])
        starts = [history.start, *jumps_of(system)]
        count = next(count for rtol, count in GENERATIONS if self.demand.rtol >= rtol)
        found = [kinks(taus, starts, stop, count) for taus in history.each(points)]
        if history.learned:
            self.jumps = [*self.jumps, *sorted({t for each in found for t in each})]
        own = [sorted({*stops, *(t for t in each if start < t < stop)}) for each in found]
        most = np.minimum(history.shortest(points) * ((1 - 1e-12) / LANDS), longest)
        if not self.batch:
            return Controller(start, own[0], None, self.demand.order, float(most[0]))
        width = max(map(len, own))
        rows = np.array([[*each, *[stop] * (width + 1 - len(each))] for each in own])
        control = Controller(start, stops, points, self.demand.order, longest)
        control.stop_apart(rows, np.array([len(each) for each in own]), most)
        return control

    def now(self, times: Numbers) -> Tensor:
        """The past at these times is what the next rates see; those of the stages are from 1 on."""
        when = np.asarray(times, dtype=np.float64)
        stages = when.ndim > (1 if self.batch else 0)
        when = (when[1:] if stages else when[None]).reshape(-1, len(self.saved.known))
        self.field.look(when)
        return super().now(times)

    def _stages(self, h: Tensor | float) -> tuple[Tensor, Tensor]:
        self.began = self.control.time
        return super()._stages(h)

    def _go_on(self, y: Tensor, accepted: Flags) -> None:
        control = self.control
        self.history.keep(self.began, control.size, control.time, self.y, self.slopes, accepted)
        super()._go_on(y, accepted)
