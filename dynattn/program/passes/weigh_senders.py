"""Sums over pairs of a number, or one per head, times a vector of the sender, as matrix products.

The number may be any function of both ends: no array of pairs then has the width of a vector.
Shares are divided by their total after the sum, and scores scaled before they are made.
"""

from __future__ import annotations

from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.program.passes.rewriting import Rule


def weigh_senders(network: Network) -> Rule:
    """edge_sum(w_ij * v_j)  ->  edge_sum(w, v), and edge_mean(w, v) where w is normalized."""

    def rule(node: Node, maker: Maker) -> Node | None:
        if node.op != "edge_sum" or len(node.inputs) != 1 or node.inputs[0].op != "mul":
            return None
        one, other = node.inputs[0].inputs
        for weight, vector in ((one, other), (other, one)):
            if weight.op == "unsqueeze" and weight.payload == (-1,) and vector.op == "sender":
                number = weight.inputs[0]
                if _fits(number, vector):
                    everyone = network.connections[node.payload].include_self
                    return _weighed(number, vector, node, everyone, maker)
        return None

    return rule


def _fits(number: Node, vector: Node) -> bool:
    of_pairs = number.type.place.kind == vector.type.place.kind == "pairs"
    shape = number.type.shape
    real = number.type.dtype == vector.type.dtype == "real"
    return of_pairs and real and len(shape) <= 1 and vector.type.shape[:-1] == shape


def _weighed(number: Node, vector: Node, node: Node, everyone: bool, maker: Maker) -> Node:
    """``everyone``: no receiver is without senders, so that there is a total to divide by."""
    op = "edge_sum"
    if number.op == "edge_normalize" and everyone:
        op, number = "edge_mean", number.inputs[0]
    return maker.make(op, [number, vector], node.type, node.payload)


def scale_before(node: Node, maker: Maker) -> Node | None:
    """dot(a_i, b_j) / c  ->  dot(a_i / c, b_j) for a number c of the whole model."""
    if node.op not in ("mul", "div") or node.type.place.kind != "pairs":
        return None
    score, number = node.inputs
    if score.op != "dot" or tuple(item.op for item in score.inputs) != ("receiver", "sender"):
        return None
    if number.type.place_axes or number.type.shape or number.type.batched:
        return None
    near, far = score.inputs
    if near.type.shape != far.type.shape:
        return None
    scaled = maker.elementwise(node.op, near.inputs[0], number)
    fresh = maker.make("receiver", [scaled], near.type, near.payload)
    return maker.make("dot", [fresh, far], score.type)
