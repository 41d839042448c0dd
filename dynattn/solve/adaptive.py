"""Own adaptive integration: an embedded explicit pair, each point of a batch with its own steps.

Saved times are read off the continuous solution of each step and do not limit it; steps end where a
rate jumps. A step costs one look at the device: the errors, from which the host chooses the sizes.
Differentiable, the sizes being constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.diagnostics.report import NumericalError
from dynattn.lower.tolerances import NO_SHARE
from dynattn.solve.control import Controller, Flags, Numbers, StiffnessWatch
from dynattn.solve.failures import Reached, Scene, too_many_steps, underflow
from dynattn.solve.fixed import States, bends_of, jumps_of, longest_step
from dynattn.solve.packed import PackedField
from dynattn.solve.slopes import Saved, Slopes
from dynattn.vocabulary.tableaus import Tableau

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Demand:
    """What is asked of a solve."""

    name: str
    tableau: Tableau
    order: int
    rtol: float
    atol: float
    max_steps: int
    options: Mapping[str, Any]


def integrate_adaptively(
    scene: Scene,
    states: States,
    times: Sequence[float],
    demand: Demand,
    progress: Progress | None = None,
    make: Callable[..., Run] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """States at the times, and the counts; NumericalError E603 or E604 where it fails.

    ``make``: another kind of Run, whose steps are compiled.
    """
    return finish((make or Run)(PackedField(scene), states, times, demand), progress)


def finish(run: Run, progress: Progress | None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The run to its end; what it has come to, where it fails."""
    try:
        run.begin()
        while not run.control.done:
            run.step()
            if progress is not None:
                progress(run.fraction)
    except NumericalError as error:
        error.partial = Reached(run.field.states(run.saved.gathered()), run.costs)
        raise
    return run.field.states(run.saved.gathered()), run.costs


