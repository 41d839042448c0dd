"""What a node would contribute to itself, in sums over everyone else.

The sum over j other than i of f(x_i, x_j) is the sum over all j, less f(x_i, x_i). Where the last
is one number for all nodes, sin(0 - lag) for instance, the sums over the senders are numbers of the
whole model, and nothing is taken off node by node.
"""

from __future__ import annotations

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.program.passes.simplify import simplify
from dynattn.vocabulary.functions import ELEMENTWISE


def own_term(kernel: Node, maker: Maker) -> Node | None:
    """The kernel of a node and itself, where that is a number of the whole model; else None."""
    found = _at_one(kernel, maker)
    return None if found is None or found.type.place_axes or found.type.shape else found


def _at_one(node: Node, maker: Maker) -> Node | None:
    """An edge quantity where both ends are one node, as a quantity of nodes; None where unknown."""
    if node.type.place_axes == 0:
        return node
    if node.op in ("receiver", "sender"):
        return maker.real(node.inputs[0])
    if node.op == "unsqueeze" and not node.type.shape:
        return _at_one(node.inputs[0], maker)
    if node.op not in ELEMENTWISE or node.type.shape:
        return None
    inputs = [_at_one(child, maker) for child in node.inputs]
    known = [child for child in inputs if child is not None]
    return _applied(node.op, known, maker) if len(known) == len(inputs) else None


def _applied(op: str, inputs: list[Node], maker: Maker) -> Node:
    """The function of these; a difference of the same is 0, and so is a product with 0."""
    if op == "sub" and inputs[0] is inputs[1]:
        return maker.number(0.0)
    if op == "mul" and any(n.op == "constant" and n.payload == 0 for n in inputs):
        return maker.number(0.0)
    if op in ("sin", "cos") and (turned := _negative_of(inputs[0])) is not None:
        found = maker.elementwise(op, turned)  # shared with those of the lag itself
        return maker.elementwise("neg", found) if op == "sin" else found
    made = maker.elementwise(op, *inputs)
    return simplify(made, maker) or made


def _negative_of(node: Node) -> Node | None:
    """x of -x and of 0 - x."""
    if node.op == "neg":
        return node.inputs[0]
    zero = node.op == "sub" and node.inputs[0].op == "constant" and node.inputs[0].payload == 0
    return node.inputs[1] if zero else None
