"""A system as solvers see it that know one flat array: its rates, its points, its tolerances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.tolerances import tolerances
from dynattn.solve.failures import Scene
from dynattn.solve.fixed import Field, States
from dynattn.solve.logarithms import with_logarithms
from dynattn.vocabulary.manifolds import MANIFOLDS


class PackedField:
    """The ambient field f(nearest point of y), whose flow stays on the manifold."""

    def __init__(self, scene: Scene) -> None:
        packing = with_logarithms(scene.packing, scene.system)
        self.scene = replace(scene, packing=packing)
        self.system, self.packing = scene.system, packing
        self.flat = is_flat(scene.system)
        self.straight = packing is not scene.packing or self.flat
        """Whether no point needs to land after a step. Beside logarithms none does: what is near
        the manifold stays near, and a logarithm of 0 would not come back."""

    def rates(self, t: Tensor, y: Tensor) -> Tensor:
        """[batch..., all coordinates] at y of that shape; t: one time, or [batch...]."""
        states = self.packing.inside(y)
        if not self.flat:
            states = on_manifold(self.system, states)
        rates = self.speeds(t, states)
        whole = {name: _as_state(rates[name], states[name]) for name in states}
        return self.packing.pack_rates(states, whole)

    def speeds(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """The rates of the states."""
        return self.system.rates(t, states)

    def landed(self, y: Tensor) -> Tensor:
        """The nearest point of the manifold."""
        return self.packing.pack(on_manifold(self.system, self.packing.unpack(y)))

    def states(self, y: Tensor) -> dict[str, Tensor]:
        """The states [.., batch..., nodes, coordinates...] of [.., batch..., all coordinates]."""
        found = self.packing.unpack(y)
        return found if self.flat else on_manifold(self.system, found)

    def tolerances(self, rtol: float, atol: float) -> tuple[Any, Any]:
        """Relative and absolute: float64 [all coordinates], or two numbers."""
        model = getattr(self.system, "model", None)
        if model is None:
            return rtol, atol
        own = tolerances(model, rtol, atol)
        relative = self.packing.spread({name: pair[0] for name, pair in own.items()})
        absolute = self.packing.spread({name: pair[1] for name, pair in own.items()})
        return relative, absolute


def on_manifold(system: Field, states: States) -> dict[str, Tensor]:
    """The nearest points of the manifold: a step of length 0, retracted."""
    return system.retract(states, {name: torch.zeros_like(x) for name, x in states.items()})


def is_flat(system: Field) -> bool:
    """Whether every step is a plain sum, of numbers or of logarithms: nothing is brought back."""
    model = getattr(system, "model", None)
    if model is None:
        return False
    used = [MANIFOLDS[state.manifold.name] for state in model.states.values()]
    return all(entry.logarithmic or entry.retraction == "x + v" for entry in used)


def _as_state(rate: Tensor, state: Tensor) -> Tensor:
    return rate if rate.shape == state.shape else rate.expand(state.shape)
