"""Segments of a record, integrated side by side, and how what they predict depends on its causes.

Each segment begins at a state of its own. Steps are explicit ones of fixed number, so that a
prediction is a smooth function of states and parameters, whose exact slopes are followed along.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dynattn.diagnostics.report import SpecError
from dynattn.lower.binding import table_of
from dynattn.solve.fixed import States, advance, equal_steps
from dynattn.solve.jacobians import along, edges_of, recordable
from dynattn.solve.packing import Packing, packing_of
from dynattn.solve.parameters import parameters_set
from dynattn.solve.solve import solve
from dynattn.vocabulary.tableaus import Tableau

Measure = Callable[[Tensor, States], Tensor]
"""measure(times, states) -> [..., numbers]: what would be measured."""

AT_ONCE = 2**24
"""Slopes of predictions that are held at a time."""

MOST = 2**12
"""Steps from one measurement to the next."""


@dataclass(frozen=True)
class Unknown:
    """Parameters of a system as one vector."""

    system: Any
    shapes: Mapping[str, torch.Size]
    """Of each at one point."""

    def named(self, numbers: Tensor) -> dict[str, Tensor]:
        """By name, of numbers [batch..., numbers]."""
        parts = numbers.split([shape.numel() for shape in self.shapes.values()], dim=-1)
        front = numbers.shape[:-1]
        return {
            name: part.reshape((*front, *shape))
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


def unknown_of(system: Any, names: Sequence[str]) -> tuple[Unknown, Tensor]:
    """The parameters of these names, and what they are now."""
    tables = {name: table_of(system, name) for name in names}
    values = {name: table[key].detach() for name, (table, key) in tables.items()}
    unknown = Unknown(system, {name: value.shape for name, value in values.items()})
    return unknown, torch.cat([value.reshape(-1) for value in values.values()])


@dataclass(frozen=True)
class Grid:
    """When what is measured, by segment; segments with fewer rows are filled up."""

    stops: Tensor
    """[segments, stops]: the times between which steps are equal; the last one is repeated."""
    rows: Tensor
    """[segments, rows]: at which stop each measurement is."""
    real: Tensor
    """[segments, rows]: whether there is one."""
    first: tuple[int, ...]
    """The measurement that each segment begins with."""

    def some(self, part: slice) -> Grid:
        """Some of the segments."""
        return Grid(self.stops[part], self.rows[part], self.real[part], self.first[part])


def make_grid(times: Sequence[float], shoot: int, jumps: Sequence[float], like: Tensor) -> Grid:
    """Segments of about ``shoot`` intervals; steps end at ``jumps`` too.

    A segment has the measurements from its beginning until before its end; the last one all.
    """
    intervals = len(times) - 1
    count = max(1, round(intervals / shoot))
    ends = [round(k * intervals / count) for k in range(count + 1)]
    stops, rows = [], []
    for a, b in pairwise(ends):
        inside = [t for t in jumps if times[a] < t < times[b]]
        here = sorted({*times[a : b + 1], *inside})
        stops.append(here)
        last = b + 1 if b == intervals else b
        rows.append([here.index(t) for t in times[a:last]])
    most, wide = max(map(len, stops)), max(map(len, rows))
    return Grid(
        torch.tensor([[*s, *[s[-1]] * (most - len(s))] for s in stops], dtype=torch.float64),
        torch.tensor([[*r, *[0] * (wide - len(r))] for r in rows], device=like.device),
        torch.tensor([[k < len(r) for k in range(wide)] for r in rows], device=like.device),
        tuple(ends[:-1]),
    )


@dataclass(frozen=True)
class Shot:
    """What segments predict."""

    measured: Tensor
    """[segments, rows, numbers]."""
    ends: Tensor
    """[segments, n]: where they arrive."""


class Shots(Protocol):
    """A model that predicts measurements from states y [segments, n] and numbers q [p]."""

    def predict(self, y: Tensor, q: Tensor) -> Shot:
        """The predictions."""
        ...

    def slopes(self, y: Tensor, q: Tensor, lifts: Tensor, part: slice) -> Shot:
        """How those of some segments change, [directions, ...] in front: along each of ``lifts``
        [m, segments, n], then with each of the numbers.
        """
        ...

    @property
    def chunk(self) -> int:
        """Segments whose slopes are computed at once."""
        ...


class Paced:
    """A system whose time runs from 0 to 1 while that of each segment runs through a stretch."""

    def __init__(self, system: Any, begin: Tensor, length: Tensor):
        self.system, self.begin, self.length = system, begin, length
        end = begin + length
        self.last = end - 4 * torch.finfo(end.dtype).eps * end.abs().clamp(min=1.0)

    def rates(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """Rates in that time; jumps at the end of a stretch belong to the next one."""
        when = torch.minimum(self.begin + t * self.length, self.last)
        found = self.system.rates(when, states)
        return {
            name: rate * self.length.reshape(-1, *[1] * (rate.dim() - 1))
            for name, rate in found.items()
        }

    def retract(self, states: States, steps: States) -> dict[str, Tensor]:
        """Where tangent steps lead."""
        return self.system.retract(states, steps)


@dataclass(frozen=True)
class Stepped:
    """Segments of a system without delays, by explicit steps."""

    unknown: Unknown
    packing: Packing
    grid: Grid
    measure: Measure
    tableau: Tableau
    counts: tuple[int, ...]
    """Steps from each stop to the next."""

    def predict(self, y: Tensor, q: Tensor) -> Shot:
        """The predictions."""
        return self._flow(self.grid, y, q)

    def _flow(self, grid: Grid, y: Tensor, q: Tensor) -> Shot:
        system, stops = self.unknown.system, grid.stops.to(y.device)
        with parameters_set(system, self.unknown.named(q)):
            states, found = self.packing.unpack(y), [y]
            for k, count in enumerate(self.counts):
                paced = Paced(system, stops[:, k], stops[:, k + 1] - stops[:, k])
                for number in range(count):
                    states = advance(paced, number / count, states, 1 / count, self.tableau)
                found.append(self.packing.pack(states))
            path = torch.stack(found, 1)
            index = grid.rows[..., None].expand(*grid.rows.shape, y.shape[-1])
            seen = path.gather(1, index)
            times = stops.gather(1, grid.rows)
            return Shot(self.measure(times, self.packing.unpack(seen)), path[:, -1])

    @property
    def chunk(self) -> int:
        """Segments whose slopes are held at once."""
        numbers = sum(shape.numel() for shape in self.unknown.shapes.values())
        width = sum(math.prod(shape) for shape in self.packing.shapes.values())
        return max(1, AT_ONCE // ((width + numbers) * width * (self.grid.rows.shape[1] + 2)))

    def slopes(self, y: Tensor, q: Tensor, lifts: Tensor, part: slice) -> Shot:
        """Exact slopes, forwards along every direction at once."""
        grid, here = self.grid.some(part), y[part]
        segments, n = here.shape
        some = Stepped(self.unknown, packing_of(self.packing.unpack(here), 1), grid, self.measure,
                       self.tableau, self.counts)  # fmt: skip
        sizes = [grid.rows.numel(), here.numel()]

        def flat(z: Tensor) -> Tensor:
            shot = some._flow(grid, z[: here.numel()].reshape(segments, n), z[here.numel() :])
            return torch.cat([shot.measured.reshape(-1), shot.ends.reshape(-1)])

        moved = lifts[:, part].reshape(len(lifts), -1)
        directions = torch.block_diag(moved, torch.eye(len(q), dtype=q.dtype, device=q.device))
        wide = segments * max(n, edges_of(self.unknown.system))
        found = along(flat, torch.cat([here.reshape(-1), q]), directions, wide)
        sizes[0] = found.shape[1] - sizes[1]
        measured, ends = found.split(sizes, dim=1)
        count = len(directions)
        return Shot(measured.reshape(count, *grid.rows.shape, -1), ends.reshape(count, segments, n))


def enough_steps(shots: Stepped, y: Tensor, q: Tensor, rtol: float, atol: float) -> Stepped | None:
    """The segments in so many steps that twice as many change no end by more than the tolerance;
    None where ``MOST`` are too few.
    """
    found = shots.predict(y, q).ends
    while max(shots.counts) <= MOST:
        doubled = tuple(2 * count for count in shots.counts)
        finer = Stepped(shots.unknown, shots.packing, shots.grid, shots.measure, shots.tableau,
                        doubled)  # fmt: skip
        ends = finer.predict(y, q).ends
        if bool(((ends - found).abs() <= atol + rtol * ends.abs()).all()):
            return shots
        shots, found = finer, ends
    return None


def fixed_counts(grid: Grid, step: float) -> tuple[int, ...]:
    """Steps of at most this size from each stop to the next."""
    longest = grid.stops.diff(dim=1).amax(0)
    return tuple(equal_steps(float(length), step) for length in longest)


def _tangent(values: Tensor) -> Tensor:
    tangent = forward_ad.unpack_dual(values).tangent
    return torch.zeros_like(values) if tangent is None else tangent


@dataclass(frozen=True)
class Remembered:
    """One segment of a system with delays, from its beginning; slopes are those of solves
    side by side, which take the same steps.
    """

    unknown: Unknown
    points: Unknown
    """Of a system whose parameters have an axis of a point for each direction in front."""
    packing: Packing
    grid: Grid
    measure: Measure
    method: str
    step: float

    @property
    def chunk(self) -> int:
        """There is one segment."""
        return 1

    def predict(self, y: Tensor, q: Tensor) -> Shot:
        """The prediction."""
        return self._solved(self.unknown, y, q, 1)

    def slopes(self, y: Tensor, q: Tensor, lifts: Tensor, part: slice) -> Shot:
        """Exact slopes of the steps as they are taken, forwards along every direction at once: each
        is a point of its own, of a number with this tangent.
        """
        moved = torch.block_diag(lifts[:, 0], torch.eye(len(q), dtype=q.dtype, device=q.device))
        z = torch.cat([y[0], q]).repeat(len(moved), 1)
        with recordable(), forward_ad.dual_level():
            pairs = forward_ad.make_dual(z, moved)
            states, numbers = pairs.split([y.shape[1], len(q)], dim=1)
            found = self._solved(self.points, states, numbers, len(moved))
            slopes = [_tangent(values) for values in (found.measured, found.ends)]
        return Shot(slopes[0][:, None], slopes[1][:, None])

    def _solved(self, unknown: Unknown, y: Tensor, q: Tensor, count: int) -> Shot:
        """[points, rows, numbers] and [points, n]; nan where steps cannot take a delay."""
        times, packing = self.grid.stops[0], packing_of(self.packing.unpack(y), 1)
        with torch.no_grad(), parameters_set(unknown.system, unknown.named(q.squeeze(0))):
            states = packing.unpack(y)
            try:
                found = solve(unknown.system, states, times, method=self.method, step=self.step,
                              batch=1).states  # fmt: skip
            except SpecError:
                blank = {
                    name: x.expand(len(times), *x.shape) * math.nan for name, x in states.items()
                }
                found = blank
            when = times.to(y.device)[:, None].expand(-1, count)
            measured = self.measure(when, found).transpose(0, 1)
            return Shot(measured, packing.pack({name: x[-1] for name, x in found.items()}))
