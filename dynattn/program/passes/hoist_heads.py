"""Heads split as late as possible, so that what the heads share is computed once."""

from __future__ import annotations

from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node
from dynattn.vocabulary.functions import ELEMENTWISE


def hoist_heads(node: Node, maker: Maker) -> Node | None:
    """f(split(x), split(y), number)  ->  split(f(x, y, number));  merge(split(x))  ->  x."""
    if node.op == "merge" and node.inputs[0].op == "split":
        return node.inputs[0].inputs[0]
    if node.op not in ELEMENTWISE:
        return None
    split = [child for child in node.inputs if child.op == "split"]
    heads = {child.payload for child in split}
    if len(heads) != 1 or any(not _fits(child) for child in node.inputs):
        return None
    operands = [child.inputs[0] if child.op == "split" else child for child in node.inputs]
    whole = maker.elementwise(node.op, *operands)
    kind = ArrayType(whole.type.place, node.type.shape, node.type.dtype, whole.type.batched)
    return maker.make("split", [whole], kind, heads.pop())


def _fits(node: Node) -> bool:
    """A split array, or a single number of the whole model."""
    return node.op == "split" or (not node.type.shape and node.type.place_axes == 0)
