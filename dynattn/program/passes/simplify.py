"""Neutral operations dropped, and numbers folded."""

from __future__ import annotations

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.vocabulary.functions import ELEMENTWISE

_NEUTRAL_VALUES = {"mul": 1, "add": 0, "sub": 0, "div": 1}


def simplify(node: Node, maker: Maker) -> Node | None:
    """x*1, x+0, x-0, x/1 and --x are x; -x + y is y - x, and x - -y is x + y; functions of
    numbers are numbers.
    """
    if node.op not in ELEMENTWISE:
        return None
    return _folded(node, maker) or _neutral(node) or _double_negation(node) or _minus(node, maker)


def _folded(node: Node, maker: Maker) -> Node | None:
    import numpy

    values = [
        n.payload for n in node.inputs if n.op == "constant" and not isinstance(n.payload, tuple)
    ]
    if len(values) != len(node.inputs) or node.type.dtype == "truth":
        return None
    with numpy.errstate(all="ignore"):  # numpy's numbers: 1 / 0 is inf, (-1)^0.5 is nan
        value = ELEMENTWISE[node.op].value(numpy, *(numpy.asarray(v)[()] * 1.0 for v in values))
    if not numpy.isfinite(value):
        return None
    kinds = {"integer": int, "complex": complex}
    return maker.number(kinds.get(node.type.dtype, float)(value))


def _neutral(node: Node) -> Node | None:
    """The other operand, where one is neutral and the other has the result's own layout."""
    for k in (0, 1) if node.op in ("mul", "add") else (1,):
        if node.op not in _NEUTRAL_VALUES or len(node.inputs) != 2:
            return None
        neutral, other = node.inputs[k], node.inputs[1 - k]
        kinds = [(n.type.place, n.type.shape, n.type.dtype) for n in (other, node)]
        same = kinds[0] == kinds[1]
        if neutral.op == "constant" and neutral.payload == _NEUTRAL_VALUES[node.op] and same:
            return other
    return None


def _double_negation(node: Node) -> Node | None:
    if node.op == "neg" and node.inputs[0].op == "neg":
        return node.inputs[0].inputs[0]
    return None


def _minus(node: Node, maker: Maker) -> Node | None:
    for k, sign in ((0, "add"), (1, "add"), (1, "sub")):
        if node.op == sign and node.inputs[k].op == "neg":
            other, taken = node.inputs[1 - k], node.inputs[k].inputs[0]
            return maker.elementwise("sub" if sign == "add" else "add", other, taken)
    return None
