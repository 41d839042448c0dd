"""Periodic lattices of networkx: their shape and the offsets that every node hears, without edges.

networkx numbers the nodes of a lattice row by row; ``grid_graph`` takes its sides from the last to
the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Array = Any
"""A numpy array."""

SIDES = {"grid_2d_graph": ("m", "n"), "grid_graph": ("dim",), "hypercube_graph": ("n",)}
"""Generators of lattices, and the arguments that say how many nodes there are along each side."""


def sides_of(generator: str, arguments: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The lengths of the sides, first the one that is counted slowest; None for no lattice.

    Lengths are given as they stand in the arguments: numbers or sizes.
    """
    if generator not in SIDES or not all(word in arguments for word in SIDES[generator]):
        return None
    if generator == "grid_2d_graph":
        return arguments["m"], arguments["n"]
    if generator == "hypercube_graph":
        count = arguments["n"]
        return (2,) * int(count) if isinstance(count, int | float) and 0 < count <= MOST else None
    sides = arguments["dim"]
    return tuple(reversed(sides)) if isinstance(sides, list | tuple) else None


MOST = 62
"""A hypercube of more sides has more nodes than can be numbered."""


def torus_of(generator: str, arguments: Mapping[str, Any]) -> tuple[tuple[int, ...], Array] | None:
    """Shape and offsets of a lattice that is closed in every direction; None for any other graph.

    Offsets are numbers of nodes, ascending: those of the neighbours of node 0.
    """
    sides = sides_of(generator, arguments)
    closed = generator == "hypercube_graph" or arguments.get("periodic") is True
    if sides is None or not closed or "create_using" in arguments:
        return None
    if not all(isinstance(side, int | float) and side >= 2 and side == int(side) for side in sides):
        return None
    shape = tuple(int(side) for side in sides)
    return shape, _neighbours(shape)


def _neighbours(shape: tuple[int, ...]) -> Array:
    """The neighbours of node 0: one step along each side, either way round."""
    import numpy

    found = set()
    for axis, side in enumerate(shape):
        for step in (1, side - 1):
            place = [step if k == axis else 0 for k in range(len(shape))]
            found.add(int(numpy.ravel_multi_index(place, shape)))
    return numpy.array(sorted(found), dtype=numpy.int64)
