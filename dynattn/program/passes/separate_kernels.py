"""Sums over edges of separable kernels become sums of node features: O(E) or O(N) instead of sines
per edge, and nothing per edge in memory."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node
from dynattn.program.passes.products import Product, Products, separate


def separate_kernels(node: Node, maker: Maker) -> Node | None:
    """edge_sum(sum_k a_k(x_i) b_k(x_j) w_ij)  ->  sum_k a_k * graph_sum(b_k; w)."""
    if node.op != "edge_sum":
        return None
    inner, last = node.inputs[0], None
    if inner.op == "dot":  # sum_j w sum_c a_c b_c = sum_c a_c sum_j w b_c
        last = maker.elementwise("mul", *inner.inputs)
    products = separate(inner if last is None else last, maker)
    if products is None or any(p.edge is not None and p.edge.op != "edge" for p in products):
        return None
    if last is not None and not _contractible(products):
        return None
    sums = _graph_sums(products, node, maker)
    total = _joined(products, sums, maker, contract=last is not None)
    return maker.align(total, node.type) if total.type.shape != node.type.shape else total


def _contractible(products: Products) -> bool:
    return all(p.receiver is not None and p.sender is not None for p in products)


def _weight(product: Product) -> str | None:
    """The attribute of the edges that weighs this product; None where nothing does."""
    return None if product.edge is None else product.edge.payload[1]


def _graph_sums(products: Products, node: Node, maker: Maker) -> list[Node]:
    """The sum over senders of each product's sender factor; features of one weight together."""
    groups: dict[str | None, list[Node]] = {}
    for p in products:
        if p.sender is not None:
            group = groups.setdefault(_weight(p), [])
            if p.sender not in group:
                group.append(p.sender)
    made = {
        weight: _graph_sum(features, weight, node, maker) for weight, features in groups.items()
    }
    return [_sum_of(p, groups, made, node, maker) for p in products]


def _graph_sum(features: Sequence[Node], weight: str | None, node: Node, maker: Maker) -> Node:
    batched = any(f.type.batched for f in features)
    kind = ArrayType(node.type.place, (), "tuple", batched)
    return maker.make("graph_sum", features, kind, (node.payload, "", weight))


def _sum_of(
    p: Product,
    groups: dict[str | None, list[Node]],
    made: dict[str | None, Node],
    node: Node,
    maker: Maker,
) -> Node:
    weight = _weight(p)
    if p.sender is None:
        return maker.make("total", (), ArrayType(node.type.place), (node.payload, weight))
    k = groups[weight].index(p.sender)
    kind = ArrayType(node.type.place, p.sender.type.shape, "real", p.sender.type.batched)
    return maker.make("pick", [made[weight]], kind, k)


def _joined(products: Products, sums: Sequence[Node], maker: Maker, contract: bool) -> Node:
    total: Node | None = None
    for p, value in zip(products, sums, strict=True):
        term = value
        if p.receiver is not None:
            term = (
                maker.dot(p.receiver, value)
                if contract
                else maker.elementwise("mul", p.receiver, value)
            )
        if total is None:
            total = term if p.sign > 0 else maker.elementwise("neg", term)
        else:
            total = maker.elementwise("add" if p.sign > 0 else "sub", total, term)
    assert total is not None
    return total
