"""Orbits of twice the period, which leave one with a multiplier -1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dynattn.analyse.cycles import LARGEST, ORBITS, Cycle, Cycles, Follower, cleared
from dynattn.analyse.roots import Event
from dynattn.solve.collocation import DEGREE, Mesh
from dynattn.solve.periodic import Orbit, OrbitStep, Way

SAMPLES = 200
"""Times at which two turns of an orbit are compared."""


class Doubled(Follower):
    """How they are followed: until every second turn is as the one before again."""

    shrinks = "period_doubling"

    def doubled(self, cycle: Cycle) -> Cycle:
        """An orbit run through twice, with the way to those whose two turns differ."""
        which, mesh, old = self.which, cycle.orbit.mesh, cycle.orbit
        new = Mesh(torch.cat([mesh.edges / 2, (1 + mesh.edges[1:]) / 2]))
        others = old.others.clone()
        others[0] += math.log(2)
        orbit = Orbit(new, torch.cat([old.values, old.values]), others)
        turn = _turned_over(cycle.here)
        way = Way(torch.cat([turn, -turn]), torch.zeros_like(others))
        way = way.times(1 / which.product(new, way, way) ** 0.5)
        here = which.at(orbit, orbit, way, orbit.values)
        return self._cycle(orbit, here, way, 0.0)

    def _likeness(self, one: Cycle, other: Cycle) -> float:
        """Below 0 where the turns of an orbit have become the same and differ again, the other way
        round.
        """
        return float((_difference(one.orbit) * _difference(other.orbit)).mean())


def _turned_over(here: OrbitStep) -> Tensor:
    """[nodes, n]: the disturbance that one period takes to its opposite."""
    n, whole = here.count, torch.eye(here.count).to(here.inner)
    for transfer in here.transfers:
        whole = transfer @ whole
    values, vectors = torch.linalg.eig(whole)
    end = vectors[:, (values + 1).abs().argmin()].real
    rows = []
    for inner in here.inner[:, :, :n]:
        inside = (inner @ end).reshape(DEGREE, n)
        rows += [end[None], inside[:-1]]
        end = inside[-1]
    return torch.cat(rows)


def _difference(orbit: Orbit) -> Tensor:
    """[times, n]: between the two turns of an orbit."""
    times = torch.arange(SAMPLES).to(orbit.values) / (2 * SAMPLES)
    first, second = (orbit.mesh.at(orbit.values, times + part) for part in (0.0, 0.5))
    return first - second


def follow_doubled(
    cycles: Cycles,
    point: Event[Cycle],
    low: float,
    high: float,
    *,
    kinds: Sequence[str],
    largest: float | None = None,
    most: int = ORBITS,
    report: Callable[[float], None] | None = None,
) -> Cycles:
    """The orbits of twice the period that leave a period doubling of others, as far as the
    parameter is between ``low`` and ``high``; the rest as in ``follow_cycles``.
    """
    which = replace(cycles.which, width=high - low)
    follower = Doubled(which, low, high, LARGEST if largest is None else largest, most, report)
    steps, special, end = follower.follow(follower.doubled(point.step), kinds)
    return Cycles(cycles.parameter, tuple(steps), tuple(cleared(steps, special)), end, which)
