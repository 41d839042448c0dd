"""What every Program must satisfy, checked between every two passes.

A violation is a fault of dynattn, never of a spec: it raises ProgramFault.
"""

from __future__ import annotations

from dynattn.model.model import Model
from dynattn.program.layout import joined
from dynattn.program.nodes import GIVEN_WEIGHTS, Block, Node, Program
from dynattn.vocabulary.functions import ELEMENTWISE, MATRIX_FUNCTIONS
from dynattn.vocabulary.sizes import ONE, Size

LEAVES = frozenset({
    "constant", "size", "parameter", "state", "delayed", "input", "variable", "output",
    "placeholder", "time", "index", "node", "axis", "rotary", "sinusoidal",
    "edge", "degree", "total",
})  # fmt: skip
FIXED_ARITY = {
    "broadcast": 1, "rows": 1, "aligned": 1,
    "layer_norm": 3, "dropout": 1, "flatten": 1, "at": 2, "average": 1,
    "rounded": 1, "disturbed": 1,
    "binary_cross_entropy": 2, "accuracy": 2, "binary_accuracy": 2,
    "unsqueeze": 1, "split": 1, "entry": 1, "merge": 1, "parts": 1, "pick": 1, "norm": 1,
    "dot": 2, "next": 1, "member": 1,
    "node_sum": 1, "node_mean": 1, "node_std": 1, "node_min": 1, "node_max": 1, "lookup": 2,
    "cross_entropy": 2, "receiver": 1, "sender": 1, "edge_softmax": 1,
    "edge_normalize": 1, "attention": 3,
    "successor": 1, "reach": 1, "listed": 1, "apart": 1, "sine_cosine": 1, "edge_mean": 2,
    "matmul": 2, **dict.fromkeys(MATRIX_FUNCTIONS, 1),
}  # fmt: skip
ANY_ARITY = frozenset(
    {"successor_attention", "edge_sum", "concat", "stack", "joined", "linear", "graph_sum", "draw"}
)


class ProgramFault(AssertionError):
    """The compiler has made a Program that breaks a rule."""


def verify(program: Program, model: Model) -> None:
    """Raise ProgramFault at the first broken rule."""
    for block in program.blocks:
        for node in block.nodes:
            _arity(block, node)
            _layout(block, node)
            _places(block, node)
    if program.field is not None:
        _states(program.field, model)


def _fault(block: Block, node: Node, text: str) -> ProgramFault:
    place = f" (line {node.span.line} of the spec)" if node.span else ""
    return ProgramFault(f"block {block.name}, op {node.op}{place}: {text}")


def _arity(block: Block, node: Node) -> None:
    expected = 0 if node.op in LEAVES else FIXED_ARITY.get(node.op)
    if node.op in ELEMENTWISE:
        expected = ELEMENTWISE[node.op].arity
    if expected is None and node.op not in ANY_ARITY:
        raise _fault(block, node, "unknown operation")
    if expected is not None and len(node.inputs) != expected:
        raise _fault(block, node, f"{len(node.inputs)} inputs instead of {expected}")


def _layout(block: Block, node: Node) -> None:
    """Operands of an elementwise operation broadcast axis by axis to the result's layout."""
    if node.op not in ELEMENTWISE:
        return
    result = joined([child.type for child in node.inputs], node.type.dtype)
    if (result.place, result.shape) != (node.type.place, node.type.shape):
        raise _fault(block, node, f"layout {node.type} instead of {result}")
    for child in node.inputs:
        _broadcasts(block, node, child)


def _broadcasts(block: Block, node: Node, child: Node) -> None:
    own, result = child.type, node.type
    if any(
        not _fits(a, b) for a, b in zip(reversed(own.shape), reversed(result.shape), strict=False)
    ):
        raise _fault(block, node, f"shape {own.shape} does not broadcast to {result.shape}")
    leading = own.place_axes > 0 or own.batched
    if leading and len(own.shape) != len(result.shape):
        raise _fault(block, node, "coordinate axes are not aligned")
    if own.batched and own.place_axes != result.place_axes:
        raise _fault(block, node, "place axes are not aligned")
    if own.place_axes and own.place != result.place:
        raise _fault(block, node, f"place {own.place} does not fit {result.place}")


def _fits(a: Size, b: Size) -> bool:
    return a in (ONE, b)


def _places(block: Block, node: Node) -> None:
    kinds = {
        "receiver": "nodes", "sender": "nodes", "edge_sum": "edge", "edge_mean": "edge",
        "edge_softmax": "edge",
        "edge_normalize": "edge", "graph_sum": "nodes", "attention": "nodes",
        "successor": "nodes", "reach": "edge", "listed": "edge", "successor_attention": "nodes",
        "apart": "edge",
    }  # fmt: skip
    wanted = kinds.get(node.op)
    inputs = node.inputs
    if node.op == "graph_sum" and node.payload[2] in GIVEN_WEIGHTS:
        if inputs[-1].type.place.kind != GIVEN_WEIGHTS[node.payload[2]]:
            raise _fault(block, node, f"its last input has no {node.payload[2]}")
        inputs = inputs[:-1]
    for child in inputs:
        kind = "edge" if child.type.place.kind in ("edges", "pairs") else child.type.place.kind
        if wanted and kind != wanted:
            raise _fault(block, node, f"an input of place {child.type.place.kind}")


def _states(block: Block, model: Model) -> None:
    """A rate has the place and the shape of its state."""
    for name, node in block.outputs:
        state = model.states[name]
        if (node.type.place.name, node.type.shape) != (state.place.name, state.shape):
            raise _fault(block, node, f"the rate of {name} has layout {node.type}")
