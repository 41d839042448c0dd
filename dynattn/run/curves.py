"""``continue`` with ``follow``: folds and Hopf points in two parameters, as a labelled result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.model import plans
from dynattn.run.branch_arrays import AXIS, measured, residual_of, spectra
from dynattn.run.branches import (
    WORDS,
    BranchResult,
    check_continuation,
    check_moved,
    own_value,
    special_point,
)
from dynattn.run.labelled import Labelled, Result, Variable, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    from dynattn.analyse.curves import Curve, Spot
    from dynattn.analyse.roots import Event
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System


@dataclass(frozen=True)
class CurveResult(Result):
    """``result["p.x"]`` is [point, nodes, ...] in order along the curve; ``result[name]`` of both
    ``names`` says where each is.
    """

    continuation: Curve = field(repr=False)
    """Points and events with all that is known of them."""

    @property
    def names(self) -> tuple[str, str]:
        """The parameters."""
        first, second = self.continuation.sheet.names
        return first, second

    @property
    def special(self) -> tuple[Event[Spot], ...]:
        """Cusps and Bogdanov-Takens points."""
        return self.continuation.special

    def first(self, kind: str) -> Event[Spot] | None:
        """The event of a kind that is nearest to the start."""
        found = [event for event in self.special if event.kind == kind]
        return min(found, key=lambda event: abs(event.step.arclength), default=None)

    def value_at(self, point: Event[Spot], parameter: str) -> float:
        """Of a parameter that is moved."""
        return point.step.values[self.names.index(parameter)]

    called = "the curve"

    def extent(self) -> str:
        """Where it goes, in words."""
        parts = [f"{n} from {self[n].min():.6g} to {self[n].max():.6g}" for n in self.names]
        return f"{' and '.join(parts)} on it"


def run_curve(
    compilation: Compilation,
    plan: plans.Continuation,
    seed: int,
    device: str,
    progress: Callable[[float], None] | None,
) -> CurveResult:
    """Follow a fold or a Hopf point of a branch; errors as in ``run_continuation``."""
    import torch

    from dynattn.analyse.curves import EVENTS, follow_points
    from dynattn.run.systems import build_for

    check_continuation(compilation, plan)
    check_moved(compilation, plan, seed, device)
    assert plan.follows is not None
    branch, point = special_point(compilation, plan.follows, plan.span, seed, device)
    assert isinstance(branch, BranchResult)
    begun, kind = time.process_time(), plan.follows[1]
    values = [_value(compilation, branch, point.value, name, seed) for name, _, _ in plan.ranges]
    _check_inside(plan, values)
    y = point.step.y
    ranges = [sorted(pair) for _, *pair in plan.ranges]
    low, high = (y.new_tensor([pair[k] for pair in ranges]) for k in range(2))
    kinds = [k for k in EVENTS[kind] if not plan.detects or k in plan.detects]
    (first, _, _), (second, _, _) = plan.ranges
    found = follow_points(
        kind, branch.continuation.problem, (first, second), low, high,
        (y, y.new_tensor(values), point.frequency), kinds=kinds, atol=plan.atol, rtol=plan.rtol,
        report=progress,
    )  # fmt: skip
    if found is None:
        text = f"the {WORDS[kind]} of '{branch.name}' begins no curve: it is degenerate"
        fix = "move another parameter with it, or begin at another value of the second one"
        raise NumericalError(Diagnostic("E641", text, plan.span, fix))
    system = build_for(compilation, seed=seed, device=device)
    with torch.no_grad():
        labelled = curve_arrays(compilation, system, plan, found)
    return CurveResult(
        name=plan.name,
        labelled=labelled,
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "follows": ".".join(plan.follows), "parameters": [first, second],
            "ranges": [[a, b] for _, a, b in plan.ranges], "start": values, "detect": kinds,
            "atol": plan.atol, "rtol": plan.rtol,
        },
        seed=seed,
        versions=versions(),
        origin=origin_of(compilation),
        statistics=curve_statistics(found, time.process_time() - begun),
        status="finished",
        continuation=found,
    )  # fmt: skip


def _value(
    compilation: Compilation, branch: BranchResult, value: float, name: str, seed: int
) -> float:
    return value if name == branch.parameter else own_value(compilation, name, seed)


def _check_inside(plan: plans.Continuation, values: list[float]) -> None:
    """E645 where the point that is followed is not in the ranges."""
    for (name, first, last), value in zip(plan.ranges, values, strict=True):
        if not min(first, last) <= value <= max(first, last):
            text = f"the curve starts at {name} = {value:.6g}, outside of {first:g} .. {last:g}"
            fix = f"let {name} reach from there, or set it: --set {name}=.."
            raise SpecError(Diagnostic("E645", text, plan.span, fix))


def curve_arrays(
    compilation: Compilation, system: System, plan: plans.Continuation, found: Curve
) -> Labelled:
    """The points of a curve one by one."""
    spots, kinds = found.spots, dict.fromkeys(event.kind for event in found.special)
    columns: dict[str, Any] = {
        name: [spot.values[k] for spot in spots] for k, name in enumerate(found.sheet.names)
    }
    columns |= {
        "arclength": [spot.arclength for spot in spots],
        "unstable": [spot.stability.unstable for spot in spots],
        "residual": [residual_of(spot) for spot in spots],
        "condition": [spot.residual for spot in spots],
    }
    if found.kind == "hopf":
        squares = np.array([float(spot.extra[0]) * found.scale for spot in spots])
        columns["frequency"] = np.sqrt(squares.clip(min=0.0))
        known = [spot.lyapunov for spot in spots]
        columns["lyapunov"] = [np.nan if value is None else value for value in known]
    for kind in kinds:
        there = {id(event.step) for event in found.special if event.kind == kind}
        columns[kind] = [float(id(spot) in there) for spot in spots]
    variables = {n: Variable((AXIS,), np.array(v, dtype=float)) for n, v in columns.items()}
    variables |= measured(compilation, system, plan, found, spots)
    variables["eigenvalues"] = Variable((AXIS, "mode"), spectra(spots))
    return Labelled(numbered({}, variables), variables)


def curve_statistics(found: Curve, seconds: float) -> dict[str, Any]:
    """How far it goes, and what is on it."""
    return {
        "points": len(found.spots),
        "kind": found.kind,
        "ends": list(found.ends),
        "special": [
            {
                "kind": event.kind, **dict(zip(found.sheet.names, event.step.values, strict=True)),
                "residual": residual_of(event.step), "condition": event.residual,
            }
            for event in found.special
        ],
        "seconds": seconds,
    }  # fmt: skip
