"""Operations of fused attention."""

from __future__ import annotations

from typing import Any

from dynattn.lower import attention_kernels as kernels
from dynattn.lower.code import Code, call_code, tuple_code
from dynattn.lower.context import Context
from dynattn.lower.operation import Operation, kernel_call
from dynattn.program.nodes import Node


def attention(node: Node, context: Context) -> Operation:
    """``attention``: of one head where its arrays have no axis of heads."""
    function = kernels.attend if len(node.type.shape) == 2 else kernels.attend_one_head
    return kernel_call(function, _is_causal(node.payload, context))


def successor_attention(node: Node, context: Context) -> Operation:
    """``successor_attention``: one function for one head and many."""
    coupling, places = node.payload
    fixed = (_is_causal(coupling, context), places, len(node.type.shape) != 2)

    def run(q: Any, k: Any, *values: Any) -> Any:
        return kernels.attend_successors(q, k, values, *fixed)

    def spell(q: Code, k: Code, *values: Code) -> Code:
        return call_code("attend_successors", q, k, tuple_code(values), *fixed)

    return Operation(run, spell, (), (kernels.attend_successors,))


def _is_causal(coupling: str, context: Context) -> bool:
    edges = context.edges(coupling)
    if edges.kind == "edges" or not edges.include_self:
        raise ValueError(f"{coupling} is neither causal nor complete with itself")
    return edges.kind == "causal"
