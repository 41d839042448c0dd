"""States above 0 as their logarithms, for methods that know only straight steps.

A step of such a method may lead below 0, where a rate per capita drives a share away from 0 instead
of back. Logarithms have no such side, and are exact for what is rare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from dynattn.solve.fixed import Field
from dynattn.solve.packing import Packing
from dynattn.vocabulary.manifolds import MANIFOLDS

LOWEST, HIGHEST = -690.0, 345.0
"""Rates are taken no nearer to 0 than at the smallest numbers there are, and, in steps that are
tried and given up, no further away than where a square is still finite."""

NOTHING = -1e6
"""Stands for the logarithm of 0."""


@dataclass(frozen=True)
class LogPacking(Packing):
    """States on ``positive`` and ``simplex`` packed as logarithms, the others as they are."""

    points: Mapping[str, bool] = field(default_factory=dict)
    """Of each state to pack as logarithms: whether its coordinates sum to 1."""

    def pack(self, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """One tensor; 0 becomes a logarithm that no solution leaves."""
        return super().pack({name: self._log(name, x) for name, x in states.items()})

    def _log(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if name not in self.points:
            return x
        return torch.where(x > 0, x, 1.0).log().where(x > 0, NOTHING)

    def unpack(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states themselves."""
        return {name: x.exp() if name in self.points else x for name, x in self.logs(packed)}

    def inside(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states, those near 0 held where a rate per capita can be told."""
        return {
            name: x.clamp(LOWEST, HIGHEST).exp() if name in self.points else x
            for name, x in self.logs(packed)
        }

    def logs(self, packed: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
        """The states, logarithms where they are packed so, of numbers that sum to 1 if they do."""
        found = super().unpack(packed)
        for name, sums_to_one in self.points.items():
            if sums_to_one:
                found[name] = found[name].log_softmax(-1)
        return list(found.items())

    def pack_rates(
        self, states: Mapping[str, torch.Tensor], rates: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The rates of change of what is packed, at the states of ``inside``."""
        return super().pack(
            {n: rate / states[n] if n in self.points else rate for n, rate in rates.items()}
        )


def with_logarithms(packing: Packing, system: Field) -> Packing:
    """The packing, with logarithms where the manifold of a state asks for them."""
    model = getattr(system, "model", None)
    uses = {} if model is None else {n: s.manifold.name for n, s in model.states.items()}
    points = {n: bool(MANIFOLDS[m].shape) for n, m in uses.items() if MANIFOLDS[m].logarithmic}
    return LogPacking(packing.batch, packing.shapes, packing.whole, points) if points else packing
