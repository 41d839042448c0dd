"""Fixed steps as one compiled graph: all stages of one step, and of several in a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import NumericalError
from dynattn.solve.compiler import Compiler, Step, asking_alike
from dynattn.solve.failures import Reached, Scene
from dynattn.solve.fatal_step import refusal
from dynattn.solve.fixed import States, equal_steps, just_before, stretches
from dynattn.solve.methods import Method
from dynattn.solve.noise import Wiener
from dynattn.vocabulary.tableaus import Tableau

TOGETHER = 5
"""Most steps in one graph: of five, small systems take half the time, and more gain little."""


def integrate_compiled(
    scene: Scene,
    states: States,
    times: Sequence[float],
    method: Method,
    step: float,
    ends: Collection[float],
    compiler: Compiler,
    wiener: Wiener | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """States at the times, and the counts; a step ends at each of ``ends``.

    Gradients go back through the compiled steps. NumericalError E603 where it fails.
    """
    assert method.tableau is not None
    system: Any = scene.system
    noise = (wiener or Wiener(system)) if getattr(system, "noisy", ()) else None
    points = [dict(states)]
    path = compiled_trajectory(compiler, scene, method, states, times, step, ends, noise)
    refuse = refusal(scene, times, method, step, ends)
    for k, point in enumerate(path, start=1):
        try:
            refuse(k, point, points[-1])
        except NumericalError as error:
            error.partial = _reached(points, times, step, ends, method)
            raise
        points.append(point)
        if progress is not None:
            progress(k / (len(times) - 1))
    whole = _reached(points, times, step, ends, method)
    return dict(whole.states), whole.counts


def _reached(
    points: Sequence[States],
    times: Sequence[float],
    step: float,
    ends: Collection[float],
    method: Method,
) -> Reached:
    assert method.tableau is not None
    known = times[: len(points)]
    steps = sum(equal_steps(b - a, step) for a, b, _ in stretches(known, ends))
    counts = {"evaluations": steps * len(method.tableau.weights), "steps": steps}
    return Reached({n: torch.stack([point[n] for point in points]) for n in points[0]}, counts)


def compiled_trajectory(
    compiler: Compiler,
    scene: Scene,
    method: Method,
    states: States,
    times: Sequence[float],
    step: float,
    jumps: Collection[float],
    wiener: Wiener | None = None,
) -> Iterator[dict[str, Tensor]]:
    """As ``trajectory``: the states at the second, third, ... of the times."""
    assert method.tableau is not None
    nodes = (0.0, 1.0) if wiener else method.tableau.nodes
    counts = [equal_steps(b - a, step) for a, b, _ in stretches(times, jumps)]
    together = 1 if wiener else _together(counts)
    advance = _compiled(compiler, scene, method, states, together, wiener is not None)
    point = asking_alike(scene.system, tuple(states.values()))
    for (start, stop, saved), count in zip(stretches(times, jumps), counts, strict=True):
        h = (stop - start) / count
        when = _stage_times(start, h, count, nodes, stop if stop in jumps else None, states)
        size = torch.full_like(when[0, 0], h)
        for k in range(0, count, together):
            white = wiener.increments(h, dict(zip(states, point, strict=True))) if wiener else {}
            point = advance(when[k : k + together], size, *point, *white.values())
        if saved:
            yield dict(zip(states, point, strict=True))


def _together(counts: Sequence[int]) -> int:
    """How many steps make one graph: as many as fit evenly between all the times."""
    common = reduce(math.gcd, counts)
    return max(k for k in range(1, TOGETHER + 1) if common % k == 0)


def _stage_times(
    start: float, h: float, count: int, nodes: Sequence[float], end: float | None, states: States
) -> Tensor:
    """[steps, stages]; before ``end`` where the rates jump there."""
    some = next(iter(states.values()))
    kind = some.real.dtype if some.is_complex() else some.dtype
    begins = torch.arange(count, dtype=torch.float64)[:, None] * h + start
    found = begins + torch.tensor(nodes, dtype=torch.float64) * h
    if end is not None:
        found[-1, [k for k, c in enumerate(nodes) if c == 1]] = just_before(end, h, states)
    return found.to(some.device, kind)


def _compiled(
    compiler: Compiler, scene: Scene, method: Method, states: States, together: int, noisy: bool
) -> Step:
    system, tableau = scene.system, method.tableau
    assert tableau is not None
    names, corrected = tuple(states), method.name == "heun"
    noise: tuple[str, ...] = tuple(getattr(system, "noisy", ()))

    def steps(when: Tensor, h: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        point = dict(zip(names, tensors[: len(names)], strict=True))
        for k in range(together):
            if noisy:
                white: States = dict(zip(noise, tensors[len(names) :], strict=True))
                point = noisy_step(system, when[k], h, point, white, corrected)
            else:
                point = one_step(system, when[k], h, point, tableau)
        return tuple(point[name] for name in names)

    shapes = tuple((x.shape, x.dtype, x.device) for x in states.values())
    key = ("fixed", id(system), method.name, together, shapes)
    return compiler.compiled(key, steps, f"the step of {method.name}", scene.span)


def one_step(
    system: Any, when: Tensor, h: Tensor, states: States, tableau: Tableau
) -> dict[str, Tensor]:
    """``advance``, with the times of its stages and its size as tensors."""
    slopes: list[dict[str, Tensor]] = []
    for k, row in enumerate(tableau.stages):
        slopes.append(system.rates(when[k], _moved(system, states, slopes, row, h)))
    return _moved(system, states, slopes, tableau.weights, h)


def noisy_step(
    system: Any, when: Tensor, h: Tensor, states: States, white: States, corrected: bool
) -> dict[str, Tensor]:
    """``diffuse``, with its times, size and increments as tensors."""
    first = _pushed(system, when[0], h, states, white)
    predicted = system.retract(states, first)
    if not corrected:
        return predicted
    second = _pushed(system, when[1], h, predicted, white)
    return system.retract(states, {n: 0.5 * (first[n] + second[n]) for n in states})


def _pushed(
    system: Any, when: Tensor, h: Tensor, states: States, white: States
) -> dict[str, Tensor]:
    found = {name: h * rate for name, rate in system.rates(when, states).items()}
    for name, push in system.diffuse(when, states, white).items():
        found[name] = found[name] + push
    return found


def _moved(
    system: Any, states: States, slopes: Sequence[States], row: Sequence[float], h: Tensor
) -> dict[str, Tensor]:
    used = [(w, slope) for w, slope in zip(row, slopes, strict=True) if w]
    if not used:
        return dict(states)
    return system.retract(states, {name: _combined(used, name, h) for name in states})


def _combined(used: Sequence[tuple[float, States]], name: str, h: Tensor) -> Tensor:
    total = (h * used[0][0]) * used[0][1][name]
    for weight, slope in used[1:]:
        total = total + (h * weight) * slope[name]
    return total
