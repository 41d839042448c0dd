"""Edge quantities as sums of products a_k(x_i) * b_k(x_j) * w_ij, where that is exact.

Trigonometric functions of phase differences split by the addition theorems; everything else splits
where it depends on one end alone. What would lose digits or overflow stays whole: squares of
differences, exponentials of differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node, ordered
from dynattn.program.passes.complex_products import parts_of
from dynattn.program.passes.matrix_products import separate_product
from dynattn.program.passes.one_end import SHAPED, at_nodes
from dynattn.program.passes.same_class import equality, is_truth
from dynattn.program.passes.weights import weighed
from dynattn.vocabulary.functions import ELEMENTWISE, MATRIX_FUNCTIONS
from dynattn.vocabulary.sizes import ONE

LIMIT = 256
"""With more products than this, the plain form is the cheaper one."""


@dataclass(frozen=True)
class Product:
    """sign * receiver * sender * edge; a missing factor is 1. ``receiver`` may be global."""

    sign: int = 1
    receiver: Node | None = None
    sender: Node | None = None
    edge: Node | None = None
    dotted: bool = False
    """Whether receiver and sender are vectors, of which the inner product is taken."""


Products = tuple[Product, ...]


def separate(node: Node, maker: Maker, *, dotted: bool = False) -> Products | None:
    """The products whose sum an edge quantity is, or None where it does not split.

    ``dotted``: whether inner products, and edge quantities that do not split, may be among them.
    """
    found = _separate(node, maker)
    if found is None or len(found) > LIMIT:
        return None
    return found if dotted or not any(p.dotted or _is_opaque(p) for p in found) else None


def _is_opaque(product: Product) -> bool:
    """Whether its edge factor is computed from both ends."""
    ends = ("receiver", "sender", "delayed")
    return product.edge is not None and any(n.op in ends for n in ordered([product.edge]))


def _separate(node: Node, maker: Maker) -> Products | None:
    if node.type.place.kind not in ("edges", "pairs") or _is_spread_global(node):
        inner = node.inputs[0] if node.op == "unsqueeze" else node
        return (Product(receiver=inner),)
    if _is_own(node):
        return (Product(edge=maker.real(node)),)
    match node.op:
        case "receiver" | "sender":
            value = maker.real(node.inputs[0])
            return (Product(receiver=value) if node.op == "receiver" else Product(sender=value),)
        case "edge":
            return (Product(edge=None if node.payload[1] == "one" else node),)
        case "eq" | "ne" if (same := equality(node, maker, one_end)) is not None:
            found = Product(edge=same)
            return (found,) if node.op == "eq" else (Product(), flipped(found))
        case "add" | "sub" | "neg" | "mul" | "div" | "pow":
            return _arithmetic(node, maker)
        case "re" | "im" | "conj":
            inner = _separate(node.inputs[0], maker)
            found = parts_of(node.op, inner, maker) if inner and _is_plain(inner) else None
            return found or _one_sided(node, maker)
        case "sin" | "cos" | "cis":
            return _trigonometric(node, maker)
        case "unsqueeze":
            return _unsqueezed(node, maker)
        case "dot":
            return _inner_product(node, maker)
        case "matmul" | "merge":
            found = separate_product(node, maker, _separate, one_end, Product)
            return _one_sided(node, maker) if found is None else found
    return _one_sided(node, maker)


def _is_spread_global(node: Node) -> bool:
    """A quantity of the whole model that only ``align`` has given a place."""
    return node.op == "unsqueeze" and node.inputs[0].type.place_axes == 0


def _is_own(node: Node) -> bool:
    """Whether a quantity of edges is made of numbers that they hold themselves, not of its ends."""
    met = [item for item in ordered([node]) if item.type.place.kind in ("edges", "pairs")]
    held = any(item.op in ("parameter", "state") for item in met)
    return held and not any(item.op in ("receiver", "sender", "edge", "reach") for item in met)


def _is_of_edges(node: Node) -> bool:
    """The same where attributes of the edges are among the numbers."""
    met = [item for item in ordered([node]) if item.type.place.kind == "edges"]
    return any(item.op == "edge" and item.payload[1] != "one" for item in met) and not any(
        item.op in ("receiver", "sender", "reach", "delayed", "edge_softmax", "edge_normalize")
        for item in met
    )


def _arithmetic(node: Node, maker: Maker) -> Products | None:
    parts = [_separate(child, maker) for child in node.inputs]
    if node.op == "mul" and not all(map(_is_plain, parts)):
        return weighed(node, parts, maker, _times)
    if node.op == "pow" and not _is_plain(parts[0]):
        return None
    if node.op == "div" and not _is_plain(parts[1]):
        return None
    if any(part is None for part in parts):
        return None
    first = parts[0] or ()
    if node.op == "neg":
        return tuple(flipped(p) for p in first)
    if node.op == "pow":
        return _power(node, first, maker)
    second = parts[1] or ()
    if node.op in ("add", "sub"):
        return (*first, *(flipped(p) if node.op == "sub" else p for p in second))
    if node.op == "div":
        below = second[0] if len(second) == 1 else _collected(node.inputs[1], maker)
        if below is None:
            return None
        second = (_reciprocal(below, maker),)
    return _expanded(first, second, node, maker)


def _expanded(first: Products, second: Products, node: Node, maker: Maker) -> Products | None:
    """A product of sums, multiplied out where that loses no digits.

    (x[j] - x[i])^2 multiplied out is a small difference of large numbers; sines and cosines are
    bounded. A sum of one end alone stays one factor.
    """
    if node.op == "mul":
        first, second = (
            found if len(found) < 2 or (one := _collected(child, maker)) is None else (one,)
            for found, child in zip((first, second), node.inputs, strict=True)
        )
    if len(first) > 1 and len(second) > 1 and not _bounded((*first, *second)):
        return None
    return tuple(_times(a, b, maker) for a in first for b in second)


def _bounded(products: Products) -> bool:
    """Whether every factor is a sine or cosine, or a number of the whole model."""
    factors = [f for p in products for f in (p.receiver, p.sender, p.edge) if f is not None]
    waves = ("sin", "cos", "cis")
    return all(f.op in waves or f.type.place_axes == 0 or is_truth(f) for f in factors)


def flipped(product: Product) -> Product:
    """The product with the other sign."""
    return replace(product, sign=-product.sign)


def _times(a: Product, b: Product, maker: Maker) -> Product:
    if a.dotted:
        return replace(
            a,
            sign=a.sign * b.sign,
            receiver=_scaled(a.receiver, b.receiver, maker),
            sender=_scaled(a.sender, b.sender, maker),
            edge=_multiply(a.edge, b.edge, maker),
        )
    return Product(
        a.sign * b.sign,
        _multiply(a.receiver, b.receiver, maker),
        _multiply(a.sender, b.sender, maker),
        _multiply(a.edge, b.edge, maker),
    )


def _multiply(a: Node | None, b: Node | None, maker: Maker) -> Node | None:
    if a is None or b is None:
        return a or b
    return maker.elementwise("mul", a, b)


def _scaled(vector: Node | None, number: Node | None, maker: Maker) -> Node | None:
    """A vector times a number."""
    if vector is None or number is None:
        return vector
    wide = maker.expand_last(number, 1) if number.type.place_axes else number
    return maker.elementwise("mul", vector, wide)


def _collected(node: Node, maker: Maker) -> Product | None:
    """A sum that depends on one end alone, as one factor."""
    found = one_end(node, maker)
    if found is None:
        return None
    end, value = found
    if end == "sender":
        return Product(sender=value)
    return Product(edge=value) if end == "edge" else Product(receiver=value)


def _is_plain(products: Products | None) -> bool:
    return products is not None and not any(p.dotted for p in products)


def _inner_product(node: Node, maker: Maker) -> Products | None:
    """An inner product of vectors, one of them of each end, or both of the same end."""
    ends = [one_end(child, maker) for child in node.inputs]
    (name, a), (other, b) = (end or ("", node) for end in ends)
    if "" in (name, other) or "edge" in (name, other):
        return None
    if {name, other} == {"receiver", "sender"}:
        near, far = (a, b) if name == "receiver" else (b, a)
        fits = node.type.shape == () and near.type.shape == far.type.shape != ()
        return (Product(receiver=near, sender=far, dotted=True),) if fits else None
    if a.type.shape or b.type.shape:
        made = maker.dot(a, b)
    elif all(child.type.shape[-1:] == (ONE,) for child in node.inputs):
        made = maker.elementwise("mul", a, b)  # vectors of one number each
    else:
        return None
    return (Product(sender=made),) if "sender" in (name, other) else (Product(receiver=made),)


def _reciprocal(p: Product, maker: Maker) -> Product:
    def inverse(factor: Node | None) -> Node | None:
        return None if factor is None else maker.elementwise("div", maker.number(1.0), factor)

    return Product(p.sign, inverse(p.receiver), inverse(p.sender), inverse(p.edge))


def _power(node: Node, base: Products, maker: Maker) -> Products | None:
    exponent = node.inputs[1]
    if exponent.op != "constant" or exponent.payload not in (2, 3):
        return _one_sided(node, maker)
    if len(base) > 1 and not _bounded(base):
        return _one_sided(node, maker)
    found = base
    for _ in range(int(exponent.payload) - 1):
        found = tuple(_times(a, b, maker) for a in found for b in base)
    return found if len(found) <= LIMIT else None


# ── sums of one-sided arguments ────────────────────────────────────────────────────────────────


def _two_sides(argument: Node, maker: Maker) -> tuple[Products, Products] | None:
    """A sum as (receiver-only products, sender-only products); None where a product mixes both."""
    products = _separate(argument, maker)
    if products is None or not _is_plain(products):
        return None
    receiver: list[Product] = []
    sender: list[Product] = []
    for p in products:
        if p.edge is not None:
            return None
        if p.sender is None:
            receiver.append(p)
        elif p.receiver is None:
            sender.append(p)
        elif p.receiver.type.place_axes == 0:
            scaled = maker.elementwise("mul", p.receiver, p.sender)
            sender.append(Product(p.sign, None, scaled))
        else:
            return None
    return tuple(receiver), tuple(sender)


def _summed(products: Sequence[Product], maker: Maker) -> tuple[int, Node] | None:
    """(sign, node) of a sum of one-sided products, the common sign taken out; None for no
    products.
    """
    if not products:
        return None
    sign = products[0].sign
    total: Node | None = None
    for p in products:
        factor = p.receiver or p.sender
        assert factor is not None
        if total is None:
            total = factor
        else:
            total = maker.elementwise("add" if p.sign == sign else "sub", total, factor)
    assert total is not None
    return sign, total


def _trigonometric(node: Node, maker: Maker) -> Products | None:
    sides = _two_sides(node.inputs[0], maker)
    if sides is None or node.inputs[0].type.dtype == "complex":
        return _one_sided(node, maker)
    near, far = (_summed(side, maker) for side in sides)
    if near is None or far is None:
        return _one_sided(node, maker)
    (s, a), (r, b) = near, far
    if node.op == "cis":
        ends = (maker.elementwise("neg", x) if sign < 0 else x for sign, x in (near, far))
        receiver, sender = (maker.elementwise("cis", x) for x in ends)
        return (Product(1, receiver, sender),)
    sin_a, cos_a = maker.elementwise("sin", a), maker.elementwise("cos", a)
    sin_b, cos_b = maker.elementwise("sin", b), maker.elementwise("cos", b)
    if node.op == "sin":  # sin(s a + r b) = s sin a cos b + r cos a sin b
        return (Product(s, sin_a, cos_b), Product(r, cos_a, sin_b))
    return (Product(1, cos_a, cos_b), Product(-s * r, sin_a, sin_b))


def _one_sided(node: Node, maker: Maker) -> Products | None:
    """An elementwise function of one end (and global numbers), computed per node."""
    if node.op in SHAPED:
        return _vector(node, maker)
    if node.op not in (*ELEMENTWISE, *MATRIX_FUNCTIONS):
        return None
    values = [one_end(child, maker) for child in node.inputs]
    ends = {end for end, _ in (v for v in values if v is not None)} - {"global"}
    if any(value is None for value in values) or len(ends) > 1:
        return None
    operands = [value for _, value in (v for v in values if v is not None)]
    if node.op in MATRIX_FUNCTIONS:
        made = maker.of_matrix(node.op, operands[0])
    else:
        made = maker.real(maker.elementwise(node.op, *operands))
    if ends == {"sender"}:
        return (Product(sender=made),)
    if ends == {"edge"}:
        return (Product(edge=made),)
    return (Product(receiver=made),)


def _vector(node: Node, maker: Maker) -> Products | None:
    """Coordinates put together at one end."""
    for end in ("sender", "receiver"):
        made = at_nodes(node, end, maker)
        if made is not None:
            return (Product(sender=made) if end == "sender" else Product(receiver=made),)
    return None


def one_end(node: Node, maker: Maker) -> tuple[str, Node] | None:
    """(end, node-level value) of an operand that depends on one end alone."""
    products = _separate(node, maker)
    if products is None or len(products) != 1:
        if _is_of_edges(node):
            return "edge", maker.real(node)
        return None if products is None else _summed_end(node, maker)
    p = products[0]
    if p.dotted:
        return None
    present = [
        (end, f) for end in ("receiver", "sender", "edge") if (f := getattr(p, end)) is not None
    ]
    if len(present) == 2 and present[0][1].type.place_axes == 0:  # a global number times one end
        end, value = present[1][0], maker.elementwise("mul", present[0][1], present[1][1])
    elif len(present) == 1:
        end, value = present[0]
    else:
        return None
    if p.sign < 0:
        value = maker.elementwise("neg", value)
    return ("global" if value.type.place_axes == 0 else end), value


def _summed_end(node: Node, maker: Maker) -> tuple[str, Node] | None:
    """The same of a sum: of one end, and of numbers of the whole model beside it."""
    sides = _two_sides(node, maker)
    if sides is None:
        return None
    near, far = sides
    if near and far and any(p.receiver is None or p.receiver.type.place_axes for p in near):
        return None
    part = _summed((*far, *near), maker)
    assert part is not None
    value = part[1] if part[0] > 0 else maker.elementwise("neg", part[1])
    return ("sender" if far else "receiver", value)


def _unsqueezed(node: Node, maker: Maker) -> Products | None:
    """New coordinate axes go to every factor of full rank; place axes are aligned again later."""
    products = _separate(node.inputs[0], maker)
    if products is None or not _is_plain(products):
        return None
    count = len(node.type.shape) - len(node.inputs[0].type.shape)
    if count == 0:
        return products
    at_end = max(node.payload) == -1

    def expand(factor: Node | None) -> Node | None:
        if factor is None or not at_end or not factor.type.shape:
            return factor
        return maker.expand_last(factor, count)

    return tuple(
        Product(p.sign, expand(p.receiver), expand(p.sender), expand(p.edge)) for p in products
    )
