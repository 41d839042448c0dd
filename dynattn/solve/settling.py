"""Where a system comes to rest by itself: it is let run, and Newton goes the rest of the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span, SpecError
from dynattn.lower.inspection import moves_in_time, reads_time
from dynattn.solve.equilibria import Rest, newton
from dynattn.solve.packing import packing_of
from dynattn.solve.refusals import rest_mistakes, time_mistake
from dynattn.solve.rest_problem import RestProblem, rest_problem
from dynattn.solve.solve import solve

TIMES = (200.0, 2000.0)
"""How long a system is let run, at most."""

NEAR = 1e-2
"""Settled, but for the last digits: no rate is larger than this part of its state, or of 1."""

MAP_UPDATES = 10
"""Updates of a map stand for so much time."""


def check_rests(system: Any, span: Span | None = None, *, fixed: bool = True) -> None:
    """SpecError with what ``rest_mistakes`` finds, E636 too where the rates depend on the time:
    with the system's parameters as they are, or, where they are not ``fixed``, with any.
    """
    found = rest_mistakes(system.model, span)
    if moves_in_time(system) if fixed else reads_time(system):
        found.append(time_mistake(span))
    if found:
        raise SpecError(tuple(found))


def relaxed(problem: RestProblem, y: Tensor, time: float, span: Span | None = None) -> Tensor:
    """Where the system leads points y [batch..., n] in so much time."""
    alone = problem.alone(y.shape[:-1])
    with torch.no_grad():
        if problem.discrete:
            for _ in range(int(time * MAP_UPDATES)):
                y = y + alone.field(y)
            return y
        states = alone.packing.unpack(y)
        batch = y.dim() - 1
        solved = solve(problem.system, states, (0.0, time), batch=batch, rtol=1e-4, span=span)
        return alone.packing.pack({name: x[-1] for name, x in solved.states.items()})


def settled(
    system: Any,
    states: Mapping[str, Tensor],
    *,
    batch: int = 0,
    span: Span | None = None,
    describe: Callable[[tuple[int, ...]], str] | None = None,
) -> tuple[dict[str, Tensor], Rest]:
    """The equilibrium [batch..., nodes, ...] that states lead to, and how it was found.

    A system with a symmetry may go on drifting along it, all phases together for one. SpecError
    E428, E621 and E636 where the laws are never at rest, NumericalError E637 where the states do
    not come to rest.
    """
    check_rests(system, span)
    packing = packing_of(states, batch)
    problem = rest_problem(system, packing)
    y, begun = packing.pack(states), 0.0
    rest, moving = None, None
    for time in TIMES:
        y = relaxed(problem, y, time - begun, span)
        begun = time
        with torch.no_grad():
            left = problem.at(y).residual()[0].abs()
        moving = left.amax(-1) > NEAR * y.abs().amax(-1).clamp(min=1.0)
        if bool(moving.any()):
            continue
        rest = newton(problem, y)
        moving = ~rest.found
        if not bool(moving.any()):
            return problem.packing.unpack(rest.y), rest
    assert moving is not None
    raise _restless(problem, y, moving, span, describe)


def _restless(
    problem: RestProblem, y: Tensor, moving: Tensor, span: Span | None,
    describe: Callable[[tuple[int, ...]], str] | None,
) -> NumericalError:  # fmt: skip
    point = tuple(torch.nonzero(moving)[0].tolist())
    with torch.no_grad():
        rate = float(problem.at(y).residual()[0][point].abs().max())
    where = f" at {describe(point)}" if describe is not None else ""
    text = (
        f"the model does not come to rest{where}: at t = {TIMES[-1]:g} a rate of {rate:.3g} is left"
    )
    fix = "set other initial states or parameters, or begin at the initial states: start init"
    return NumericalError(Diagnostic("E637", text, span, fix))
