"""One call for every method: states and times in, states at those times out, or a diagnostic."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.solve.adaptive import Demand, integrate_adaptively
from dynattn.solve.averaged import Averaged
from dynattn.solve.compiled_adaptive import CompiledRun
from dynattn.solve.compiled_fixed import integrate_compiled
from dynattn.solve.compiler import Compiler, ready_to_compile
from dynattn.solve.delays import check_delays
from dynattn.solve.discrete import Arrived, Differentiable, differentiable, gradients_wanted
from dynattn.solve.failures import Reached, Scene
from dynattn.solve.fatal_step import refusal
from dynattn.solve.fixed import (
    Advance,
    Field,
    States,
    advance,
    bends_of,
    equal_steps,
    jumps_of,
    stretches,
    trajectory,
)
from dynattn.solve.gradients import Gradient, check_gradient, not_checkpointed
from dynattn.solve.history import History, Late, fixed_history, remembering, stage_times
from dynattn.solve.holding import held
from dynattn.solve.late_points import integrate_late
from dynattn.solve.library import Call, integrate_by_library
from dynattn.solve.methods import Method, check_law, check_step, find_method, tolerance_mistakes
from dynattn.solve.noise import Wiener, diffuse
from dynattn.solve.packing import packing_of
from dynattn.solve.point_history import PointHistory
from dynattn.solve.replayed import integrate_replayed
from dynattn.solve.rosenbrock import integrate_implicitly
from dynattn.solve.splitting import Symplectic
from dynattn.solve.tape import NotReplayable
from dynattn.solve.walk import Step, steps_of
from dynattn.vocabulary.tableaus import Tableau

Progress = Callable[[float], None]

MAX_STEPS = 200_000
"""Adaptive methods give up after so many steps: without a limit a blow-up can run for ever."""


@dataclass(frozen=True)
class Memory:
    """What goes on from one stretch of time to the next."""

    wiener: Wiener | None
    history: History | PointHistory | None
    gradient: Gradient
    compiler: Compiler | None = None


@dataclass(frozen=True)
class Request:
    """How a solve is to go."""

    method: Method
    step: float | None
    rtol: float
    atol: float
    max_steps: int
    options: Mapping[str, Any]
    progress: Progress | None
    memory: Memory


@dataclass(frozen=True)
class Solution:
    """States at the saved times."""

    times: torch.Tensor
    """float64, one axis."""
    states: Mapping[str, torch.Tensor]
    """By state: [time, batch..., nodes, coordinates...]."""
    statistics: Mapping[str, Any]
    """method, library, evaluations, steps (None where not known), seconds; compiling: how many of
    these, where steps are compiled."""


@held
def solve(
    system: Field,
    states: States,
    times: torch.Tensor | Sequence[float],
    *,
    method: str = "tsit5",
    step: float | None = None,
    rtol: float = 1e-6,
    atol: float | None = None,
    batch: int = 0,
    max_steps: int = MAX_STEPS,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    describe: Callable[[tuple[int, ...]], str] | None = None,
    span: Span | None = None,
    wiener: Wiener | None = None,
    history: History | PointHistory | None = None,
    gradient: Gradient | None = None,
    compiled: bool | Compiler = False,
) -> Solution:
    """Integrate ``states`` from the first of the times through all of them.

    ``batch`` says how many leading axes of the states are batch axes. Each of its points has step
    sizes of its own with tsit5; torchdiffeq's adaptive methods share one, small enough for the
    hardest. The rates are asked at one time, or at times [batch...]. ``atol`` None is ``rtol``.
    ``describe`` names a point of the batch in messages. ``wiener`` goes on with the noise of an
    earlier stretch, ``history`` with its past; None begins anew. Differentiable in states and
    parameters, in the way that ``gradient`` says.

    ``compiled``: each step is a graph of torch.compile; a Compiler keeps what it made.

    Raises SpecError (E358 to E363, E601, E602, E605, E606, E613, E614, E616, E617, E624, E625,
    E631, E632) for what is asked wrongly, NumericalError (E603, E604, E629, E630) where the numbers
    fail; its ``partial`` is the Solution up to the last time that all points came to.
    """
    gradient, asked = gradient or Gradient(), options or {}
    chosen = _fitting(system, method, step, gradient, span)
    if wrong := tolerance_mistakes(rtol, atol, span):
        raise SpecError(wrong)
    _check_options(chosen, asked, span)
    grid = _checked_times(times, span)
    compiler, system = ready_to_compile(system, compiled, chosen, gradient.kind, span)
    scene = Scene(system, packing_of(states, batch), describe, span)
    memory, absolute = Memory(wiener, history, gradient, compiler), rtol if atol is None else atol
    request = Request(chosen, step, rtol, absolute, max_steps, asked, progress, memory)
    began = time.perf_counter()

    def solution(found: Mapping[str, torch.Tensor], counts: Mapping[str, Any]) -> Solution:
        said = {"method": method, "library": chosen.library}
        said |= compiler.told() if compiler else {}
        reached = grid[: len(next(iter(found.values())))]
        return Solution(reached, found, {**counts, **said, "seconds": time.perf_counter() - began})

    try:
        return solution(*_integrated(scene, states, grid, request))
    except NumericalError as error:
        if isinstance(error.partial, Reached):
            error.partial = solution(error.partial.states, error.partial.counts)
        raise


def _integrated(
    scene: Scene, states: States, grid: torch.Tensor, request: Request
) -> tuple[Mapping[str, torch.Tensor], dict[str, Any]]:
    """States at the times, and the counts."""
    chosen, step = request.method, request.step
    times, progress = grid.tolist(), request.progress
    if len(grid) == 1:
        return {name: x[None] for name, x in states.items()}, {"evaluations": 0, "steps": 0}
    if (pair := chosen.implicit or chosen.tableau) is not None and chosen.chooses_steps(step):
        demand = Demand(
            chosen.name, pair, chosen.order, request.rtol, request.atol, request.max_steps,
            request.options,
        )  # fmt: skip
        if chosen.implicit:
            return integrate_implicitly(scene, states, times, demand, progress)
        return _adaptively(scene, states, times, demand, progress, request.memory)
    if chosen.library == "own":
        return _by_own(scene, states, times, chosen, step or 0.0, progress, request.memory)
    call = Call(
        chosen, step, request.rtol, request.atol, request.max_steps, request.options,
        request.memory.gradient.kind == "adjoint",
    )  # fmt: skip
    return integrate_by_library(scene, states, grid, call, progress)


def _fitting(
    system: Any, name: str, step: float | None, gradient: Gradient, span: Span | None
) -> Method:
    """The method, where it fits the step, the model and the gradient."""
    method = find_method(name, span)
    check_step(method, step, span)
    if (model := getattr(system, "model", None)) is not None:
        check_law(method, model, step, span)
    check_gradient(gradient, method, bool(getattr(system, "late", ())), span)
    return method


def _adaptively(
    scene: Scene,
    states: States,
    times: list[float],
    demand: Demand,
    progress: Progress | None,
    memory: Memory,
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    if not getattr(scene.system, "late", ()):
        asked = memory.gradient.kind == "checkpointed"
        if asked and gradients_wanted(scene.system, states):
            return _checkpointed(scene, states, times, demand, progress)
        compiler = memory.compiler
        make = partial(CompiledRun, compiler=compiler) if compiler else None
        return integrate_adaptively(scene, states, times, demand, progress, make)
    known = memory.history if isinstance(memory.history, PointHistory) else None
    return integrate_late(scene, states, times, demand, progress, known)


def _checkpointed(
    scene: Scene, states: States, times: list[float], demand: Demand, progress: Progress | None
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        return integrate_replayed(scene, states, times, demand, progress)
    except NotReplayable:
        raise not_checkpointed(scene.span) from None


def _by_own(
    scene: Scene,
    states: States,
    times: list[float],
    method: Method,
    step: float,
    progress: Progress | None,
    memory: Memory,
) -> tuple[Mapping[str, torch.Tensor], dict[str, Any]]:
    if memory.compiler is not None:
        ends = _ends(scene.system, times, method)
        return integrate_compiled(
            scene, states, times, method, step, ends, memory.compiler, memory.wiener, progress
        )
    points = [dict(states)]
    advances, ends = _stepper(scene, states, times, method, step, memory)
    refuse = refusal(scene, times, method, step, ends)

    def arrived(k: int, point: dict[str, torch.Tensor]) -> None:
        refuse(k, point, points[-1])
        points.append(point)
        if progress is not None:
            progress(k / (len(times) - 1))

    exact = None
    try:
        if method.tableau is not None:
            exact = _exact(scene, states, partial(steps_of, times, step, ends), method.tableau,
                           memory, arrived)  # fmt: skip
        if exact is not None:
            found = exact.solve(states)
        else:
            for k, point in enumerate(trajectory(advances, states, times, step, ends), start=1):
                arrived(k, point)
            found = _stacked(points)
    except NumericalError as error:
        steps = _steps(times[: len(points)], ends, step)
        counts = {"evaluations": _evaluations(advances, method, steps), "steps": steps}
        error.partial = Reached(_stacked(points), counts)
        raise
    steps = _steps(times, ends, step)
    return found, {"evaluations": _evaluations(advances, method, steps), "steps": steps}


def _steps(times: list[float], ends: tuple[float, ...], step: float) -> int:
    return sum(equal_steps(b - a, step) for a, b, _ in stretches(times, ends))


def _stacked(points: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.stack([point[name] for point in points]) for name in points[0]}


def _exact(
    scene: Scene,
    states: States,
    steps: Callable[[], Sequence[Step]],
    tableau: Tableau,
    memory: Memory,
    arrived: Arrived,
) -> Differentiable | None:
    """The solve with exact gradients, where they are wanted and known."""
    try:
        return differentiable(
            scene.system, states, steps, tableau, memory.wiener, memory.gradient, arrived
        )
    except NotReplayable:
        raise not_checkpointed(scene.span) from None


def _stepper(
    scene: Scene, states: States, times: list[float], method: Method, step: float, memory: Memory
) -> tuple[Advance, tuple[float, ...]]:
    """What takes a step, and the times where one must end."""
    system: Any = scene.system
    jumps = _ends(system, times, method)
    if not getattr(system, "late", ()):
        return _advances(scene, system, method, memory.wiener), jumps
    known = memory.history if isinstance(memory.history, History) else None
    history = known or fixed_history(system, method, times[0])
    counts = [(b - a, equal_steps(b - a, step)) for a, b, _ in stretches(times, jumps)]
    longest = max(length / count for length, count in counts)
    check_delays(scene, system, times, longest)
    steps = sum(count for _, count in counts)
    found = history.kinks(jumps_of(system), times[-1], method, steps)
    ends = tuple(sorted({*jumps, *found}))
    assert method.tableau is not None
    field = Late(history, stage_times(times, ends, step, method.tableau.nodes, states))
    late = replace(scene, system=field)
    return remembering(field, _advances(late, system, method, memory.wiener), jumps), ends


def _ends(system: Field, times: list[float], method: Method) -> tuple[float, ...]:
    """The times at which a step must end, whatever is saved."""
    bends = bends_of(system, times[0], times[-1]) if method.order > 2 else ()
    return tuple(sorted({*jumps_of(system), *bends}))


def _advances(scene: Scene, system: Any, method: Method, wiener: Wiener | None) -> Advance:
    """Steps of a scene's field, the system's own or one that reads its past."""
    if getattr(system, "noisy", ()):
        corrected = method.name == "heun"
        field: Any = scene.system
        return partial(diffuse, field, wiener or Wiener(system), corrected=corrected)
    if method.splitting is not None:
        return Symplectic(scene, system, method)
    if method.tableau is None:
        return Averaged(scene)
    return partial(advance, scene.system, tableau=method.tableau)


def _evaluations(advances: Advance, method: Method, steps: int) -> int:
    """How often the rates were asked for."""
    match advances:
        case Symplectic():
            return steps * advances.evaluations
        case Averaged():
            return advances.evaluations
    assert method.tableau is not None
    return steps * len(method.tableau.weights)


def _checked_times(times: torch.Tensor | Sequence[float], span: Span | None) -> torch.Tensor:
    grid = torch.as_tensor(times, dtype=torch.float64).detach()
    if grid.dim() != 1 or len(grid) == 0:
        raise SpecError(Diagnostic("E606", "the times must be a list of numbers", span))
    gaps = grid.diff()
    if not bool(torch.isfinite(grid).all()) or not (
        bool((gaps > 0).all()) or bool((gaps < 0).all())
    ):
        message = "the times do not run strictly forwards (or backwards)"
        raise SpecError(Diagnostic("E606", message, span, "leave out repeated and missing times"))
    return grid


def _check_options(method: Method, options: Mapping[str, Any], span: Span | None) -> None:
    for name in options:
        if name not in method.options:
            known = ", ".join(method.options) or "none"
            message = f"the method '{method.name}' has no option '{name}'"
            guess = did_you_mean(name, method.options, f"its options are: {known}")
            raise SpecError(Diagnostic("E605", message, span, guess))
