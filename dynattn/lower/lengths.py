"""Lengths of samples: where they are read, and how long they may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynattn.model.model import Model


def dim_places(model: Model) -> dict[str, tuple[str, str, int]]:
    """Where each dim's length is read: an axis, counted from the end, of an input or a state."""
    places: dict[str, tuple[str, str, int]] = {}
    for dim in model.dims:
        for item in model.inputs:
            for axis, size in enumerate(item.axes):
                if str(size) == dim.name:
                    places.setdefault(dim.name, ("input", item.name, axis - len(item.axes)))
        for state in model.states.values():
            if state.population and str(model.population[state.population].size) == dim.name:
                places.setdefault(dim.name, ("state", state.name, -len(state.shape) - 1))
    return places


def refuse_too_long(model: Model, environment: Mapping[str, Any]) -> None:
    """ValueError for a sample that is longer than the limit of a dim."""
    for dim in model.dims:
        length = environment.get(f"dim {dim.name}", 0)
        if dim.limit is not None and length > dim.limit:
            raise ValueError(f"a sample has {dim.name} = {length}, at most {dim.limit}")
