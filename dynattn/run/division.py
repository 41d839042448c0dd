"""How the points of a sweep are divided: parts are solved side by side, chunks are kept on disk.

The division is fixed by the spec and its settings alone, whoever solves the chunks, so that the
numbers are the same for any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from dynattn.lower.draws import Repeat
from dynattn.model.plans import Record, Simulation

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

Index = tuple[int, ...]
"""Of a point in the grid, its repeat last."""

Piece = tuple[dict[str, float], list[Index]]
"""Settings that need a model of their own, and points with them."""

FEWEST_PARTS = 8
"""Into so many parts points are divided, if that leaves each ``LEAST`` numbers or more: as many
workers have something to do."""
LEAST = 2**12
"""Numbers of states below which points side by side gain more than points apart."""
STRETCH = 8
"""Points of ``start previous`` that are kept together, one after another."""
PARTS = 16
"""Parts that a chunk has at most."""
RESULTS = 2**25
"""Numbers that the points of a chunk may record (256 MiB)."""


@dataclass(frozen=True)
class Part:
    """Points solved side by side: one compiled model, some points of the grid."""

    fixed: Mapping[str, float]
    """Settings that need a model of their own."""
    points: tuple[Index, ...]
    apart: bool = False
    """Whether each point has its draws to itself; else they share those of one repeat."""

    @property
    def repeat(self) -> Repeat:
        """Whose draws the points share, or those of each."""
        numbers = tuple(point[-1] for point in self.points)
        return numbers if self.apart else numbers[0]


@dataclass(frozen=True)
class Chunk:
    """Parts that are solved one after another, and kept in one file."""

    number: int
    parts: tuple[Part, ...]
    after: int | None = None
    """The chunk whose last states it begins with, of ``start previous``."""

    @property
    def points(self) -> tuple[Index, ...]:
        """All of them, in the order of the parts."""
        return tuple(point for part in self.parts for point in part.points)

    def message(self) -> dict[str, Any]:
        """As JSON knows it."""
        parts = [{**vars(part), "fixed": dict(part.fixed)} for part in self.parts]
        return {"number": self.number, "parts": parts, "after": self.after}


def chunk_of(message: Mapping[str, Any]) -> Chunk:
    """The chunk of a message."""
    parts = tuple(
        Part(part["fixed"], tuple(map(tuple, part["points"])), part["apart"])
        for part in message["parts"]
    )
    return Chunk(message["number"], parts, message["after"])


@dataclass(frozen=True)
class Grid:
    """The values that parameters take, and how often each point is repeated."""

    values: Mapping[str, tuple[float, ...]]
    repeat: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid, the repeats last."""
        return (*(len(values) for values in self.values.values()), self.repeat)

    def settings(self, point: Index) -> dict[str, float]:
        """The values at a point."""
        pairs = zip(self.values.items(), point, strict=False)  # the repeat has no name
        return {name: values[k] for (name, values), k in pairs}

    def words(self, point: Index) -> str:
        """``K = 2, repeat 0``."""
        words = [f"{name} = {value:g}" for name, value in self.settings(point).items()]
        return ", ".join([*words, f"repeat {point[-1]}"])


def grid_of(simulation: Simulation) -> Grid:
    """The grid of an experiment."""
    return Grid(dict(simulation.settings), simulation.repeat)