class Run:
    """One solve on its way. Time is multiplied by ``sign``, so that it runs forwards."""

    def __init__(
        self, field: PackedField, states: States, times: Sequence[float], demand: Demand
    ) -> None:
        self.field, self.demand, self.tableau = field, demand, demand.tableau
        self.sign = 1.0 if times[-1] > times[0] else -1.0
        self.grid = self.sign * np.array(times)
        start = field.packing.pack(states)
        self.batch = tuple(start.shape[:-1])
        points = math.prod(self.batch)
        self.y = start.reshape(points, -1)[0] if not self.batch else start.reshape(points, -1)
        longest = min(longest_step(field.system), float(demand.options.get("max_step", math.inf)))
        stops, self.jumps = _stops(field.system, times, self.sign)
        self.saved = Saved(self.batch, self.grid, self.y)
        self.control = self.controller(stops, longest)
        self.jumping = frozenset(self.jumps)
        self.stiffness = StiffnessWatch(points, self.tableau.edge)
        self.scales = _Scales(self.y, field, demand)
        self.slopes = self._new_slopes()
        self.nodes = (*self.tableau.nodes, 1.0)
        self.evaluations = self.attempts = 0

    def controller(self, stops: Sequence[float], longest: float) -> Controller:
        """What chooses the steps; they end at the stops."""
        points = math.prod(self.batch) if self.batch else None
        return Controller(float(self.grid[0]), stops, points, self.demand.order, longest)

    def _new_slopes(self) -> Slopes:
        return Slopes(self.y, self.tableau)

    @property
    def costs(self) -> dict[str, Any]:
        """What is told of the solve."""
        found = {"evaluations": self.evaluations, "steps": int(np.max(self.control.steps))}
        since = self.stiffness.since
        return found if since is None else found | {"stiff": self.sign * since}

    # ── the field ──────────────────────────────────────────────────────────────────────────────

    def rates(self, t: Tensor, y: Tensor) -> Tensor:
        """Of the packed states, by time as it runs here."""
        self.evaluations += 1
        if len(self.batch) < 2:
            found = self.field.rates(t, y)
        else:
            found = self.field.rates(t, y.reshape(*self.batch, -1)).reshape(y.shape)
        return found if self.sign > 0 else -found

    def now(self, times: Numbers) -> Tensor:
        """Times [.., points] as the field takes them: [.., batch...]."""
        found = torch.as_tensor(self.sign * np.asarray(times)).to(self.y)
        return found.reshape((*found.shape[:-1], *self.batch)) if self.batch else found

    def host(self, numbers: Tensor) -> Numbers:
        """[points], or a number, in double precision: the one look at the device."""
        if not self.batch:
            return float(numbers)
        return numbers.detach().to("cpu", torch.float64).numpy()

    def jump(self, times: Numbers) -> Flags:
        """Whether a rate jumps at these times."""
        if not self.jumps:
            return times != times
        return np.isin(times, self.jumps) if self.batch else times in self.jumping

    # ── the first step ─────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """The first rates, and a first step size: Hairer, Norsett & Wanner I, section II.4."""
        control = self.control
        first = self.rates(self.now(control.time), self.y)
        self.slopes.restart(first)
        given = self.demand.options.get("first_step")
        with torch.no_grad():
            wanted = self._guess(first) if given is None else control.time * 0 + given
        if not np.isfinite(wanted).all():
            raise self._underflow(~np.isfinite(wanted))
        control.wanted = wanted if self.batch else float(wanted)

    def _guess(self, first: Tensor) -> Numbers:
        norm = self.scales.norm(self.y, self.y)
        size, speed = np.asarray(self.host(norm(self.y))), np.asarray(self.host(norm(first)))
        if not np.isfinite(speed).all():
            return speed * math.nan
        small = (size < 1e-5) | (speed < 1e-5)
        h = np.where(small, 1e-6, 0.01 * size / np.where(small, 1.0, speed))
        h = np.minimum(h, self.grid[-1] - self.grid[0])
        there = self.slopes.moved(self.y, first.reshape(1, -1), self._ones, self._spread(h))
        later = self.rates(self.now(self.control.time + h), there)
        bend = self.host(norm(later - first)) / h
        sharpest = np.maximum(speed, np.where(np.isfinite(bend), bend, math.inf))
        bound = np.where(
            sharpest <= 1e-15,
            np.maximum(1e-6, h * 1e-3),
            (0.01 / np.maximum(sharpest, 1e-300)) ** (1 / self.demand.order),
        )
        return np.where(np.isfinite(bend), np.minimum(100 * h, bound), h * 1e-3)

    @property
    def _ones(self) -> Tensor:
        return torch.ones(1, dtype=self.y.dtype, device=self.y.device)

    # ── a step ─────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        """Try a step of every point, and take it where it is good enough."""
        control = self.control
        control.propose()
        h = self._spread(control.size)
        y, level, errors = self._attempt(h)
        before = control.time
        accepted = control.judge(errors)
        self.attempts += 1
        if control.host.some(accepted):
            if torch.is_grad_enabled() and not np.isfinite(errors).all():
                y, level = self._without(accepted, before)
            self._watch(h, y, level, accepted)
            self.saved.take(self.slopes, self.y, before, control.size, control.known(accepted))
            self._go_on(y, accepted)
        if control.host.some(control.stuck):
            raise self._underflow(control.stuck)
        if self.attempts >= self.demand.max_steps and not control.done:
            raise self._too_many()

    def _attempt(self, h: Tensor | float) -> tuple[Tensor, Tensor, Numbers]:
        """The states at the end of the step, those of the stage before, the errors."""
        y, level = self._stages(h)
        with torch.no_grad():
            return y, level, self.host(self.scales.norm(self.y, y)(self.slopes.error(h)))

    def _stages(self, h: Tensor | float) -> tuple[Tensor, Tensor]:
        """The states at the end of the step, and those of the last stage before."""
        times = self._when().unbind(0)
        point = level = self.y
        last = len(self.nodes) - 1
        for i in range(1, last + 1):
            level, point = point, self.slopes.moved_by(self.y, i, h)
            if i == last and not self.field.straight:
                point = self.field.landed(point.reshape(*self.batch, -1)).reshape(self.y.shape)
            self.slopes.put(i, self.rates(times[i], point))
        return point, level

    def _without(self, accepted: Flags, before: Numbers) -> tuple[Tensor, Tensor]:
        """The step again, where it failed of no size: no gradient comes from what is infinite."""
        control, arrived = self.control, self.control.time
        control.stay(accepted, before)
        control.time = before
        y, level, _ = self._attempt(self._spread(control.size))
        control.time = arrived
        return y, level

    def _watch(self, h: Tensor | float, y: Tensor, level: Tensor, accepted: Flags) -> None:
        if self.stiffness.wants(self.attempts):
            with torch.no_grad():
                scaled = self.host(self.slopes.stretch(h, y, level))
            self.stiffness.look(scaled, accepted, self.control.time)

    def _when(self) -> Tensor:
        """[stages, batch...]; before the end of the step, if the rates jump there."""
        control = self.control
        ends, jumping = control.arrival, control.landing & self.jump(control.arrival)
        if control.host.some(jumping):
            ends = control.host.where(jumping, _just_before(ends, self.y.dtype), ends)
        inner = (c for c in self.nodes if c < 1)
        times = [control.time + c * control.size for c in inner]
        return self.now(times + [ends] * (len(self.nodes) - len(times)))

    def _go_on(self, y: Tensor, accepted: Flags) -> None:
        """From the end of the step, where it was good enough."""
        control = self.control
        if control.host.every(accepted):
            self.y = y
            self.slopes.shift()
        else:
            chosen = torch.as_tensor(accepted, device=y.device)[:, None]
            self.y = torch.where(chosen, y, self.y)
            self.slopes.shift(chosen)
        if control.host.some(accepted & self.jump(control.time)):
            self.slopes.restart(self.rates(self.now(control.time), self.y))

    def _spread(self, size: Numbers) -> Tensor | float:
        """Step sizes as factors of packed states."""
        return torch.from_numpy(size).to(self.y)[:, None] if self.batch else float(size)

    # ── what is told ───────────────────────────────────────────────────────────────────────────

    @property
    def fraction(self) -> float:
        """How much of the time is done, where least is."""
        whole = float(self.grid[-1] - self.grid[0])
        return (float(np.min(self.control.time)) - float(self.grid[0])) / whole

    def _underflow(self, flags: Flags) -> Exception:
        where = np.atleast_1d(flags)
        point = int(where.argmax())
        t = self.sign * float(np.atleast_1d(self.control.time)[point])
        speed = self.slopes.first.detach().reshape(len(where), -1).clone()
        others = torch.arange(len(where), device=speed.device) != point
        speed[others] = 0.0
        return underflow(self.field.scene, t, self.y.reshape(*self.batch, -1), speed)

    def _too_many(self) -> Exception:
        t = self.sign * float(np.min(self.control.time))
        stiff = self.stiffness.since is not None
        return too_many_steps(self.field.scene, t, self.demand.max_steps, self.demand.name, stiff)


