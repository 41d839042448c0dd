"""The states that a model begins with, drawn anew where they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from dynattn.lower.binding import Binder
from dynattn.lower.initial import as_points, refuse_off_manifold, shape_of, widened
from dynattn.program.nodes import Block

if TYPE_CHECKING:
    from dynattn.lower.module import System


def first_states(system: System, binder: Binder, dims: Mapping[str, int]) -> dict[str, Tensor]:
    """[batch..., nodes, coordinates...] of every state, by the binder's seed and repeat."""
    nodes, result = dict(system.program.initial.outputs), dict[str, Tensor]()
    environment = {f"dim {name}": value for name, value in dims.items()}
    sizes = {**system.model.sizes, **dims}
    for name, state in system.model.lasting.items():
        routine = binder.routine(Block(name, ((name, nodes[name]),)))
        shape = shape_of(state, system.context, sizes)
        value = widened(routine(environment)[name], nodes[name], len(shape))
        result[name] = as_points(state, value, (*system.batch_shape, *shape), system.dtype)
        refuse_off_manifold(state, result[name])
    return result
