"""The way of packed states to rest: tsit5 with a step size for each sample, or updates of a map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dynattn.vocabulary.tableaus import TSIT5

TIME = 1000.0
"""How long a layer is let run."""

UPDATES = 10_000
"""How many updates of a map."""

ATTEMPTS = 5000
"""How many steps."""

SHORTEST = 1e-12
STEADY = 0.05
"""The error is no larger than this part of the step, so that near to rest no stiff direction is
thrown from side to side.
"""

LONGER, SHORTER, SAFETY = 5.0, 0.2, 0.9
"""By how much steps change, and the part of what the error allows that is taken."""


class Relaxation:
    """Samples on their way: points y [batch..., n], rates there, and the time of each."""

    def __init__(
        self, field: Callable[[Tensor], Tensor], moved: Callable[[Tensor, Tensor], Tensor],
        y: Tensor, discrete: bool, rtol: float,
    ) -> None:  # fmt: skip
        self.field, self.moved, self.discrete, self.rtol = field, moved, discrete, rtol
        self.y, self.rates = y, field(y)
        self.time = torch.zeros(y.shape[:-1], dtype=y.dtype, device=y.device)
        self.step = 0.05 / (1.0 + torch.nan_to_num(self.size))
        self.lost = ~torch.isfinite(self.size)
        """[batch...]: whose numbers fail however short the step."""
        self.attempts = 0

    @property
    def size(self) -> Tensor:
        """[batch...]: the largest rate."""
        return self.rates.abs().amax(-1)

    @property
    def spent(self) -> Tensor:
        """[batch...]: what goes no further."""
        most = UPDATES if self.discrete else TIME
        tired = self.attempts >= (UPDATES if self.discrete else ATTEMPTS)
        return self.lost | (self.time >= most) | tired

    def run(self, near: float, open_: Tensor) -> None:
        """Let those that are ``open_`` run until no rate is larger than ``near`` of the states."""
        while True:
            far = self.size > near * self.y.abs().amax(-1).clamp(min=1.0)
            going = open_ & far & ~self.spent
            if not bool(going.any()):
                return
            self.attempts += 1
            if self.discrete:
                self._update(going)
            else:
                self._advance(going)

    def _update(self, going: Tensor) -> None:
        there = self.y + self.rates
        after = self.field(there)
        fine = torch.isfinite(after).all(-1)
        self.lost = self.lost | (going & ~fine)
        self._take(going & fine, there, after)
        self.time = self.time + going

    def _advance(self, going: Tensor) -> None:
        """One attempt of a step of all of them."""
        h = torch.where(going, self.step, 0.0)[..., None]
        slopes = [self.rates]
        for row in TSIT5.stages[1:]:
            slopes.append(self.field(self.moved(self.y, h * _sum(row, slopes))))
        there = self.moved(self.y, h * _sum(TSIT5.weights, slopes))
        after = self.field(there)
        error = h * _sum(TSIT5.error, [*slopes, after])
        share = error / (self.rtol * (1.0 + self.y.abs()))
        small = STEADY * h[..., 0] * self.size
        stiff = error.abs().amax(-1) / torch.where(small > 0, small, 1.0)
        ratio = torch.maximum(share.square().mean(-1).sqrt(), stiff)
        ratio = torch.where(torch.isfinite(ratio) & torch.isfinite(after).all(-1), ratio, torch.inf)
        taken = going & (ratio <= 1.0)
        self.time = self.time + torch.where(taken, h[..., 0], 0.0)
        self._take(taken, there, after)
        factor = (SAFETY * ratio.clamp(min=1e-10) ** -0.2).clamp(SHORTER, LONGER)
        self.step = torch.where(going, self.step * factor, self.step)
        self.lost = self.lost | (self.step < SHORTEST)

    def _take(self, taken: Tensor, there: Tensor, after: Tensor) -> None:
        self.y = torch.where(taken[..., None], there, self.y)
        self.rates = torch.where(taken[..., None], after, self.rates)


def _sum(weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        total = total + weight * slope
    return total
