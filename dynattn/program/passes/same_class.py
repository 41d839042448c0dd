"""Weights that say whether both ends of an edge are of one class: ``module[i] == module[j]``.

Over everyone the sum with such a weight is the sum over the nodes of the receiver's own class, made
once for each class: no number per pair is.
"""

from __future__ import annotations

from collections.abc import Callable

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node

OneEnd = Callable[[Node, Maker], tuple[str, Node] | None]
Labels = tuple[Node, Node]
"""What is compared: of the receivers, of the senders."""


def is_comparison(node: Node) -> bool:
    """Whether numbers of the two ends of a pair are compared, none of them a vector."""
    return node.op in ("eq", "ne") and node.type.place.kind == "pairs" and not node.type.shape


def compared(node: Node, maker: Maker, one_end: OneEnd) -> Labels | None:
    """The labels that a comparison compares; None where these are not one of each end."""
    ends = [one_end(child, maker) for child in node.inputs]
    found = dict(end for end in ends if end is not None)
    if set(found) != {"receiver", "sender"}:
        return None
    return found["receiver"], found["sender"]


def equality(node: Node, maker: Maker, one_end: OneEnd) -> Node | None:
    """1 where the labels that a comparison compares are equal, else 0; None where it has none."""
    if not is_comparison(node) or compared(node, maker, one_end) is None:
        return None
    return maker.real(maker.make("eq", node.inputs, node.type))


def is_truth(node: Node) -> bool:
    """Whether a number is a truth value, 0 or 1."""
    return node.op == "mul" and node.inputs[0].type.dtype == "truth"


def labels_of(weight: Node, maker: Maker, one_end: OneEnd) -> Labels | None:
    """The labels of a weight that is 1 within a class and 0 between two; else None."""
    inner = weight.inputs[0] if weight.op == "mul" else weight
    if inner.op != "eq" or not is_comparison(inner) or maker.real(inner) is not weight:
        return None
    return compared(inner, maker, one_end)