class _Scales:
    """What an error is measured by: the tolerances, and the size of the states."""

    def __init__(self, y: Tensor, field: PackedField, demand: Demand) -> None:
        relative, absolute = field.tolerances(demand.rtol, demand.atol)
        self.relative = torch.as_tensor(relative).to(y)
        self.absolute = torch.as_tensor(absolute).to(y)
        self.same = bool((self.relative <= NO_SHARE).all())
        """Whether an error is as bad wherever it is: of angles."""
        self.sizes = [math.prod(shape) for shape in field.packing.shapes.values()]

    def norm(self, one: Tensor, other: Tensor) -> Callable[[Tensor], Tensor]:
        """The largest root mean square of a state, [points], in parts of what is allowed."""
        scale = self.absolute
        if not self.same:
            size = torch.maximum(one.detach().abs(), other.detach().abs())
            scale = torch.addcmul(self.absolute, self.relative, size)

        def largest(error: Tensor) -> Tensor:
            found = error.detach() / scale
            parts = found.split(self.sizes, dim=-1) if len(self.sizes) > 1 else (found,)
            norms = [torch.linalg.vector_norm(p, dim=-1) / math.sqrt(p.shape[-1]) for p in parts]
            return norms[0] if len(norms) == 1 else torch.stack(norms).amax(0)

        return largest


def _stops(system: Any, times: Sequence[float], sign: float) -> tuple[list[float], list[float]]:
    """Where steps must end, and where of these a rate may jump; by time as it runs forwards."""
    low, high = sorted((times[0], times[-1]))
    found = {*jumps_of(system), *bends_of(system, low, high)}
    inside = sorted(sign * t for t in found if low < t < high)
    return [*inside, sign * times[-1]], [sign * t for t in found]


def _just_before(times: Numbers, dtype: torch.dtype) -> Numbers:
    """Times that in the states' own precision are just before these."""
    return times - 4 * torch.finfo(dtype).eps * np.maximum(1.0, np.abs(times))
