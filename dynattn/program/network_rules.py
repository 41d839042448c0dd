"""The nodes of what networks compute: norms, dropout, places, and the numbers of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dynattn.model.terms import Term
from dynattn.program.nodes import ArrayType, Node

if TYPE_CHECKING:
    from dynattn.program.rules import Builder


def whole(builder: Builder, term: Term, dtype: str = "real") -> Node:
    """The node of a term in the whole place and shape of its type."""
    maker = builder.maker.at(term.span)
    made = {"real": maker.real, "complex": maker.in_complex}
    node = made.get(dtype, lambda node: node)(builder.node(term))
    kind = ArrayType(builder.place(term.type.place), term.type.shape, dtype, node.type.batched)
    if (node.type.place, node.type.shape) == (kind.place, kind.shape):
        return node
    return maker.make("broadcast", [maker.align(node, kind)], kind)


def kind_of(term: Term) -> str:
    """Truths count as real numbers."""
    return "real" if term.type.dtype == "truth" else term.type.dtype


def _function(builder: Builder, term: Term) -> Node:
    """Each argument in whole; the payload is the Term's own."""
    kinds = [kind_of(arg) for arg in term.args]
    inputs = [whole(builder, arg, kind) for arg, kind in zip(term.args, kinds, strict=True)]
    batched = any(node.type.batched for node in inputs)
    kind = ArrayType(builder.place(term.type.place), term.type.shape, term.type.dtype, batched)
    return builder.maker.at(term.span).make(term.op, inputs, kind, term.payload)


def _real(builder: Builder, term: Term) -> Node:
    """A function of one argument that keeps complex numbers, and makes all others real."""
    dtype = "complex" if term.type.dtype == "complex" else "real"
    inner = whole(builder, term.args[0], dtype)
    kind = ArrayType(builder.place(term.type.place), term.type.shape, dtype, inner.type.batched)
    return builder.maker.at(term.span).make(term.op, [inner], kind, term.payload)


def _layer_norm(builder: Builder, term: Term) -> Node:
    inputs = [whole(builder, arg) for arg in term.args]
    kind = inputs[0].type
    return builder.maker.at(term.span).make("layer_norm", inputs, kind)


RULES: dict[str, Callable[[Builder, Term], Node]] = {
    "layer_norm": _layer_norm,
    **dict.fromkeys(("dropout", "average", "rounded", "disturbed"), _real),
    **dict.fromkeys(
        ("flatten", "at", "cross_entropy", "binary_cross_entropy", "accuracy", "binary_accuracy"),
        _function,
    ),
    "sinusoidal": lambda b, t: b.leaf(t, "sinusoidal", False),
}
