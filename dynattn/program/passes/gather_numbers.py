"""Numbers that scale queries and keys of attention, taken once: a score has them all as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.program.passes.join_sums import Part, common_of, without


def gather_numbers(node: Node, maker: Maker) -> Node | None:
    """softmax((a g u[i] + a g v[i]) . (b h w[j])): a b goes to g, which all parts of i have."""
    if node.op not in ("attention", "successor_attention"):
        return None
    query, key, *values = node.inputs
    near, far = (_parts(rows) for rows in (query, key))
    numbers = [_numbers(parts) for parts in (near, far)]
    if None in numbers or not all(map(_factors, (*near, *far))):
        return None
    shared = common_of([_factors(part) for part in near])
    scales = [number for found in numbers for number in found or ()]
    if not shared or not scales:
        return None
    scale = reduce(lambda a, b: maker.elementwise("mul", a, b), map(_upright(maker), scales))
    scaled = maker.elementwise("mul", scale, shared[0])
    query = _rebuilt(query, near, shared[0], scaled, maker)
    key = _rebuilt(key, far, None, None, maker)
    return maker.make(node.op, [query, key, *values], node.type, node.payload)


Scale = tuple[Node, bool]
"""A number of the whole model, and whether it is divided by."""


def _parts(rows: Node) -> list[Part]:
    pieces = rows.inputs if rows.op == "concat" else (rows,)
    return [Part(1, piece).times(_inner(piece)) for piece in pieces]


def _inner(piece: Node) -> Node:
    return piece.inputs[0] if piece.op == "split" else piece


def _is_scale(node: Node) -> bool:
    return not node.type.place_axes and not node.type.shape and not node.type.batched


def _numbers(parts: Sequence[Part]) -> list[Scale] | None:
    """The numbers that all parts are multiplied or divided by; None where they differ."""
    found = [
        ([n for n in part.numbers if _is_scale(n)], [n for n in part.divisors if _is_scale(n)])
        for part in parts
    ]
    if any(other != found[0] for other in found):
        return None
    above, below = found[0]
    return [*((n, False) for n in above), *((n, True) for n in below)]


def _upright(maker: Maker) -> Callable[[Scale], Node]:
    def number(scale: Scale) -> Node:
        node, below = scale
        return maker.elementwise("div", maker.number(1.0), node) if below else node

    return number


def _factors(part: Part) -> tuple[Node, ...]:
    return (*part.factors, *(n for n in part.numbers if not _is_scale(n)))


def _rebuilt(
    rows: Node, parts: Sequence[Part], old: Node | None, new: Node | None, maker: Maker
) -> Node:
    """The rows without their numbers, with a factor in place of another."""
    pieces = []
    for part in parts:
        factors = _factors(part)
        if old is not None and new is not None:
            factors = (new, *without(factors, [old]))
        made = reduce(lambda a, b: maker.elementwise("mul", a, b), factors)
        for divisor in part.divisors:
            made = made if _is_scale(divisor) else maker.elementwise("div", made, divisor)
        made = maker.elementwise("neg", made) if part.sign < 0 else made
        piece = part.value
        if piece.op == "split":
            made = maker.make("split", [made], piece.type, piece.payload)
        pieces.append(made)
    return maker.make("concat", pieces, rows.type) if rows.op == "concat" else pieces[0]
