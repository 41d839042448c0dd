"""Folds and Hopf points in two parameters: curves on the surface of equilibria.

On the surface of all equilibria over the plane of two parameters a fold, or a Hopf point, is where
a minimally augmented condition holds (``conditions``). That is a smooth curve also where the fold
has a cusp, and where a Hopf curve ends on a fold curve. Its tangent is what the slopes of the
condition along the surface leave free. Govaerts, Numerical Methods for Bifurcations of Dynamical
Equilibria (2000), chapters 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from dynattn.analyse.branches import EASY, HARD, POINTS, SMALLEST, TURN, turns_of
from dynattn.analyse.roots import Event, point_between
from dynattn.analyse.stability import Stability, stability_of
from dynattn.solve.conditions import FAR, Condition, Rotating, Singular, slopes_along
from dynattn.solve.normal_forms import lyapunov_coefficient
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.sheets import Directions, Linearization, Point, Sheet

FIRST, LARGEST = 0.01, 0.05
"""Steps in scaled coordinates: the whole range of each parameter is 1."""

STEPS = 8
"""Of Newton's method from a predicted point."""

ENOUGH = 1e-9
"""Its last step, in scaled coordinates; the one after that would be as good as its square."""

EVENTS = {"fold": ("cusp", "bogdanov_takens"), "hopf": ("bautin", "bogdanov_takens")}
"""What may happen on a curve of each kind."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A point of a curve."""

    here: Linearization
    condition: Condition = field(repr=False)
    """That of the next points, with borders made here."""
    extra: Tensor
    """[e]: the further unknowns of the condition."""
    across: Directions
    """The two directions of the surface here."""
    along: Tensor
    """[2 + e], unit: the direction of the curve, in these and in the further unknowns."""
    arclength: float
    residual: float
    """What is left of the condition."""
    signs: dict[str, float]
    """By event: a number that changes its sign there."""
    stability: Stability = field(repr=False)
    lyapunov: float | None = None
    """The first Lyapunov coefficient of a Hopf point."""

    @property
    def y(self) -> Tensor:
        """The state, packed."""
        return self.here.point.y

    @property
    def values(self) -> list[float]:
        """Of both parameters."""
        return self.here.point.values.tolist()

    @property
    def tangent(self) -> Directions:
        """The direction of the curve."""
        return self.across.combined(self.along[None, :2])


@dataclass(frozen=True, eq=False)
class Curve:
    """Points in order of arclength, the start at 0, those of events among them."""

    kind: str
    """``fold`` or ``hopf``."""
    spots: tuple[Spot, ...]
    special: tuple[Event[Spot], ...]
    """Cusps, Bautin and Bogdanov-Takens points."""
    ends: tuple[str, str]
    """Why it ends before its first point and after its last: ``range``, ``closed``, ``lost``,
    ``points``, ``bogdanov_takens``."""
    scale: float
    """Of a Hopf curve: the square of the frequency where the further unknown is 1."""
    problem: RestProblem = field(repr=False)
    sheet: Sheet = field(repr=False)


