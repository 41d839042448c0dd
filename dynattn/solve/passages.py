"""When a condition first holds, located on the continuous solution of each step.

Between the ends of a noisy step the path is a Brownian bridge, which crosses a level that neither
end crossed with the probability exp(-2 a b / (s^2 h)), a and b the distances of the ends and s^2 h
the variance of what is watched (Gobet, Stochastic Processes and their Applications 87, 2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.diagnostics.report import Span
from dynattn.solve.adaptive import Demand, Run
from dynattn.solve.failures import Scene, refuse_non_finite
from dynattn.solve.fixed import States, advance, bends_of, equal_steps, jumps_of, stretches
from dynattn.solve.methods import Method, check_law, check_step, find_method
from dynattn.solve.noise import diffuse
from dynattn.solve.packed import PackedField
from dynattn.solve.packing import packing_of
from dynattn.solve.rosenbrock import RosenbrockRun
from dynattn.vocabulary.distributions import stream

Array = NDArray[np.float64]
Margin = Callable[[Tensor, States], Tensor]
"""margin(times [.., batch...], states) -> [.., batch...]: above 0 where the condition holds."""

LOOKS = 8
"""How often each step is looked at for a change of sign."""

HALVINGS = 50
"""Of a step, to locate one."""

MAX_STEPS = 1_000_000


@dataclass(frozen=True)
class Clock:
    """From when to when, and in which steps."""

    start: float
    stop: float
    method: str = "tsit5"
    step: float | None = None
    rtol: float = 1e-6
    atol: float | None = None


def first_passages(
    system: Any,
    states: States,
    margin: Margin,
    clock: Clock,
    *,
    batch: int,
    seed: int = 0,
    strict: bool = True,
    describe: Callable[[tuple[int, ...]], str] | None = None,
    span: Span | None = None,
    progress: Callable[[float], None] | None = None,
) -> Array:
    """[batch...]: when the margin first rises above 0 (or to 0, where not ``strict``), the start
    where it is there at once, infinity where it never is.

    Paths with noise have each their own, fixed by ``seed``. The errors are those of ``solve``.
    """
    method = find_method(clock.method, span)
    check_step(method, clock.step, span)
    check_law(method, system.model, clock.step, span)
    scene = Scene(system, packing_of(states, batch), describe, span)
    with torch.no_grad():
        watch = _Watch(margin, scene, clock.start, strict)
        if not watch.begin(states):
            if system.noisy:
                _noisy(scene, states, clock, watch, seed, progress)
            elif method.chooses_steps(clock.step):
                _adaptive(scene, states, clock, method, watch, progress)
            else:
                _fixed(scene, states, clock, method, watch, progress)
    return watch.times


class _Watch:
    """What was found so far, point by point."""

    def __init__(self, margin: Margin, scene: Scene, start: float, strict: bool) -> None:
        self.margin, self.scene, self.strict, self.start = margin, scene, strict, start
        self.times: Array = np.full(scene.packing.batch, np.inf)

    def begin(self, states: States) -> bool:
        """Look at the first states; whether nothing is left to wait for."""
        t = torch.full(self.times.shape, self.start, dtype=torch.float64)
        first = self.margin(t, states).expand(self.times.shape).cpu().numpy()
        self.times[self.holds(first)] = self.start
        return self.done

    @property
    def done(self) -> bool:
        """Whether every point has passed."""
        return bool(np.isfinite(self.times).all())

    def holds(self, values: Array) -> NDArray[np.bool_]:
        """Where the condition does."""
        return values > 0 if self.strict else values >= 0

    def look(
        self, between: Callable[[Array], Tensor], field: PackedField, before: Array, sizes: Array,
        chosen: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Locate what happens within steps from times ``before`` [points], at the ``chosen`` ones.

        ``between(parts [points, k])`` gives packed states [points, k, n].
        """
        times = self.times.reshape(-1)
        waiting = chosen & np.isinf(times)
        if not waiting.any():
            return

        def values(parts: Array) -> Array:
            when = before[:, None] + parts * sizes[:, None]
            packed = between(parts).movedim(1, 0)  # [k, points, n]
            front = (len(packed), *self.times.shape)
            states = field.states(packed.reshape(*front, packed.shape[-1]))
            moments = torch.as_tensor(when.T.reshape(front)).to(packed)
            found = self.margin(moments, states).expand(front)
            return found.reshape(len(packed), -1).T.double().cpu().numpy()

        grid = np.tile(np.arange(LOOKS + 1) / LOOKS, (len(times), 1))
        here = self.holds(values(grid))
        passed = waiting & here.any(1)
        if not passed.any():
            return
        first = here.argmax(1)
        low, high = np.maximum(first - 1, 0) / LOOKS, first / LOOKS
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            up = self.holds(values(middle[:, None])[:, 0])
            low, high = np.where(up, low, middle), np.where(up, middle, high)
            if (high - low).max() * np.abs(sizes).max() <= 4e-16 * max(1.0, np.abs(before).max()):
                break
        times[passed] = (before + high * sizes)[passed]
        self.times = times.reshape(self.times.shape)


