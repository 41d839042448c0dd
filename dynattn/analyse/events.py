"""What happens between two points of a branch: folds, branch points, Hopf points, located."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dynattn.analyse.branches import SpecialPoint, Step, Walk
from dynattn.analyse.stability import stability_of
from dynattn.solve.conditions import Condition, Crossing, Located, Oscillating, Singular, locate
from dynattn.solve.normal_forms import lyapunov_coefficient
from dynattn.solve.sheets import Directions, Point

KINDS = ("fold", "branch_point", "hopf")

HALVINGS = 30
"""Of a stretch in which several things happen at once, before they count as one."""

NARROW = 4
"""Halvings of a stretch in which one thing happens, before Newton's method goes on."""

FINE = 40
"""Halvings where Newton's method finds nothing."""

REAL = 1e-6
"""An eigenvalue whose imaginary part is smaller than this crosses 0, and not the axis beside it."""


@dataclass(frozen=True)
class Stretch:
    """A piece of a step."""

    start: Step
    first: Step
    last: Step
    """Between these two points, which both lie on the step from ``start``."""

    @property
    def folds(self) -> bool:
        """Whether the parameter turns round."""
        return (self.first.turn > 0) != (self.last.turn > 0)

    @property
    def crossing(self) -> int:
        """How many eigenvalues cross the axis, the differences of those that come and go."""
        return abs(self.last.unstable - self.first.unstable)

    @property
    def quiet(self) -> bool:
        """Whether nothing happens."""
        return not self.folds and not self.crossing

    @property
    def single(self) -> bool:
        """Whether one thing happens."""
        if self.folds or self.crossing < 2:
            return self.crossing == 1
        return self.crossing == 2 and _frequency(self) > REAL  # a pair; else two points near by


def events(walk: Walk, first: Step, last: Step, kinds: Sequence[str]) -> list[SpecialPoint]:
    """The special points of some kinds between two points of a branch, in order."""
    stretch = Stretch(first, first, last)
    if stretch.quiet:
        return []
    found = [_located(walk, piece, kinds) for piece in _pieces(walk, stretch, 0)]
    return [item for item in found if item is not None and item.kind in kinds]


def _halves(walk: Walk, stretch: Stretch) -> tuple[Stretch, Stretch] | None:
    """The two halves; None where there is no point between."""
    start = stretch.start
    middle = (stretch.first.arclength + stretch.last.arclength) / 2
    length = middle - start.arclength
    if not stretch.first.arclength < middle < stretch.last.arclength:
        return None
    point = walk.sheet.moved(start.here.point, start.tangent, length)
    settled = walk.sheet.settle(point, start.tangent, start.here)
    if settled is None:
        return None
    here = settled[0]
    stability = stability_of(here.local, here.matrix)
    step = Step(here, here.kernel(start.tangent), middle, stability)
    if not bool(torch.isfinite(step.tangent.others).all()):
        return None
    return Stretch(start, stretch.first, step), Stretch(start, step, stretch.last)


def _pieces(walk: Walk, stretch: Stretch, depth: int) -> Iterator[Stretch]:
    """The pieces in each of which one thing happens."""
    if stretch.quiet:
        return
    halves = None
    if not stretch.single and depth < HALVINGS:
        halves = _halves(walk, stretch)
    if halves is None:
        yield stretch
        return
    for half in halves:
        yield from _pieces(walk, half, depth + 1)


def _narrowed(walk: Walk, stretch: Stretch, times: int) -> Stretch:
    """Halved so often, where it can be; the half in which it happens, or begins to."""
    for _ in range(times):
        halves = _halves(walk, stretch)
        if halves is None:
            break
        stretch = halves[0] if not halves[0].quiet else halves[1]
    return stretch


def _located(walk: Walk, stretch: Stretch, kinds: Sequence[str]) -> SpecialPoint | None:
    if stretch.folds:
        return _fold(walk, _narrowed(walk, stretch, NARROW)) if "fold" in kinds else None
    narrow = _narrowed(walk, stretch, NARROW)
    omega = _frequency(narrow)
    if omega > REAL and not narrow.first.here.local.problem.discrete:
        return _hopf(walk, narrow, omega) if "hopf" in kinds else None
    return _branch_point(walk, narrow) if "branch_point" in kinds else None


def _frequency(stretch: Stretch) -> float:
    """The imaginary part of what crosses."""
    values = [step.stability.eigenvalues for step in (stretch.first, stretch.last)]
    nearest = [v[np.abs(np.real(v)).argmin()] for v in values]
    return float(min(abs(np.imag(value)) for value in nearest))


def _nearest(stretch: Stretch) -> Step:
    """The end at which what crosses is nearer to the axis."""

    def gap(step: Step) -> float:
        values = step.stability.eigenvalues
        return float(np.abs(np.real(values)).min())

    return min((stretch.first, stretch.last), key=gap)


