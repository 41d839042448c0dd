"""White noise for layers that evolve: standard normal numbers, drawn one after another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from dynattn.lower.draws import Repeat
from dynattn.program.increments import Increments, weight_noise


class White(Protocol):
    """What a network takes its noise from."""

    call: int
    """How many calls of the network there have been; set back, the next ones repeat themselves."""

    def begin(self) -> None:
        """A call of the network begins."""
        ...

    def numbers(self, name: str, like: Tensor, shape: tuple[int, ...], rank: int) -> Tensor:
        """The next numbers of a name, in this shape and of the kind of ``like``.

        ``rank``: how many of the axes are those of one sample.
        """
        ...

    def of_weights(self, name: str, like: Tensor) -> Tensor:
        """Numbers for one use of the weights of a name, like them."""
        ...


@dataclass
class Drawn:
    """One stream per name and call, fixed by (seed, name, repeat, number of the call).

    All numbers differ: those of samples, of calls in training and in evaluation, and of copies.
    """

    seed: int
    repeat: Repeat
    call: int = 0
    generators: dict[str, torch.Generator] = field(default_factory=dict)

    def begin(self) -> None:
        """As of ``White``."""
        self.call += 1
        self.generators = {}

    def numbers(self, name: str, like: Tensor, shape: tuple[int, ...], rank: int) -> Tensor:
        """As of ``White``."""
        if name not in self.generators:
            key = f"{self.seed}\x00{name}\x00{self.repeat}\x00{self.call}".encode()
            digest = hashlib.sha256(key).digest()
            generator = torch.Generator(like.device)
            self.generators[name] = generator.manual_seed(int.from_bytes(digest[:7], "little"))
        generator, kind = (
            self.generators[name],
            like.real.dtype if like.is_complex() else like.dtype,
        )
        axes = (*shape, 2) if like.is_complex() else shape
        found = torch.randn(axes, generator=generator, dtype=kind, device=like.device)
        return torch.view_as_complex(found) if like.is_complex() else found

    def of_weights(self, name: str, like: Tensor) -> Tensor:
        """The next ones of their stream: every use draws anew."""
        return self.numbers(weight_noise(name), like, tuple(like.shape), like.dim())


@dataclass
class Given:
    """The same numbers at every call and for every sample: those of ``Increments``."""

    seed: int
    call: int = 0

    def __post_init__(self) -> None:
        self.increments = Increments(self.seed)

    def begin(self) -> None:
        """As of ``White``."""
        self.call += 1
        self.increments = Increments(self.seed)

    def numbers(self, name: str, like: Tensor, shape: tuple[int, ...], rank: int) -> Tensor:
        """As of ``White``."""
        found = self.increments.next(name, shape[len(shape) - rank :], like.is_complex())
        return torch.as_tensor(found, dtype=like.dtype, device=like.device).expand(shape)

    def of_weights(self, name: str, like: Tensor) -> Tensor:
        """The same at every use: those that ``Increments`` has first."""
        found = self.increments.first(weight_noise(name), tuple(like.shape))
        return torch.as_tensor(found, dtype=like.dtype, device=like.device)
