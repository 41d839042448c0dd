"""Least squares of segments that join: Gauss and Newton's method with the joints as constraints.

The unknowns are the state that each segment begins with and the numbers of the model. Linearized
joints express every beginning by the first one (H. G. Bock, in Modelling of Chemical Reaction
Systems, Springer 1981): what is left is a least-squares problem of the first beginning and the
numbers, whose triangular factor is built up from the last segment to the first. At first joints
may be open: their distances count as squares too, more and more of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dynattn.solve.packing import Packing
from dynattn.solve.shooting import Shot, Shots
from dynattn.solve.tangents import Bases, tangent_bases
from dynattn.vocabulary.manifolds import MANIFOLDS

RANK = 1e-9
"""Directions in which predictions change less than by this part of the most are not determined."""

GAIN = 1e-8
"""A step that would make the sum of squares smaller by less than this part of it is the last."""

EDGE = 1e-9
"""So near to an end of its range a number is there."""

JOINED = 1e-8
"""Joints that are closer than this part of the states' size are closed."""

DAMPED = 1e-4
"""The first damping, relative to the scaled columns, where the whole step makes nothing better."""

STUCK, ROUGH_STUCK = 1e8, 10.0
"""Dampings at which nothing is tried any more; the second one while joints are open."""

ROUGH = 1e-2
"""A gain that ends one of them."""

SLOW = 0.3
"""Steps that gain less than this in chi squared, three in a row, lead nowhere any more."""


@dataclass(frozen=True)
class Record:
    """What was measured, as segments see it."""

    data: Tensor
    """[segments, rows, numbers]."""
    seen: Tensor
    """[segments, rows, numbers]: whether there is one."""
    phases: Tensor
    """[numbers]: whether it is an angle."""
    kinds: Tensor
    """[numbers]: of which quantity; each has an error of its own."""

    @property
    def count(self) -> int:
        """How many measurements there are."""
        return int(self.seen.sum())


