"""Making well-typed nodes: operands aligned, so that every operation is plain broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model.terms import GLOBAL
from dynattn.program.nodes import ArrayType, Node, Nodes
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.sizes import ONE, Size


class Maker:
    """Makes nodes of one block, with the layout rules of ``program.nodes``."""

    def __init__(self, span: Span | None = None, nodes: Nodes | None = None):
        self.nodes = nodes or Nodes()
        self.span = span

    def at(self, span: Span | None) -> Maker:
        """The same maker for another place of the text."""
        return Maker(span, self.nodes)

    def make(self, op: str, inputs: Sequence[Node], type: ArrayType, payload: Any = None) -> Node:
        """One node at this maker's place of the text."""
        return self.nodes.make(op, inputs, type, payload, self.span)

    def number(self, value: complex) -> Node:
        """A constant."""
        dtype = "complex" if isinstance(value, complex) else "real"
        dtype = "integer" if isinstance(value, int) else dtype
        return self.make("constant", (), ArrayType(dtype=dtype), value)

    def elementwise(self, op: str, *operands: Node) -> Node:
        """An elementwise function, operands aligned to their common layout."""
        result = joined([node.type for node in operands], self._dtype(op, operands))
        return self.make(op, [self.align(node, result) for node in operands], result)

    def real(self, node: Node) -> Node:
        """The node in real numbers: a truth is 0 or 1, an integer is itself; complex ones stay."""
        if node.type.dtype in ("real", "complex"):
            return node
        return self.elementwise("mul", node, self.number(1.0))

    def in_complex(self, node: Node) -> Node:
        """The node in complex numbers."""
        if node.type.dtype == "complex":
            return node
        return self.elementwise("mul", node, self.number(complex(1.0)))

    def _dtype(self, op: str, operands: Sequence[Node]) -> str:
        kind = ELEMENTWISE[op].result
        if any(node.type.dtype == "complex" for node in operands):
            return ELEMENTWISE[op].of_complex
        if kind == "same":
            return "integer" if all(n.type.dtype == "integer" for n in operands) else "real"
        return kind

    def align(self, node: Node, result: ArrayType) -> Node:
        """The node with the axes of size 1 it needs to broadcast to ``result``."""
        own, rank = node.type, len(result.shape)
        missing = rank - len(own.shape)
        axes: list[int] = []
        leading = own.place_axes > 0 or own.batched
        if result.place_axes > own.place_axes and own.batched:
            places = result.place_axes - own.place_axes
            axes += range(-rank - places, -rank)
        if missing and leading:
            axes += range(-rank, -rank + missing)
        if not axes:
            return node
        shape = (ONE,) * missing + own.shape
        place = result.place if result.place_axes else own.place
        kind = ArrayType(place, shape, own.dtype, own.batched)
        return self.make("unsqueeze", [node], kind, tuple(axes))

    def expand_last(self, node: Node, count: int) -> Node:
        """The node with ``count`` more coordinate axes of size 1 at the end."""
        kind = ArrayType(
            node.type.place, node.type.shape + (ONE,) * count, node.type.dtype, node.type.batched
        )
        return self.make("unsqueeze", [node], kind, tuple(range(-count, 0)))

    def dot(self, a: Node, b: Node) -> Node:
        """Sum over the last axis of a*b."""
        a, b = self.real(a), self.real(b)
        both = joined([a.type, b.type], widest(a, b))
        kind = ArrayType(both.place, both.shape[:-1], both.dtype, both.batched)
        return self.make("dot", [self.align(a, both), self.align(b, both)], kind)

    def matmul(self, a: Node, b: Node) -> Node:
        """The product of matrices, or of a matrix and a vector, over the last axes.

        A vector becomes a matrix of one column (or row) and the result a vector again.
        """
        a, b = self.real(a), self.real(b)
        vectors = (len(a.type.shape) == 1, len(b.type.shape) == 1)
        a = self._as_row(a) if vectors[0] else a
        b = self.expand_last(b, 1) if vectors[1] else b
        (*left, rows, inner), (*right, _, columns) = a.type.shape, b.type.shape
        kinds = [replace(a.type, shape=tuple(left)), replace(b.type, shape=tuple(right))]
        front = joined(kinds, widest(a, b))
        operands = [
            self.align(a, replace(front, shape=(*front.shape, rows, inner))),
            self.align(b, replace(front, shape=(*front.shape, inner, columns))),
        ]
        kind = replace(front, shape=(*front.shape, rows, columns))
        product = self.make("matmul", operands, kind)
        if not any(vectors):
            return product
        flat = (*front.shape, columns if vectors[0] else rows)
        return self.make("merge", [product], replace(front, shape=flat))

    def _as_row(self, node: Node) -> Node:
        kind = replace(node.type, shape=(ONE, *node.type.shape))
        return self.make("unsqueeze", [node], kind, (-2,))

    def of_matrix(self, op: str, matrix: Node) -> Node:
        """``transpose trace det inverse expm polar logm angles`` of the last two axes."""
        matrix = self.real(matrix)
        *front, rows, columns = matrix.type.shape
        shapes = {
            "transpose": (*front, columns, rows), "trace": tuple(front), "det": tuple(front),
            "angles": (*front, rows),
        }  # fmt: skip
        kind = replace(matrix.type, shape=shapes.get(op, matrix.type.shape))
        kind = replace(kind, dtype="real") if op == "angles" else kind
        return self.make(op, [matrix], kind)

    def concat(self, parts: Sequence[Node]) -> Node:
        """Along the last axis; one part is itself."""
        if len(parts) == 1:
            return parts[0]
        parts = [self.real(part) for part in parts]
        kinds = [ArrayType(p.type.place, (), p.type.dtype, p.type.batched) for p in parts]
        both = joined(kinds, widest(*parts))
        width = parts[0].type.shape[-1]
        for part in parts[1:]:
            width = width + part.type.shape[-1]
        front = max((p.type.shape[:-1] for p in parts), key=len)
        kind = ArrayType(both.place, (*front, width), both.dtype, both.batched)
        return self.make("concat", parts, kind)

    def part(self, node: Node, k: int, count: int, width: Size) -> Node:
        """The k-th of ``count`` equal parts of the last axis."""
        if count == 1:
            return node
        kind = replace(node.type, shape=(*node.type.shape[:-1], width))
        parts = self.make("parts", [node], replace(kind, dtype="tuple"), count)
        return self.make("pick", [parts], kind, k)


def widest(*nodes: Node) -> str:
    """``complex`` where any of the nodes is, else ``real``."""
    return "complex" if any(node.type.dtype == "complex" for node in nodes) else "real"


def joined(types: Sequence[ArrayType], dtype: str) -> ArrayType:
    """The common layout of operands: the widest place, the longest coordinates."""
    place = next((t.place for t in types if t.place != GLOBAL), GLOBAL)
    longest = max((t.shape for t in types), key=len)
    shape = list(longest)
    for kind in types:
        for k, size in enumerate(reversed(kind.shape), start=1):
            if shape[-k] == ONE:
                shape[-k] = size
    return ArrayType(place, tuple(shape), dtype, any(t.batched for t in types))
