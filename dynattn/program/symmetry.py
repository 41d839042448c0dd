"""Kernels that are odd or even when receiver and sender are exchanged.

k(x_i, x_j) and k(x_j, x_i) are brought to a normal form, a sign and a number that equal forms
share: sums and products are sorted, signs taken out of odd functions and dropped in even ones. What
has no normal form is equal to nothing else, so that no kernel is taken for symmetric by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dynattn.program.nodes import Node, ordered
from dynattn.vocabulary.functions import ELEMENTWISE

if TYPE_CHECKING:
    from dynattn.network.connections import Connections

ODD = frozenset({"sin", "tan", "tanh", "asin", "atan", "sinh", "sign"})
EVEN = frozenset({"cos", "cosh", "abs", "norm"})
LINEAR = frozenset({
    "unsqueeze", "split", "merge", "entry", "aligned", "parts", "pick", "transpose", "trace",
    "apart",
})  # fmt: skip
"""Operations of one array that its sign passes."""
OPAQUE = frozenset({"dropout"})
"""Elementwise operations that have no normal form."""

Form = tuple[int, int]
"""A sign, and the number of what it stands before."""


def exchange_sign(kernel: Node, connections: Connections) -> int:
    """1 for an even kernel, -1 for an odd one, 0 where neither is proven."""
    forms = _Forms(connections)
    for node in ordered([kernel]):
        for exchanged in (False, True):
            forms.add(node, exchanged)
    (sign, form), (other, back) = forms.of(kernel, False), forms.of(kernel, True)
    return sign * other if form == back else 0


class _Forms:
    """Normal forms of what edges hold, and of the same with their ends exchanged."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.numbers: dict[Any, int] = {}
        self.found: dict[tuple[int, bool], Form] = {}
        self.terms: dict[int, tuple[Form, ...]] = {}
        """By number of a sum: its terms."""
        self.factors: dict[int, tuple[int, ...]] = {}
        """By number of a product: its factors."""

    def of(self, node: Node, exchanged: bool) -> Form:
        return self.found[id(node), exchanged]

    def add(self, node: Node, exchanged: bool) -> None:
        self.found[id(node), exchanged] = self._form(node, exchanged)

    def _number(self, *key: Any) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def _form(self, node: Node, exchanged: bool) -> Form:
        if node.type.place.kind not in ("edges", "pairs"):
            return 1, self._number("outside", id(node))
        unknown = self._number("unknown", id(node), exchanged)
        if node.op in ("receiver", "sender"):
            end = node.op == "receiver"
            return 1, self._number("end", end != exchanged, id(node.inputs[0]))
        if node.op == "edge":
            sign = self.connections.exchange_sign(node.payload[1])
            return (-1 if exchanged and sign < 0 else 1), (
                self._number("edge", node.payload) if sign else unknown
            )
        if not node.inputs or any(item.type.place.kind == "nodes" for item in node.inputs):
            return 1, unknown
        return self._made(node, [self.of(item, exchanged) for item in node.inputs]) or (1, unknown)

    def _made(self, node: Node, inputs: Sequence[Form]) -> Form | None:
        """The form of an operation on forms; None where it has none."""
        (sign, first), op = inputs[0], node.op
        if op in ("add", "sub"):
            second, other = inputs[1]
            return self._sum([(sign, first), (-second if op == "sub" else second, other)])
        if op in ("mul", "dot", "div", "matmul"):
            return sign * inputs[1][0], self._product(op, first, inputs[1][1])
        if op == "neg":
            return -sign, first
        if op in ODD or op in LINEAR:
            return sign, first if op in ("aligned", "apart") else self._number(
                op, node.payload, first
            )
        if op in EVEN:
            return 1, self._number(op, node.payload, first)
        if op == "pow" and node.inputs[1].op == "constant":
            return self._power(node.inputs[1].payload, sign, first)
        if op in ("concat", "stack"):
            parts = tuple((sign * s, form) for s, form in inputs)
            return sign, self._number(op, node.payload, parts)
        if op in ELEMENTWISE and op not in OPAQUE:
            return 1, self._number(op, node.payload, tuple(inputs))
        return None

    def _sum(self, inputs: Sequence[Form]) -> Form:
        """Terms in order; the sign before all is the one that puts them first."""
        terms: list[Form] = []
        for sign, number in inputs:
            inner = self.terms.get(number, ((1, number),))
            terms += [(sign * s, form) for s, form in inner]
        plain = sorted(terms)
        negative = sorted((-s, form) for s, form in terms)
        sign, chosen = (1, plain) if plain >= negative else (-1, negative)
        number = self._number("sum", *chosen)
        self.terms[number] = tuple(chosen)
        return sign, number

    def _product(self, op: str, first: int, second: int) -> int:
        if op != "mul":
            pair = sorted((first, second)) if op == "dot" else (first, second)
            return self._number(op, *pair)
        factors = [f for item in (first, second) for f in self.factors.get(item, (item,))]
        number = self._number("product", *sorted(factors))
        self.factors[number] = tuple(sorted(factors))
        return number

    def _power(self, exponent: float, sign: int, base: int) -> Form:
        if not float(exponent).is_integer():
            return 1, self._number("power", exponent, sign, base)
        return (sign if int(exponent) % 2 else 1), self._number("power", exponent, base)