@dataclass
class Fitting:
    """Numbers on their way."""

    system: Any
    packing: Packing
    shots: Shots
    record: Record
    low: Tensor
    high: Tensor
    """[p]: the range of each number."""
    y: Tensor
    """[segments, n]."""
    q: Tensor
    """[p]."""
    sigma: Tensor
    """[quantities]: the error of a measurement of each."""
    ridge: Tensor
    """[p]: of weights of learned functions, whose squares times that of this count too."""
    loose: float | None = None
    """What the square of an open joint weighs; None: joints are constraints."""
    damping: float = 0.0
    slow: int = 0
    """How many steps in a row have gained little."""
    known: list[tuple[float, float]] = field(default_factory=list)
    """(sum of squares, distance of joints) of the points so far."""

    def __post_init__(self) -> None:
        entries = [
            MANIFOLDS[self.system.model.states[name].manifold.name] for name in self.packing.shapes
        ]
        parts = [
            torch.full((math.prod(shape),), entry.phase)
            for entry, shape in zip(entries, self.packing.shapes.values(), strict=True)
        ]
        self.turning = torch.cat(parts).to(self.y.device)
        size = (self.y - self.y.mean(0)).abs().amax(0).clamp(min=1e-3)
        self.sizes = torch.where(self.turning, torch.ones_like(size), size)
        self.shot = self.shots.predict(self.y, self.q)

    # ── where it stands ────────────────────────────────────────────────────────────────────────

    def residuals(self, shot: Shot) -> Tensor:
        """[segments, rows, numbers] in units of the errors, 0 where nothing was measured."""
        apart = _apart(shot.measured, self.record.data, self.record.phases)
        scaled = apart / self.sigma[self.record.kinds]
        return torch.where(self.record.seen, scaled, torch.zeros_like(scaled))

    def joints(self, shot: Shot, y: Tensor) -> Tensor:
        """[segments - 1, n]: from the beginning of each segment to where the one before ends."""
        return _apart(shot.ends[:-1], y[1:], self.turning)

    def height(self, shot: Shot, y: Tensor, q: Tensor) -> tuple[float, float]:
        """(sum of squares, distance of the joints); infinite where numbers are none."""
        squares = float(self.residuals(shot).square().sum() + (self.ridge * q).square().sum())
        gaps = self.joints(shot, y)
        apart = float(gaps.abs().max()) if gaps.numel() else 0.0
        size = float(torch.where(self.turning, 1.0, y.abs()).max().clamp(min=1.0))
        apart = 0.0 if apart <= JOINED * size else apart
        if self.loose is not None:
            squares += self.loose * float((gaps / self.sizes).square().sum())
        return (squares, apart) if math.isfinite(squares + apart) else (math.inf, math.inf)

    # ── one step ───────────────────────────────────────────────────────────────────────────────

    def linearized(self) -> Linearized:
        """Slopes where it stands, condensed."""
        bases = tangent_bases(self.system, self.packing, self.y)
        residuals, gaps = self.residuals(self.shot), self.joints(self.shot, self.y)
        chain: list[tuple[Tensor, Tensor]] = []
        lifts, carried = bases.lifts(), None
        lifts = lifts[:, None] if lifts.dim() == 2 else lifts
        lifts = lifts.expand(len(lifts), *self.y.shape).to(self.y)
        for stop in range(len(self.y), 0, -self.shots.chunk):
            part = slice(max(0, stop - self.shots.chunk), stop)
            slopes = self.shots.slopes(self.y, self.q, lifts, part)
            for k in range(stop - 1, part.start - 1, -1):
                rows = self._rows(slopes, k - part.start, k)
                known = [torch.cat([rows, -residuals[k].reshape(-1, 1)], 1)]
                if carried is not None:
                    flat = _at(bases, k + 1)
                    matrix, gap = flat.drop(slopes.ends[:, k - part.start]).T, flat.drop(gaps[k])
                    link, rest = self._linked(carried, matrix, gap)
                    chain.append(link)
                    known.append(rest)
                carried = torch.linalg.qr(torch.cat(known), mode="r").R
        assert carried is not None
        if bool(self.ridge.any()):
            own = torch.cat([torch.diag(self.ridge), -(self.ridge * self.q)[:, None]], 1)
            blank = own.new_zeros(len(own), carried.shape[1] - own.shape[1])
            carried = torch.linalg.qr(torch.cat([carried, torch.cat([blank, own], 1)]), mode="r").R
        return Linearized(carried, tuple(reversed(chain)), bases, len(self.q))

    def _rows(self, slopes: Shot, place: int, k: int) -> Tensor:
        """[measurements, m + p] of one segment."""
        scaled = slopes.measured[:, place] / self.sigma[self.record.kinds]
        kept = torch.where(self.record.seen[k], scaled, torch.zeros_like(scaled))
        return kept.flatten(1).T

    def _linked(self, carried: Tensor, matrix: Tensor, gap: Tensor) -> tuple[Any, Tensor]:
        """How the beginning of a segment follows from (that of the one before, the numbers): a
        matrix, and what is added; and the triangle in terms of these.
        """
        m = len(matrix)
        own, numbers, right = carried[:, :m], carried[:, m:-1], carried[:, -1:]
        if self.loose is None:
            found = own @ matrix
            found = torch.cat([found[:, :m], found[:, m:] + numbers], 1)
            return (matrix, gap), torch.cat([found, right - own @ gap[:, None]], 1)
        weights = self.loose**0.5 / (self.sizes if len(self.sizes) == m else gap.new_ones(m))
        above = torch.cat([own, torch.zeros_like(carried[:, :m]), numbers, right], 1)
        joint = torch.cat([-torch.eye(m).to(matrix), matrix, -gap[:, None]], 1) * weights[:, None]
        found = torch.linalg.qr(torch.cat([joint, above]), mode="r").R
        link = torch.linalg.solve_triangular(found[:m, :m], found[:m, m:], upper=True)
        return (-link[:, :-1], link[:, -1]), found[m:, m:]

    def moved(
        self, step: Tensor, begins: Tensor, bases: Bases, part: float
    ) -> tuple[Tensor, Tensor]:
        """Where a part of a step leads: states [segments, n] and numbers [p]."""
        states = self.packing.unpack(self.y)
        lifted = self.packing.unpack(bases.lift(part * begins))
        y = self.packing.pack(self.system.retract(states, lifted))
        q = self.q + part * step[-len(self.q) :]
        near = EDGE * (1 + self.q.abs())
        q = torch.where(q >= self.high - near, self.high, q)
        return y, torch.where(q <= self.low + near, self.low, q)

    def _within(self, line: Linearized) -> tuple[Tensor, float]:
        """A step that moves no number out of its range, where it is at an end, and the part of it
        that leads to the next end.
        """
        p, fixed = len(self.q), torch.zeros_like(self.q, dtype=torch.bool)
        step = line.solution(self.damping, fixed)
        for _ in range(p):
            own = step[-p:]
            out = ((self.q >= self.high) & (own > 0)) | ((self.q <= self.low) & (own < 0))
            if not bool((out & ~fixed).any()):
                break
            fixed |= out
            step = line.solution(self.damping, fixed)
        own = step[-p:]
        room = torch.where(own > 0, self.high - self.q, self.q - self.low)
        parts = room / own.abs().clamp(min=1e-300)
        return step, float(parts.min().clamp(max=1.0)) if bool((~fixed).any()) else 1.0

    def advance(self) -> float | None:
        """Go one step; by which part of itself the sum of squares is smaller then, None where no
        step makes anything better.
        """
        line, before = self.linearized(), self.height(self.shot, self.y, self.q)
        self.known.append(before)
        tiny, damped = 1e-18 * self.record.count, self.damping
        while self.damping < (STUCK if self.loose is None else ROUGH_STUCK):
            step, most = self._within(line)
            begins = line.begins(step)
            closed = self.loose is None and before[1] == 0
            if closed and (line.gain(step) < GAIN * before[0] or before[0] < tiny):
                return 0.0
            for part in (most, 0.4 * most):
                y, q = self.moved(step, begins, line.bases, part)
                shot = self.shots.predict(y, q)
                found = self.height(shot, y, q)
                if self._better(found):
                    self.y, self.q, self.shot = y, q, shot
                    return self._gained(before, found, part / most)
            self.damping = max(10 * self.damping, DAMPED)
        self.damping = damped
        return None

    def _better(self, found: tuple[float, float]) -> bool:
        """Whether no point so far has both a smaller sum and closer joints (a filter); with open
        joints, whose squares are in the sum, whether that is smaller.
        """
        squares, apart = found
        if self.loose is not None:
            return squares < self.known[-1][0]
        return math.isfinite(squares) and all(
            squares < known * (1 - (ROUGH if gap else 0)) or apart < 0.9 * gap
            for known, gap in self.known
        )

    def _gained(
        self, before: tuple[float, float], found: tuple[float, float], part: float
    ) -> float:  # fmt: skip
        damped = self.damping
        self.damping = damped / 3 if part == 1.0 else damped
        self.damping = 0.0 if self.damping < DAMPED / 100 else self.damping
        gain = 1 - found[0] / before[0] if before[0] > 0 else 0.0
        if self.loose is not None:
            return gain
        if found[1] > 0 or before[1] > 0:
            return 1.0
        self.slow = self.slow + 1 if gain * self.record.count < SLOW else 0
        if self.slow == 3:
            return 0.0
        return 1.0 if damped else max(0.0, gain)


