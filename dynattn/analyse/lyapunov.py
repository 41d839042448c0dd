"""Lyapunov exponents: the rates at which small disturbances grow, direction by direction.

Tangent vectors are carried along the trajectory by the variational equations and made orthonormal
again and again; how much each grew in between, averaged over time, are the exponents (Benettin,
Galgani, Giorgilli and Strelcyn, Meccanica 15, 1980). On a manifold the vectors are coordinates in
the tangent spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.diagnostics.report import Span
from dynattn.solve.jacobians import along, jacobian
from dynattn.solve.methods import find_method
from dynattn.solve.packing import Packing, packing_of
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.solve import solve
from dynattn.solve.symmetries import Symmetries
from dynattn.solve.tangents import Bases, tangent_bases
from dynattn.solve.variational import carried

Array = NDArray[np.float64]

BLOCKS = 16
"""Stretches of time whose averages tell how far the average over all of them may be off."""

TURN = 8.0
"""Vectors are made orthonormal where none can have grown by more than e to this."""

MOST = 50_000
"""Times at which they are."""

LOOKS = 9
"""Points at which the Jacobian is asked how fast anything can grow."""

WHOLE = 40
"""Dimensions up to which all directions are carried, so that stretches of time go side by side."""

NUMBERS = 2**21
"""Numbers of tangent vectors that are carried at once."""


WIDEST = 240
"""Numbers of states and tangent vectors together up to which an implicit method carries them."""


@dataclass(frozen=True)
class Spectrum:
    """Exponents of the points of a batch, the largest first."""

    exponents: Array
    """[batch..., exponent]: per unit of time, or per update of a map."""
    errors: Array
    """[batch..., exponent]: the standard error of the average over time."""
    times: Array
    running: Array = field(repr=False)
    """[time, batch..., exponent]: the averages so far."""
    whole: bool
    """Whether these are all exponents that there are."""
    length: float
    """Over how much time they are averaged."""

    @property
    def zeros(self) -> NDArray[np.int64]:
        """[batch...]: how many are 0 within three of their errors, or within what a disturbance
        that only drifts leaves over such a time.
        """
        bound = np.maximum(3 * self.errors, 2.0 / self.length)
        return (np.abs(self.exponents) <= bound).sum(-1)

    @property
    def dimension(self) -> Array:
        """[batch...]: Kaplan and Yorke's: so many directions, and the part of the next one, keep
        their volume; NaN where more exponents are needed.
        """
        sums = np.cumsum(self.exponents, axis=-1)
        count = sums.shape[-1]
        within = (sums >= 0).sum(-1)
        inner = np.clip(within, 1, max(1, count - 1))
        last = np.take_along_axis(sums, inner[..., None] - 1, -1)[..., 0]
        following = np.take_along_axis(self.exponents, np.minimum(inner, count - 1)[..., None], -1)[
            ..., 0
        ]
        with np.errstate(all="ignore"):
            found = inner + last / np.abs(following)
        found = np.where(within == 0, 0.0, found)
        return np.where(within == count, float(count) if self.whole else np.nan, found)


def lyapunov(
    system: Any,
    *,
    times: Sequence[float],
    states: Mapping[str, Tensor] | None = None,
    exponents: int | None = None,
    after: float | None = None,
    method: str = "tsit5",
    step: float | None = None,
    rtol: float = 1e-6,
    atol: float | None = None,
    span: Span | None = None,
    progress: Callable[[float], None] | None = None,
) -> Spectrum:
    """The first ``exponents`` (None: all) along the trajectory through ``states`` [batch..., ...]
    (None: the initial ones), averaged from the time ``after`` on (None: the last nine tenths), with
    the averages so far at ``times``. Of a map the times count updates.

    The trajectory is that of ``method``; tangent vectors are carried by rodas5p where that is
    implicit and they are few, else by tsit5. NumericalError E603 and E604 as of ``solve``.
    """
    first: Mapping[str, Tensor] = states or system.initial_states()
    begun = float(times[0] + (times[-1] - times[0]) / 10) if after is None else after
    with torch.no_grad():
        stiff = bool(find_method(method).implicit)
        work = _Work(system, first, exponents, (rtol, rtol if atol is None else atol), span, stiff)
        if work.problem.discrete:
            growth, knots = work.map_growth(times, progress)
        else:
            options = {"method": method, "step": step, "rtol": rtol, "atol": atol, "span": span}
            growth, knots = work.flow_growth(times, begun, options, progress)
    return _spectrum(growth, knots, begun, np.asarray(times, dtype=float), work)


class _Work:
    """One batch of points on its way."""

    def __init__(
        self, system: Any, states: Mapping[str, Tensor], exponents: int | None,
        tolerances: tuple[float, float], span: Span | None, stiff: bool,
    ) -> None:  # fmt: skip
        model = system.model
        rank = {n: len(model.states[n].shape) + 1 for n in states}
        self.system, self.span, self.tolerances = system, span, tolerances
        self.front = max((tuple(x.shape[: x.dim() - rank[n]]) for n, x in states.items()), key=len)
        batch = len(self.front)
        self.states = {
            n: x.expand(*self.front, *x.shape[x.dim() - rank[n] :]) for n, x in states.items()
        }
        self.packing: Packing = packing_of(self.states, batch)
        discrete = any(law.discrete for law in model.laws)
        self.problem = RestProblem(system, self.packing, Symmetries(self.packing), discrete)
        y = self.packing.pack(self.states)
        self.count = tangent_bases(system, self.packing, y).count
        self.columns = self.count if exponents is None else min(exponents, self.count)
        self.wide = self.count * (1 + self.columns)
        self.stiff = stiff and self.wide <= WIDEST
        generator = torch.Generator().manual_seed(1)
        drawn = torch.randn(self.count, self.columns, generator=generator, dtype=y.dtype)
        self.frame = torch.linalg.qr(drawn.to(y.device))[0].expand(*self.front, -1, -1)

    @property
    def side_by_side(self) -> bool:
        """Whether all directions are carried, and not only the frame."""
        return self.count <= max(WHOLE, 2 * self.columns)

    # ── maps ───────────────────────────────────────────────────────────────────────────────────

    def map_growth(
        self, times: Sequence[float], progress: Callable[[float], None] | None
    ) -> tuple[Array, Array]:
        """([updates, batch..., columns] logarithms of growth, [updates + 1] times)."""
        count = round(times[-1] - times[0])
        y = [self.packing.pack(self.states)]
        for _ in range(count - 1):
            y.append(y[-1] + self.problem.field(y[-1]))
        found, most = [], self._at_once(y[0])
        for start in range(0, count, most):
            found += self._updates(torch.stack(y[start : start + most]))
            if progress is not None:
                progress(min(count, start + most) / count)
        return torch.stack(found).cpu().numpy(), times[0] + np.arange(count + 1.0)

    def _updates(self, y: Tensor) -> list[Tensor]:
        """The growth over each of some updates, of points y [updates, batch..., n]."""
        if self.side_by_side:
            changes = jacobian(self.problem.alone(tuple(y.shape[:-1])).field, y)[1]
            return [self._turn(self.frame + change @ self.frame) for change in changes]
        frame = self.frame.movedim(-1, 0)
        return [self._turn((frame + along(self.problem.field, y[0], frame)).movedim(0, -1))]

    def _at_once(self, y: Tensor) -> int:
        """How many stretches of time fit side by side, of points y [batch..., n]."""
        if not self.side_by_side:
            return 1
        points = y.numel() // y.shape[-1]
        each = self.wide**2 if self.stiff else y.shape[-1] * self.count
        return max(1, NUMBERS // (points * each))

    def _turn(self, moved: Tensor) -> Tensor:
        """The frame made orthonormal; [batch..., columns] logarithms of its growth."""
        self.frame, upper = torch.linalg.qr(moved)
        return upper.diagonal(dim1=-2, dim2=-1).abs().clamp(min=1e-300).log()

    # ── flows ──────────────────────────────────────────────────────────────────────────────────

    def flow_growth(
        self, times: Sequence[float], begun: float, options: Mapping[str, Any],
        progress: Callable[[float], None] | None,
    ) -> tuple[Array, Array]:  # fmt: skip
        """([stretches, batch..., columns] logarithms of growth, [stretches + 1] times)."""
        knots = self._knots(np.asarray(times, dtype=float), begun, options)
        half = None if progress is None else lambda part: progress(part / 2)
        solved = solve(
            self.system, self.states, knots.tolist(), batch=len(self.front), progress=half,
            **options,
        )  # fmt: skip
        packing = self._packing(len(knots))
        y = packing.pack(solved.states)
        found, most = [], self._at_once(y[0])
        for start in range(0, len(knots) - 1, most):
            stop = min(start + most, len(knots) - 1)
            found += self._stretches(y[start : stop + 1], knots[start : stop + 1])
            if progress is not None:
                progress(0.5 + stop / (len(knots) - 1) / 2)
        return torch.stack(found).cpu().numpy(), knots

    def _knots(self, times: Array, begun: float, options: Mapping[str, Any]) -> Array:
        """Times at which the frame is made orthonormal, the saved ones among them."""
        early = np.linspace(times[0], max(begun, times[0] + 1e-3 * (times[-1] - times[0])), LOOKS)
        batch = len(self.front)
        seen = solve(self.system, self.states, early.tolist(), batch=batch, **options)
        fastest = 1e-300
        y = self._packing(LOOKS).pack(seen.states)
        problem = self.problem.alone(self.front)
        for row in y:
            if self.count <= WHOLE:
                slopes = jacobian(problem.field, row)[1]
                fastest = max(fastest, float(torch.linalg.matrix_norm(slopes, 2).max()))
            else:
                pushed = along(problem.field, row, torch.randn_like(row)[None])[0]
                fastest = max(fastest, float(pushed.norm(dim=-1).max()) / row.shape[-1] ** 0.5)
        whole = times[-1] - times[0]
        length = max(TURN / fastest, whole / MOST)
        edges = np.union1d(times, begun)
        pieces = [
            np.linspace(a, b, max(1, int(np.ceil((b - a) / length))) + 1)[:-1]
            for a, b in pairwise(edges)
        ]
        return np.append(np.concatenate(pieces), times[-1])

    def _packing(self, front: int) -> Packing:
        return self.problem.alone((front, *self.front)).packing

    def _stretches(self, y: Tensor, knots: Array) -> list[Tensor]:
        """The growth over each of some stretches, from points y [stretches + 1, batch..., n]."""
        bases = tangent_bases(self.system, self._packing(len(y)), y)
        first, last = _rows(bases, slice(0, -1)), _rows(bases, slice(1, None))
        count, moment = len(y) - 1, torch.as_tensor(knots).to(y)
        eye = torch.eye(self.count, dtype=y.dtype, device=y.device)
        inner = eye.expand(*self.front, -1, -1) if self.side_by_side else self.frame.mT
        inner = inner.expand(count, *inner.shape)  # [stretches, batch..., columns, m]
        vectors = first.lift(inner.movedim(-2, 0)).movedim(0, -2)
        shape = (count, *self.front)
        starts, ends = (
            moment[chosen].reshape(-1, *[1] * len(self.front)).expand(shape)
            for chosen in (slice(0, -1), slice(1, None))
        )
        packing = self._packing(count)
        found = carried(
            self.system, packing, y[:-1], vectors, (starts, ends), self.tolerances, self.span,
            self.stiff,
        )  # fmt: skip
        maps = last.drop(found.movedim(-2, 0)).movedim(0, -1)  # [stretches, batch..., m, columns]
        return [self._turn(one @ self.frame if self.side_by_side else one) for one in maps]


def _rows(bases: Bases, chosen: slice) -> Bases:
    parts = {name: None if x is None else x[chosen] for name, x in bases.parts.items()}
    return Bases(bases.packing, parts)


def _spectrum(growth: Array, knots: Array, begun: float, times: Array, work: _Work) -> Spectrum:
    """Averages of the growth from a time on; the largest first."""
    lengths = np.diff(knots)
    counts = knots[:-1] >= begun - 1e-9 * max(1.0, abs(begun))
    growth, lengths = growth[counts], lengths[counts]
    ends = knots[1:][counts]
    rate = growth.sum(0) / lengths.sum()
    order = np.argsort(-rate, axis=-1, kind="stable")
    totals = np.cumsum(growth, axis=0)
    passed = np.cumsum(lengths)
    places = np.searchsorted(ends, times - 1e-9)
    places = places[(places < len(ends)) & (times > begun)]
    scale = passed[places].reshape(-1, *[1] * (growth.ndim - 1))
    running = totals[places] / scale
    return Spectrum(
        np.take_along_axis(rate, order, -1),
        np.take_along_axis(_errors(growth, lengths), order, -1),
        ends[places],
        np.take_along_axis(running, order[None], -1),
        work.columns == work.count,
        float(lengths.sum()),
    )


def _errors(growth: Array, lengths: Array) -> Array:
    """The standard error of the mean, from the means over stretches of equal time."""
    passed = np.cumsum(lengths)
    block = np.minimum((passed - lengths / 2) / passed[-1] * BLOCKS, BLOCKS - 1).astype(int)
    means = []
    for k in range(BLOCKS):
        chosen = block == k
        if chosen.any():
            means.append(growth[chosen].sum(0) / lengths[chosen].sum())
    if len(means) < 2:
        return np.full(growth.shape[1:], np.inf)
    return np.std(means, axis=0, ddof=1) / np.sqrt(len(means))
