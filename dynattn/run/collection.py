"""The results of a sweep as they come in, in memory and on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span, SpecError
from dynattn.model.plans import Record, Simulation
from dynattn.run.chunks import (
    Failure,
    Progress,
    Solved,
    Solver,
    add_counts,
    fitted,
    ragged,
    solved_of,
)
from dynattn.run.clock import settings_of
from dynattn.run.division import Chunk, divide
from dynattn.run.errands import errand_of
from dynattn.run.labelled import Labelled, Variable, numbered
from dynattn.run.provenance import origin_of, versions
from dynattn.run.recording import own_axes
from dynattn.run.store import Store
from dynattn.run.sweep import Sweep
from dynattn.run.systems import seed_of
from dynattn.solve.compiler import Compiler

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.network.build import Network
    from dynattn.run.measurements import MeasurementResult
    from dynattn.run.results import ResultFolder
    from dynattn.run.signals import Given
    from dynattn.run.teams import Wanted

Array = NDArray[Any]

TOLD = 20
"""Points that failed of which an error tells; the results name all."""

LIMIT = 2**29
"""Numbers that a result may hold (4 GiB)."""

LOST = "E741"
"""Of points whose process ended: another time they may have numbers."""


class Collection:
    """What a sweep has to solve, and what it has."""

    def __init__(
        self, compilation: Compilation, simulation: Simulation, *, seed: int | None, device: str,
        signals: Given | None, compiled: bool | Compiler,
    ) -> None:  # fmt: skip
        self.compilation, self.simulation, self.device = compilation, simulation, device
        self.seed = seed_of(compilation, simulation, seed)
        self.compiles = bool(compiled)
        self.signals = signals
        self.compiler = Compiler() if compiled is True else compiled
        self.solver = self._solver()
        self.grid, self.records = self.solver.grid, self.solver.records
        self.chunks = self._divided()
        self.done = np.zeros(self.grid.shape, dtype=bool)
        self.arrays: dict[str, Array] = {}
        self.reached: dict[int, Mapping[str, Array]] = {}
        """By number of a chunk: the states that the next one goes on from."""
        self.ended: set[int] = set()
        """Numbers of the chunks that need no more work."""
        self.counts: dict[str, Any] = {"evaluations": 0, "steps": 0, "seconds": 0.0}
        self.failures: list[Failure] = []
        self.folder: ResultFolder | None = None
        self.store: Store | None = None

    def _solver(self) -> Solver:
        return Solver(
            self.compilation, self.simulation, seed=self.seed, device=self.device,
            signals=self.signals, compiled=self.compiler,
        )  # fmt: skip

    def _divided(self) -> tuple[Chunk, ...]:
        times = len(self.solver.times)
        return divide(self.compilation, self.simulation, self.records, times)

    def run(
        self, folder: ResultFolder | None, progress: Progress | None, team: Wanted
    ) -> Sweep | MeasurementResult:
        """All that is left of it; NumericalError where points failed, when the others are done."""
        from dynattn.run.teams import solve_chunks

        with self.kept_in(folder) as known:
            if known is None:
                try:
                    solve_chunks(self, progress, team)
                except (KeyboardInterrupt, SpecError):
                    self.write("interrupted")
                    raise
                known = self.finish()
        if self.failures:
            raise self.failure(known)
        return known

    @cached_property
    def errand(self) -> Any:
        """The sweep for other processes; None where the experiment is not one of the spec's."""
        return errand_of(
            self.compilation, self.simulation, seed=self.seed, device=self.device,
            signals=self.signals, compiled=self.compiles,
        )  # fmt: skip

    @property
    def settings(self) -> dict[str, Any]:
        """What fixes the numbers."""
        return {
            "model": self.compilation.model.name,
            "overrides": dict(self.compilation.overrides),
            "grid": {name: list(values) for name, values in self.grid.values.items()},
            "repeat": self.grid.repeat,
            **settings_of(self.simulation),
        }

    # ── on disk ────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def kept_in(self, folder: ResultFolder | None) -> Iterator[Sweep | MeasurementResult | None]:
        """Inside, chunks are kept in the folder, and those it holds are taken. Gives the sweep
        where it was finished before.
        """
        if folder is None:
            yield None
            return
        self.folder = folder
        self.store = Store.open(folder.path, self._plan())
        with self.store.alone():
            self.store.tidy()
            known = self._known(folder)
            if known is None:
                for chunk in self.chunks:
                    found = self.store.read(chunk) if self.store.has(chunk) else None
                    if found is not None:
                        self._take(chunk, found)
            yield known

    def _plan(self) -> dict[str, Any]:
        from dynattn.run.labelled import as_json
        from dynattn.run.store import digest

        said = json.loads(as_json(self.settings))
        key = None if self.errand is None else self.errand.digest
        return {
            "experiment": self.simulation.name, "seed": self.seed, **said,
            "text": digest(self.compilation.tree.source.text), "key": key,
            "versions": versions(), "chunks": len(self.chunks),
        }  # fmt: skip

    def _known(self, folder: ResultFolder) -> Sweep | MeasurementResult | None:
        """The sweep that the folder holds, where it is finished."""
        data = folder.read()
        if data is None or data.attributes.get("status") not in ("finished", "failed"):
            return None
        statistics = json.loads(str(data.attributes["statistics"]))
        failures = [
            Failure(**{**item, "point": tuple(item["point"])})
            for item in statistics.get("failures", ())
        ]
        if any(item.code == LOST for item in failures):
            return None
        self.failures = failures
        self.done[...] = True
        for item in failures:
            self.done[item.point] = False
        plain = Labelled(data.axes, data.variables)
        return self._result(plain, statistics, str(data.attributes["status"]))

    # ── what comes in ──────────────────────────────────────────────────────────────────────────

    def accept(self, chunk: Chunk, found: Solved, content: bytes | None = None) -> None:
        """Keep a chunk that was solved; ``content`` are its bytes, where they are made already."""
        if self.store is not None:
            seconds = found.counts.get("seconds") or 0.0
            self.store.write(chunk, found.to_bytes() if content is None else content, seconds)
        self._take(chunk, found)
        if self.folder is not None and self.folder.due and self.done.any():
            self.write("running")

    def accept_bytes(self, chunk: Chunk, content: bytes) -> None:
        """Keep a chunk that another process solved."""
        self.accept(chunk, solved_of(content), content)

    def lose(self, chunk: Chunk, how: str) -> None:
        """Mark the points of a chunk, and of those that go on from it, as lost."""
        message = f"the process that solved these points {how}, time after time"
        fix = "give it more memory, or fewer at once: --workers 1; the same command tries it again"
        for item in self.chunks[chunk.number :]:
            if item is chunk or (item.after in self.ended and item.after == chunk.number):
                self.ended.add(item.number)
                lost = [
                    Failure(p, LOST, f"{message} ({self.grid.words(p)})", fix, None)
                    for p in item.points
                ]
                self.failures += lost
                chunk = item

    def _take(self, chunk: Chunk, found: Solved) -> None:
        add_counts(self.counts, found.counts)
        self.failures += found.failures
        for label, values in found.arrays.items():
            self._store(chunk, label, values, found)
        for point in found.points:
            self.done[point] = True
        if found.reached:
            self.reached[chunk.number] = found.reached
        self.ended.add(chunk.number)

    def _store(self, chunk: Chunk, label: str, values: Array, found: Solved) -> None:
        if label not in self.arrays:
            self.arrays[label] = self._empty(values.shape[1:], values.dtype)
        front = self.done.ndim
        pair = fitted(
            self.arrays[label], values.reshape(*[1] * (front - 1), *values.shape), front,
            found.axes.get(label, ()),
        )  # fmt: skip
        if pair is None:
            raise ragged(self.simulation, label, chunk.parts[0])
        self.arrays[label] = pair[0]
        pair[0][tuple(np.array(found.points).T)] = pair[1].reshape(
            len(found.points), *pair[1].shape[front:]
        )

    def _empty(self, own: tuple[int, ...], kind: Any) -> Array:
        shape = (*self.done.shape, *own)
        others = sum(array.size for array in self.arrays.values())
        if prod(shape) + others > LIMIT:
            size = 8 * (prod(shape) + others) / 2**30
            message = f"the results of '{self.simulation.name}' would take {size:.1f} GiB"
            fix = "record averages or final values, save fewer times, or take fewer points"
            raise SpecError(Diagnostic("E610", message, self.simulation.span, fix))
        return np.full(shape, np.nan, kind)

    # ── what goes out ──────────────────────────────────────────────────────────────────────────

    def failure(self, sweep: Sweep | MeasurementResult) -> NumericalError:
        """What to say of the points that failed; the sweep goes with it, if any point did not."""
        found = [self._diagnostic(item) for item in self.failures[:TOLD]]
        if (more := len(self.failures) - TOLD) > 0:
            count = f"{more} point{'s' * (more > 1)} more"
            message = f"{found[-1].message}; and {count} failed"
            found[-1] = replace(found[-1], message=message)
        error = NumericalError(found)
        error.partial = sweep if sweep.done.any() else None
        return error

    def _diagnostic(self, item: Failure) -> Diagnostic:
        span = None
        if item.line is not None:
            source = self.compilation.source
            line = source.lines[item.line - 1]
            first = len(line) - len(line.lstrip()) + 1
            span = Span(source, item.line, first, item.line, len(line.rstrip()) + 1)
        return Diagnostic(item.code, item.message, span, item.fix)

    def write(self, status: str) -> None:
        """Write the sweep as far as it is, where there is a folder and anything to write."""
        if self.folder is not None and self.done.any():
            self.folder.write(self.result(status))

    def finish(self) -> Sweep | MeasurementResult:
        """The whole sweep, written; its chunks are not needed any more."""
        found = self.result("failed" if self.failures else "finished")
        self.write(found.status)
        if self.store is not None and not any(item.code == LOST for item in self.failures):
            self.store.clear()
        return found

    def result(self, status: str) -> Sweep | MeasurementResult:
        """The sweep as far as it is."""
        statistics = {**self.counts, "points": int(self.done.sum())}
        if self.failures:
            self.failures.sort(key=lambda item: item.point)
            statistics["failures"] = [asdict(item) for item in self.failures]
        return self._result(self._labelled(), statistics, status)

    def _labelled(self) -> Labelled:
        return _labelled(
            self.compilation.network, self.simulation, self.records, self.arrays, self.solver.times
        )

    def _result(
        self, labelled: Labelled, statistics: Mapping[str, Any], status: str
    ) -> Sweep | MeasurementResult:
        done = self.done if self.grid.repeat > 1 else self.done[..., 0]
        return Sweep(
            name=self.simulation.name,
            labelled=labelled,
            settings=self.settings,
            seed=self.seed,
            versions=versions(),
            origin=origin_of(self.compilation),
            statistics=statistics,
            status=status,
            done=done.copy(),
            failures=tuple(self.failures),
        )


def _labelled(
    network: Network,
    simulation: Simulation,
    records: Sequence[Record],
    arrays: Mapping[str, Array],
    times: Array,
) -> Labelled:
    axes: dict[str, Any] = {name: np.array(values) for name, values in simulation.settings}
    repeated = simulation.repeat > 1
    if repeated:
        axes["repeat"] = np.arange(simulation.repeat)
    grid, variables = tuple(axes), {}
    for record in records:
        if record.label in arrays:
            series = ("time",) if record.kind == "series" else ()
            array = arrays[record.label]
            values = array if repeated else array[(slice(None),) * len(simulation.settings) + (0,)]
            own = own_axes(network, record.value)
            variables[record.label] = Variable(grid + series + own, values)
    if any(record.kind == "series" for record in records):
        axes["time"] = times
    return Labelled(numbered(axes, variables), variables)