@dataclass(frozen=True)
class Linearized:
    """The least-squares problem of the first beginning and the numbers, as a triangle."""

    triangle: Tensor
    """[m + p, m + p + 1]: the last column is the right-hand side."""
    chain: tuple[tuple[Tensor, Tensor], ...]
    """For each segment but the first: how its beginning follows from the one before."""
    bases: Bases
    numbers: int

    @property
    def scales(self) -> Tensor:
        """[m + p]: the lengths of the columns; 1 where there is none."""
        size = self.triangle[:, :-1].norm(dim=0)
        return torch.where(size > 0, size, torch.ones_like(size))

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The singular value decomposition of the scaled triangle."""
        return torch.linalg.svd(self.triangle[:, :-1] / self.scales, full_matrices=False)

    def solution(self, damping: float, fixed: Tensor) -> Tensor:
        """[m + p]: the step; 0 along what is not determined, and of ``fixed`` numbers [p]."""
        kept = torch.ones_like(self.scales)
        kept[-len(fixed) :] = (~fixed).to(kept)
        scaled = self.triangle[:, :-1] / self.scales * kept
        left, sizes, right = torch.linalg.svd(scaled, full_matrices=False)
        told = sizes > RANK * sizes[0]
        inverse = torch.where(told, sizes / (sizes.square() + damping), torch.zeros_like(sizes))
        return right.T @ (inverse * (left.T @ self.triangle[:, -1])) / self.scales

    def gain(self, step: Tensor) -> float:
        """By how much the sum of squares should become smaller."""
        change = self.triangle[:, :-1] @ step
        return float((2 * change @ self.triangle[:, -1] - change @ change).clamp(min=0))

    def begins(self, step: Tensor) -> Tensor:
        """[segments, m]: how each beginning moves."""
        own, numbers = step[: -self.numbers], step[-self.numbers :]
        found = [own]
        for matrix, gap in self.chain:
            found.append(matrix @ torch.cat([found[-1], numbers]) + gap)
        return torch.stack(found)


def _at(bases: Bases, k: int) -> Bases:
    """The bases at one of the points."""
    parts = {name: None if b is None else b[k] for name, b in bases.parts.items()}
    return Bases(bases.packing, parts)


def _apart(left: Tensor, right: Tensor, phases: Tensor) -> Tensor:
    """left - right, angles by the shortest way."""
    plain = left - right
    return torch.where(phases, plain - 2 * math.pi * torch.round(plain / (2 * math.pi)), plain)