@dataclass(frozen=True)
class Tracer:
    """How curves of one kind are followed on a sheet of two parameters."""

    kind: str
    sheet: Sheet
    low: Tensor
    high: Tensor
    """[2]: the ranges."""
    scale: float = 1.0
    """Of a Hopf curve: the square of the frequency at its start."""
    largest: float = LARGEST
    most: int = POINTS
    report: Callable[[float], None] | None = None

    # ── points ──────────────────────────────────────────────────────────────────────────────────

    def begin(self, point: Point, extra: Tensor) -> Spot | None:
        """The point of a curve that is nearest to one of the sheet; None where there is none."""
        here = self.sheet.at(point)
        across, held = here.null_directions(2)
        settled = self.sheet.settle(point, across) if float(held) > 1e-9 else None
        if settled is None:
            return None
        here = settled[0]
        condition = self._condition(here, extra)
        return self._corrected(here, here.kernel(across), condition, extra, None, 0.0)[0]

    def next(self, before: Spot, length: float) -> tuple[Spot | None, int]:
        """The point at a distance, and how many Newton steps led there; None: none, or too far."""
        settled = self.sheet.settle(
            self.sheet.moved(before.here.point, before.tangent, length), before.across, before.here
        )
        if settled is None:
            return None, 0
        extra = before.extra + length * before.along[2:]
        here = settled[0]
        found, count = self._corrected(
            here, here.kernel(before.across), before.condition, extra, before, length
        )
        if found is None or self.apart(before, found) > 2 * length:
            return None, 0
        near = float((_whole(before) * _whole(found)).sum()) > np.cos(TURN)
        return (found if near else None), count

    def _corrected(
        self, here: Linearization, across: Directions, condition: Condition, extra: Tensor,
        before: Spot | None, length: float,
    ) -> tuple[Spot | None, int]:  # fmt: skip
        """Newton's method on the sheet, orthogonal to the curve before, or the shortest way; the
        point, and how many steps it took.
        """
        for count in range(STEPS):
            value = condition(here, extra)
            slopes = slopes_along(self.sheet, here, across, condition, extra)
            if not bool(torch.isfinite(slopes).all() & torch.isfinite(value).all()):
                return None, 0
            step = _step(slopes, value, None if before is None else before.along)
            if not float(step.norm()) < FAR:
                return None, 0
            if float(step.norm()) <= ENOUGH:
                spot = self._spot(here, across, condition, extra, slopes, before, length)
                return spot, count
            moved = self.sheet.moved(here.point, across.combined(step[None, :2]))
            settled = self.sheet.settle(moved, across, here)
            if settled is None:
                return None, 0
            here, extra = settled[0], extra + step[2:]
            across = here.kernel(across)
        return None, 0

    def _spot(
        self, here: Linearization, across: Directions, condition: Condition, extra: Tensor,
        slopes: Tensor, before: Spot | None, length: float,
    ) -> Spot:  # fmt: skip
        residual = float(condition(here, extra).abs().max())
        _, _, v = torch.linalg.svd(slopes, full_matrices=True)
        along = v[-1]
        if before is not None and float(along @ before.along) < 0:
            along = -along
        lyapunov = self._lyapunov(here, extra)
        signs = self._signs(here, across, condition, extra, slopes)
        if lyapunov is not None:
            signs["bautin"] = lyapunov
        return Spot(
            here, self._condition(here, extra, condition), extra, across, along,
            (0.0 if before is None else before.arclength) + length, residual, signs,
            stability_of(here.local, here.matrix), lyapunov,
        )  # fmt: skip

    def _lyapunov(self, here: Linearization, extra: Tensor) -> float | None:
        if self.kind == "fold" or not float(extra[0]) > 0:
            return None
        return lyapunov_coefficient(here, float(extra[0] * self.scale) ** 0.5)

    def _condition(
        self, here: Linearization, extra: Tensor, before: Condition | None = None
    ) -> Condition:
        """With borders made at a point, turned the way that they were before."""
        if self.kind == "hopf":
            return Rotating.near(here, float(extra[0]) * self.scale, self.scale)
        if not isinstance(before, Singular):
            return Singular.near(here)
        left, right = before.vectors(here)
        return Singular(*here.local.bases.lift(torch.stack([left, right])))

    def _signs(
        self, here: Linearization, across: Directions, condition: Condition, extra: Tensor,
        slopes: Tensor,
    ) -> dict[str, float]:  # fmt: skip
        """At a cusp the null vector points along the curve, at a Bogdanov-Takens point the left one
        is orthogonal to it; a Hopf curve has lost its frequency there.
        """
        if isinstance(condition, Rotating):
            return {"bogdanov_takens": float(extra[0])}
        assert isinstance(condition, Singular)
        left, right = condition.vectors(here)
        lifted = here.local.bases.lift(right[None])[0]
        return {
            "cusp": float(slopes[0, :2] @ (across.lifted @ lifted)),
            "bogdanov_takens": float(left @ right),
        }

    def apart(self, one: Spot, other: Spot) -> float:
        """How far two points are from each other, in scaled coordinates; phases to a turn."""
        gap = other.y - one.y
        turns = turns_of(self.sheet)
        gap = torch.where(turns > 0, gap - turns * torch.round(gap / turns.clamp(min=1e-9)), gap)
        others = (other.here.point.values - one.here.point.values) / self.sheet.widths
        return float(torch.cat([gap / self.sheet.size, others]).norm())

    # ── the way ─────────────────────────────────────────────────────────────────────────────────

    def follow(
        self, start: Spot, kinds: Sequence[str]
    ) -> tuple[list[Spot], list[Event[Spot]], str]:
        """The points after ``start`` with events among them, and why they end."""
        found, special, length = [start], [], min(FIRST, self.largest)
        last, count = start, 0
        while count < self.most:
            step, newton = self.next(last, length)
            if step is None:
                length /= 2
                if length < SMALLEST:
                    return found, special, "lost"
                continue
            events = list(self._events(last, step, kinds))
            ended = self.kind == "hopf" and any(e.kind == "bogdanov_takens" for e in events)
            bound = self._bound(last, step)
            for event in events:
                if bound is None or event.step.arclength <= bound.arclength:
                    special += [event] * (event.kind in kinds)
                    found += [event.step]
            if bound is not None:
                return [*found, bound], special, "range"
            if ended:
                return found, special, "bogdanov_takens"
            found.append(step)
            if self._closes(start, last, step):
                return found, special, "closed"
            last, count = step, count + 1
            length = min(1.3 * length, self.largest) if newton <= EASY else length
            length = length / 1.5 if newton >= HARD else length
            if self.report is not None:
                self.report(count / self.most)
        return found, special, "points"

    def _events(self, first: Spot, last: Spot, kinds: Sequence[str]) -> Iterator[Event[Spot]]:
        """Those between two points, in order."""
        found = []
        ends = "bogdanov_takens" if self.kind == "hopf" else None
        for kind, sign in first.signs.items():
            if sign * last.signs.get(kind, np.nan) < 0 and (kind in kinds or kind == ends):
                spot = self._where(first, last, lambda s, kind=kind: s.signs.get(kind, np.nan))
                if spot is not None:
                    found.append(Event(kind, spot, abs(spot.signs[kind])))
        yield from sorted(found, key=lambda event: event.step.arclength)

    def _bound(self, first: Spot, last: Spot) -> Spot | None:
        """Where the curve leaves the range between two points; None where it does not."""
        found = []
        for k in range(2):
            for bound in (float(self.low[k]), float(self.high[k])):
                side = -1 if bound == float(self.low[k]) else 1
                if side * (last.values[k] - bound) > 0:
                    found.append(self._where(first, last, lambda s, k=k, b=bound: s.values[k] - b))
        fine = [spot for spot in found if spot is not None]
        if found and not fine:
            return first
        return min(fine, key=lambda spot: spot.arclength, default=None)

    def _where(self, first: Spot, last: Spot, number: Callable[[Spot], float]) -> Spot | None:
        """The point between two where a number is 0."""
        return point_between(self.next, first, last, number)

    def _closes(self, start: Spot, before: Spot, spot: Spot) -> bool:
        length = spot.arclength - before.arclength
        if before is start or spot.arclength < 4 * length or self.apart(start, spot) > length:
            return False
        return float((_whole(start) * _whole(spot)).sum()) > np.cos(TURN)


