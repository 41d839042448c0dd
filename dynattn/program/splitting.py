"""The blocks that a splitting of the field asks for one by one."""

from __future__ import annotations

from dynattn.model.model import Model
from dynattn.model.parts import State
from dynattn.model.structure import is_zero, velocities
from dynattn.network.build import Network
from dynattn.program.build import spread, varied_parameters
from dynattn.program.nodes import Block, Node, Program
from dynattn.program.passes.schedule import run_passes
from dynattn.program.rules import Builder


def damping(model: Model, network: Network) -> Block:
    """dissipation / inertia by velocity, in its layout; none where there is no friction."""
    builder = Builder(model, network, varied_parameters(model))
    outputs = [
        (state.name, spread(builder, _damping(builder, model, state), state))
        for state in velocities(model).values()
        if not is_zero(model.clauses[str(state.velocity_of)].get("dissipation"))
    ]
    plain = Program(
        initial=Block("initial", ()), field=None, retraction=None, records=None, steps=(),
        loss=None, observe=Block("damping", tuple(outputs)),
    )  # fmt: skip
    found = run_passes(plain, model, network).observe
    assert found is not None
    return found


def _damping(builder: Builder, model: Model, state: State) -> Node:
    clauses = model.clauses[str(state.velocity_of)]
    mass, friction = clauses["inertia"], clauses.get("dissipation")
    maker = builder.maker.at(mass.span)
    over = maker.number(1) if friction is None else builder.node(friction)
    return maker.elementwise("div", over, builder.node(mass))


def part_of(block: Block, names: frozenset[str]) -> Block:
    """Some results of a block: computing them computes nothing for the others."""
    return Block(block.name, tuple((n, node) for n, node in block.outputs if n in names))
