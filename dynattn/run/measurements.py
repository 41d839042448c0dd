"""``lyapunov`` and its like: what is measured at each of the settings, as one labelled result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.model.parts import Draw
from dynattn.model.plans import Measurement
from dynattn.run.clock import saved_times, settings_of
from dynattn.run.labelled import Labelled, Result, Variable, in_parts, numbered
from dynattn.run.measurement_refusals import measurement_refusals
from dynattn.run.provenance import origin_of, versions
from dynattn.vocabulary.measurements import MEASUREMENTS

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

STARTS = 100
"""Where an experiment does not say how many."""

Array = NDArray[Any]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Task:
    """Points of the settings that are measured side by side."""

    compilation: Compilation
    plan: Measurement
    system: System
    states: Mapping[str, torch.Tensor] = field(repr=False)
    """[points, nodes, ...]: where each begins."""
    points: tuple[Mapping[str, float], ...]
    progress: Progress | None = field(repr=False)

    @property
    def times(self) -> Array:
        """The saved times."""
        return saved_times(self.plan.clock)

    @property
    def options(self) -> dict[str, Any]:
        """What solves are asked for."""
        clock = self.plan.clock
        return {
            "method": clock.method, "step": clock.step, "rtol": clock.rtol, "atol": clock.atol,
            "span": self.plan.span,
        }  # fmt: skip

    @property
    def drawn(self) -> bool:
        """Whether starts differ: states are drawn, or noise moves them."""
        model, begins = self.compilation.model, self.plan.clock.begins
        free = begins is None or begins.kind == "init"
        draws = any(isinstance(state.init, Draw) for state in model.lasting.values())
        return bool(self.system.noisy) or (free and draws)

    @property
    def count(self) -> int:
        """How many starts there are."""
        asked = self.plan.options["starts"]
        return (STARTS if self.drawn else 1) if asked is None else asked

    def starts(self) -> dict[str, torch.Tensor]:
        """[starts, points, nodes, ...]: the initial states, then as further repeats draw them."""
        import torch

        count = self.count
        begins = self.plan.clock.begins
        if begins is not None and begins.kind != "init":
            return {n: x.expand(count, *x.shape).clone() for n, x in self.states.items()}
        drawn = [self.states]
        for number in range(1, count):
            fresh = self.system.redrawn_states(number)
            drawn.append({n: x.expand(self.states[n].shape) for n, x in fresh.items()})
        return {n: torch.stack([one[n] for one in drawn]) for n in self.states}

    def describe(self, point: tuple[int, ...]) -> str:
        """A point of the batch in messages."""
        settings = self.points[point[-1]] if point else {}
        return ", ".join(f"{name} = {value:g}" for name, value in settings.items())


Measure = Callable[[Task], Mapping[str, Variable]]
"""measure(task) -> arrays [points, ...] by name; the axes do not name the points."""


def _measures() -> dict[str, Measure]:
    """What measures each kind."""
    from dynattn.run.balance import measure_balance
    from dynattn.run.basins import measure_basins
    from dynattn.run.hysteresis import measure_hysteresis
    from dynattn.run.locking import measure_locking
    from dynattn.run.lyapunov import measure_lyapunov
    from dynattn.run.passages import measure_passages

    return {
        "lyapunov": measure_lyapunov,
        "passage": measure_passages,
        "hysteresis": measure_hysteresis,
        "basins": measure_basins,
        "locking": measure_locking,
        "balance": measure_balance,
    }


@dataclass(frozen=True)
class MeasurementResult(Result):
    """``result["exponents"]`` is [settings..., exponent], say: what the kind measures."""

    kind: str

    @property
    def swept(self) -> list[str]:
        """Parameters with axes of their own, in front of the others."""
        return list(self.settings["grid"])

    @property
    def measured(self) -> dict[str, Array]:
        """What is one number at each point of the settings."""
        axes, variables = tuple(self.swept), self.labelled.variables.items()
        return in_parts({name: v.values for name, v in variables if v.axes == axes})


def check_measurement(compilation: Compilation, plan: Measurement) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    if found := measurement_refusals(compilation.model, plan):
        raise SpecError(found)


def grid_of(plan: Measurement) -> dict[str, tuple[float, ...]]:
    """The parameters whose values make axes in front."""
    return {} if MEASUREMENTS[plan.kind].moves else dict(plan.settings)


def run_measurement(
    compilation: Compilation,
    plan: Measurement,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> MeasurementResult:
    """Measure at every point of the settings; ``seed`` None is the compilation's, else the
    experiment's own. The errors are those of ``check_measurement`` and of ``simulate``; SpecError
    E612 where points of the grid have arrays of different shapes.
    """
    from dynattn.run.points import with_points
    from dynattn.run.systems import seed_of
    from dynattn.run.threads import threads_set

    check_measurement(compilation, plan)
    began = time.perf_counter()
    chosen = seed_of(compilation, plan.clock, seed)
    clock = with_points(compilation, plan.clock, seed=chosen, device=device)
    plan = replace(plan, clock=clock)
    grid = grid_of(plan)
    arrays: dict[str, list[Array | None]] = {}
    axes: dict[str, tuple[str, ...]] = {}
    measure, count = _measures()[plan.kind], int(np.prod([len(v) for v in grid.values()]))
    with threads_set(1):
        for places, task in _tasks(compilation, plan, chosen, device, progress):
            for name, variable in measure(task).items():
                axes.setdefault(name, variable.axes)
                rows = arrays.setdefault(name, [None] * count)
                for place, row in zip(places, variable.values, strict=True):
                    rows[place] = row
    return MeasurementResult(
        name=plan.name,
        kind=plan.kind,
        labelled=_together(plan, grid, axes, arrays),
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "grid": {name: list(values) for name, values in grid.items()}, "kind": plan.kind,
            "moved": {n: list(values) for n, values in plan.settings if n not in grid},
            **settings_of(clock), **{n: v for n, v in plan.options.items() if v is not None},
        },
        seed=chosen,
        versions=versions(),
        origin=origin_of(compilation),
        statistics={"points": count, "seconds": time.perf_counter() - began},
        status="finished",
    )  # fmt: skip


def _tasks(
    compilation: Compilation, plan: Measurement, seed: int, device: str, progress: Progress | None
) -> Iterator[tuple[list[int], Task]]:
    """(numbers of points in the grid, the points), so many side by side as fit."""
    import torch

    from dynattn.run.starting import states_at_rest
    from dynattn.run.systems import build_for, is_structural, points_at_once, with_settings

    grid = grid_of(plan)
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    fixed = [name for name, values in grid.items() if is_structural(compilation, name, values)]
    alike: dict[tuple[float, ...], list[int]] = {}
    for number, point in enumerate(points):
        alike.setdefault(tuple(point[name] for name in fixed), []).append(number)
    done = 0
    for key, numbers in alike.items():
        chosen = with_settings(compilation, dict(zip(fixed, key, strict=True)))
        chosen = chosen if fixed else compilation
        most = points_at_once(chosen, plan.clock.method)
        most = 1 if MEASUREMENTS[plan.kind].singly else most
        for start in range(0, len(numbers), most):
            part = numbers[start : start + most]
            own = [{n: v for n, v in points[k].items() if n not in fixed} for k in part]
            values = {
                name: torch.tensor([point[name] for point in own], dtype=torch.float64).reshape(
                    -1, *[1] * _rank(chosen, name)
                )
                for name in own[0]
            }
            system = build_for(chosen, seed=seed, values=values, device=device)
            report = _within(progress, done, len(part), len(points))
            task = Task(chosen, plan, system, {}, tuple(points[k] for k in part), report)
            found = states_at_rest(
                chosen, plan.clock, system, seed=seed, values=values, device=device,
                describe=task.describe,
            )  # fmt: skip
            yield part, replace(task, states=_begun(system, found, len(part)))
            done += len(part)


def _begun(
    system: System, found: Mapping[str, torch.Tensor] | None, count: int
) -> dict[str, torch.Tensor]:
    """[points, nodes, ...] of every state."""
    states = system.initial_states() if found is None else found
    rank = len(system.batch_shape)
    fresh = {name: x.dim() - rank for name, x in system.initial_states().items()}
    return {n: x.expand(count, *x.shape[x.dim() - fresh[n] :]).clone() for n, x in states.items()}


def _rank(compilation: Compilation, name: str) -> int:
    parameter = compilation.model.parameter[name]
    return len(parameter.shape) + (parameter.place.kind != "global")


def _within(progress: Progress | None, done: int, size: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda fraction: progress((done + fraction * size) / total)


def _together(
    plan: Measurement,
    grid: Mapping[str, Sequence[float]],
    axes: Mapping[str, tuple[str, ...]],
    arrays: Mapping[str, list[Array | None]],
) -> Labelled:
    """The arrays of all points in one; E612 where they have different shapes."""
    variables, values = {}, {name: np.array(row) for name, row in grid.items()}
    for name, rows in arrays.items():
        found = _padded(axes[name], [np.asarray(row) for row in rows if row is not None])
        if len({row.shape for row in found}) > 1:
            text = f"'{name}' has another shape at each point, so it fits into no array"
            fix = "leave sizes out of the settings, and run once for each"
            raise SpecError(Diagnostic("E612", text, plan.span, fix))
        whole = np.stack(found).reshape((*map(len, grid.values()), *found[0].shape))
        if axes[name] == (name,):
            values[name] = found[0]
        else:
            variables[name] = Variable((*grid, *axes[name]), whole)
    return Labelled(numbered(values, variables), variables)


FEWER = "attractor"
"""An axis along which some points have less than others."""


def _padded(axes: tuple[str, ...], rows: list[Array]) -> list[Array]:
    """The rows with NaN where a point has fewer attractors."""
    if not axes or axes[0] != FEWER or len({row.shape[1:] for row in rows}) > 1:
        return rows
    most = max(map(len, rows))
    return [
        np.concatenate([row, np.full((most - len(row), *row.shape[1:]), np.nan)]) for row in rows
    ]