def _whole(spot: Spot) -> Tensor:
    """The direction of the curve with the further unknowns."""
    return torch.cat([spot.tangent.lifted[0], spot.tangent.others[0], spot.along[2:]])


def _step(slopes: Tensor, value: Tensor, along: Tensor | None) -> Tensor:
    """The Newton step orthogonal to a direction; the shortest one without."""
    if along is None:
        return -(torch.linalg.pinv(slopes, rtol=1e-12) @ value)
    matrix = torch.cat([slopes, along[None]])
    found, info = torch.linalg.solve_ex(matrix, torch.cat([-value, value.new_zeros(1)])[:, None])
    return found[:, 0] if int(info) == 0 else torch.full_like(along, torch.nan)


def follow_points(
    kind: str,
    problem: RestProblem,
    names: tuple[str, str],
    low: Tensor,
    high: Tensor,
    start: tuple[Tensor, Tensor, float | None],
    *,
    kinds: Sequence[str],
    atol: float = 1e-10,
    rtol: float = 1e-8,
    most: int = POINTS,
    report: Callable[[float], None] | None = None,
) -> Curve | None:
    """The curve of folds or of Hopf points through one: its state [n], both parameters there, and
    the frequency of a Hopf point; both ways as far as the parameters are in their ranges. None
    where the point begins no curve.
    """
    y, values, frequency = start
    size = float(y.numel() ** 0.5 * max(1.0, float(y.square().mean().sqrt())))
    sheet = Sheet(problem, names, high - low, size, atol=atol, rtol=rtol)
    extra = y.new_zeros(0) if frequency is None else y.new_ones(1)
    scale = 1.0 if frequency is None else frequency**2
    tracer = Tracer(kind, sheet, low, high, scale, most=most, report=report)
    begun = tracer.begin(Point(y, values, y.new_zeros(0)), extra)
    if begun is None:
        return None
    onward, ahead, after = tracer.follow(begun, kinds)
    if after == "closed":
        return Curve(kind, tuple(onward), tuple(ahead), ("closed", "closed"), scale, problem, sheet)
    back, behind, before = tracer.follow(replace(begun, along=-begun.along), kinds)
    turned = {id(spot): _turned(spot) for spot in back}
    earlier = [replace(e, step=turned[id(e.step)]) for e in reversed(behind)]
    spots = [turned[id(spot)] for spot in reversed(back[1:])]
    ends = before, after
    return Curve(kind, (*spots, *onward), (*earlier, *ahead), ends, scale, problem, sheet)


def _turned(spot: Spot) -> Spot:
    return replace(spot, arclength=-spot.arclength, along=-spot.along)
