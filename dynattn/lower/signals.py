"""Signals as a module reads them: samples, and the straight lines between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Signal:
    """A function of time: linear between samples, and as its ends before and after them."""

    times: Tensor
    """[samples], float64, ascending."""
    values: Tensor
    """[samples, ...]."""

    def at(self, t: Tensor) -> Tensor:
        """The value [...] at one time, or [times..., ...] at several."""
        if len(self.times) == 1:
            return self.values[0].expand((*t.shape, *self.values.shape[1:]))
        when = t.to(torch.float64).reshape(-1)
        left = torch.searchsorted(self.times, when.detach().contiguous(), right=True) - 1
        left = left.clamp(0, len(self.times) - 2)
        start, stop = (self.times.index_select(0, k) for k in (left, left + 1))
        place = ((when - start) / (stop - start)).clamp(0, 1).to(self.values.dtype)
        place = place.reshape((-1, *[1] * (self.values.dim() - 1)))
        before, after = (self.values.index_select(0, k) for k in (left, left + 1))
        found = before * (1 - place) + after * place
        return found.reshape((*t.shape, *self.values.shape[1:]))

    def to(self, device: str) -> Signal:
        """The same on another device."""
        return Signal(self.times.to(device), self.values.to(device))

    @property
    def spacing(self) -> float:
        """The shortest time from one sample to the next; infinite where there is one sample."""
        return float(self.times.diff().min()) if len(self.times) > 1 else float("inf")


def constant(values: Tensor) -> Signal:
    """A signal that does not change."""
    return Signal(torch.zeros(1, dtype=torch.float64, device=values.device), values[None])
