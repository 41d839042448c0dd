"""Matrix products on edges as products of node quantities, where that is exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node

if TYPE_CHECKING:
    from dynattn.program.passes.products import Product, Products

Separate = Callable[[Node, Maker], "Products | None"]
OneEnd = Callable[[Node, Maker], tuple[str, Node] | None]


def operands(node: Node) -> tuple[Node, Node] | None:
    """The factors of a matrix product, a vector as the vector it was; None for other nodes."""
    if node.op == "matmul":
        return node.inputs[0], node.inputs[1]
    if node.op != "merge" or node.inputs[0].op != "matmul":
        return None
    a, b = node.inputs[0].inputs
    if b.op == "unsqueeze" and b.payload == (-1,):
        return a, b.inputs[0]
    if a.op == "unsqueeze" and a.payload == (-2,):
        return a.inputs[0], b
    return None


def separate_product(
    node: Node, maker: Maker, separate: Separate, one_end: OneEnd, product: type[Product]
) -> Products | None:
    """A @ (sum of products) with an A of the whole model, or a product at one end alone."""
    factors = operands(node)
    if factors is None:
        return None
    ends = [one_end(factor, maker) for factor in factors]
    for k, end in enumerate(ends):
        if end is not None and end[0] == "global":
            return _distributed(separate(factors[1 - k], maker), end[1], k, maker, product)
    first, second = ends
    if first is None or second is None or first[0] != second[0]:
        return None
    made = maker.matmul(first[1], second[1])
    if first[0] == "receiver":
        return (product(receiver=made),)
    return (product(sender=made),) if first[0] == "sender" else None


def _distributed(
    products: Products | None, matrix: Node, place: int, maker: Maker, product: type[Product]
) -> Products | None:
    """The matrix times each product; None where one is no vector or matrix of one end."""
    found = []
    for p in products or ():
        scaled = p.receiver is not None and p.receiver.type.place_axes == 0
        if p.edge is not None or (p.receiver and p.sender and not scaled):
            return None
        value = p.sender or p.receiver
        if p.receiver and p.sender:
            value = maker.elementwise("mul", p.receiver, p.sender)
        if value is None or not value.type.shape:
            return None
        made = maker.matmul(*((matrix, value) if place == 0 else (value, matrix)))
        found.append(product(p.sign, None if p.sender else made, made if p.sender else None))
    return tuple(found) if products is not None else None


def summed_product(
    node: Node, maker: Maker, one_end: OneEnd, graph_sum: Callable[[Node], Node]
) -> Node | None:
    """sum_j A_i b_j = A_i sum_j b_j, and the other way round; None where it is no such sum."""
    factors = operands(node)
    if factors is None:
        return None
    ends = [one_end(factor, maker) for factor in factors]
    if {end[0] for end in ends if end is not None} != {"receiver", "sender"}:
        return None
    values = [graph_sum(v) if name == "sender" else v for name, v in (e for e in ends if e)]
    return maker.matmul(*values)