class _Watching:
    """Takes the place of a run's saved times: every step is looked at, and nothing is kept."""

    def __init__(self, run: Run, watch: _Watch) -> None:
        self.run, self.watch = run, watch

    def take(self, slopes: Any, y: Tensor, before: Any, sizes: Any, after: Any) -> None:
        """The steps of the points whose solution goes on with them."""
        before, sizes, after = map(np.atleast_1d, (before, sizes, after))
        self.watch.look(
            lambda parts: slopes.between(y, parts, sizes), self.run.field, before, sizes,
            np.isfinite(after),
        )  # fmt: skip

    def gathered(self) -> Tensor:
        """What there is to tell of a run that failed."""
        return self.run.y.reshape(1, *self.run.batch, -1)


def _adaptive(
    scene: Scene, states: States, clock: Clock, method: Method, watch: _Watch,
    progress: Callable[[float], None] | None,
) -> None:  # fmt: skip
    pair = method.implicit or method.tableau
    assert pair is not None
    atol = clock.rtol if clock.atol is None else clock.atol
    demand = Demand(method.name, pair, method.order, clock.rtol, atol, MAX_STEPS, {})
    make: Any = RosenbrockRun if method.implicit else Run
    run: Run = make(PackedField(scene), states, (clock.start, clock.stop), demand)
    run.saved = _Watching(run, watch)  # type: ignore[assignment]
    run.begin()
    while not run.control.done and not watch.done:
        run.step()
        if progress is not None:
            progress(run.fraction)


def _fixed(
    scene: Scene, states: States, clock: Clock, method: Method, watch: _Watch,
    progress: Callable[[float], None] | None,
) -> None:  # fmt: skip
    """Fixed steps, each a cubic between its ends (Hermite's)."""
    field, system = PackedField(scene), scene.system
    assert method.tableau is not None and clock.step is not None
    ends = {*jumps_of(system), *bends_of(system, clock.start, clock.stop)}
    point, points = dict(states), watch.times.size
    for start, stop, _ in stretches((clock.start, clock.stop), ends):
        count = equal_steps(stop - start, clock.step)
        h = (stop - start) / count
        for k in range(count):
            t = start + k * h
            last = stop if k == count - 1 and stop in ends else None
            new = advance(system, t, point, h, method.tableau, last)
            refuse_non_finite(scene, t + h, new, t, point)
            cubic = _hermite(field, (point, new), t, h)
            watch.look(cubic, field, np.full(points, t), np.full(points, h), np.ones(points, bool))
            if watch.done:
                return
            point = new
            if progress is not None:
                progress((t + h - clock.start) / (clock.stop - clock.start))


