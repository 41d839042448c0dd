"""The methods of torchdiffeq, each of its traps closed.

torchdiffeq knows one flat tensor and no manifolds: rates are evaluated at the retracted point (the
ambient field f(retract(y)), whose flow stays on the manifold), and saved points are retracted.
Fixed-step methods get a grid that holds every saved time, as they would else take the saved times
themselves for steps, or interpolate linearly between their steps.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.solve.failures import Reached, Scene, gave_up, non_finite, too_many_steps, underflow
from dynattn.solve.fixed import States, bends_of, equal_steps, jumps_of, longest_step, stretches
from dynattn.solve.methods import ADAMS, Method
from dynattn.solve.packed import PackedField
from dynattn.solve.pullbacks import learned_by

Progress = Callable[[float], None]

LANDING = ("dopri8", "bosh3", "fehlberg2")
"""Methods whose interpolation between steps is much less exact than the steps: they land on every
saved time instead."""

ADAMS_ORDER = 5
"""The library's own default, 12, makes explicit_adams unstable at usual steps, in silence."""

EVALUATIONS_PER_STEP = 14
"""dopri8 takes this many; the limit of scipy's methods, whose steps cannot be counted."""

STUCK = 2_000
"""So many evaluations without advance: scipy's methods would try for ever."""


@dataclass(frozen=True)
class Call:
    """What torchdiffeq is asked for."""

    method: Method
    step: float | None
    rtol: float
    atol: float
    max_steps: int
    options: Mapping[str, Any]
    adjoint: bool = False
    """Whether gradients come from the continuous equation solved backwards."""


class _StepLimitReached(Exception):
    pass


class _Stuck(Exception):
    pass


