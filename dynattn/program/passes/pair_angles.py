"""Sines and cosines of the same angles as one operation, in what is trained.

Each is the slope of the other: made together, none of them is computed again on the way back.
"""

from __future__ import annotations

from dataclasses import replace

from dynattn.program.layout import Maker
from dynattn.program.nodes import Block, Node, Program
from dynattn.program.passes.rewriting import map_steps


def pair_angles(program: Program) -> Program:
    """The program with the pairs of its network as ``sine_cosine`` nodes."""
    return replace(program, steps=map_steps(program.steps, _paired))


def _paired(block: Block) -> Block:
    nodes = block.nodes
    sines, cosines = (
        {id(node.inputs[0]) for node in nodes if _turns(node, op)} for op in ("sin", "cos")
    )
    done, maker = dict[int, Node](), Maker()
    for node in nodes:
        here = maker.at(node.span)
        inputs = [done[id(child)] for child in node.inputs]
        both = node.op in ("sin", "cos") and id(node.inputs[0]) in sines & cosines
        if both:
            pair = here.make("sine_cosine", inputs, replace(node.type, dtype="tuple"))
            done[id(node)] = here.make("pick", [pair], node.type, int(node.op == "cos"))
        else:
            done[id(node)] = here.make(node.op, inputs, node.type, node.payload)
    return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))


def _turns(node: Node, op: str) -> bool:
    kind = node.type
    return node.op == op and kind.dtype == "real" and kind.batched and kind.place_axes == 1
