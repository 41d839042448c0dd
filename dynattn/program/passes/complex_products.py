"""Complex kernels as products: the parts of a product are sums of products of parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node

if TYPE_CHECKING:
    from dynattn.program.passes.products import Product, Products

PARTS = ("re", "im", "conj")
"""Functions that respect sums, and products in their own way."""


def parts_of(op: str, products: Products, maker: Maker) -> Products | None:
    """``re``, ``im`` or ``conj`` of a sum of products, all of whose edge factors are real."""
    if any(p.edge is not None and p.edge.type.dtype == "complex" for p in products):
        return None
    return tuple(part for p in products for part in _part(op, p, maker))


def _part(op: str, p: Product, maker: Maker) -> Products:
    if op == "conj":
        return (replace(p, receiver=_of("conj", p.receiver, maker),
                        sender=_of("conj", p.sender, maker)),)  # fmt: skip
    pairs = {"re": (("re", "re", 1), ("im", "im", -1)), "im": (("re", "im", 1), ("im", "re", 1))}
    found = []
    for near, far, sign in pairs[op]:
        if _vanishes(near, p.receiver) or _vanishes(far, p.sender):
            continue
        receiver, sender = _of(near, p.receiver, maker), _of(far, p.sender, maker)
        found.append(replace(p, sign=p.sign * sign, receiver=receiver, sender=sender))
    return tuple(found)


def _vanishes(part: str, factor: Node | None) -> bool:
    """A real factor, or a missing one, has no imaginary part."""
    return part == "im" and (factor is None or factor.type.dtype != "complex")


def _of(part: str, factor: Node | None, maker: Maker) -> Node | None:
    if factor is None or factor.type.dtype != "complex":
        return factor
    return maker.elementwise(part, factor)
