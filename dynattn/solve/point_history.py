"""The past of solutions in adaptive steps: of each point of a batch in the steps of its own.

Between the ends of a step the solution is the method's own continuous one, of the fourth order:
with it the order of the steps stays five (Bellen & Zennaro, Numerical Methods for Delay
Differential Equations, 2003, chapter 6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dynattn.lower.past import addressed, members_of
from dynattn.solve.logarithms import HIGHEST, LOWEST
from dynattn.solve.packing import Packing
from dynattn.solve.remembered import Delays, Seen
from dynattn.solve.slopes import Numbers, Slopes

if TYPE_CHECKING:
    from dynattn.lower.module import System

ROOM = 64
"""Steps that a new history has room for."""


class PointHistory(Delays):
    """Remembers the solutions of a batch; differentiable in delays, states and parameters."""

    def __init__(self, system: System, start: float):
        super().__init__(system)
        self.start = start
        self.times = np.full((1, ROOM), math.inf)
        """[points, steps]: where each begins, and where the last one ends; infinity behind."""
        self.count = np.zeros(1, dtype=np.int64)
        """How many steps of each point are known, of those still kept."""
        self.curves: dict[str, Tensor] = {}
        """[steps, points, nodes, coordinates..., powers of the time since the step began]."""
        self._known: Tensor | None = None

    def shortest(self, points: int) -> Numbers:
        """[points]: the smallest delay above 0 of each; infinity where there is none."""
        found = np.full(points, math.inf)
        for tau in self._by_point():
            found = np.minimum(found, np.where(tau > 0, tau, math.inf).min(1, initial=math.inf))
        return found

    def each(self, points: int) -> list[list[float]]:
        """The delays of each point."""
        rows = np.concatenate(
            [np.broadcast_to(tau, (points, tau.shape[1])) for tau in self._by_point()], axis=1
        )
        return [np.unique(row).tolist() for row in rows]

    def _by_point(self) -> list[Any]:
        """[points or 1, delays] of every coupling, on the host."""
        by_point = [self.by_point(name).detach() for name in self.delays]
        return [tau.to("cpu", torch.float64).reshape(len(tau), -1).numpy() for tau in by_point]

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def begin(self, packing: Packing, time: float, y: Tensor, powers: int) -> None:
        """The first states; where a solution goes on, nothing."""
        self.packing, self.batch = packing, tuple(packing.batch)
        if self.curves:
            return
        points = math.prod(self.batch)
        self.times = np.full((points, ROOM), math.inf)
        self.times[:, 0] = time
        self.count = np.zeros(points, dtype=np.int64)
        for name, x in self._states(y.reshape(1, *self.batch, -1)).items():
            x = x.reshape(points, *x.shape[1 + len(self.batch) :])
            curve = x.new_zeros((ROOM, *x.shape, powers))
            curve[0, ..., 0] = x
            self.curves[name] = curve

    def keep(
        self, before: Numbers, size: Numbers, after: Numbers, y: Tensor, slopes: Slopes,
        accepted: Any,
    ) -> None:  # fmt: skip
        """The steps from ``before`` to ``after``, of the points where they were accepted."""
        chosen = np.flatnonzero(np.atleast_1d(accepted))
        if int(self.count[chosen].max()) + 2 > self.times.shape[1]:
            self._make_room(np.atleast_1d(before))
        rows = self.count[chosen]
        for name, coefficients in self._coefficients(size, y, slopes).items():
            curve = self.curves[name]
            if len(self.count) == 1:
                curve[int(rows[0])] = coefficients
            else:
                place = [torch.as_tensor(k, device=curve.device) for k in (rows, chosen)]
                curve.index_put_(tuple(place), coefficients.index_select(0, place[1]))
        self.count[chosen] += 1
        self.times[chosen, self.count[chosen]] = np.atleast_1d(after)[chosen]
        self._known = None

    def _coefficients(self, size: Numbers, y: Tensor, slopes: Slopes) -> dict[str, Tensor]:
        """[points, nodes, coordinates..., powers] of the step that was just taken."""
        dense = torch.as_tensor(slopes.dense.T.copy()).to(y)
        parts = (dense @ slopes.upto(dense.shape[1])).reshape(len(dense), len(self.count), -1)
        widths = torch.as_tensor(np.atleast_1d(size)).to(y)
        widths = torch.where(widths > 0, widths, 1.0)
        powers = torch.arange(len(dense), device=y.device).neg().to(y)
        parts = parts * (widths ** powers[:, None])[..., None]
        whole = torch.cat([y.reshape(1, len(self.count), -1), parts])
        found = self._states(whole.reshape(len(whole), *self.batch, -1))
        front = 1 + len(self.batch)
        return {
            name: x.reshape(len(x), len(self.count), *x.shape[front:]).movedim(0, -1)
            for name, x in found.items()
        }

    def _states(self, packed: Tensor) -> dict[str, Tensor]:
        """[.., batch..., nodes, coordinates...] of what couplings see; logarithms stay so."""
        found = addressed(self.system, Packing.unpack(self.packing, packed))
        return {name: found[name] for name in self.landings}

    def _make_room(self, time: Numbers) -> None:
        """Forget what no delay reaches any more; where little is forgotten, double the room."""
        points, room = self.times.shape
        reached = (self.times <= (time - self.longest)[:, None]).sum(1)
        first = np.minimum(np.maximum(reached - 2, 0), self.count)
        kept = self.count - first
        wider = room * 2 if 2 * int(kept.max()) + 2 > room else room
        index = np.minimum(first[:, None] + np.arange(wider), room - 1)
        times = np.take_along_axis(self.times, index, 1)
        self.times = np.where(np.arange(wider) <= kept[:, None], times, math.inf)
        flat = torch.as_tensor((index * points + np.arange(points)[:, None]).T.reshape(-1).copy())
        for name, curve in self.curves.items():
            moved = curve.flatten(0, 1).index_select(0, flat.to(curve.device))
            self.curves[name] = moved.reshape(wider, points, *curve.shape[2:])
        self.count = kept
        self._known = None

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    def look(self, times: Numbers) -> Seen:
        """What couplings see of the past at ``times`` [times, points], by them [times, batch..]."""
        return {key: self._seen(times, *key) for key in self.keys}

    def _seen(self, times: Numbers, state: str, name: str) -> Tensor:
        curve = self.curves[state]
        when = self.before(torch.as_tensor(times, device=curve.device), name)
        found = self.between((state, name), curve, when, *self._placed(when))
        found = self._decoded(state, found)
        return found.reshape(len(times), *self.batch, *found.shape[2:])

    def _placed(self, when: Tensor) -> tuple[Tensor, Tensor]:
        """In which step each of [times, points, ..] lies, and when it began."""
        if self._known is None:
            self._known = torch.as_tensor(self.times.copy(), device=when.device)
        points = len(self.count)
        apart = when.detach().to(torch.float64).transpose(0, 1)
        shape = apart.shape
        apart = apart.reshape(points, -1).contiguous()
        row = torch.searchsorted(self._known, apart, right=True) - 1
        last = torch.as_tensor(np.maximum(self.count - 1, 0), device=when.device)
        row = row.clamp(min=0).minimum(last[:, None])
        began = self._known.gather(1, row)
        row, began = (x.reshape(shape).transpose(0, 1) for x in (row, began))
        return row, began

    def _decoded(self, state: str, points: Tensor) -> Tensor:
        """The points of a manifold that interpolated coordinates, or logarithms, stand for."""
        logs: Mapping[str, bool] = getattr(self.packing, "points", {})
        member = members_of(self.system, state)[0]
        if member not in logs:
            return self.landings[state](points)
        points = points.log_softmax(-1) if logs[member] else points
        return points.clamp(LOWEST, HIGHEST).exp()
