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
    """Shape of each state without the batch axes; of complex ones with a last axis of 2."""
    whole: frozenset[str] = frozenset()
    """The complex states: a solver sees their real and imaginary parts."""

    def pack(self, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """One tensor; states without the batch axes are repeated along them."""
        if len(self.shapes) == 1 and not self.whole:
            ((name, shape),) = self.shapes.items()
            return states[name].expand(*self.batch, *shape).reshape(*self.batch, -1)
        parts = [
            self._in_parts(name, states[name]).expand(*self.batch, *shape).reshape(*self.batch, -1)
            for name, shape in self.shapes.items()
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def unpack(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states again; axes in front of the last are kept."""
        if len(self.shapes) == 1 and not self.whole:
            ((name, shape),) = self.shapes.items()
            return {name: packed.reshape(*packed.shape[:-1], *shape)}
        sizes = [prod(shape) for shape in self.shapes.values()]
        parts = packed.split(sizes, dim=-1)
        front = packed.shape[:-1]
        found = {
            name: part.reshape(*front, *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        return {
            name: torch.complex(*x.unbind(-1)) if name in self.whole else x
            for name, x in found.items()
        }

    def _in_parts(self, name: str, state: torch.Tensor) -> torch.Tensor:
        if name not in self.whole:
            return state
        whole = state if state.is_complex() else state.to(state.dtype.to_complex())
        return torch.view_as_real(whole.resolve_conj())

    def inside(self, packed: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states where their rates can be told."""
        return self.unpack(packed)

    def pack_rates(
        self, states: Mapping[str, torch.Tensor], rates: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The rates of change of what is packed, at the states of ``inside``."""
        return self.pack(rates)

    def spread(self, numbers: Mapping[str, float]) -> torch.Tensor:
        """[all coordinates]: at each the number of its state."""
        parts = [
            torch.full((prod(shape),), numbers[name], dtype=torch.float64)
            for name, shape in self.shapes.items()
        ]
        return torch.cat(parts)

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
                inside = _unravel(column, shape)
                inside = inside[:-1] if name in self.whole else inside
                return name, _unravel(row, self.batch), inside
            column -= prod(shape)
        raise IndexError(index)


def _unravel(index: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    digits = []
    for size in reversed(shape):
        index, digit = divmod(index, size)
        digits.append(digit)
    return tuple(reversed(digits))


def packing_of(states: Mapping[str, torch.Tensor], batch: int) -> Packing:
    """How states pack, with so many leading batch axes; they may be missing from some states, which
    all points share.
    """
    deepest = max(states.values(), key=lambda state: state.dim()) if batch else None
    front = tuple(deepest.shape[:batch]) if deepest is not None else ()
    whole = frozenset(name for name, x in states.items() if x.is_complex())
    shapes = {n: (*x.shape[batch:], *[2] * (n in whole)) for n, x in states.items()}
    return Packing(front, shapes, whole)
