"""``continue``: branches of equilibria as a labelled result, and their special points by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span, SpecError
from dynattn.model import plans
from dynattn.run.branch_arrays import AXIS, branch_arrays, branch_statistics
from dynattn.run.clock import standing_mistakes
from dynattn.run.labelled import Result
from dynattn.run.provenance import origin_of, versions
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from dynattn.analyse.branches import SpecialPoint
    from dynattn.analyse.continuation import Continuation
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System
    from dynattn.run.curves import CurveResult
    from dynattn.run.cycles import CycleResult

WORDS = {
    "fold": "fold", "branch_point": "branch point", "hopf": "Hopf point", "cusp": "cusp",
    "bogdanov_takens": "Bogdanov-Takens point", "bautin": "Bautin point",
    "period_doubling": "period doubling",
    "neimark_sacker": "Neimark-Sacker point",
}  # fmt: skip


@dataclass(frozen=True)
class Moved(Result):
    """What one parameter leads through, point by point."""

    continuation: Any = field(repr=False)
    """Points and special ones with all that is known of them."""

    @property
    def parameter(self) -> str:
        """The one that is moved."""
        return self.continuation.parameter

    @property
    def values(self) -> NDArray[np.float64]:
        """[point]: of the parameter."""
        return self[self.parameter]

    @property
    def stable(self) -> NDArray[np.bool_]:
        """[point]: whether every disturbance decays."""
        return self["stable"] > 0


@dataclass(frozen=True)
class BranchResult(Moved):
    """``result["p.x"]`` is [point, nodes, ...]: branches one after another, special points among
    the others; ``result[result.parameter]`` says where each is.
    """

    continuation: Continuation = field(repr=False)
    """Branches and special points with all that is known of them."""

    @property
    def special(self) -> tuple[SpecialPoint, ...]:
        """Folds, branch points and Hopf points."""
        return self.continuation.special

    def value_at(self, point: SpecialPoint, parameter: str) -> float:
        """Of a parameter that is moved."""
        return point.value

    def first(self, kind: str) -> SpecialPoint | None:
        """The first special point of a kind after the start, then before it."""
        found = [point for point in self.special if point.kind == kind]
        return min(found, key=_order(self.continuation, found), default=None)

    called = "the branch"

    def extent(self) -> str:
        """Where it goes, and how stable it is, in words."""
        branch = self.continuation.branches[0]
        low, high = branch.range
        verdicts = [step.stability.verdict == "stable" for step in branch.steps]
        how = "stable all along" if all(verdicts) else "unstable all along"
        if any(verdicts) and not all(verdicts):
            how = f"{sum(verdicts)} of its {len(verdicts)} points stable"
        others = [f"a {WORDS[p.kind]} at {p.value:.6g}" for p in branch.special]
        there = f"; it has {', '.join(others)}" if others else ""
        return f"{self.parameter} goes from {low:.6g} to {high:.6g} on it, {how}{there}"


if TYPE_CHECKING:
    Followed = BranchResult | CurveResult | CycleResult


def own_columns(result: BranchResult) -> dict[str, NDArray[Any]]:
    """[point] by name: the observables or records that are one number."""
    names = result.settings["observed"]
    variables = result.labelled.variables
    return {name: variables[name].values for name in names if variables[name].axes == (AXIS,)}


def _order(continuation: Continuation, points: list[SpecialPoint]) -> Callable[[SpecialPoint], Any]:
    """Earlier branches first, then what comes after their start."""
    number = {
        id(point): k for k, b in enumerate(continuation.branches) for point in b.special
    }  # fmt: skip
    return lambda p: (number[id(p)], p.step.arclength < 0, abs(p.step.arclength))


def run_continuation(
    compilation: Compilation,
    plan: plans.Continuation,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> Followed:
    """Follow what ``plan`` says; once for each compilation, seed and device.

    SpecError where it cannot be followed (E621, E428, E608, E636, E643, E644, E645, E660),
    NumericalError where nothing is found to start at (E641, E642) or a point is named that is not
    there (E640).
    """
    from dynattn.run.curves import run_curve
    from dynattn.run.cycles import run_cycles

    chosen = seed_of(compilation, plan, seed)
    known = _KNOWN.setdefault(compilation, {})
    key = plan.name, chosen, device
    if key not in known:
        run = run_curve if plan.follows is not None else run_cycles if plan.orbits else _run
        known[key] = run(compilation, plan, chosen, device, progress)
    return known[key]


_KNOWN: WeakKeyDictionary[Compilation, dict[tuple[str, int, str], Followed]]
_KNOWN = WeakKeyDictionary()


def seed_of(compilation: Compilation, plan: plans.Continuation, seed: int | None) -> int:
    """The seed asked for, else the compilation's, else the experiment's."""
    if seed is not None:
        return seed
    return plan.seed if compilation.seed is None else compilation.seed


def check_continuation(compilation: Compilation, plan: plans.Continuation) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    from dynattn.solve.refusals import rest_mistakes

    model = compilation.model
    found = [*standing_mistakes(model, plan.span), *rest_mistakes(model, plan.span)]
    if plan.orbits:
        found += _curved(compilation, plan)
    if any(law.discrete for law in model.laws) and "hopf" in plan.detects:
        text = "the laws are maps, and Hopf points are those of flows"
        found.append(Diagnostic("E645", text, plan.span, "detect fold, branch_point"))
    if found:
        raise SpecError(tuple(found))


def _curved(compilation: Compilation, plan: plans.Continuation) -> list[Diagnostic]:
    """E660 for orbits on spaces whose tangents differ from point to point."""
    states = [s for s in compilation.model.states.values() if not s.averaged]
    for state in states:
        entry = MANIFOLDS[state.manifold.name]
        if not (entry.projection == "F" or (entry.tangent == "F" and entry.logarithmic)):
            text = f"'{state.name}' is on {entry.name}, and orbits are followed on flat spaces"
            fix = "write it on circle, torus, real, complex or positive; simulate shows the orbit"
            return [Diagnostic("E660", text, plan.span, fix)]
    return []


def _run(
    compilation: Compilation,
    plan: plans.Continuation,
    seed: int,
    device: str,
    progress: Callable[[float], None] | None,
) -> BranchResult:
    from dynattn.analyse.continuation import follow_equilibria
    from dynattn.analyse.events import KINDS
    from dynattn.run.recording import everything
    from dynattn.solve.settling import check_rests

    check_continuation(compilation, plan)
    ((name, first, last),) = plan.ranges
    check_moved(compilation, plan, seed, device)
    begun = time.process_time()
    system, states, value = _start(compilation, plan, seed, device)
    check_rests(system, plan.span, fixed=False)
    low, high = sorted((first, last))
    kinds = [kind for kind in KINDS if kind in plan.detects] if plan.detects else list(KINDS)
    found = follow_equilibria(
        system, name, low, high, states, value, kinds=kinds,
        switch="branch_point" in plan.detects, atol=plan.atol, rtol=plan.rtol,
        largest=None if plan.step is None else plan.step / (high - low),
        span=plan.span, report=progress,
    )  # fmt: skip
    return BranchResult(
        name=plan.name,
        labelled=branch_arrays(compilation, system, plan, found),
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "parameter": name, "range": [first, last], "start": value, "detect": kinds,
            "observed": [r.label for r in plan.records or everything(compilation.model)],
            "atol": plan.atol, "rtol": plan.rtol, "step": plan.step,
        },
        seed=seed,
        versions=versions(),
        origin=origin_of(compilation),
        statistics=branch_statistics(found, time.process_time() - begun),
        status="finished",
        continuation=found,
    )  # fmt: skip


# ── where it starts ────────────────────────────────────────────────────────────────────────────


def check_moved(compilation: Compilation, plan: plans.Continuation, seed: int, device: str) -> None:
    """E644 for parameters that are more than numbers in the rates."""
    for name, first, last in plan.ranges:
        _check_one(compilation, plan, (name, first, last), seed, device)


def _check_one(
    compilation: Compilation,
    plan: plans.Continuation,
    moved: tuple[str, float, float],
    seed: int,
    device: str,
) -> None:
    import torch

    from dynattn.run.systems import is_structural

    name, first, last = moved
    text = ""
    if is_structural(compilation, name, (first, last)):
        text = f"'{name}' is a size, or makes a graph, and does not move continuously"
    else:
        ends = [_system(compilation, name, x, seed, device) for x in (first, last)]
        arrays = [{**dict(s.named_buffers()), **dict(s.named_parameters())} for s in ends]
        for other, array in arrays[0].items():
            same = array.shape == arrays[1][other].shape and torch.equal(array, arrays[1][other])
            if other != name and not same:
                text = f"'{other}' is computed from '{name}' once, before anything moves"
                break
    if text:
        fix = f"write '{name}' where it is used: in a drift, a strength, an energy"
        raise SpecError(Diagnostic("E644", text, plan.span, fix))


def _system(
    compilation: Compilation, name: str, value: float, seed: int, device: str
) -> System:  # fmt: skip
    import torch

    from dynattn.run.systems import build_for

    values = {name: torch.tensor(value, dtype=torch.float64)}
    return build_for(compilation, seed=seed, values=values, device=device)


def _start(
    compilation: Compilation, plan: plans.Continuation, seed: int, device: str
) -> tuple[System, Mapping[str, torch.Tensor], float]:
    """(the system, the states that the branch starts near, the parameter there)."""
    from dynattn.solve.settling import settled

    ((name, first, last),) = plan.ranges
    begins = plan.start
    if begins is not None and begins.rest is not None:
        from dynattn.run.searches import rest_states

        value = _within(own_value(compilation, name, seed), first, last)
        system = _system(compilation, name, value, seed, device)
        return system, rest_states(compilation, begins, seed=seed, device=device), value
    if begins is not None and begins.kind == "point":
        assert begins.point is not None
        result, point = special_point(compilation, begins.point, begins.span, seed, device)
        assert isinstance(result, BranchResult)
        value = point.value if result.parameter == name else own_value(compilation, name, seed)
        system = _system(compilation, name, value, seed, device)
        return system, states_of(result, point), value
    value = dict(begins.settings).get(name, first) if begins is not None else first
    others = [item for item, _ in begins.settings if item != name] if begins is not None else []
    if others:
        text = f"a branch has one value of '{others[0]}', and start sets another"
        fix = f"set it for the whole spec: --set {others[0]}=.., and start at {name} alone"
        raise SpecError(Diagnostic("E645", text, begins.span if begins else None, fix))
    if not min(first, last) <= value <= max(first, last):
        text = f"the start {name} = {value:g} is outside of {first:g} .. {last:g}"
        raise SpecError(Diagnostic("E645", text, plan.span, "start inside the range"))
    system = _system(compilation, name, value, seed, device)
    states = system.initial_states()
    if begins is None or begins.kind == "equilibrium":
        try:
            return system, settled(system, states, span=plan.span)[0], value
        except NumericalError:
            pass  # it may be at rest and unstable: Newton's method is asked next
    return system, states, value


def _within(value: float, first: float, last: float) -> float:
    """The value where it is in the range, else the first end."""
    return value if min(first, last) <= value <= max(first, last) else first


def own_value(compilation: Compilation, name: str, seed: int) -> float:
    """The value that the spec gives a parameter."""
    from dynattn.lower.binding import table_of
    from dynattn.run.systems import build_for

    table, key = table_of(build_for(compilation, seed=seed), name)
    return float(table[key])


def special_point(
    compilation: Compilation, wanted: tuple[str, str], span: Span | None, seed: int, device: str
) -> tuple[Followed, Any]:
    """The point that another experiment names; NumericalError E640 where there is none."""
    name, event = wanted
    plan = next(item for item in compilation.model.continuations if item.name == name)
    result = run_continuation(compilation, plan, seed=seed, device=device)
    point = result.first(event)
    if point is not None:
        return result, point
    text = f"{result.called} '{name}' has no {WORDS[event]}: {result.extent()}"
    fix = f"let its range reach one, or look at it: dynattn run SPEC {name}"
    raise NumericalError(Diagnostic("E640", text, span, fix, ((plan.span, result.called),)))


def states_of(result: Followed, point: Any) -> dict[str, torch.Tensor]:
    """[nodes, ...] by name, at a special point."""
    return dict(result.continuation.problem.packing.unpack(point.step.y))
