"""``train`` on measured series: least squares by multiple shooting, with stated errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.learn.estimates import CLOSED
from dynattn.learn.fit_results import FitResult, result_of
from dynattn.learn.fit_store import FitStore, Stopped, Way
from dynattn.learn.fittable import check_fit, check_structure, clock_of
from dynattn.learn.interruption import Interruption
from dynattn.learn.series import Array, Series, read_series
from dynattn.model.plans import Fit
from dynattn.run.results import ResultFolder
from dynattn.solve.methods import METHODS

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.solve.fit_course import Course
    from dynattn.solve.multiple_shooting import Fitting
    from dynattn.solve.shooting import Measure, Remembered, Stepped

SHOOT = 10
"""Intervals in a segment, where the spec does not say."""

STEPS, FUNCTION_STEPS = 50, 200
"""The most, without and with learned functions, where the spec does not say."""

FUNCTIONS = 1e-2
"""The first damping where learned functions are fitted: their weights are told apart poorly."""

RIDGE = 3e-3
"""What a weight of 1 counts beside measurements in units of their spread."""

WHOLE_TURN = 2 * math.pi - 1e-9
"""A range of an angle that is no shorter has no ends."""

LEAST = 1e-9
"""No number on ``positive`` becomes smaller."""


# ── the run ────────────────────────────────────────────────────────────────────────────────────


def run_fit(
    compilation: Compilation,
    plan: Fit,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
    folder: ResultFolder | None = None,
) -> FitResult:
    """Fit ``learn`` and ``free`` numbers, and the state that the record begins with.

    In a folder an interrupted fit goes on where it was, with the same numbers. SpecError E528 for
    a series that is none of this model, E690 for what cannot be fitted, E794 for a folder of
    another fit; NumericalError E691 where nothing fits, or not in so many steps; its ``partial``
    is the result up to there. KeyboardInterrupt after Ctrl-C, when all is in the folder.
    """
    from dynattn.solve.fit_course import settle

    check_fit(compilation, plan)
    check_structure(compilation, plan)
    chosen = compilation.chosen_seed if plan.seed is None else plan.seed
    chosen = chosen if compilation.seed is None else compilation.seed
    chosen = chosen if seed is None else seed
    series = read_series(compilation.model, compilation.network, plan)
    work = Work(compilation, plan, series, chosen, device)
    fitting = work.fitting()
    steps = plan.steps or (FUNCTION_STEPS if work.learns else STEPS)
    way = Way(fitting, steps, FitStore.of(work, folder), progress)
    with Interruption() as way.wish, suppress(Stopped):
        settle(fitting, way.course, steps, way.told)
    result = result_of(work, fitting, way.course)
    if folder is not None:
        folder.write(result)
    if result.status == "interrupted":
        raise KeyboardInterrupt
    way.done()
    if result.status == "failed":
        raise _unsettled(result, way.course, plan, steps)
    return result


def _unsettled(result: FitResult, course: Course, plan: Fit, steps: int) -> NumericalError:
    away = ", ".join(f"{x:.3g} ({n})" for n, x in result.statistics["sigma"].items())
    text = f"after {course.taken} steps "
    text += "segments do not join" if course.ended == "stuck" else "the fit still moves"
    text += f": a measurement is {away} away from the model"
    fix = "begin closer (values of what is free), or write shorter segments: shoot 5"
    fix = fix if course.ended == "stuck" else f"write more steps: steps {4 * steps}; or {fix}"
    error = NumericalError(Diagnostic("E691", text, plan.span, fix))
    error.partial = result
    return error


class Work:
    """What a fit is made of."""

    def __init__(
        self, compilation: Compilation, plan: Fit, series: Series, seed: int, device: str
    ) -> None:
        import torch

        from dynattn.lower.signals import Signal
        from dynattn.solve.packing import packing_of
        from dynattn.solve.shooting import make_grid, unknown_of

        self.compilation, self.plan, self.series, self.seed = compilation, plan, series, seed
        self.device, self.clock = device, clock_of(compilation.model, plan)
        self.signals = {
            name: Signal(torch.from_numpy(series.times), torch.from_numpy(values))
            for name, values in series.signals.items()
        }
        self.system = self._built({})
        learned = [name for name, _ in self.system.named_parameters()]
        self.names = (*plan.free, *learned)
        self.unknown, self.start = unknown_of(self.system, self.names)
        if not len(self.start):
            text = "nothing is there to be fitted"
            raise SpecError(Diagnostic("E690", text, plan.span, "write free K"))
        intervals = len(series.times) - 1
        shoot = plan.shoot or min(SHOOT, intervals)
        shoot = intervals if self.system.late else shoot
        jumps = self.system.jumps()
        self.grid = make_grid(series.times.tolist(), shoot, jumps, self.start)
        self.first = self.system.initial_states()
        count = len(self.grid.first)
        states = {name: x.expand(count, *x.shape) for name, x in self.first.items()}
        self.packing = packing_of(states, 1)
        self.y = self.packing.pack(states).clone()

    def _built(self, values: Mapping[str, torch.Tensor]) -> Any:
        from dynattn.run.systems import build_for

        return build_for(self.compilation, seed=self.seed, values=values, device=self.device,
                         signals=self.signals)  # fmt: skip

    def fitting(self) -> Fitting:
        """The problem, at its first guess."""
        import torch

        from dynattn.solve.multiple_shooting import Fitting, Record
        from dynattn.solve.shooting import Stepped, enough_steps

        series, grid = self.series, self.grid
        rows = [np.arange(a, a + grid.rows.shape[1]) for a in grid.first]
        index = np.minimum(np.stack(rows), len(series.times) - 1)
        values = torch.from_numpy(series.values[index]).to(self.y)
        seen = values.isfinite() & grid.real[..., None]
        kinds = torch.from_numpy(series.kinds).to(self.y.device)
        phases = torch.from_numpy(series.phases).to(self.y.device)
        record = Record(torch.nan_to_num(values), seen, phases, kinds)
        needed = len(self.start) + self.y.shape[1]
        if record.count <= needed:
            text = f"{record.count} measurements do not tell {needed} unknown numbers: "
            text += f"{len(self.start)} are fitted, and the first state has {self.y.shape[1]}"
            fix = "measure more, or let fewer numbers be free"
            raise SpecError(Diagnostic("E528", text, self.plan.data.span, fix))
        shots = self._shots()
        self._begin(shots)
        if isinstance(shots, Stepped) and self.clock.step is None:
            shots = self._fine(enough_steps(shots, self.y, self.start, *self._tolerances))
        low, high = self._ranges()
        return Fitting(
            self.system, self.packing, shots, record, low, high, self.y, self.start.clone(),
            self._spreads(), self._ridge(), damping=FUNCTIONS if self.learns else 0.0,
        )  # fmt: skip

    @property
    def learns(self) -> bool:
        """Whether functions are learned."""
        return any(p.role != "free" for p in self.compilation.model.parameters)

    @property
    def _tolerances(self) -> tuple[float, float]:
        clock = self.clock
        return clock.rtol, clock.rtol if clock.atol is None else clock.atol

    def _fine(self, shots: Stepped | None) -> Stepped:
        if shots is not None:
            return shots
        text = "no number of steps follows the model from one measurement to the next as exactly "
        text += f"as rtol {self.clock.rtol:g} asks"
        fix = "begin closer to what was measured, or write a larger rtol in simulate"
        raise NumericalError(Diagnostic("E691", text, self.plan.span, fix))

    def _shots(self) -> Stepped | Remembered:
        """How segments are followed, in few steps at first."""
        from dynattn.solve.shooting import Remembered, Stepped, fixed_counts, unknown_of

        step, measure = self.clock.step, self._measure()
        if self.system.late:
            assert step is not None, "fit_mistakes asks for one"
            points = self.y.shape[1] + len(self.start)
            values = self.unknown.named(self.start.expand(points, -1))
            many, _ = unknown_of(self._built(values), self.names)
            many = type(many)(many.system, self.unknown.shapes)
            return Remembered(self.unknown, many, self.packing, self.grid, measure,
                              self.clock.method, step)  # fmt: skip
        tableau = METHODS[self.clock.method].tableau
        assert tableau is not None, "fit_mistakes refuses the others"
        stops = self.grid.stops.shape[1] - 1
        counts = (1,) * stops if step is None else fixed_counts(self.grid, step)
        return Stepped(self.unknown, self.packing, self.grid, measure, tableau, counts)

    def _measure(self) -> Measure:
        import torch

        series, system = self.series, self.system

        def measure(times: torch.Tensor, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
            kinds = {series.targets[name].kind for name in series.measured}
            observed = system.observe(times, states) if "observable" in kinds else {}
            found = []
            for name in series.measured:
                target = series.targets[name]
                value = states[name] if target.kind == "state" else observed[name]
                value = value.expand(*times.shape, *target.shape)
                found.append(value.reshape(*times.shape, target.count))
            return torch.cat(found, -1)

        return measure

    def _ranges(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        low, high, model = [], [], self.compilation.model
        for name, shape in self.unknown.shapes.items():
            own = model.parameter.get(name)
            limits = own.limits if own is not None and own.limits is not None else None
            where = "" if own is None or own.manifold is None else own.manifold.name
            if where in CLOSED and limits is not None and limits[1] - limits[0] > WHOLE_TURN:
                limits = None
            a, b = limits or (LEAST if where == "positive" else -math.inf, math.inf)
            low.append(torch.full((shape.numel(),), a, dtype=torch.float64))
            high.append(torch.full((shape.numel(),), b, dtype=torch.float64))
        return torch.cat(low).to(self.start), torch.cat(high).to(self.start)

    def _ridge(self) -> torch.Tensor:
        """Of weights of learned functions, which else run away where they do nothing."""
        import torch

        found = []
        for name, shape in self.unknown.shapes.items():
            own = self.compilation.model.parameter[name]
            found.append(torch.full((shape.numel(),), RIDGE if own.role != "free" else 0.0))
        return torch.cat(found).to(self.start)

    def _spreads(self) -> torch.Tensor:
        """The first guess of the error of each quantity: its spread, or 1 for an angle."""
        import torch

        found = []
        for name, values in self.series.measured.items():
            spread = 1.0 if self.series.targets[name].phase else float(np.nanstd(values))
            found.append(spread or 1.0)
        return torch.tensor(found, dtype=torch.float64).to(self.start)

    def _begin(self, shots: Stepped | Remembered) -> None:
        """Segments begin with what was measured; the rest is what the model makes of it, one
        segment after the other.
        """
        import torch

        index = [min(k, len(self.series.times) - 1) for k in self.grid.first]
        known = {}
        for name, values in self.series.measured.items():
            if self.series.targets[name].kind == "state":
                filled = _filled(self.series.times, values, self.series.targets[name].phase)
                known[name] = torch.from_numpy(filled[index]).to(self.y)
        lacking = set(self.packing.shapes) - {n for n, x in known.items() if x.isfinite().all()}

        def put(y: torch.Tensor) -> torch.Tensor:
            states = self.packing.unpack(y)
            for name, values in known.items():
                given = values.reshape(states[name].shape)
                if self.compilation.model.states[name].manifold.name == "positive":
                    given = given.clamp(min=LEAST)
                states[name] = torch.where(given.isfinite(), given, states[name])
            return self.packing.pack(states)

        y = put(self.y)
        for k in range(1, len(y) if lacking else 1):
            ends = shots.predict(y, self.start).ends[k - 1]
            if not bool(ends.isfinite().all()):
                break
            y = y.clone()
            y[k] = ends
            y = put(y)
        self.y = y


def _filled(times: Array, values: Array, phase: bool) -> Array:
    """Straight lines through what is missing; nan where nothing of a column was measured."""
    found = np.full_like(values, np.nan)
    for k, column in enumerate(values.T):
        seen = np.isfinite(column)
        if seen.any():
            known = np.unwrap(column[seen]) if phase else column[seen]
            found[:, k] = np.interp(times, times[seen], known)
    return found
