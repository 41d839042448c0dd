"""Sums over senders of a function of a scalar product times values: sum_j f(a_i . b_j) v_j.

f is a function of ``BENT`` with sums and multiples before it, and powers besides behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynattn.program.nodes import PLAIN_SUMS, Node

if TYPE_CHECKING:
    from dynattn.program.row_blocks import Rows

BENT = frozenset({"softplus", "relu", "elu", "exp"})
"""Functions whose slope their value tells."""
BEFORE = frozenset({"add", "mul"})
BEHIND = BEFORE | {"pow"}

Number = int | float | Node
"""A constant, or the node of a number of the whole model."""
Step = tuple[str, Number]
"""``add``, ``mul`` or ``pow``, with its second operand."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What such a sum is made of."""

    receiver: Node
    sender: Node
    values: Node
    """a, b and v, of nodes."""
    before: tuple[Step, ...]
    bent: str
    behind: tuple[Step, ...]
    mean: bool
    """Whether it is divided by the sum of the weights."""


def scored_sum(node: Node) -> Scored | None:
    """What an ``edge_sum`` or ``edge_mean`` over pairs is made of; None where it is no such sum."""
    if node.op not in PLAIN_SUMS or len(node.inputs) < 2 or node.inputs[1].op != "sender":
        return None
    behind, bent = _steps(node.inputs[0], BEHIND)
    if bent.op not in BENT:
        return None
    before, score = _steps(bent.inputs[0], BEFORE)
    ends = [(child.op, child.inputs[0]) for child in score.inputs] if score.op == "dot" else []
    if sorted(op for op, _ in ends) != ["receiver", "sender"]:
        return None
    by_op, values = dict(ends), node.inputs[1].inputs[0]
    parts = (by_op["receiver"], by_op["sender"], values)
    if any(part.type.dtype != "real" for part in parts) or len(values.type.shape) > 2:
        return None
    if len({len(part.type.shape) for part in parts}) > 1:
        return None
    return Scored(*parts, before, bent.op, behind, node.op == "edge_mean")


def scored_rows(rows: Rows) -> Scored | None:
    """The same of what a ``row_blocks`` node computes, where it is one such sum over pairs."""
    sums = [node for _, node in rows.block.outputs]
    if len(sums) != 1 or rows.once or sums[0].inputs[0].type.place.kind != "pairs":
        return None
    return scored_sum(sums[0])


def _steps(node: Node, allowed: frozenset[str]) -> tuple[tuple[Step, ...], Node]:
    """The steps that a node ends with, first one first, and what they begin with."""
    found: list[Step] = []
    while node.op in allowed and (split := _split(node)) is not None:
        found.append((node.op, split[1]))
        node = split[0]
    return tuple(reversed(found)), node


def _split(node: Node) -> tuple[Node, Number] | None:
    """What an operation is applied to, and the number that it takes besides."""
    one, other = node.inputs
    orders = ((one, other),) if node.op == "pow" else ((one, other), (other, one))
    for inner, number in orders:
        if inner.type.place.kind == "pairs" and (value := _number(number)) is not None:
            return inner, value
    return None


def _number(node: Node) -> Number | None:
    if node.op == "constant":
        return node.payload if isinstance(node.payload, int | float) else None
    given = node.op in ("variable", "parameter") and node.type.place.kind == "global"
    return node if given and not node.type.shape and not node.type.batched else None
