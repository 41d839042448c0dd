"""Rebuilding a program with some of its nodes replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dynattn.program.layout import Maker
from dynattn.program.nodes import (
    Apply,
    Block,
    Call,
    Evolve,
    Loop,
    Node,
    Program,
    ProgramStep,
    ordered,
)

Rule = Callable[[Node, Maker], Node | None]
"""rule(node with rewritten inputs, maker at its place) -> another node, or None: not mine."""


def rewrite_block(block: Block, rule: Rule) -> Block:
    """Every node of the block offered to the rule once, inputs before users."""
    maker = Maker()
    done: dict[int, Node] = {}
    for node in ordered([output for _, output in block.outputs]):
        inputs = [done[id(child)] for child in node.inputs]
        here = maker.at(node.span)
        fresh = here.make(node.op, inputs, node.type, node.payload)
        done[id(node)] = rule(fresh, here) or fresh
    return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))


def map_blocks(program: Program, change: Callable[[Block], Block]) -> Program:
    """The program with every block changed."""
    names = (
        "initial", "field", "retraction", "observe", "records", "loss", "noise", "jumps", "delays",
    )  # fmt: skip
    named = {name: change(block) for name in names if (block := getattr(program, name)) is not None}
    return replace(program, steps=map_steps(program.steps, change), **named)


def _map_evolve(step: Evolve, change: Callable[[Block], Block]) -> Evolve:
    start = None if step.start is None else change(step.start)
    noise = None if step.noise is None else change(step.noise)
    rate, retraction = change(step.rate), change(step.retraction)
    return replace(step, rate=rate, retraction=retraction, start=start, noise=noise)


def map_steps(
    steps: Sequence[ProgramStep], change: Callable[[Block], Block]
) -> tuple[ProgramStep, ...]:
    """The steps of a network with every block changed."""
    found: list[ProgramStep] = []
    for step in steps:
        match step:
            case Call(block, owner):
                found.append(Call(change(block), owner))
            case Apply(layer, output, target, evolve):
                inner = None if evolve is None else _map_evolve(evolve, change)
                found.append(Apply(layer, change(output), target, inner))
            case Evolve():
                found.append(_map_evolve(step, change))
            case Loop(count, tied, inner):
                found.append(Loop(count, tied, map_steps(inner, change)))
    return tuple(found)
