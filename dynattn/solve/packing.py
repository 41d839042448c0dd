"""Several states as one array, for solvers that know only one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import torch


@dataclass(frozen=True)
class Packing:
    """States ``[batch..., coordinates...]`` as one tensor ``[batch..., all coordinates]``."""

    batch: tuple[int, ...]
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of each state without the batch axes."""

    def pack(self, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """One tensor; states without the batch axes are repeated along them."""
        parts = [
            states[name].expand(*self.batch, *shape).reshape(*self.batch, -1)
            for name, shape in self.shapes.items()
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def unpack(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states again; axes in front of the last are kept."""
        sizes = [prod(shape) for shape in self.shapes.values()]
        parts = packed.split(sizes, dim=-1)
        front = packed.shape[:-1]
        return {
            name: part.reshape(*front, *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def inside(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states where their rates can be told."""
        return self.unpack(packed)

    def pack_rates(
        self, states: Mapping[str, torch.Tensor], rates: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The rates of change of what is packed, at the states of ``inside``."""
        return self.pack(rates)

    def norm(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """What adaptive methods measure their error by: the largest root mean square there is.

        Taken per state and per point of the batch, so that no point of a sweep is solved less
        exactly for being in company.
        """
        sizes = [prod(shape) for shape in self.shapes.values()]

        def largest(error: torch.Tensor) -> torch.Tensor:
            parts = error.reshape(*self.batch, -1).split(sizes, dim=-1)
            squares = [part.abs().square().mean(dim=-1).amax() for part in parts]
            return torch.stack(squares).amax().sqrt() if len(squares) > 1 else squares[0].sqrt()

        return largest

    def place(self, index: int) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
        """What stands at a flat index: the state, the batch point, the index in the state."""
        width = sum(prod(shape) for shape in self.shapes.values())
        row, column = divmod(index, width)
        for name, shape in self.shapes.items():
            if column < prod(shape):
                return name, _unravel(row, self.batch), _unravel(column, shape)
            column -= prod(shape)
        raise IndexError(index)


def _unravel(index: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    digits = []
    for size in reversed(shape):
        index, digit = divmod(index, size)
        digits.append(digit)
    return tuple(reversed(digits))
