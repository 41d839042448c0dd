"""The rates of a step's stages, and the sums of them that a step is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.vocabulary.tableaus import Tableau

Numbers = Any
"""A float, or float64 [points]."""


class Slopes:
    """Rates [stages, points x coordinates]: in one buffer, or apart where gradients are wanted."""

    def __init__(self, y: Tensor, tableau: Tableau) -> None:
        count = len(tableau.weights) + 1
        self.shape = y.shape
        rows = (*tableau.stages, tableau.weights)
        self.rows = [torch.tensor(row, dtype=y.dtype, device=y.device) for row in rows]
        self.errors = torch.tensor(tableau.error, dtype=y.dtype, device=y.device)
        self.dense = np.array(tableau.dense)
        self.nodes = (*tableau.nodes, 1.0)
        self.apart: list[Tensor] = [y] * count
        self.buffer: Tensor | None = None
        if not torch.is_grad_enabled():
            buffer = y.new_empty(count, y.numel())
            self.apart = list(buffer.unbind(0))
            self.some = [buffer[:i] for i in range(count + 1)]
            self.buffer = buffer

    @property
    def first(self) -> Tensor:
        """Where the step begins."""
        return self.apart[0].reshape(self.shape)

    def put(self, i: int, rates: Tensor) -> None:
        """Those of stage i."""
        if self.buffer is None:
            self.apart[i] = rates.reshape(-1)
        else:
            self.apart[i].copy_(rates.reshape(-1))

    def restart(self, rates: Tensor) -> None:
        """Those where a step begins."""
        self.put(0, rates)

    def shift(self, where: Tensor | None = None) -> None:
        """The next step begins where this one ends; ``where`` [points, 1]: of which points."""
        last = self.apart[-1]
        if where is not None:
            last = torch.where(where, last.reshape(self.shape), self.first)
        self.put(0, last)

    def upto(self, count: int) -> Tensor:
        """The first so many."""
        return torch.stack(self.apart[:count]) if self.buffer is None else self.some[count]

    def moved_by(self, y: Tensor, stage: int, h: Tensor | float) -> Tensor:
        """Where the sum of a stage leads from y; h: one step, or [points, 1]."""
        return self.moved(y, self.upto(stage), self.rows[stage], h)

    def moved(self, y: Tensor, slopes: Tensor, weights: Tensor, h: Tensor | float) -> Tensor:
        """y + h sum_i weights_i slopes_i."""
        if isinstance(h, Tensor):
            return torch.addcmul(y, h, (weights @ slopes).view(y.shape))
        return torch.addmv(y, slopes.t(), weights, alpha=h)

    def error(self, h: Tensor | float) -> Tensor:
        """The estimated error of the step."""
        return h * (self.errors @ self.upto(len(self.errors))).view(self.shape)

    def stretch(self, h: Tensor | float, y: Tensor, level: Tensor) -> Tensor:
        """[points]: h |lambda|, from two stages at the end of the step, at y and at ``level``."""
        last, other = (self.apart[i].reshape(self.shape) for i in (-1, -2))
        rates, states = (torch.linalg.vector_norm(x, dim=-1) for x in (last - other, y - level))
        size = h.reshape(-1) if isinstance(h, Tensor) else h
        return size * rates / states.clamp(min=1e-300)

    def between(self, y: Tensor, parts: Numbers, sizes: Numbers) -> Tensor:
        """The states [points, parts, coordinates] after parts [points, parts] of the step."""
        powers = parts[..., None] ** np.arange(1, self.dense.shape[1] + 1)
        weights = torch.as_tensor(powers @ self.dense.T * sizes[:, None, None]).to(y)
        slopes = self.upto(len(self.nodes))
        if y.dim() == 1:
            return torch.addmm(y, weights[0], slopes)[None]
        slopes = slopes.view(len(slopes), *self.shape).transpose(0, 1)
        return torch.baddbmm(y[:, None], weights, slopes)


class Saved:
    """The states at the saved times, point by point as the points come there."""

    def __init__(self, batch: tuple[int, ...], grid: Numbers, y: Tensor) -> None:
        self.batch, self.grid = batch, grid
        points = math.prod(batch)
        self.known = np.ones(points, dtype=np.int64)
        """How many of the saved times each point has come to."""
        self.values = [y.reshape(points, -1)]
        self.places = [np.arange(points)]
        """Time by time: number of the time x points + point."""
        self.next = self._next()

    def _next(self) -> float:
        """The first saved time that some point has not come to."""
        first = int(self.known.min())
        return float(self.grid[first]) if first < len(self.grid) else math.inf

    def resume(self, known: Numbers) -> None:
        """Hold none, and go on from where each point had come to so many."""
        self.known, self.values, self.places = known, [], []
        self.next = self._next()

    def take(
        self, slopes: Slopes, y: Tensor, before: Numbers, sizes: Numbers, after: Numbers
    ) -> None:
        """Those that the steps from ``before`` to ``after`` go over, the ends included."""
        if not self.batch and after < self.next:
            return
        before, sizes, after = map(np.atleast_1d, (before, sizes, after))
        ends = np.maximum(np.searchsorted(self.grid, after, side="right"), self.known)
        most = int((ends - self.known).max())
        if not most:
            return
        number = self.known[:, None] + np.arange(most)
        inside = number < ends[:, None]
        when = self.grid[np.minimum(number, len(self.grid) - 1)]
        parts = (when - before[:, None]) / np.where(sizes > 0, sizes, 1.0)[:, None]
        parts = np.where(inside, np.clip(parts, 0.0, 1.0), 0.0)
        found = slopes.between(y, parts, sizes).flatten(0, 1)
        places = (number * len(self.known) + np.arange(len(self.known))[:, None])[inside]
        if not inside.all():
            rows = np.flatnonzero(inside)
            found = found.index_select(0, torch.as_tensor(rows, device=y.device))
        self.values.append(found)
        self.places.append(places)
        self.known = ends
        self.next = self._next()

    def gathered(self) -> Tensor:
        """[times, batch..., coordinates], up to the last time that all points have come to."""
        found, common = torch.cat(self.values), int(self.known.min())
        if len(self.known) > 1:
            places = np.concatenate(self.places)
            order = np.argsort(places)[: common * len(self.known)]
            found = found.index_select(0, torch.as_tensor(order, device=found.device))
        return found.reshape(common, *self.batch, -1)
