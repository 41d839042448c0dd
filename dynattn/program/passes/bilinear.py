"""Scores as inner products of a vector of the receiver and one of the sender, and what is averaged
as vectors too, whatever the shapes of matrices and the kinds of numbers are.
"""

from __future__ import annotations

from dataclasses import replace

from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node
from dynattn.program.passes.products import LIMIT, Product, Products, flipped, separate
from dynattn.vocabulary.sizes import fixed


def bilinear(score: Node, maker: Maker) -> Products | None:
    """A score as sum of dot products of vectors at both ends; None where it is none."""
    match score.op:
        case "div" | "mul" if score.inputs[1].type.place_axes == 0:
            inner = bilinear(score.inputs[0], maker)
            return _scaled(inner, score.op, score.inputs[1], maker)
        case "mul" if score.inputs[0].type.place_axes == 0:
            return _scaled(bilinear(score.inputs[1], maker), "mul", score.inputs[0], maker)
        case "mul":
            return _with_numbers(score, maker)
        case "neg":
            inner = bilinear(score.inputs[0], maker)
            return None if inner is None else tuple(map(flipped, inner))
        case "add" | "sub":
            return _sum(score, maker)
        case "dot" if score.type.dtype == "real":
            found = _of_dot(score, maker)
            return found if found is not None else _of_many(score, maker)
    return None


def of_numbers(score: Node, maker: Maker) -> Products | None:
    """A score that is a sum of products of numbers of both ends, each a coordinate of the vectors.

    What depends on the receiver alone is the same for all its senders: its softmax has none of it.
    """
    found = separate(score, maker) if (score.type.shape, score.type.dtype) == ((), "real") else None
    if found is None or any(p.edge is not None for p in found):
        return None
    both = [p for p in found if p.sender is not None]
    if any(f is not None and f.type.shape for p in both for f in (p.receiver, p.sender)):
        return None
    if not any(p.receiver is not None and p.receiver.type.place_axes for p in both):
        return None
    one = maker.make("constant", (), ArrayType(shape=(fixed(1),)), (1.0,))
    return (
        tuple(
            Product(
                p.sign,
                one if p.receiver is None else maker.expand_last(p.receiver, 1),
                None if p.sender is None else maker.expand_last(p.sender, 1),
            )
            for p in both
        )
        or None
    )


def _sum(score: Node, maker: Maker) -> Products | None:
    """The vectors of two scores in one row: a rotary score is the sum of two inner products."""
    if any(part.type.shape != score.type.shape for part in score.inputs):
        return None
    one, other = (bilinear(part, maker) for part in score.inputs)
    if one is None or other is None:
        return None
    return (*one, *(other if score.op == "add" else map(flipped, other)))


def _of_dot(score: Node, maker: Maker) -> Products | None:
    products = separate(maker.elementwise("mul", *score.inputs), maker)
    if products is None or any(p.edge or not p.receiver or not p.sender for p in products):
        return None
    shapes = [(p.receiver.type.shape, p.sender.type.shape) for p in products
              if p.receiver and p.sender]  # fmt: skip
    return products if all(near == far for near, far in shapes) else None


def _of_many(score: Node, maker: Maker) -> Products | None:
    """sum_c g_c dot(u_c[i], v_c[j]): the vectors of all c, each times its number, in one row."""
    numbers = maker.elementwise("mul", *score.inputs)
    found = _with_numbers(numbers, maker) if score.type.shape == () else None
    if found is None or any(len(p.sender.type.shape) != 2 for p in found if p.sender):
        return None
    rows = [(p, as_rows(p.receiver, 0, maker), as_rows(p.sender, 0, maker))
            for p in found if p.receiver and p.sender]  # fmt: skip
    return tuple(Product(p.sign, near, far) for p, near, far in rows)


def _with_numbers(score: Node, maker: Maker) -> Products | None:
    """Dot products times numbers of either end."""
    for one, other in (score.inputs, reversed(score.inputs)):
        vectors = bilinear(one, maker)
        numbers = separate(other, maker) if vectors is not None else None
        if vectors is None or numbers is None or any(p.edge is not None for p in numbers):
            continue
        if len(vectors) * len(numbers) > LIMIT:
            return None
        return tuple(
            Product(
                p.sign * n.sign,
                _times(n.receiver, p.receiver, maker),
                _times(n.sender, p.sender, maker),
            )
            for n in numbers
            for p in vectors
        )
    return None


def _times(number: Node | None, vector: Node | None, maker: Maker) -> Node | None:
    if number is None or vector is None:
        return vector
    return maker.elementwise("mul", maker.expand_last(number, 1), vector)


def _scaled(products: Products | None, op: str, factor: Node, maker: Maker) -> Products | None:
    if products is None:
        return None
    beside = maker.expand_last(factor, 1) if factor.type.shape else factor
    return tuple(
        replace(p, receiver=maker.elementwise(op, p.receiver, beside))
        for p in products
        if p.receiver is not None
    )


# ── vectors ────────────────────────────────────────────────────────────────────────────────────


def as_rows(node: Node, heads: int, maker: Maker) -> Node:
    """All coordinates behind the first ``heads`` axes as one axis of real numbers."""
    if len(node.type.shape) == heads:
        node = maker.expand_last(node, 1)
    while len(node.type.shape) > heads + 1:
        *front, rows, columns = node.type.shape
        node = maker.make("merge", [node], replace(node.type, shape=(*front, rows * columns)))
    if node.type.dtype != "complex":
        return node
    return maker.concat([maker.elementwise(part, node) for part in ("re", "im")])


def from_rows(rows: Node, like: Node, heads: int, maker: Maker) -> Node:
    """Rows back in the shape and kind of ``like``."""
    if like.type.dtype == "complex":
        re, im = (maker.part(rows, k, 2, rows.type.shape[-1] / fixed(2)) for k in range(2))
        rows = maker.elementwise("add", re, maker.elementwise("mul", maker.number(1j), im))
    rest = like.type.shape[heads:]
    if not rest:
        if not heads:
            return maker.dot(rows, maker.number(1.0))
        return maker.make("merge", [rows], replace(rows.type, shape=like.type.shape))
    for k, size in enumerate(rest[:-1]):
        wide = rest[-1]
        for other in rest[k + 1 : -1]:
            wide = wide * other
        shape = (*rows.type.shape[:-1], size, wide)
        rows = maker.make("split", [rows], replace(rows.type, shape=shape), size)
    return rows
