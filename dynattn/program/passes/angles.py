"""Angles that sines and cosines are taken of: whole multiples of one base, and constant lags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, isclose

from dynattn.program.layout import Maker
from dynattn.program.nodes import Node

Terms = tuple[tuple[Node, float], ...]
"""A sum: nodes, each with its factor."""

WIDEST = 64
"""Two multiples have a common unit where one is p/q times the other with no larger q."""

ROUNDING = 4e-16


@dataclass(frozen=True)
class Angle:
    """``multiple * base + lag``; the base is a sum of quantities of places, the lag of global ones
    and numbers.
    """

    base: Terms
    multiple: float
    lag: Terms
    number: float
    """The number in the lag."""

    def nodes(self, maker: Maker) -> tuple[Node, Node]:
        """``multiple * base``, and the lag."""
        lag = summed(self.lag, 1.0, maker)
        number = maker.number(self.number)
        if lag is not None and self.number:
            lag = maker.elementwise("add", lag, number)
        base = summed(self.base, self.multiple, maker)
        assert base is not None
        return base, lag or number


def summed(terms: Terms, factor: float, maker: Maker) -> Node | None:
    """factor * (sum of the terms); None without any."""
    total: Node | None = None
    for term, own in terms:
        k = own * factor
        if abs(k) != 1:
            term = maker.elementwise("mul", maker.number(abs(k)), term)
        if total is None:
            total = term if k > 0 else maker.elementwise("neg", term)
        else:
            total = maker.elementwise("add" if k > 0 else "sub", total, term)
    return total


def angle_of(node: Node) -> Angle | None:
    """The angle that this node's sine or cosine is taken of; None where it has no base."""
    found: dict[int, tuple[Node, float]] = {}
    number = _collect(node, 1.0, found)
    terms = [(x, f) for x, f in found.values() if f]
    base = [(x, f) for x, f in terms if x.type.place_axes]
    if not base:
        return None
    first = base[0][1]
    lag = tuple((x, f) for x, f in terms if not x.type.place_axes)
    return Angle(tuple((x, f / first) for x, f in base), first, lag, number)


def _collect(node: Node, factor: float, found: dict[int, tuple[Node, float]]) -> float:
    """Adds the terms of a sum to ``found``; the number among them is returned."""
    a, b = (*node.inputs, None, None)[:2]
    match node.op:
        case "constant" if isinstance(node.payload, (int, float)):
            return factor * node.payload
        case "neg" if a is not None:
            return _collect(a, -factor, found)
        case "add" | "sub" if a is not None and b is not None:
            sign = 1 if node.op == "add" else -1
            return _collect(a, factor, found) + _collect(b, sign * factor, found)
        case "mul" if a is not None and (k := _number(a)) is not None and b is not None:
            return _collect(b, k * factor, found)
        case "mul" if b is not None and (k := _number(b)) is not None and a is not None:
            return _collect(a, k * factor, found)
    there = found.get(id(node), (node, 0.0))[1]
    found[id(node)] = (node, there + factor)
    return 0.0


def _number(node: Node) -> float | None:
    """The value of a real number."""
    if node.op != "constant" or not isinstance(node.payload, (int, float)):
        return None
    return float(node.payload)


def grouped(angles: Sequence[tuple[Node, Angle]]) -> list[list[tuple[Node, Angle]]]:
    """Angles of the same base and layout together."""
    found: dict[object, list[tuple[Node, Angle]]] = defaultdict(list)
    for node, angle in angles:
        found[tuple((id(x), f) for x, f in angle.base), node.type].append((node, angle))
    return list(found.values())


def harmonics_of(angles: Sequence[Angle]) -> tuple[float, list[int]] | None:
    """A unit, and which whole multiple of it each angle's multiple is; None without any."""
    first = angles[0].multiple
    shares = [Fraction(a.multiple / first).limit_denominator(WIDEST) for a in angles]
    pairs = zip(shares, angles, strict=True)
    if not all(isclose(share * first, a.multiple, rel_tol=ROUNDING) for share, a in pairs):
        return None
    below = reduce(lambda a, b: a * b // gcd(a, b), (share.denominator for share in shares))
    above = reduce(gcd, (int(share * below) for share in shares))
    return first * above / below, [int(share * below) // above for share in shares]