def divide(
    compilation: Compilation, simulation: Simulation, records: Sequence[Record], times: int
) -> tuple[Chunk, ...]:
    """All points of a sweep in chunks, repeat after repeat."""
    from dynattn.run.systems import draws_side_by_side

    grid = grid_of(simulation)
    pieces = _pieces(compilation, grid)
    if simulation.begins is not None and simulation.begins.kind == "previous":
        return tuple(_chained(pieces, simulation.repeat))
    drawn = draws_side_by_side(compilation, simulation, max(len(p) for _, p in pieces))
    most, least = _together(compilation, simulation, records, times, drawn)
    parts = _parts(_repeated(pieces, simulation.repeat, drawn), drawn, most, least)
    share = -(-prod(grid.shape) // FEWEST_PARTS)
    return tuple(_gathered(parts, min(most, max(least, share))))


def divide_measured(
    compilation: Compilation, simulation: Simulation, numbers: int, singly: bool
) -> tuple[Chunk, ...]:
    """All points of a measurement in chunks; ``numbers`` are those of a point, ``singly``: each
    point is measured by itself.
    """
    from dynattn.run.systems import points_at_once

    grid = grid_of(simulation)
    most = 1 if singly else points_at_once(compilation, simulation.method)
    least = min(most, -(-LEAST // max(1, numbers)))
    pieces = _repeated(_pieces(compilation, grid), 1, False)
    share = -(-prod(grid.shape) // FEWEST_PARTS)
    return tuple(_gathered(_parts(pieces, False, most, least), min(most, max(least, share))))


def _pieces(compilation: Compilation, grid: Grid) -> list[Piece]:
    """The points without their repeats, by the settings that need a model of their own."""
    from dynattn.run.systems import is_structural

    structural = [n for n, v in grid.values.items() if is_structural(compilation, n, v)]
    groups: dict[tuple[float, ...], list[Index]] = {}
    for index in product(*(range(n) for n in grid.shape[:-1])):
        point = grid.settings(index)
        groups.setdefault(tuple(point[n] for n in structural), []).append(index)
    return [(dict(zip(structural, fixed, strict=True)), points) for fixed, points in groups.items()]


def _together(
    compilation: Compilation, simulation: Simulation, records: Sequence[Record], times: int,
    drawn: bool,
) -> tuple[int, int]:  # fmt: skip
    """How many points are solved side by side at most, and how few do not pay; ``drawn``: each may
    have draws of its own.
    """
    from dynattn.run.systems import numbers_kept, points_at_once, state_numbers

    resting = simulation.until is not None and simulation.until.condition is None
    most = points_at_once(compilation, simulation.method, resting, drawn)
    kept = numbers_kept(compilation, records, times)
    most = max(1, min(most, RESULTS // max(1, kept)))
    return most, min(most, -(-LEAST // max(1, state_numbers(compilation))))


def _repeated(pieces: Sequence[Piece], repeat: int, drawn: bool) -> list[Piece]:
    """What may be solved together: points of all repeats, or of each by itself."""
    runs = [range(repeat)] if drawn else [range(k, k + 1) for k in range(repeat)]
    return [
        (fixed, [(*index, number) for number in run for index in points])
        for run in runs for fixed, points in pieces
    ]  # fmt: skip


def _parts(pieces: Sequence[Piece], drawn: bool, most: int, least: int) -> Iterator[Part]:
    for fixed, points in pieces:
        # Parts of even length: the last is not a remainder of one point.
        wanted = -(-FEWEST_PARTS // len(pieces))
        count = max(-(-len(points) // most), min(wanted, len(points) // least), 1)
        for k in range(count):
            stretch = slice(k * len(points) // count, (k + 1) * len(points) // count)
            yield Part(fixed, tuple(points[stretch]), drawn)


def _gathered(parts: Iterator[Part], most: int) -> Iterator[Chunk]:
    """Small parts together, so that there are fewer files."""
    found: list[Part] = []
    number = size = 0
    for part in parts:
        if found and (size + len(part.points) > most or len(found) == PARTS):
            yield Chunk(number, tuple(found))
            number, found, size = number + 1, [], 0
        found.append(part)
        size += len(part.points)
    yield Chunk(number, tuple(found))


def _chained(pieces: Sequence[Piece], repeat: int) -> Iterator[Chunk]:
    """Every point by itself, in order; a chunk goes on from the one before."""
    number = 0
    for k in range(repeat):
        chain = [Part(fixed, ((*index, k),)) for fixed, points in pieces for index in points]
        for start in range(0, len(chain), STRETCH):
            after = number - 1 if start else None
            yield Chunk(number, tuple(chain[start : start + STRETCH]), after)
            number += 1