def _hermite(
    field: PackedField, ends: tuple[States, States], t: float, h: float
) -> Callable[[Array], Tensor]:
    """parts [points, k] -> packed states [points, k, n]."""
    packed = [field.packing.pack(states) for states in ends]
    rates = [field.rates(torch.as_tensor(t + k * h).to(y), y) for k, y in enumerate(packed)]
    (a, b), (u, v) = ((x.reshape(-1, 1, x.shape[-1]) for x in pair) for pair in (packed, rates))

    def between(parts: Array) -> Tensor:
        s = torch.as_tensor(parts).to(a)[..., None]
        r = 1 - s
        own = (1 + 2 * s) * r**2 * a + s**2 * (3 - 2 * s) * b
        return own + h * (s * r**2 * u - s**2 * r * v)

    return between


# ── with noise ─────────────────────────────────────────────────────────────────────────────────


class _Paths:
    """Increments of Wiener processes of which each path has its own."""

    def __init__(self, system: Any, seed: int) -> None:
        self.system = system
        self.streams = {n: stream(seed, f"{n} noise of paths") for n in system.noisy}

    def increments(self, h: float, states: States) -> dict[str, Tensor]:
        """sqrt(h) times standard normal numbers, in the shape of each noisy state."""
        found = {}
        for name, rng in self.streams.items():
            x = states[name]
            numbers = rng.standard_normal(tuple(x.shape))
            if x.is_complex():
                numbers = numbers + 1j * rng.standard_normal(tuple(x.shape))
            found[name] = torch.as_tensor(math.sqrt(h) * numbers).to(x)
        return found


def _noisy(
    scene: Scene, states: States, clock: Clock, watch: _Watch, seed: int,
    progress: Callable[[float], None] | None,
) -> None:  # fmt: skip
    system: Any = scene.system
    paths: Any = _Paths(system, seed)
    luck = stream(seed, "crossings within steps")
    assert clock.step is not None
    count = equal_steps(clock.stop - clock.start, clock.step)
    h, point = (clock.stop - clock.start) / count, dict(states)
    corrected = clock.method == "heun"
    t = clock.start
    a, spread = _seen(watch, system, t, point)
    for k in range(count):
        new = diffuse(system, paths, t, point, h, corrected=corrected)
        refuse_non_finite(scene, t + h, new, t, point)
        b, later = _seen(watch, system, t + h, new)
        variance = np.maximum((spread + later) / 2 * h, 1e-300)
        inside = np.exp(-2 * np.maximum(a * b, 0.0) / variance)
        passed = watch.holds(b) | (luck.random(b.shape) < np.where(b <= 0, inside, 1.0))
        passed &= np.isinf(watch.times)
        share = np.where(b > a, np.clip(-a / np.where(b > a, b - a, 1.0), 0.0, 1.0), 0.5)
        watch.times[passed] = (t + h * np.where(watch.holds(b), share, 0.5))[passed]
        if watch.done:
            return
        t, point, a, spread = clock.start + (k + 1) * h, new, b, later
        if progress is not None:
            progress((k + 1) / count)


def _seen(watch: _Watch, system: Any, t: float, states: States) -> tuple[Array, Array]:
    """[batch...]: the margin, and how fast its variance grows by the noise."""
    shape = watch.times.shape
    with torch.enable_grad():
        some = next(iter(states.values()))
        when = torch.full(shape, t, dtype=some.real.dtype, device=some.device)
        white = {n: torch.zeros_like(states[n], requires_grad=True) for n in system.noisy}
        pushed = system.diffuse(when, states, white)
        moved: Mapping[str, Tensor] = {
            n: x + pushed[n] if n in pushed else x for n, x in states.items()
        }
        found = watch.margin(when, moved).expand(shape)
        slopes = (
            torch.autograd.grad(found.sum(), [*white.values()], allow_unused=True)
            if (found.requires_grad)
            else []
        )
    total = np.zeros(shape)
    for slope in slopes:
        if slope is not None:
            total += slope.abs().square().flatten(len(shape)).sum(-1).cpu().numpy()
    return found.detach().double().cpu().numpy(), total
