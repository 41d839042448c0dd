"""Pairs of a node with itself that count in no sum, kept off the points where slopes end.

1 / norm(x_j - x_i) has no slope where j is i. Its value there is masked, but a gradient is not: 0
times infinity is none. So what is divided by, or has a root or logarithm taken, is at these pairs
what it is at pairs of different nodes.
"""

from __future__ import annotations

from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import Node, ordered
from dynattn.program.passes.rewriting import Rule

SINGULAR = {
    "div": (1,), "pow": (0,), "log": (0,), "sqrt": (0,), "acos": (0,), "asin": (0,), "atan2": (0, 1)
}  # fmt: skip
"""Which inputs an operation may have no slope in, by its name."""


def keep_apart(network: Network) -> Rule:
    """f(a)  ->  f(apart(a)), for an f without slopes everywhere, at pairs that are no edge."""

    def rule(node: Node, maker: Maker) -> Node | None:
        place = node.type.place
        if node.op not in SINGULAR or place.kind != "pairs" or _is_whole_power(node):
            return None
        if network.connections[place.name].include_self:
            return None
        inputs = [
            _apart(child, maker) if k in SINGULAR[node.op] and _of_both_ends(child) else child
            for k, child in enumerate(node.inputs)
        ]
        return maker.make(node.op, inputs, node.type, node.payload)

    return rule


def _apart(node: Node, maker: Maker) -> Node:
    return maker.make("apart", [node], node.type, node.type.place.name)


def _of_both_ends(node: Node) -> bool:
    return {"receiver", "sender"} <= {item.op for item in ordered([node])}


def _is_whole_power(node: Node) -> bool:
    """x, x^2, x^3, ..: slopes everywhere."""
    if node.op != "pow" or node.inputs[1].op != "constant":
        return False
    exponent = node.inputs[1].payload
    return exponent >= 1 and float(exponent).is_integer()
