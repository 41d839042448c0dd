"""The numbers of a chunk of a sweep: part after part, and what failed at which points."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.run.clock import saved_times
from dynattn.run.division import Chunk, Grid, Index, Part, grid_of
from dynattn.run.ending import together
from dynattn.run.portable import packed, unpacked
from dynattn.run.recording import every_state, everything, integrate
from dynattn.run.signals import Given, signals_of
from dynattn.run.starting import states_at_rest
from dynattn.run.systems import build_for, with_settings

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System
    from dynattn.solve.compiler import Compiler

Array = NDArray[Any]
Progress = Callable[[float], None]
States = Mapping[str, torch.Tensor]

COUNTED = ("evaluations", "steps", "seconds", "compiling")
"""Figures of solves that add up."""


@dataclass(frozen=True)
class Failure:
    """Why there are no numbers at a point."""

    point: Index
    code: str
    message: str
    fix: str
    line: int | None
    """Of the spec."""


@dataclass
class Solved:
    """What came of a chunk."""

    points: list[Index] = field(default_factory=list)
    """That have numbers, in the order of the arrays."""
    arrays: dict[str, Array] = field(default_factory=dict)
    """By label: [points, time (series only), own axes...]."""
    failures: list[Failure] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    reached: dict[str, Array] = field(default_factory=dict)
    """The last states, which ``start previous`` goes on from."""
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of measurements, by label: names of the own axes."""

    def to_bytes(self) -> bytes:
        """As a file holds it."""
        said = {
            "points": self.points, "failures": [vars(item) for item in self.failures],
            "counts": self.counts, "axes": self.axes,
        }  # fmt: skip
        text = np.frombuffer(json.dumps(said).encode(), dtype=np.uint8)
        arrays = {f"record {name}": values for name, values in self.arrays.items()}
        states = {f"state {name}": values for name, values in self.reached.items()}
        return packed({"said": text, **arrays, **states})


def solved_of(content: bytes) -> Solved:
    """What a file holds; ValueError, KeyError or BadZipFile where it is damaged."""
    found = unpacked(content)
    said = json.loads(found.pop("said").tobytes())
    failures = [
        Failure(**{**item, "point": tuple(item["point"])}) for item in said["failures"]
    ]  # fmt: skip
    arrays = {n.removeprefix("record "): x for n, x in found.items() if n.startswith("record ")}
    states = {n.removeprefix("state "): x for n, x in found.items() if n.startswith("state ")}
    points = [tuple(point) for point in said["points"]]
    axes = {name: tuple(names) for name, names in said["axes"].items()}
    return Solved(points, arrays, failures, said["counts"], states, axes)


