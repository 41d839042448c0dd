"""What to say when the numbers go wrong: which state, which node, when, and by which line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span
from dynattn.solve.fixed import Field, States
from dynattn.solve.packing import Packing


@dataclass(frozen=True)
class Reached:
    """What a solve that failed has come to."""

    states: Mapping[str, torch.Tensor]
    """[time, batch..., nodes, coordinates...] at the first of the times, so many as it came to."""
    counts: dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """Where a solve happens: enough to name any number in it."""

    system: Field
    packing: Packing
    describe: Callable[[tuple[int, ...]], str] | None
    span: Span | None

    def name(self, index: int) -> str:
        """``osc.theta of node 3``, and the point of the batch where there are several."""
        state, point, inside = self.packing.place(index)
        words = f"{state} of node {inside[0]}" if inside else state
        if len(inside) > 1:
            words += f", coordinate {', '.join(map(str, inside[1:]))}"
        if point:
            where = f"batch point {point}" if self.describe is None else self.describe(point)
            words += f" ({where})" if where else ""
        return words


def refuse_non_finite(
    scene: Scene, t: float, states: States, before: float, earlier: States
) -> None:
    """NumericalError E603 where a state is not finite; ``earlier`` are the states it came from."""
    if all(bool(torch.isfinite(x).all()) for x in states.values()):
        return
    raise non_finite(scene, t, scene.packing.pack(states), before, scene.packing.pack(earlier))


def non_finite(
    scene: Scene,
    t: float,
    packed: torch.Tensor,
    before: float,
    earlier: torch.Tensor,
    span: Span | None = None,
) -> NumericalError:
    """E603: a state became infinite or not a number between ``before`` and ``t``; by the line of
    ``span``, or None: by the one that the rates at ``earlier`` tell.
    """
    flat = packed.detach().reshape(-1)
    index = int((~torch.isfinite(flat)).nonzero()[0])
    value = "not a number" if bool(flat[index].isnan()) else "infinite"
    message = f"{scene.name(index)} became {value} between t = {before:.6g} and t = {t:.6g}"
    fix = "take smaller steps, or look "
    if value == "infinite":
        fix += "whether the model runs away (a rate that grows with the state)"
    else:
        fix += "for a division by 0, or a root or logarithm of a negative number"
    line = span or _line(scene, before, earlier, index)
    return NumericalError(Diagnostic("E603", message, line, fix))


def underflow(scene: Scene, t: float, packed: torch.Tensor, rates: torch.Tensor) -> NumericalError:
    """E603: the adaptive step shrank to nothing; names the number that moves fastest there."""
    flat, speed = packed.detach().reshape(-1), rates.detach().reshape(-1).abs()
    wild = (~torch.isfinite(speed)).nonzero()
    index = int(wild[0]) if len(wild) else int(speed.argmax())
    if len(wild):
        rate = "not a number" if bool(speed[index].isnan()) else "infinite"
        message = f"the rate of {scene.name(index)} is {rate} at t = {t:.6g}"
        fix = "look for a division by 0, or a root or logarithm of a negative number"
    else:
        message = (
            f"no step is small enough at t = {t:.6g}: {scene.name(index)} "
            f"is {float(flat[index]):.3g} and changes at {float(speed[index]):.3g} per unit of time"
        )
        fix = "the model runs away in finite time, or jumps; end before that, or bound the rate"
    near = _next_to(scene, t, packed, rates) if not len(wild) else None
    if near is not None:
        message += ", next to where a rate is not finite"
        fix = "look for a division by 0, or a root or logarithm of a negative number"
    return NumericalError(Diagnostic("E603", message, near or _line(scene, t, packed, index), fix))


def _next_to(scene: Scene, t: float, packed: torch.Tensor, rates: torch.Tensor) -> Span | None:
    """The line of a rate that is not finite a little way on, at most 1e-6 of the state."""
    speed = rates.detach().reshape(packed.shape)
    fastest = float(speed.abs().max())
    if not 0 < fastest < math.inf:
        return None
    most = 1e-6 * max(1.0, float(packed.detach().abs().max())) / fastest
    for power in range(10):
        span = line_of(scene, t, packed + most * 10.0**-power * speed)
        if span is not None:
            return span
    return None


def no_slope(scene: Scene, t: float, row: int, column: int) -> NumericalError:
    """E603: a rate has no finite derivative, which an implicit step needs."""
    message = (
        f"the rate of {scene.name(row)} has no finite derivative by {scene.name(column)} "
        f"at t = {t:.6g}"
    )
    fix = "use 'method tsit5', which takes no derivatives, or make the rate smooth there"
    return NumericalError(Diagnostic("E603", message, _law(scene, row), fix))


def too_many_steps(
    scene: Scene, t: float, limit: int, method: str, stiff: bool = False
) -> NumericalError:
    """E604: the limit of steps is reached."""
    message = f"the method '{method}' took {limit} steps and has only come to t = {t:.6g}"
    fix = (
        "ask for less accuracy (a larger rtol), a shorter time, or a fixed-step method with 'step'"
    )
    if stiff:
        message += ": the system is stiff, so that only small steps are stable"
        fix = "use an implicit method: 'method rodas5p'"
    return NumericalError(Diagnostic("E604", message, scene.span, fix))


def gave_up(scene: Scene, t: float, method: str) -> NumericalError:
    """E604: the method itself found no solution."""
    message = f"the method '{method}' found no solution beyond t = {t:.6g}"
    fix = "take smaller steps, or use 'method tsit5'"
    return NumericalError(Diagnostic("E604", message, scene.span, fix))


def _line(scene: Scene, t: float, packed: torch.Tensor, index: int) -> Span | None:
    """The line that makes what is not finite; else that of the law that moves the number at the
    index.
    """
    return line_of(scene, t, packed) or _law(scene, index)


def line_of(scene: Scene, t: float, packed: torch.Tensor) -> Span | None:
    """The line of the spec that makes a number of the rates that is not finite, where there is one
    and the system can tell.
    """
    trace = getattr(scene.system, "trace_nan", None)
    if trace is None:
        return None
    when = torch.full((), t, dtype=packed.dtype, device=packed.device)
    node = trace(when, scene.packing.unpack(packed.detach()))
    return getattr(node, "span", None)


def _law(scene: Scene, index: int) -> Span | None:
    """Where the law of the number at a flat index stands; without a model, the experiment."""
    model = getattr(scene.system, "model", None)
    name = scene.packing.place(index)[0]
    laws = () if model is None else model.laws
    return next((law.rate.span for law in laws if law.state == name), scene.span)
