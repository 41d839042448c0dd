"""Given numbers for the noise of layers: the same for a module and for the reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dynattn.vocabulary.distributions import stream


def noise_name(layer: str, copy: int, state: str) -> str:
    """The name of the noise that one copy of a layer gives a state."""
    return f"{layer}.{copy} {state} noise"


def weight_noise(name: str) -> str:
    """The name of the noise of a learned array, of this full name."""
    return f"{name} noise"


class Increments:
    """Standard normal numbers, one array after another from a stream of each name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.streams: dict[str, Any] = {}

    def next(self, name: str, shape: Sequence[int], is_complex: bool) -> Any:
        """[place..., coordinates...]; complex numbers have two independent parts."""
        if name not in self.streams:
            self.streams[name] = stream(self.seed, name)
        rng = self.streams[name]
        numbers = rng.standard_normal(tuple(shape))
        return numbers + 1j * rng.standard_normal(tuple(shape)) if is_complex else numbers

    def first(self, name: str, shape: Sequence[int]) -> Any:
        """The first numbers of a stream, whatever has been drawn from it."""
        return stream(self.seed, name).standard_normal(tuple(shape))
