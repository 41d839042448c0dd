"""A grid of settings, each point repeated: all points of one repeat are solved side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.run.clock import check_experiment, saved_times, settings_of
from dynattn.run.labelled import Labelled, Result, Variable, in_parts, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.lower.module import System
    from dynattn.network.build import Network
    from dynattn.run.signals import Given
    from dynattn.solve.compiler import Compiler

Array = NDArray[np.float64]
Index = tuple[int, ...]

FAILURES = 20
"""Points at which the numbers may fail before the others are given up too."""

LIMIT = 2**29
"""Numbers that a result may hold (4 GiB)."""


@dataclass(frozen=True)
class Sweep(Result):
    """A sweep, finished or as far as it came. ``sweep["average(r) after 50"]`` finds a record.

    Every record has the axes of the grid in front (``K``, then ``repeat`` where there are several).
    """

    done: NDArray[np.bool_] = field(repr=False)
    """[grid...]: which points are finished; the others hold NaN."""

    @property
    def times(self) -> Array:
        """The saved times; KeyError where no series was recorded."""
        return self.labelled.times

    @property
    def series(self) -> dict[str, Array]:
        """What is one number over time, [repeat, time], of a simulation that is only repeated."""
        variables = self.labelled.variables.items()
        return in_parts({n: v.values for n, v in variables if v.axes == ("repeat", "time")})

    @property
    def swept(self) -> list[str]:
        """Names of the swept parameters: the axes of the grid but for the repeats."""
        grid = next(iter(self.labelled.variables.values())).axes[: self.done.ndim]
        return [axis for axis in grid if axis != "repeat"]

    @property
    def measured(self) -> dict[str, Array]:
        """What is one number for each point of the grid, [grid...]; complex ones in two parts."""
        variables = self.labelled.variables.items()
        return in_parts({n: v.values for n, v in variables if v.values.ndim == self.done.ndim})


def sweep(
    compilation: Compilation,
    simulation: Simulation,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
    on_part: Callable[[Sweep], None] | None = None,
    signals: Given | None = None,
    compiled: bool | Compiler = False,
) -> Sweep:
    """Solve every point of the grid ``repeat`` times.

    All points of a repeat share their draws. ``on_part`` is given the sweep as far as it is after
    every part, and once more when it is interrupted. SpecError where the experiment cannot be run.
    Where the numbers fail at some points the others are still solved; then a NumericalError names
    those points, and its ``partial`` is the sweep without them.
    """
    check_experiment(compilation.model, simulation)
    from dynattn.run.points import with_points

    simulation = with_points(compilation, simulation, seed=seed, device=device)
    work = _Work(compilation, simulation, seed, device, signals, compiled)
    try:
        for part in work.parts:
            work.solve(part, progress)
            if on_part is not None and work.done.any():
                on_part(work.result("running"))
    except (KeyboardInterrupt, NumericalError) as error:
        if on_part is not None and work.done.any():
            stopped = isinstance(error, KeyboardInterrupt)
            on_part(work.result("interrupted" if stopped else "failed"))
        raise
    finished = work.result("failed" if work.failures else "finished")
    if on_part is not None and work.done.any():
        on_part(finished)
    if work.failures:
        raise work.failure(finished)
    return finished


@dataclass(frozen=True)
class Part:
    """Points solved side by side: one repeat, one compiled model, some points of the grid."""

    repeat: int
    fixed: Mapping[str, float]
    """Settings that need a model of their own."""
    points: tuple[Index, ...]
    """Where in the grid (repeat axis left out)."""


class _Work:
    """The state of a sweep on its way."""

    def __init__(
        self, compilation: Compilation, simulation: Simulation, seed: int | None, device: str,
        signals: Given | None, compiled: bool | Compiler,
    ) -> None:  # fmt: skip
        from dynattn.run.recording import every_state, everything
        from dynattn.run.systems import is_structural, points_at_once, seed_of
        from dynattn.solve.compiler import Compiler

        self.compilation, self.simulation, self.device = compilation, simulation, device
        self.signals = signals
        self.compiler = Compiler() if compiled is True else compiled
        self.seed = seed_of(compilation, simulation, seed)
        model = compilation.model
        self.records = simulation.records or everything(model) or every_state(model)
        self.times = saved_times(simulation)
        self.values = dict(simulation.settings)
        self.structural = [n for n, v in self.values.items() if is_structural(compilation, n, v)]
        self.shape = tuple(len(v) for v in self.values.values())
        self.done = np.zeros((*self.shape, simulation.repeat), dtype=bool)
        self.arrays: dict[str, Array] = {}
        self.compiled: dict[tuple[float, ...], Compilation] = {}
        self.goes_on = simulation.begins is not None and simulation.begins.kind == "previous"
        self.reached: Mapping[str, torch.Tensor] = {}
        """With ``start previous``: the states that the point before reached."""
        self.counts: dict[str, Any] = {"evaluations": 0, "steps": 0, "seconds": 0.0}
        resting = simulation.until is not None and simulation.until.condition is None
        self.together = points_at_once(compilation, simulation.method, resting)
        self.failures: list[NumericalError] = []
        """One for each point that failed."""
        self.parts = list(self._parts())

    def _parts(self) -> Iterator[Part]:
        groups: dict[tuple[float, ...], list[Index]] = {}
        for index in product(*(range(n) for n in self.shape)):
            point = self._settings(index)
            groups.setdefault(tuple(point[n] for n in self.structural), []).append(index)
        for repeat in range(self.simulation.repeat):
            for fixed, points in groups.items():
                settings = dict(zip(self.structural, fixed, strict=True))
                # Parts of even length: the last is not a remainder of one point.
                count = len(points) if self.goes_on else -(-len(points) // self.together)
                for k in range(count):
                    stretch = slice(k * len(points) // count, (k + 1) * len(points) // count)
                    yield Part(repeat, settings, tuple(points[stretch]))

    def _settings(self, index: Index) -> dict[str, float]:
        return {n: v[k] for (n, v), k in zip(self.values.items(), index, strict=True)}

    def solve(self, part: Part, progress: Callable[[float], None] | None) -> None:
        """Solve one part and put its results in their places; where it fails, its halves."""
        try:
            self._solve(part, progress)
        except NumericalError as error:
            half = len(part.points) // 2
            if not half:
                self._failed(error, self._words(part, ()))
                return
            for points in (part.points[:half], part.points[half:]):
                self.solve(replace(part, points=points), progress)

    def _failed(self, error: NumericalError, words: str) -> None:
        named = [d if words in d.message else replace(d, message=f"{d.message} ({words})")
                 for d in error.diagnostics]  # fmt: skip
        self.failures.append(NumericalError(named))
        if len(self.failures) >= FAILURES:
            raise self.failure(self.result("failed")) from None

    def failure(self, sweep: Sweep) -> NumericalError:
        """What to say of the points that failed; the sweep goes with it, if any point did not."""
        found = NumericalError(item for error in self.failures for item in error.diagnostics)
        found.partial = sweep if sweep.done.any() else None
        return found

    def _solve(self, part: Part, progress: Callable[[float], None] | None) -> None:
        from dynattn.run.ending import together
        from dynattn.run.recording import integrate
        from dynattn.run.signals import signals_of
        from dynattn.run.systems import build_for

        compilation = self._compilation(part.fixed)
        values = self._batched(compilation.model, part)
        batch = (len(part.points),) if values else ()
        system = build_for(
            compilation, seed=self.seed, repeat=part.repeat, values=values, device=self.device,
            signals=signals_of(compilation.model, self.simulation, self.signals),
        )  # fmt: skip
        groups = self._apart(system, part) if batch else []
        if len(groups) > 1:
            for group in groups:
                self.solve(replace(part, points=tuple(part.points[k] for k in group)), progress)
            return
        found = integrate(
            system, self.simulation, self.times, self.records, batch=batch,
            initial=self._initial(system, part, values),
            describe=lambda point: self._words(part, point),
            progress=self._report(part, progress), compiled=self.compiler,
        )  # fmt: skip
        self.reached = found.states
        for name in ("evaluations", "steps", "seconds"):
            more = found.statistics[name]
            known = more is not None and self.counts[name] is not None
            self.counts[name] = self.counts[name] + more if known else None
        if "compiling" in found.statistics:
            more = found.statistics["compiling"]
            self.counts["compiling"] = self.counts.get("compiling", 0.0) + more
        if "stiff" in found.statistics:
            self.counts.setdefault("stiff", found.statistics["stiff"])
        if "equilibrium" in found.statistics:
            more = found.statistics["equilibrium"]
            self.counts["equilibrium"] = together(self.counts.get("equilibrium", {}), more)
        for record in self.records:
            self._store(record, part, found.results[record.label], len(batch))
        for index in part.points:
            self.done[(*index, part.repeat)] = True

    def _apart(self, system: System, part: Part) -> list[list[int]]:
        """The points of a part in groups that take the same steps."""
        from dynattn.solve.delays import alike
        from dynattn.solve.methods import find_method

        method, step = find_method(self.simulation.method), self.simulation.step
        return alike(system, self.times.tolist(), method, step, len(part.points))

    def _initial(
        self, system: System, part: Part, values: Mapping[str, torch.Tensor]
    ) -> Mapping[str, torch.Tensor] | None:
        """The states to begin with; None where they are the initial ones."""
        from dynattn.run.starting import states_at_rest

        begins = self.simulation.begins
        if begins is not None and begins.kind in ("equilibrium", "point", "saturated"):
            return states_at_rest(
                self._compilation(part.fixed), self.simulation, system,
                seed=self.seed, repeat=part.repeat, values=values, device=self.device,
                describe=lambda point: self._words(part, point),
            )  # fmt: skip
        if not self.goes_on or not any(part.points[0]):
            return None
        fresh = system.initial_states()
        for name, x in self.reached.items():
            if x.shape[-fresh[name].dim() :] != fresh[name].shape and x.shape != fresh[name].shape:
                text = f"'{name}' has another shape at each point, so no point goes on from another"
                fix = "leave start previous out, or sweep a parameter that is no size"
                raise SpecError(Diagnostic("E622", text, begins.span if begins else None, fix))
        return self.reached

    def _compilation(self, fixed: Mapping[str, float]) -> Compilation:
        from dynattn.run.systems import with_settings

        if not fixed:
            return self.compilation
        key = tuple(fixed.values())
        if key not in self.compiled:
            self.compiled = {key: with_settings(self.compilation, fixed)}
        return self.compiled[key]

    def _batched(self, model: Model, part: Part) -> dict[str, torch.Tensor]:
        """The settings that differ between the points, as [points, 1...] arrays."""
        import torch

        found = {}
        for name in self.values:
            if name in part.fixed:
                continue
            parameter = model.parameter[name]
            own = len(parameter.shape) + (parameter.place.kind != "global")
            column = [self._settings(index)[name] for index in part.points]
            found[name] = torch.tensor(column, dtype=torch.float64).reshape(-1, *[1] * own)
        return found

    def _words(self, part: Part, point: Index) -> str:
        index = part.points[point[0] if point else 0]
        words = [f"{name} = {value:g}" for name, value in self._settings(index).items()]
        return ", ".join([*words, f"repeat {part.repeat}"])

    def _report(
        self, part: Part, progress: Callable[[float], None] | None
    ) -> Callable[[float], None] | None:
        if progress is None:
            return None
        before, size = int(self.done.sum()), len(part.points)
        return lambda fraction: progress((before + fraction * size) / self.done.size)

    def _store(self, record: Record, part: Part, values: Array, batch: int) -> None:
        """``values`` [time (series only), points, ...] are kept as [grid..., repeat, time, ...]."""
        if record.kind == "series" and batch:
            values = np.moveaxis(values, 0, 1)
        if not batch:
            values = values[None]
        if record.label not in self.arrays:
            self.arrays[record.label] = self._empty(values.shape[1:], values.dtype)
        target = self.arrays[record.label]
        for index, value in zip(part.points, values, strict=True):
            if target.shape[len(index) + 1 :] != value.shape:
                raise self._ragged(record)
            target[(*index, part.repeat)] = value

    def _empty(self, own: tuple[int, ...], kind: Any) -> Array:
        shape = (*self.done.shape, *own)
        others = sum(array.size for array in self.arrays.values())
        if prod(shape) + others > LIMIT:
            size = 8 * (prod(shape) + others) / 2**30
            message = f"the results of '{self.simulation.name}' would take {size:.1f} GiB"
            fix = "record averages or final values, save fewer times, or take fewer points"
            raise SpecError(Diagnostic("E610", message, self.simulation.span, fix))
        return np.full(shape, np.nan, kind)

    def _ragged(self, record: Record) -> SpecError:
        name = ", ".join(self.structural)
        message = f"'{record.label}' has another shape for each {name}, so it fits into no array"
        fix = "record a mean or an order over the nodes"
        return SpecError(Diagnostic("E612", message, self.simulation.span, fix))

    def result(self, status: str) -> Sweep:
        """The sweep as far as it is."""
        labelled = _labelled(
            self.compilation.network, self.simulation, self.records, self.arrays, self.times
        )
        done = self.done if self.simulation.repeat > 1 else self.done[..., 0]
        settings = {
            "model": self.compilation.model.name,
            "overrides": dict(self.compilation.overrides),
            "grid": {name: list(values) for name, values in self.values.items()},
            "repeat": self.simulation.repeat,
        }
        return Sweep(
            name=self.simulation.name,
            labelled=labelled,
            settings=settings | settings_of(self.simulation),
            seed=self.seed,
            versions=versions(),
            origin=origin_of(self.compilation),
            statistics={**self.counts, "points": int(self.done.sum())},
            status=status,
            done=done.copy(),
        )


def _labelled(
    network: Network,
    simulation: Simulation,
    records: Sequence[Record],
    arrays: Mapping[str, Array],
    times: Array,
) -> Labelled:
    from dynattn.run.recording import own_axes

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


def as_sweep(simulation: Simulation) -> bool:
    """Whether an experiment has more than one point."""
    return bool(simulation.settings or simulation.awaited) or simulation.repeat > 1
