"""Steps of stochastic laws: Euler-Maruyama (Itô, flat manifolds) and Heun (Stratonovich).

Every noisy state has a stream of its own, fixed by (seed, its full name, repeat); all points of a
batch see the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import torch

from dynattn.lower.edge_states import rank_of_state
from dynattn.solve.fixed import Field, States
from dynattn.vocabulary.distributions import stream

if TYPE_CHECKING:
    from dynattn.lower.module import System


class NoisyField(Field, Protocol):
    """What is integrated where there is noise."""

    def diffuse(self, t: torch.Tensor, states: States, white: States) -> dict[str, torch.Tensor]:
        """What increments of Wiener processes add, by state."""
        ...


class Wiener:
    """Increments of independent Wiener processes, drawn one after another."""

    def __init__(self, system: System):
        self.system = system
        self.streams: Mapping[str, Any] = {
            name: stream(system.seed, f"{name} noise", system.repeat) for name in system.noisy
        }

    def increments(self, h: float, states: States) -> dict[str, torch.Tensor]:
        """sqrt(h) times standard normal numbers, [nodes, coordinates...] of each noisy state.

        The real and the imaginary part of a complex coordinate have a number each.
        """
        found = {}
        for name, rng in self.streams.items():
            rank = rank_of_state(self.system, name)
            some = states[name]
            shape = tuple(some.shape[-rank:])
            numbers = math.sqrt(h) * rng.standard_normal(shape)
            if some.is_complex():
                numbers = numbers + 1j * (math.sqrt(h) * rng.standard_normal(shape))
            found[name] = torch.as_tensor(numbers, dtype=some.dtype, device=some.device)
        return found


def diffuse(
    system: NoisyField,
    wiener: Wiener,
    t: float,
    states: States,
    h: float,
    end: float | None = None,
    *,
    corrected: bool,
) -> dict[str, torch.Tensor]:
    """One step of size h; ``corrected``: Heun's, else Euler-Maruyama's. ``end`` as in advance."""
    white = wiener.increments(h, states)
    first = _slope(system, t, states, h, white)
    if not corrected:
        return system.retract(states, first)
    predicted = system.retract(states, first)
    later = t + h
    if end is not None:
        later = end - 4 * torch.finfo(wiener.system.dtype).eps * max(1.0, abs(end))
    second = _slope(system, later, predicted, h, white)
    return system.retract(states, {n: 0.5 * (first[n] + second[n]) for n in states})


def _slope(
    system: NoisyField, t: float, states: States, h: float, white: States
) -> dict[str, torch.Tensor]:
    """h times the rates, and the noise."""
    some = next(iter(states.values()))
    when = torch.full((), t, dtype=some.real.dtype, device=some.device)
    found = {name: h * rate for name, rate in system.rates(when, states).items()}
    for name, push in system.diffuse(when, states, white).items():
        found[name] = found[name] + push
    return found