def _fold(walk: Walk, stretch: Stretch) -> SpecialPoint | None:
    at = min((stretch.first, stretch.last), key=lambda step: abs(step.turn))
    condition = Singular.near(at.here)
    found = _solve(walk, stretch, at, condition, at.here.point.y.new_zeros(0))
    if found is None:
        return None
    step = _step_of(stretch, found)
    left, right = condition.vectors(found.here)
    lifted = _lifted(found, torch.stack([left, right]))
    return SpecialPoint("fold", step, found.residual, lifted[1], left=lifted[0])


def _hopf(walk: Walk, stretch: Stretch, omega: float) -> SpecialPoint | None:
    at = _nearest(stretch)
    condition = Oscillating.near(at.here, omega)
    extra = at.here.point.y.new_tensor([omega])
    found = _solve(walk, stretch, at, condition, extra)
    if found is None:
        return None
    frequency = float(found.extra[0])
    vector = condition.vectors(found.here, frequency)[1]
    parts = _lifted(found, torch.stack([vector.real, vector.imag]))
    step = _step_of(stretch, found)
    return SpecialPoint(
        "hopf", step, found.residual, parts[0] + 1j * parts[1], abs(frequency),
        lyapunov_coefficient(step.here, frequency),
    )  # fmt: skip


def _branch_point(walk: Walk, stretch: Stretch) -> SpecialPoint:
    found = _crossing(walk, stretch) if stretch.crossing == 1 else None
    if found is not None:
        condition = Singular.near(found.here)
        _, _, v = torch.linalg.svd(found.here.bordered)
        null = _lifted(found, v[-1:, : found.here.m])[0]
        left = condition.left.cpu().numpy()
        step = _step_of(stretch, found)
        return SpecialPoint("branch_point", step, found.residual, null, left=left)
    # Several directions at once: only where the branch passes is known, by halving.
    narrow = _narrowed(walk, stretch, FINE)
    step = _nearest(narrow)
    _, sizes, v = torch.linalg.svd(step.here.bordered)
    null = step.here.local.bases.lift(v[-1:, : step.here.m])[0].cpu().numpy()
    residual = float(sizes[-1])
    return SpecialPoint("branch_point", step, residual, null, multiplicity=narrow.crossing)


def _crossing(walk: Walk, stretch: Stretch) -> Located | None:
    """A branch point as a point of the sheet with a slack."""
    at = _nearest(stretch)
    sheet = walk.sheet.with_slack(Singular.near(at.here).left)
    point = replace(at.here.point, slack=at.here.point.y.new_zeros(1))
    here = sheet.at(point)
    across, _ = here.null_directions(2)
    found = locate(sheet, here, across, Crossing(across), point.y.new_zeros(0))
    if found is None or abs(float(found.here.point.slack[0])) > 1e-7:
        return None
    return found if _inside(walk, stretch, found) else None


def _solve(
    walk: Walk, stretch: Stretch, at: Step, condition: Condition, extra: Tensor
) -> Located | None:
    """Newton's method from an end of the stretch; where that leads away, from a shorter one."""
    for halvings in (0, 4, 8, 16):
        stretch = _narrowed(walk, stretch, halvings)
        near = at if not halvings else _nearest(stretch)
        found = locate(walk.sheet, near.here, near.tangent, condition, extra)
        if found is not None and _inside(walk, stretch, found):
            return found
    return None


def _inside(walk: Walk, stretch: Stretch, found: Located) -> bool:
    """Whether a point is where the stretch is, or not farther away than it is long."""
    ends = torch.stack([stretch.first.y, stretch.last.y])
    size = torch.as_tensor(walk.sheet.size).to(ends)
    values = torch.stack([stretch.first.here.point.values, stretch.last.here.point.values])
    long = _length((ends[1] - ends[0]) / size, (values[1] - values[0]) / walk.sheet.widths)
    gaps = [
        _length((found.here.point.y - y) / size, (found.here.point.values - v) / walk.sheet.widths)
        for y, v in zip(ends, values, strict=True)
    ]
    return min(gaps) <= 2 * long + 1e-6


def _length(y: Tensor, values: Tensor) -> float:
    return float(torch.cat([y, values]).norm())


def _step_of(stretch: Stretch, found: Located) -> Step:
    """The located point as a point of the branch."""
    first, last = stretch.first, stretch.last
    here = found.here
    if here.sheet.push is not None:
        sheet = here.sheet.with_slack(None)
        here = sheet.at(Point(here.point.y, here.point.values, here.point.slack[:0]))
        tangent = _between(first, last)
    else:
        tangent = found.across
        if float((tangent.lifted * first.tangent.lifted).sum()
                 + (tangent.others * first.tangent.others).sum()) < 0:  # fmt: skip
            tangent = Directions(-tangent.lifted, -tangent.others)
    middle = (first.arclength + last.arclength) / 2
    return Step(here, tangent, middle, stability_of(here.local, here.matrix))


def _between(first: Step, last: Step) -> Directions:
    lifted = first.tangent.lifted + last.tangent.lifted
    others = first.tangent.others + last.tangent.others
    size = torch.cat([lifted[0], others[0]]).norm()
    return Directions(lifted / size, others / size)


def _lifted(found: Located, rows: Tensor) -> np.ndarray:
    return found.here.local.bases.lift(rows.contiguous()).cpu().numpy()
