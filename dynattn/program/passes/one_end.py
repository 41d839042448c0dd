"""Vectors of one end of an edge, computed once per node: ``[cos(x[j]), sin(x[j])]``."""

from __future__ import annotations

from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node
from dynattn.vocabulary.functions import ELEMENTWISE

SHAPED = frozenset({"stack", "concat", "split", "merge", "norm"})
"""Operations along the coordinates of each edge alike."""


def at_nodes(node: Node, end: str, maker: Maker) -> Node | None:
    """An edge quantity as one of the nodes at ``end``; None where anything else stands in it."""
    if node.type.place_axes == 0:
        return node
    if node.op == end:
        return maker.real(node.inputs[0])
    if node.op == "unsqueeze":
        return _unsqueezed(node, end, maker)
    if node.op not in SHAPED and node.op not in ELEMENTWISE:
        return None
    inner = [at_nodes(child, end, maker) for child in node.inputs]
    parts = [child for child in inner if child is not None]
    if len(parts) != len(inner):
        return None
    if node.op in ELEMENTWISE:
        return maker.elementwise(node.op, *parts)
    place = next((p.type.place for p in parts if p.type.place_axes), None)
    if place is None:
        return None
    batched = any(part.type.batched for part in parts)
    return maker.make(
        node.op, parts, ArrayType(place, node.type.shape, node.type.dtype, batched), node.payload
    )


def _unsqueezed(node: Node, end: str, maker: Maker) -> Node | None:
    """Axes among the coordinates are made again; those of places follow from the operands."""
    inner = node.inputs[0]
    if inner.type.place_axes == 0:
        return inner
    found = at_nodes(inner, end, maker)
    if found is None or min(node.payload) < -len(node.type.shape):
        return None
    kind = ArrayType(found.type.place, node.type.shape, found.type.dtype, found.type.batched)
    return maker.make("unsqueeze", [found], kind, node.payload)
