"""Products of edge quantities that do not split, or of inner products, with kernels that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node

if TYPE_CHECKING:
    from dynattn.program.passes.products import Product, Products

Times = Callable[["Product", "Product", Maker], "Product"]


def weighed(
    node: Node, parts: Sequence[Products | None], maker: Maker, times: Times
) -> Products | None:
    """What a product of two edge quantities is, where not both are sums of plain products.

    An inner product times numbers is a sum of inner products. A number per edge that does not split
    weighs what the senders send: the sum is then a product with a matrix of these numbers.
    """
    for k, (one, other) in enumerate((parts, parts[::-1])):
        weight = node.inputs[k]
        if other is None or any(p.dotted for p in other):
            continue
        if one is not None and all(not p.dotted or _is_number(q) for p in one for q in other):
            return tuple(times(p, q, maker) for p in one for q in other)
        inner = weight.inputs[0] if weight.op == "unsqueeze" else weight
        number = inner.type.shape == () and inner.type.dtype == "real"
        if number and inner.type.place.kind in ("edges", "pairs") and _may_be_weighed(other, inner):
            return tuple(replace(q, edge=inner) for q in other)
    return None


def _is_number(product: Product) -> bool:
    factors = (product.receiver, product.sender, product.edge)
    return all(f is None or f.type.shape == () for f in factors)


def _may_be_weighed(products: Products, weight: Node) -> bool:
    """Whether quantities of the senders are all that is summed.

    What depends on the receiver alone stays inside the kernel, where differences of near numbers
    keep their digits; with shares, which are no larger than 1, no more are lost than with numbers.
    """
    if any(p.edge is not None for p in products) or all(p.sender is None for p in products):
        return False
    return weight.op == "edge_softmax" or all(p.sender is not None for p in products)
