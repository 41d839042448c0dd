"""The end of ``until equilibrium``: what only drifts is at rest; Newton takes the last steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.lower.inspection import moves_in_time
from dynattn.solve.equilibria import TOLERANCE, newton
from dynattn.solve.packing import packing_of
from dynattn.solve.refusals import rest_mistakes
from dynattn.solve.rest_problem import RestProblem, is_logarithmic, rest_problem

if TYPE_CHECKING:
    from dynattn.lower.module import System

States = Mapping[str, Tensor]
Flags = NDArray[np.bool_]

ELSEWHERE = 0.05
"""An equilibrium further away, relative to the state or to 1, is not the one that was come to."""

TRACE = 1e-12
"""What is left of what dies out, so that its rate tells that it does."""

CHANGING = "the rates depend on the time, or are those of maps beside flows"
NOWHERE = "Newton's method leads to no equilibrium nearby"


def problem_of(system: System, states: States, batch: int) -> RestProblem | None:
    """Rest as a problem of states [batch..., nodes, ...]; None where the rates depend on the time,
    or some laws are maps and some flows.
    """
    if rest_mistakes(system.model) or moves_in_time(system):
        return None
    return rest_problem(system, packing_of(states, batch))


def drifting_rates(problem: RestProblem, states: States) -> dict[str, Tensor]:
    """The rates of states [times, batch..., nodes, ...] without what symmetries carry along."""
    front = next(iter(states.values())).shape[:1]
    alone = problem.alone((*front, *problem.packing.batch))
    local = alone.at(alone.packing.pack(states))
    return alone.packing.unpack(local.bases.lift(local.residual()[0]))


@dataclass(frozen=True)
class Ending:
    """The last states of points that came to rest."""

    states: dict[str, Tensor]
    """[batch..., nodes, ...]: of points that were not ``reached`` as they were."""
    reached: Flags
    """[batch...]: where Newton's method found the equilibrium."""
    facts: Mapping[str, Any]
    """points: how many came to rest; moved: what Newton changed at most, relative to the state or
    to 1; residual: the largest rate that is left; kept: how many stay as they were simulated, and
    reason: why."""


def ended(problem: RestProblem | None, states: States, stopped: Flags) -> Ending:
    """Newton's method from states [batch..., nodes, ...] of which some ``stopped`` at rest."""
    count = int(stopped.sum())
    if problem is None:
        facts = {"points": count, "moved": 0.0, "kept": count, "reason": CHANGING}
        return Ending(dict(states), np.zeros_like(stopped), facts)
    with torch.inference_mode(False), torch.no_grad():
        y = problem.packing.pack({name: x.clone() for name, x in states.items()})
        chosen = torch.as_tensor(stopped, device=y.device)
        rest = newton(problem, y, only=chosen)
        found = _with_traces(problem, rest.y, y)
        moved = ((found - y).abs() / y.abs().clamp(min=1.0)).amax(-1)
        left = problem.at(found).residual()[0].abs().amax(-1)
        reached = chosen & rest.found & (moved <= ELSEWHERE)
        reached = reached & (left <= rest.residual.clamp(min=TOLERANCE))
        found = torch.where(reached[..., None], found, y)
    facts = {"points": count, "moved": _largest(moved[reached]), "kept": count - int(reached.sum())}
    if facts["kept"]:
        facts["reason"] = NOWHERE
    if bool(reached.any()):
        facts["residual"] = _largest(left[reached])
    return Ending(problem.packing.unpack(found), reached.cpu().numpy(), facts)


def _with_traces(problem: RestProblem, found: Tensor, before: Tensor) -> Tensor:
    """What Newton's method sets to 0 keeps a trace."""
    numbers = {name: float(flag) for name, flag in is_logarithmic(problem).items()}
    shares = problem.packing.spread(numbers).to(before.device).bool()
    gone = shares & (found == 0) & (before > 0)
    if not bool(gone.any()):
        return found
    traced = torch.where(gone, before.clamp(max=TRACE), found)
    return problem.moved(traced, torch.zeros_like(traced))


def _largest(values: Tensor) -> float:
    return float(values.max()) if values.numel() else 0.0


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of two endings as those of one."""
    found = dict(one)
    for name, value in other.items():
        if name in ("points", "kept"):
            found[name] = found.get(name, 0) + value
        elif name == "reason":
            found[name] = value
        else:
            found[name] = max(found.get(name, 0.0), value)
    return found
