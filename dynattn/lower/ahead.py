"""The right-hand side in two parts: what the past alone decides, and what is made of it at a time.

The first part depends on delayed states and parameters: it is evaluated for many times at once, the
times being one more batch axis. The second reads its results beside the present states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from dynattn.lower.past import Past, environment_of
from dynattn.program.layout import Maker
from dynattn.program.nodes import Block, Node

if TYPE_CHECKING:
    from dynattn.lower.module import System

STILL = frozenset(
    {"parameter", "constant", "size", "index", "node", "axis", "edge", "degree", "total"}
)
"""Leaves that are the same at all times."""


class Ahead:
    """Both parts of a system's field."""

    def __init__(self, system: System):
        block = system.program.field
        assert block is not None
        late = _decided_by_the_past(block)
        border = _border(block, late)
        self.system = system
        self.names = [f"late {k}" for k in range(len(border))]
        first = Block("late", tuple(zip(self.names, border, strict=True)))
        self.first = system.routine(first)
        self.rest = system.routine(_rest(block, border, self.names))

    def past(self, past: Past) -> dict[str, Tensor]:
        """What the past decides; every result has the axes of the past in front."""
        return self.first(environment_of(self.system, past))

    def rates(
        self, t: float | Tensor, states: Mapping[str, Tensor], found: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The rates of change at a time, given what ``past`` found for it."""
        environment = self.system._environment(t, states)
        environment |= {f"placeholder {name}": value for name, value in found.items()}
        results = self.rest(environment).items()
        shapes = {name: x.shape for name, x in states.items()}
        return {n: x if x.shape == shapes[n] else x.expand(shapes[n]) for n, x in results}


def _decided_by_the_past(block: Block) -> set[int]:
    """The nodes (by id) that are made of delayed states, and else of nothing that changes."""
    still: set[int] = set()
    late: set[int] = set()
    for node in block.nodes:
        inputs = {id(item) for item in node.inputs}
        if node.op == "delayed" or (inputs & late and inputs <= late | still):
            late.add(id(node))
        elif node.op in STILL or (inputs and inputs <= still):
            still.add(id(node))
    return late


def _border(block: Block, late: set[int]) -> list[Node]:
    """The late nodes that others, or nobody, read."""
    read = {id(item): item for node in block.nodes if id(node) not in late for item in node.inputs}
    read |= {id(node): node for _, node in block.outputs}
    return [node for node in block.nodes if id(node) in late and id(node) in read]


def _rest(block: Block, border: list[Node], names: list[str]) -> Block:
    """The block, the nodes of the border given from outside."""
    maker, done = Maker(), dict[int, Node]()
    for node, name in zip(border, names, strict=True):
        done[id(node)] = maker.at(node.span).make("placeholder", (), node.type, name)
    for node in block.nodes:
        if id(node) not in done:
            inputs = [done[id(child)] for child in node.inputs]
            done[id(node)] = maker.at(node.span).make(node.op, inputs, node.type, node.payload)
    return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))
