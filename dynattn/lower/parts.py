"""Some results of a system's field, computed without the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from dynattn.program.nodes import Block
from dynattn.program.splitting import part_of

if TYPE_CHECKING:
    from dynattn.lower.module import System

States = Mapping[str, Tensor]


class Part:
    """A block of a system's program as a function of time and states."""

    def __init__(self, system: System, block: Block) -> None:
        self.system = system
        self.names = tuple(name for name, _ in block.outputs)
        self.routine = system.routine(block)

    def __call__(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """Its results, each in the shape of the state it belongs to."""
        results = self.routine(self.system._environment(t, states))
        return {name: results[name].expand(states[name].shape) for name in self.names}

    def moved(self, states: States, steps: States) -> dict[str, Tensor]:
        """Of a retraction: where the tangent steps lead."""
        environment = self.system._environment(0.0, states)
        environment.update({f"placeholder v {name}": step for name, step in steps.items()})
        results = self.routine(environment)
        return {name: results[name].expand(states[name].shape) for name in self.names}


def rates_of(system: System, names: Collection[str]) -> Part:
    """The rates of these states."""
    assert system.program.field is not None, "every law of this model stands in a layer"
    return Part(system, part_of(system.program.field, frozenset(names)))


def retraction_of(system: System, names: Collection[str]) -> Part:
    """Where steps of these states lead."""
    assert system.program.retraction is not None, "every law of this model stands in a layer"
    return Part(system, part_of(system.program.retraction, frozenset(names)))
