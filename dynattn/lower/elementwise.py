"""Elementwise functions: the torch of the vocabulary's entries."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch

from dynattn.lower import kernels
from dynattn.lower.code import Code, binary_code, call_code, negative_code
from dynattn.lower.context import Context
from dynattn.lower.operation import Operation, kernel_call, with_casts
from dynattn.program.nodes import Node
from dynattn.vocabulary.functions import ELEMENTWISE

FLOATING = ("real", "complex")

OPERATORS: dict[tuple[str, int], Callable[..., Any]] = {
    ("+", 2): operator.add, ("-", 2): operator.sub, ("*", 2): operator.mul,
    ("/", 2): operator.truediv, ("**", 2): operator.pow, ("-", 1): operator.neg,
    ("<", 2): operator.lt, ("<=", 2): operator.le, (">", 2): operator.gt, (">=", 2): operator.ge,
    ("==", 2): operator.eq, ("!=", 2): operator.ne, ("&", 2): operator.and_, ("|", 2): operator.or_,
}  # fmt: skip


def elementwise(node: Node, context: Context) -> Operation:
    """An entry of ELEMENTWISE; truths and integers become real where torch would not do so."""
    symbol = ELEMENTWISE[node.op].torch
    if symbol.startswith("kernels."):
        return kernel_call(getattr(kernels, symbol.removeprefix("kernels.")))
    if node.op == "pow" and _is_fixed(node.inputs[1]):
        return kernel_call(kernels.raise_to)
    arity = len(node.inputs)
    if (symbol, arity) in OPERATORS:
        function = OPERATORS[symbol, arity]
        code = _operator_code(symbol, arity)
    else:
        function: Callable[..., Any] = reduce(getattr, symbol.split(".")[1:], torch)  # type: ignore[assignment]
        shown = symbol.replace("torch.nn.functional.", "F.")
        code = lambda *texts: call_code(shown, *texts)  # noqa: E731
    real = [_to_real(node, item, context, symbol.startswith("torch.")) for item in node.inputs]
    if not any(real):
        return Operation(function, code)
    return with_casts(function, code, real)


def _is_fixed(node: Node) -> bool:
    """Whether it is one number of the whole model, and the same in a whole batch."""
    if node.op not in ("parameter", "variable") or node.type.shape or node.type.place_axes:
        return False
    return node.type.dtype in ("real", "integer") and not node.type.batched


def _operator_code(symbol: str, arity: int) -> Callable[..., Code]:
    if arity == 1:
        return negative_code
    return lambda left, right: binary_code(symbol, left, right)


def _to_real(node: Node, item: Node, context: Context, is_function: bool) -> bool:
    """Whether this operand must be made a real tensor first."""
    if id(item) in context.numbers:
        return is_function
    if ELEMENTWISE[node.op].result == "truth" or item.type.dtype in FLOATING:
        return False
    others = (x for x in node.inputs if id(x) not in context.numbers)
    promoted = any(x.type.dtype in FLOATING for x in others) and node.op not in ("sub", "neg")
    return not promoted and (node.type.dtype in FLOATING or item.type.dtype == "truth")
