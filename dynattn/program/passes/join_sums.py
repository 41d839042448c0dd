"""sum_k a_k(x_i) S_k(i), what the receivers make of their sums, with as few operations as may be.

What is the same in all terms is taken once, at the end. Numbers of the whole model, a constant lag
among them, go to the sums and not to the nodes: over everyone these are numbers as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.program.passes.angles import Angle, angle_of

if TYPE_CHECKING:
    from dynattn.program.passes.products import Product, Products


@dataclass(frozen=True)
class Part:
    """sign * numbers * factors / divisors * value; numbers belong to the whole model."""

    sign: int
    value: Node
    numbers: tuple[Node, ...] = ()
    factors: tuple[Node, ...] = ()
    divisors: tuple[Node, ...] = ()

    def times(self, node: Node) -> Part:
        """The same times one factor, taken apart."""
        if node.type.place_axes == 0:
            return replace(self, numbers=(*self.numbers, node))
        if node.op == "neg":
            return replace(self, sign=-self.sign).times(node.inputs[0])
        if node.op == "mul":
            return self.times(node.inputs[0]).times(node.inputs[1])
        if node.op == "div":
            made = self.times(node.inputs[0])
            return replace(made, divisors=(*made.divisors, node.inputs[1]))
        return replace(self, factors=(*self.factors, node))


def join_sums(
    products: Products, sums: Sequence[Node], maker: Maker, contract: bool, columns: bool = False
) -> Node:
    """The total; ``contract``: receiver and sums are vectors, multiplied coordinate by coordinate
    and added up; ``columns``: each sum is a column of one array, slow to read.
    """
    pairs = list(zip(products, sums, strict=True))
    if contract or any(p.dotted for p in products) or _shaped(products, sums):
        return _one_after_other(pairs, maker, contract)
    parts = [Part(p.sign, value) for p, value in pairs]
    parts = [part if p.receiver is None else part.times(p.receiver)
             for part, p in zip(parts, products, strict=True)]  # fmt: skip
    factors = common_of([part.factors for part in parts])
    divisors = common_of([part.divisors for part in parts])
    parts = [
        replace(part, factors=without(part.factors, factors),
                divisors=without(part.divisors, divisors))
        for part in parts
    ]  # fmt: skip
    parts = _unlagged(parts, products, maker)
    total = _total(_turned(parts) if columns else parts, maker)
    for factor in factors:
        total = maker.elementwise("mul", factor, total)
    for divisor in divisors:
        total = maker.elementwise("div", total, divisor)
    return total


def _shaped(products: Products, sums: Sequence[Node]) -> bool:
    """Whether there is more than one number per node: what broadcasts is kept as it stands."""
    factors = [p.receiver for p in products if p.receiver is not None]
    return any(node.type.shape or node.type.dtype != "real" for node in (*factors, *sums))


def _one_after_other(pairs: Sequence[tuple[Product, Node]], maker: Maker, contract: bool) -> Node:
    total: Node | None = None
    for p, value in pairs:
        term = value
        if p.receiver is not None:
            term = (
                maker.dot(p.receiver, value)
                if contract or p.dotted
                else maker.elementwise("mul", p.receiver, value)
            )
        total = _plus(total, p.sign, term, maker)
    assert total is not None
    return total


def _plus(total: Node | None, sign: int, term: Node, maker: Maker) -> Node:
    if total is None:
        return term if sign > 0 else maker.elementwise("neg", term)
    return maker.elementwise("add" if sign > 0 else "sub", total, term)


def common_of(lists: Sequence[tuple[Node, ...]]) -> list[Node]:
    """What stands in every list, as often as it does in each."""
    shared = Counter(lists[0])
    for found in lists[1:]:
        shared &= Counter(found)
    return list(shared.elements())


def without(nodes: tuple[Node, ...], taken: Sequence[Node]) -> tuple[Node, ...]:
    left = Counter(nodes)
    left.subtract(taken)
    return tuple(left.elements())


# ── lags ───────────────────────────────────────────────────────────────────────────────────────


def _unlagged(parts: list[Part], products: Products, maker: Maker) -> list[Part]:
    """Sines and cosines of an angle and a lag by those of the angle, where these are known.

    They are where the senders have them, or where there are more than two lags.
    """
    seen = {n for part in parts for n in part.factors} | {p.sender for p in products if p.sender}
    known = Counter(_base(angle) for n in seen if (angle := _angle(n)) is not None)
    found: list[Part] = []
    for part in parts:
        angle = _angle(part.factors[0]) if len(part.factors) == 1 else None
        lagged = angle is not None and (angle.lag or angle.number)
        if angle is None or not lagged or known[_base(angle)] <= 2:
            found.append(part)
        else:
            found += split_lag(part, angle, maker)
    return found


def _angle(node: Node) -> Angle | None:
    return angle_of(node.inputs[0]) if node.op in ("sin", "cos") else None


def _base(angle: Angle) -> tuple[object, ...]:
    return (*((id(x), f) for x, f in angle.base), abs(angle.multiple))


def split_lag(part: Part, angle: Angle, maker: Maker) -> list[Part]:
    """sin(x + l) and cos(x + l) by the addition theorems."""
    x, lag = angle.nodes(maker)
    (sin_x, cos_x), (sin_l, cos_l) = (
        [maker.elementwise(op, node) for op in ("sin", "cos")] for node in (x, lag)
    )
    if part.factors[0].op == "sin":
        pairs = ((1, sin_l, cos_x), (1, cos_l, sin_x))
    else:
        pairs = ((1, cos_l, cos_x), (-1, sin_l, sin_x))
    return [
        replace(part, sign=sign * part.sign, numbers=(*part.numbers, number), factors=(factor,))
        for sign, number, factor in pairs
    ]


# ── sums ───────────────────────────────────────────────────────────────────────────────────────


def _turned(parts: Sequence[Part]) -> Sequence[Part]:
    """The same, sums as factors of what the receivers have: each is then read once.

    Left as it is where a sum stands alone, or where there would be more products.
    """
    own = {tuple(map(id, part.factors)) for part in parts}
    if len({part.value for part in parts}) > len(own) or not all(map(_is_pair, parts)):
        return parts
    return [replace(part, value=part.factors[0], factors=(part.value,)) for part in parts]


def _is_pair(part: Part) -> bool:
    return len(part.factors) == 1 and not part.divisors


def _total(parts: Sequence[Part], maker: Maker) -> Node:
    """The parts of the same factors as one, numbers and sums added up before."""
    groups: dict[tuple[tuple[int, ...], ...], list[Part]] = {}
    for part in parts:
        key = tuple(tuple(sorted(map(id, nodes))) for nodes in (part.factors, part.divisors))
        groups.setdefault(key, []).append(part)
    summed = [(_inner(group, maker), group[0]) for group in groups.values()]
    all_negative = all(sign < 0 for (sign, _), _ in summed)
    total: Node | None = None
    # a positive term first spares a change of sign
    for (sign, inner), part in sorted(summed, key=lambda item: item[0][0] < 0):
        for factor in part.factors:
            inner = maker.elementwise("mul", factor, inner)
        for divisor in part.divisors:
            inner = maker.elementwise("div", inner, divisor)
        total = _plus(total, -sign if all_negative else sign, inner, maker)
    assert total is not None
    return maker.elementwise("neg", total) if all_negative else total


def _inner(group: Sequence[Part], maker: Maker) -> tuple[int, Node]:
    """The sum of numbers times values, its first sign taken out."""
    sign, total = group[0].sign, None
    for part in group:
        value = part.value
        if part.numbers:
            number = part.numbers[0]
            for other in part.numbers[1:]:
                number = maker.elementwise("mul", number, other)
            value = maker.elementwise("mul", number, value)
        total = _plus(total, sign * part.sign, value, maker)
    assert total is not None
    return sign, total