@dataclass
class _Watch:
    """The right-hand side as torchdiffeq calls it; counts, and keeps the last good point."""

    field: PackedField
    call: Call
    span: tuple[float, float]
    progress: Progress | None
    time: float
    point: torch.Tensor
    evaluations: int = 0
    steps: int = 0
    accepted: int = 0
    last_advance: int = 0

    def __call__(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.evaluations += 1
        if self.call.method.solver == "scipy_solver":
            self._watch_scipy(float(t), y)
        return self.field.rates(t, y)

    @property
    def scene(self) -> Scene:
        """Where the solve happens."""
        return self.field.scene

    def reached(self, packed: torch.Tensor) -> Reached:
        """States at the first times, and the counts."""
        known = self.call.method.solver != "scipy_solver"
        steps = (self.accepted if self.call.method.adaptive else self.steps) if known else None
        counts = {"evaluations": self.evaluations, "steps": steps}
        return Reached(self.field.states(packed), counts)

    def callback_step(self, t: torch.Tensor, y: torch.Tensor, dt: torch.Tensor) -> None:
        """Called by torchdiffeq before every step it tries."""
        self.steps += 1
        if self.call.method.adaptive:
            if self.steps > self.call.max_steps:
                raise _StepLimitReached
        else:
            self._arrived(float(t.detach()), y)

    def callback_accept_step(self, t: torch.Tensor, y: torch.Tensor, dt: torch.Tensor) -> None:
        """Called by torchdiffeq's adaptive methods with the point a step started from."""
        self.accepted += 1
        self._arrived(float(t.detach()), y)

    def _arrived(self, t: float, y: torch.Tensor) -> None:
        self.time, self.point = t, y.detach()
        self._report(t)

    def _report(self, t: float) -> None:
        if self.progress is not None:
            start, stop = self.span
            self.progress(min(1.0, max(0.0, (t - start) / (stop - start))))

    def _watch_scipy(self, t: float, y: torch.Tensor) -> None:
        start, stop = self.span
        if abs(t - start) > abs(self.time - start) + 1e-10 * abs(stop - start):
            self.last_advance = self.evaluations
            self._arrived(t, y)
        elif self.evaluations - self.last_advance > STUCK + 4 * y.numel():
            raise _Stuck
        if self.evaluations > EVALUATIONS_PER_STEP * self.call.max_steps:
            raise _StepLimitReached


def integrate_by_library(
    scene: Scene, states: States, times: torch.Tensor, call: Call, progress: Progress | None
) -> tuple[Mapping[str, torch.Tensor], dict[str, Any]]:
    """States at the times, and the counts; NumericalError E603 or E604 where it fails."""
    field = PackedField(scene)
    scene, start = field.scene, field.packing.pack(states)
    watch = _Watch(
        field, call, (float(times[0]), float(times[-1])), progress, float(times[0]), start.detach()
    )
    if call.method.solver == "scipy_solver":
        _refuse_gradients(watch, start)
    packed = _odeint(watch, start, times.to(start.device), call)
    _check(watch, times, packed)
    if progress is not None:
        progress(1.0)
    whole = watch.reached(packed)
    return whole.states, whole.counts


def _library() -> Any:
    """torchdiffeq. Loaded under inference mode its tableaus would never know a gradient."""
    with torch.inference_mode(False):
        import torchdiffeq

        return torchdiffeq


def _refuse_gradients(watch: _Watch, start: torch.Tensor) -> None:
    """scipy's numbers carry no gradient; torch would take them for constants."""
    when = torch.full((), watch.time, dtype=start.dtype, device=start.device)
    if torch.is_grad_enabled() and watch.field.rates(when, start).requires_grad:
        message = f"the method '{watch.call.method.name}' gives no gradients"
        fix = "solve under torch.no_grad(), or use 'method tsit5'"
        raise SpecError(Diagnostic("E611", message, watch.scene.span, fix))


def _odeint(watch: _Watch, start: torch.Tensor, times: torch.Tensor, call: Call) -> torch.Tensor:
    odeint = _library().odeint
    function = _with_callbacks(watch, call.method)
    rtol, atol = _tolerances(watch.field, start, call)
    solver = _with_adjoint(watch, times, call) if call.adjoint else odeint
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Functional iteration did not converge")
        # torchdiffeq hands min_step to every scipy method, known to it or not.
        warnings.filterwarnings("ignore", message="The following arguments have no effect")
        try:
            solution = solver(
                function, start, times, rtol=rtol, atol=atol,
                method=call.method.solver, options=_options(watch.scene, times, call),
            )  # fmt: skip
        except (AssertionError, _StepLimitReached, _Stuck, UserWarning) as error:
            failure = _explained(watch, error)
            if failure is None:
                raise
            failure.partial = watch.reached(_again(watch, start, times, call))
            raise failure from None
    assert isinstance(solution, torch.Tensor)
    return solution


def _with_adjoint(watch: _Watch, times: torch.Tensor, call: Call) -> Callable[..., Any]:
    """torchdiffeq's ``odeint_adjoint``: backwards, steps are as forwards, errors of everything
    that is solved are measured by the same two tolerances, and none is relative to an angle.
    """
    options = _options(watch.scene, times.flip(0), call)
    if "grid_constructor" in options:
        jumps = jumps_of(watch.scene.system)
        options["grid_constructor"] = lambda f, y, t: torch.tensor(
            _filled(t.tolist(), call.step or 0.0, jumps), dtype=t.dtype, device=t.device
        )
    options.pop("norm", None)  # of the state alone
    return partial(
        _library().odeint_adjoint, adjoint_rtol=call.rtol, adjoint_atol=call.atol,
        adjoint_options=options, adjoint_params=tuple(learned_by(watch.scene.system)),
    )  # fmt: skip


def _again(watch: _Watch, start: torch.Tensor, times: torch.Tensor, call: Call) -> torch.Tensor:
    """The states at the times up to where a solve failed: torchdiffeq kept none, so once more."""
    forwards = bool(times[-1] > times[0])
    passed = times <= watch.time if forwards else times >= watch.time
    fresh = _Watch(watch.field, call, watch.span, None, float(times[0]), start.detach())
    shorter = times[: int(passed.sum())]
    if len(shorter) < 2 or len(shorter) == len(times):
        return start[None]
    try:
        return _odeint(fresh, start, shorter, call)
    except NumericalError:
        return start[None]


def _tolerances(field: PackedField, start: torch.Tensor, call: Call) -> tuple[Any, Any]:
    """Relative and absolute, for each component of the start."""
    relative, absolute = field.tolerances(call.rtol, call.atol)
    if not isinstance(relative, torch.Tensor):
        return relative, absolute
    if call.method.solver == "scipy_solver":
        relative, absolute = relative.expand(start.shape), absolute.expand(start.shape)
        return relative.flatten().numpy(), absolute.flatten().numpy()
    return relative.to(start), absolute.to(start)


def _with_callbacks(watch: _Watch, method: Method) -> Callable[..., torch.Tensor]:
    """torchdiffeq warns of callbacks a method never calls, so it is shown only the others."""
    from torchdiffeq._impl.odeint import SOLVERS

    def rates(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return watch(t, y)

    for name in SOLVERS[method.solver].valid_callbacks() & {
        "callback_step",
        "callback_accept_step",
    }:
        setattr(rates, name, getattr(watch, name))
    return rates


def _options(scene: Scene, times: torch.Tensor, call: Call) -> dict[str, Any]:
    options = dict(call.options)
    if call.method.solver == "scipy_solver":
        return {"solver": "LSODA"} | _seen_samples(scene) | options
    if call.method.adaptive:
        return _seen_samples(scene) | options | _adaptive_options(scene, times, call)
    jumps = jumps_of(scene.system)
    grid, interpolation = _step_grid(times.tolist(), call, jumps)
    fixed = torch.tensor(grid, dtype=times.dtype, device=times.device)
    order = {"max_order": ADAMS_ORDER} if call.method.solver in ADAMS else {}
    order |= {"perturb": True} if jumps else {}
    return {"grid_constructor": lambda f, y, t: fixed, "interp": interpolation} | order | options


def _seen_samples(scene: Scene) -> dict[str, Any]:
    shortest = longest_step(scene.system)
    return {"max_step": shortest} if shortest < math.inf else {}


def _adaptive_options(scene: Scene, times: torch.Tensor, call: Call) -> dict[str, Any]:
    options = {"norm": scene.packing.norm(), "max_num_steps": call.max_steps}
    low, high = sorted((float(times[0]), float(times[-1])))
    own = [t for t in jumps_of(scene.system) if low < t < high]
    own += bends_of(scene.system, low, high)
    given = call.options.get("jump_t", ())
    jumps = torch.unique(torch.tensor([*map(float, given), *own], dtype=times.dtype))
    if len(jumps):
        options["jump_t"] = jumps.flip(0) if times[0] > times[-1] else jumps
    if call.method.solver in LANDING and "step_t" not in call.options:
        options["step_t"] = times[1:][~torch.isin(times[1:], jumps)]
    return options


def _step_grid(
    times: list[float], call: Call, jumps: tuple[float, ...] = ()
) -> tuple[list[float], str]:
    """Equal steps within every interval of the saved times.

    Multistep methods need equal steps throughout: where the saved times are unevenly spaced, they
    step evenly from end to end, and saved points are interpolated (cubic Hermite).
    """
    step = call.step or 0.0
    gaps = [b - a for a, b in pairwise(times)]
    even = all(abs(gap - gaps[0]) <= 1e-9 * abs(gaps[0]) for gap in gaps)
    if call.method.solver in ADAMS and not even:
        return _filled([times[0], times[-1]], step), "cubic"
    return _filled(times, step, jumps), "linear"


def _filled(times: list[float], step: float, jumps: tuple[float, ...] = ()) -> list[float]:
    grid = [times[0]]
    for start, stop, _ in stretches(times, jumps):
        count = equal_steps(stop - start, step)
        grid += [start + (stop - start) * k / count for k in range(1, count)] + [stop]
    return grid


def _explained(watch: _Watch, error: BaseException) -> NumericalError | None:
    """The diagnostic for what torchdiffeq raised; None for what is not its own."""
    text, name = str(error), watch.call.method.name
    if isinstance(error, _StepLimitReached) or text.startswith("max_num_steps exceeded"):
        return too_many_steps(watch.scene, watch.time, watch.call.max_steps, name)
    if text.startswith("Functional iteration did not converge"):
        return gave_up(watch.scene, watch.time, name)
    if isinstance(error, _Stuck) or text.startswith(("underflow in dt", "non-finite values")):
        t = torch.full((), watch.time, dtype=watch.point.dtype, device=watch.point.device)
        with torch.no_grad():
            return underflow(
                watch.scene, watch.time, watch.point, watch.field.rates(t, watch.point)
            )
    return None


def _check(watch: _Watch, times: torch.Tensor, packed: torch.Tensor) -> None:
    """Neither fixed-step methods nor scipy's say when a number is lost, or when they stop early."""
    if len(packed) == len(times) and bool(torch.isfinite(packed.detach().sum())):
        return
    scene, call = watch.scene, watch.call
    finite = torch.isfinite(packed.detach()).flatten(start_dim=1).all(dim=1)
    bad = (~finite).nonzero()
    if len(bad):
        k = max(1, int(bad[0]))
        error = non_finite(scene, float(times[k]), packed[k], float(times[k - 1]), packed[k - 1])
    else:
        k = len(packed)
        error = gave_up(scene, float(times[max(0, k - 1)]), call.method.name)
    error.partial = watch.reached(packed[:k])
    raise error
