"""Steps of stochastic laws: Euler-Maruyama (Itô, flat manifolds) and Heun (Stratonovich).

Every noisy state has a stream of its own, fixed by (seed, its full name, repeat); all points of a
batch that share their draws see the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy
import torch

from dynattn.lower.draws import Repeat, points_of
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


AHEAD, NUMBERS = 64, 2**19
"""Steps whose numbers are drawn at once for points with streams of their own, and how many numbers
(4 MiB) those may be: a call costs as much as a hundred numbers.
"""


class PointStreams:
    """The streams of the points of a batch that have repeats of their own; each gives the numbers
    that it would give alone.
    """

    def __init__(self, make: Callable[[int], Any], repeats: tuple[int, ...]) -> None:
        own = points_of(repeats)
        self.streams = [make(number) for number in own]
        rows = {number: row for row, number in enumerate(own)}
        self.rows = None if len(own) == len(repeats) else [rows[number] for number in repeats]
        self.drawn = numpy.empty((0, 0))
        self.taken = 0

    def standard_normal(self, shape: tuple[int, ...]) -> Any:
        """[points, *shape], which must always be the same."""
        if self.taken == self.drawn.shape[1]:
            count = max(1, min(AHEAD, NUMBERS // max(1, len(self.streams) * math.prod(shape))))
            self.drawn = numpy.stack([rng.standard_normal((count, *shape)) for rng in self.streams])
            self.taken = 0
        self.taken += 1
        found = self.drawn[:, self.taken - 1]
        return found if self.rows is None else found[self.rows]


def _stream_of(seed: int, name: str, repeat: Repeat) -> Any:
    make = partial(stream, seed, f"{name} noise")
    return make(repeat) if isinstance(repeat, int) else PointStreams(make, repeat)


class Wiener:
    """Increments of independent Wiener processes, drawn one after another."""

    def __init__(self, system: System):
        self.system = system
        self.streams: Mapping[str, Any] = {
            name: _stream_of(system.seed, name, system.repeat) for name in system.noisy
        }

    def increments(self, h: float, states: States) -> dict[str, torch.Tensor]:
        """sqrt(h) times standard normal numbers, [nodes, coordinates...] of each noisy state; with
        an axis of points in front where they have draws of their own.

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
