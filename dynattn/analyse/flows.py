"""The flow of two coordinates: its directions in a window, and where it is at rest there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynattn.analyse.equilibria import equilibria
from dynattn.analyse.stability import Stability
from dynattn.solve.packing import Packing, packing_of

Array = NDArray[np.float64]

Window = tuple[tuple[float, float], tuple[float, float]]
"""From where to where each of the two coordinates goes."""

STARTS = 12
"""Starts of Newton's method along each side of a window."""


@dataclass(frozen=True)
class RestPoint:
    """An equilibrium in the plane."""

    place: tuple[float, float]
    kind: str
    """``stable``, ``saddle``, ``unstable`` or ``undecided``."""
    eigenvalues: Array


def axes_of(window: Window, count: int) -> tuple[Array, Array]:
    """So many values along each side of a window, both ends among them."""
    first, second = (np.linspace(low, high, count) for low, high in window)
    return first, second


def rates_in(system: Any, window: Window, count: int) -> Array:
    """[first, second, 2]: the rates of both coordinates of a system that has no others, at a grid
    of ``count`` values each, at time 0.
    """
    packing, points = _grid(system, window, count)
    with torch.no_grad():
        t = torch.zeros((), dtype=points.dtype, device=points.device)
        rates = packing.pack(system.rates(t, packing.unpack(points)))
    return rates.cpu().double().numpy().reshape(count, count, 2)


def _grid(system: Any, window: Window, count: int) -> tuple[Packing, Any]:
    """How states pack, and the points [count * count, 2] of a grid."""
    first, second = np.meshgrid(*axes_of(window, count), indexing="ij")
    states = system.initial_states()
    packing = packing_of({name: x[None] for name, x in states.items()}, 1)
    both = np.stack([first.ravel(), second.ravel()], -1)
    points = torch.as_tensor(both, dtype=system.dtype, device=system.device)
    return Packing((len(points),), packing.shapes, packing.whole), points


def rest_points(
    system: Any, window: Window, cyclic: tuple[bool, bool] = (False, False)
) -> list[RestPoint]:
    """Those in the window that Newton's method finds from a grid of starts, but for lines that a
    symmetry makes of them. ``cyclic``: which coordinates are angles, from -pi to pi.

    SpecError E428, E621 and E636 where the laws are never at rest.
    """
    packing, points = _grid(system, window, STARTS)
    found = equilibria(system, begin=packing.unpack(points), deflate=False, relax=False)
    inside = []
    for item in found:
        if item.stability.symmetric:
            continue
        states = {n: torch.as_tensor(x)[None] for n, x in item.states.items()}
        place = packing_of(states, 1).pack(states)[0].double().numpy()
        place = np.where(cyclic, np.angle(np.exp(1j * place)), place)
        if all(low <= x <= high for x, (low, high) in zip(place, window, strict=True)):
            both = float(place[0]), float(place[1])
            inside.append(RestPoint(both, _kind(item.stability), item.eigenvalues))
    return inside


def _kind(stability: Stability) -> str:
    one_way = stability.unstable == 1 and not stability.neutral
    return "saddle" if one_way else stability.verdict
