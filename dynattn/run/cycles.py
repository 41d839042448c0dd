"""``continue`` from a Hopf point or a period doubling: periodic orbits as a labelled result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.model import plans
from dynattn.run.branch_arrays import AXIS, SPECTRUM
from dynattn.run.branches import (
    WORDS,
    BranchResult,
    Moved,
    check_continuation,
    check_moved,
    special_point,
)
from dynattn.run.labelled import Labelled, Variable, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dynattn.analyse.cycles import Cycle, Cycles
    from dynattn.analyse.roots import Event
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

SAMPLES, KEPT = 400, 4
"""Times of each orbit at which its extremes are sought, and of how many one is kept."""

LARGEST = 200
"""Unknowns of one state up to which orbits are followed."""


@dataclass(frozen=True)
class CycleResult(Moved):
    """``result["p.x"]`` is [point, phase, nodes, ...]: orbits one after another, over parts of
    their periods; ``result["max p.x"]`` and ``result["min p.x"]`` are [point, nodes, ...].
    """

    continuation: Cycles = field(repr=False)
    """Orbits and special ones with all that is known of them."""
    equilibria: BranchResult = field(repr=False)
    """The branch of equilibria with the Hopf point."""
    earlier: tuple[CycleResult, ...] = field(default=(), repr=False)
    """The orbits whose period has doubled, those that left the Hopf point first."""

    @property
    def special(self) -> tuple[Event[Cycle], ...]:
        """Folds, branch points, period doublings, Neimark-Sacker points."""
        return self.continuation.special

    def first(self, kind: str) -> Event[Cycle] | None:
        """The first special orbit of a kind."""
        return next((point for point in self.special if point.kind == kind), None)

    def value_at(self, point: Event[Cycle], parameter: str) -> float:
        """Of a parameter that is moved."""
        return point.step.value

    called = "the branch of orbits"

    def extent(self) -> str:
        """Where it goes, and how stable it is, in words."""
        low, high, stable = self.values.min(), self.values.max(), int(self.stable.sum())
        others = [f"a {WORDS[p.kind]} at {p.step.value:.6g}" for p in self.special]
        there = f"; it has {', '.join(others)}" if others else ""
        return (
            f"{self.parameter} goes from {low:.6g} to {high:.6g} on it, {stable} of its "
            f"{len(self.values)} orbits stable{there}"
        )


def run_cycles(
    compilation: Compilation,
    plan: plans.Continuation,
    seed: int,
    device: str,
    progress: Callable[[float], None] | None,
) -> CycleResult:
    """Follow the orbits that leave a Hopf point, or a period doubling of others; errors as in
    ``run_continuation``.
    """
    from dynattn.analyse.cycles import KINDS, follow_cycles
    from dynattn.analyse.doubling import follow_doubled
    from dynattn.run.systems import build_for

    check_continuation(compilation, plan)
    check_moved(compilation, plan, seed, device)
    assert plan.start is not None and plan.start.point is not None
    branch, point = special_point(compilation, plan.start.point, plan.start.span, seed, device)
    assert isinstance(branch, BranchResult | CycleResult)
    ((name, first, last),) = plan.ranges
    low, high = sorted((first, last))
    _check_start(plan, branch, point, (low, high))
    begun = time.process_time()
    kinds = [kind for kind in KINDS if not plan.detects or kind in plan.detects]
    largest = None if plan.step is None else plan.step / (high - low)
    asked: dict[str, Any] = {"kinds": kinds, "largest": largest, "report": progress}
    if isinstance(branch, CycleResult):
        found = follow_doubled(branch.continuation, point, low, high, **asked)
    else:
        found = follow_cycles(branch.continuation.problem, name, low, high, point, **asked)
    if len(found.steps) < 2:
        text = f"no orbit is found near the {WORDS[point.kind]} at {name} = {point.step.value:.6g}"
        fix = "look at the branch for what else happens there, or simulate beside it"
        raise NumericalError(Diagnostic("E641", text, plan.span, fix))
    system = build_for(compilation, seed=seed, device=device)
    return CycleResult(
        name=plan.name,
        labelled=cycle_arrays(compilation, system, plan, found),
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "parameter": name, "range": [first, last], "start": point.step.value,
            "leaves": point.kind, "detect": kinds,
            "observed": [r.label for r in _records(compilation, plan)], "step": plan.step,
        },
        seed=seed,
        versions=versions(),
        origin=origin_of(compilation),
        statistics=cycle_statistics(found, time.process_time() - begun),
        status="finished",
        continuation=found,
        equilibria=branch.equilibria if isinstance(branch, CycleResult) else branch,
        earlier=(*branch.earlier, branch) if isinstance(branch, CycleResult) else (),
    )  # fmt: skip


def _check_start(
    plan: plans.Continuation, branch: Moved, point: Any, span: tuple[float, float]
) -> None:
    """SpecError where the orbits cannot be followed over this parameter, in this range (E645), or
    are too large (E643).
    """
    ((name, first, last),) = plan.ranges
    text = fix = ""
    if branch.parameter != name:
        text = f"'{branch.name}' moves '{branch.parameter}', and orbits leave its "
        text += f"{WORDS[point.kind]} there"
        fix = f"write {branch.parameter} = 0 .. 1"
    elif not span[0] <= point.step.value <= span[1]:
        text = f"the {WORDS[point.kind]} at {name} = {point.step.value:.6g} is outside of "
        text += f"{first:g} .. {last:g}"
        fix = "let the range reach it"
    if text:
        raise SpecError(Diagnostic("E645", text, plan.span, fix))
    if len(point.step.y) > LARGEST:
        text = f"orbits of {len(point.step.y)} unknowns are too large"
        fix = f"choose sizes with {LARGEST} unknowns at most, or simulate"
        raise SpecError(Diagnostic("E643", text, plan.span, fix))


def _records(compilation: Compilation, plan: plans.Continuation) -> Any:
    from dynattn.run.recording import everything

    return plan.records or everything(compilation.model)


def cycle_arrays(
    compilation: Compilation, system: System, plan: plans.Continuation, found: Cycles
) -> Labelled:
    """The orbits one by one."""
    steps = found.steps
    columns: dict[str, list[Any]] = {
        found.parameter: [step.value for step in steps],
        "period": [step.period for step in steps],
        "amplitude": [_amplitude(step) for step in steps],
        "arclength": [step.arclength for step in steps],
        "stable": [step.stable for step in steps],
        "unstable": [step.growing for step in steps],
        "trivial": [step.trivial for step in steps],
    }
    for k, label in enumerate(found.problem.symmetries.labels):
        columns[f"drift: {label}"] = [float(step.orbit.others[2 + k]) for step in steps]
    for kind in dict.fromkeys(point.kind for point in found.special):
        there = {id(point.step) for point in found.special if point.kind == kind}
        columns[kind] = [float(id(step) in there) for step in steps]
    variables = {n: Variable((AXIS,), np.array(v, dtype=float)) for n, v in columns.items()}
    variables |= _sampled(compilation, system, plan, found)
    variables["multipliers"] = Variable((AXIS, "mode"), _multipliers(steps))
    axes = {"phase": np.arange(SAMPLES // KEPT) * KEPT / SAMPLES}
    return Labelled(numbered(axes, variables), variables)


def _amplitude(step: Cycle) -> float:
    """Half of the way between the extremes of the coordinate that goes farthest."""
    import torch

    orbit = step.orbit
    times = torch.arange(SAMPLES).to(orbit.values) / SAMPLES
    values = orbit.mesh.at(orbit.values, times).cpu().numpy()
    return float((_extreme(values, 1) - _extreme(values, -1)).max() / 2)


def _multipliers(steps: tuple[Cycle, ...]) -> Any:
    most = max(min(SPECTRUM, len(step.multipliers)) for step in steps)
    found = np.full((len(steps), most), np.nan, dtype=complex)
    for row, step in enumerate(steps):
        found[row, : len(step.multipliers[:most])] = step.multipliers[:most]
    return found


def _sampled(
    compilation: Compilation, system: System, plan: plans.Continuation, found: Cycles
) -> dict[str, Variable]:
    """States and what is recorded over the phase, with their extremes over it."""
    import torch

    from dynattn.run.recording import in_double, own_axes, state_axes
    from dynattn.solve.parameters import parameters_set

    records = _records(compilation, plan)
    names = [*(record.label for record in records), *compilation.model.states]
    rows: dict[str, list[Any]] = {name: [] for name in names}
    packing = found.problem.alone((SAMPLES,)).packing
    with torch.no_grad():
        for step in found.steps:
            times = torch.arange(SAMPLES).to(step.orbit.values) / SAMPLES
            states = packing.unpack(step.orbit.mesh.at(step.orbit.values, times))
            with parameters_set(system, {found.parameter: step.value}):
                values = {**states, **system.observe(0.0, states), **system.record(0.0, states)}
            for label, kept in rows.items():
                value = in_double(values[label])
                kept.append(np.broadcast_to(value, (SAMPLES, *value.shape[1:])))
    axes = {r.label: own_axes(compilation.network, r.value) for r in records}
    axes |= {n: state_axes(compilation.network, n) for n in compilation.model.states}
    variables: dict[str, Variable] = {}
    for name, each in rows.items():
        short = np.stack([values[::KEPT] for values in each])
        variables[name] = Variable((AXIS, "phase", *axes[name]), short)
        if not np.iscomplexobj(short):
            for word, sign in (("max", 1), ("min", -1)):
                extreme = np.stack([_extreme(values, sign) for values in each])
                variables[f"{word} {name}"] = Variable((AXIS, *axes[name]), extreme)
    return variables


def _extreme(values: NDArray[Any], sign: int) -> NDArray[Any]:
    """The largest of [samples, ...], or the least, of the parabola through it and those beside."""
    turned = sign * values
    top = turned.argmax(0)[None]
    before, here, after = (
        np.take_along_axis(turned, (top + k) % len(turned), 0)[0] for k in (-1, 0, 1)
    )
    bend = 2 * here - before - after
    gain = np.where(bend > 0, (after - before) ** 2 / (8 * np.where(bend > 0, bend, 1.0)), 0.0)
    return sign * (here + gain)


def cycle_statistics(found: Cycles, seconds: float) -> dict[str, Any]:
    """How far the orbits go, and what happens to them."""
    return {
        "points": len(found.steps),
        "ends": found.end,
        "stable": sum(step.stable for step in found.steps),
        "special": [cycle_facts(found, point) for point in found.special],
        "intervals": max(step.orbit.mesh.count for step in found.steps),
        "seconds": seconds,
    }


def cycle_facts(found: Cycles, point: Event[Cycle]) -> Mapping[str, Any]:
    """A special orbit as plain numbers."""
    values = [complex(v) for v in point.step.multipliers[:SPECTRUM]]
    return {
        "kind": point.kind, found.parameter: point.step.value, "period": point.step.period,
        "amplitude": _amplitude(point.step), "condition": point.residual,
        "multipliers": [[v.real, v.imag] for v in values],
    }  # fmt: skip