class Solver:
    """Solves chunks of one sweep, in whatever process, in whatever order."""

    def __init__(
        self, compilation: Compilation, simulation: Simulation, *, seed: int, device: str,
        signals: Given | None, compiled: bool | Compiler,
    ) -> None:  # fmt: skip
        model = compilation.model
        self.compilation, self.simulation, self.device = compilation, simulation, device
        self.seed, self.signals, self.compiler = seed, signals, compiled
        self.records = simulation.records or everything(model) or every_state(model)
        self.times = saved_times(simulation)
        self.grid: Grid = grid_of(simulation)
        self.goes_on = simulation.begins is not None and simulation.begins.kind == "previous"
        self.compiled: dict[tuple[float, ...], Compilation] = {}
        self.reached: States = {}

    def solve(
        self, chunk: Chunk, before: Mapping[str, Array], progress: Progress | None = None
    ) -> Solved:
        """The numbers of a chunk, with one thread of torch; ``before`` are the last states of the
        chunk that it goes on from. SpecError where the sweep cannot be run at all.
        """
        from dynattn.run.threads import threads_set

        self.reached = {name: torch.as_tensor(x, device=self.device) for name, x in before.items()}
        found = Solved()
        total = len(chunk.points)
        with threads_set(1):
            for part in chunk.parts:
                begun = len(found.points) + len(found.failures)
                self._part(part, found, _within(progress, begun, len(part.points), total))
        if self.goes_on:
            found.reached = {name: x.cpu().numpy() for name, x in self.reached.items()}
        return found

    def _part(self, part: Part, found: Solved, progress: Progress | None) -> None:
        """Solve one part; where it fails, its halves."""
        try:
            self._side_by_side(part, found, progress)
        except NumericalError as error:
            half = len(part.points) // 2
            if not half:
                found.failures.append(self._failure(error, part.points[0]))
                return
            self._apiece(part, [part.points[:half], part.points[half:]], found, progress)

    def _apiece(
        self, part: Part, pieces: Sequence[tuple[Index, ...]], found: Solved,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        """Solve the points of a part in pieces."""
        begun = 0
        for points in pieces:
            here = _within(progress, begun, len(points), len(part.points))
            self._part(replace(part, points=points), found, here)
            begun += len(points)

    def _failure(self, error: NumericalError, point: Index) -> Failure:
        item: Diagnostic = error.diagnostics[0]
        words = self.grid.words(point)
        message = item.message if words in item.message else f"{item.message} ({words})"
        line = None if item.span is None else item.span.line
        return Failure(point, item.code, message, item.fix, line)

    def _side_by_side(self, part: Part, found: Solved, progress: Progress | None) -> None:
        compilation = self._compilation(part.fixed)
        values = self._batched(compilation.model, part)
        batch = (len(part.points),) if values or isinstance(part.repeat, tuple) else ()
        system = build_for(
            compilation, seed=self.seed, repeat=part.repeat, values=values, device=self.device,
            signals=signals_of(compilation.model, self.simulation, self.signals),
        )  # fmt: skip
        groups = self._apart(system, part) if batch else []
        if len(groups) > 1:
            pieces = [tuple(part.points[k] for k in group) for group in groups]
            self._apiece(part, pieces, found, progress)
            return
        got = integrate(
            system, self.simulation, self.times, self.records, batch=batch,
            initial=self._initial(system, part, values),
            describe=lambda point: self.grid.words(part.points[point[0] if point else 0]),
            progress=progress, compiled=self.compiler,
        )  # fmt: skip
        self.reached = got.states
        add_counts(found.counts, got.statistics)
        for record in self.records:
            self._store(record, got.results[record.label], len(batch), part, found)
        found.points += part.points

    def _store(self, record: Record, values: Array, batch: int, part: Part, found: Solved) -> None:
        """``values`` [time (series only), points, ...] are kept as [points, time, ...]."""
        if record.kind == "series" and batch:
            values = np.moveaxis(values, 0, 1)
        if not batch:
            values = values[None]
        if (known := found.arrays.get(record.label)) is not None:
            if known.shape[1:] != values.shape[1:]:
                raise ragged(self.simulation, record.label, part)
            values = np.concatenate([known, values])
        found.arrays[record.label] = values

    def _apart(self, system: System, part: Part) -> list[list[int]]:
        """The points of a part in groups that take the same steps."""
        from dynattn.solve.delays import alike
        from dynattn.solve.methods import find_method

        method, step = find_method(self.simulation.method), self.simulation.step
        return alike(system, self.times.tolist(), method, step, len(part.points))

    def _initial(self, system: System, part: Part, values: States) -> States | None:
        """The states to begin with; None where they are the initial ones."""
        begins = self.simulation.begins
        if begins is not None and begins.kind in ("equilibrium", "point", "saturated"):
            return states_at_rest(
                self._compilation(part.fixed), self.simulation, system,
                seed=self.seed, repeat=part.repeat, values=values, device=self.device,
                describe=lambda point: self.grid.words(part.points[point[0]]),
            )  # fmt: skip
        if not self.goes_on or not any(part.points[0][:-1]) or not self.reached:
            return None
        fresh = system.initial_states()
        for name, x in self.reached.items():
            if x.shape[-fresh[name].dim() :] != fresh[name].shape and x.shape != fresh[name].shape:
                text = f"'{name}' has another shape at each point, so no point goes on from another"
                fix = "leave start previous out, or sweep a parameter that is no size"
                raise SpecError(Diagnostic("E622", text, begins.span if begins else None, fix))
        return self.reached

    def _compilation(self, fixed: Mapping[str, float]) -> Compilation:
        if not fixed:
            return self.compilation
        key = tuple(fixed.values())
        if key not in self.compiled:
            self.compiled = {key: with_settings(self.compilation, fixed)}
        return self.compiled[key]

    def _batched(self, model: Model, part: Part) -> dict[str, torch.Tensor]:
        """The settings that differ between the points, as [points, 1...] arrays."""
        found = {}
        for name in self.grid.values:
            if name in part.fixed:
                continue
            parameter = model.parameter[name]
            own = len(parameter.shape) + (parameter.place.kind != "global")
            column = [self.grid.settings(point)[name] for point in part.points]
            found[name] = torch.tensor(column, dtype=torch.float64).reshape(-1, *[1] * own)
        return found


def add_counts(counts: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the figures of a solve to those before; what is not known of one is not known of all."""
    for name in COUNTED:
        if name in more:
            before = counts.get(name, 0)
            known = before is not None and more[name] is not None
            counts[name] = before + more[name] if known else None
    if "stiff" in more:
        counts.setdefault("stiff", more["stiff"])
    if "equilibrium" in more:
        counts["equilibrium"] = together(counts.get("equilibrium", {}), more["equilibrium"])


def _within(progress: Progress | None, begun: int, size: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda fraction: progress((begun + fraction * size) / total)


FEWER = "attractor"
"""An axis along which some points have less than others."""


def fitted(
    known: Array, more: Array, front: int, axes: Sequence[str]
) -> tuple[Array, Array] | None:
    """Two arrays of the same shape behind their first ``front`` axes, with NaN where one has fewer
    attractors; None where their shapes differ in another way.
    """
    if known.shape[front:] == more.shape[front:]:
        return known, more
    first, second = known.shape[front + 1 :], more.shape[front + 1 :]
    if not axes or axes[0] != FEWER or first != second:
        return None
    most = max(known.shape[front], more.shape[front])

    def padded(values: Array, before: int) -> Array:
        wide = [(0, 0)] * values.ndim
        wide[before] = (0, most - values.shape[before])
        return np.pad(values, wide, constant_values=np.nan)

    return padded(known, front), padded(more, front)


def ragged(simulation: Simulation, label: str, part: Part) -> SpecError:
    """E612: what is recorded has another shape at another point."""
    names = ", ".join(part.fixed)
    message = f"'{label}' has another shape for each {names}, so it fits into no array"
    fix = "record a mean or an order over the nodes"
    return SpecError(Diagnostic("E612", message, simulation.span, fix))
