"""Why a coupling computes numbers for every edge: which part of its kernel mixes both ends."""

from __future__ import annotations

from dynattn.model.model import Model
from dynattn.program.layout import Maker
from dynattn.program.nodes import GIVEN_WEIGHTS, PLAIN_SUMS, Node, Program, ordered
from dynattn.program.passes.products import LIMIT, separate
from dynattn.program.passes.same_class import is_comparison

ENDS = {"receiver": "i", "sender": "j"}

DIGITS = "multiplied out it would be a small difference of large numbers"
RULES = {
    "pow": DIGITS,
    "mul": DIGITS,
    "div": "a quotient by both is no sum of f(i)*g(j)",
    "exp": "exp of both is no sum of f(i)*g(j) that cannot overflow",
    "norm": "a length of both is no sum of f(i)*g(j)",
    "edge_softmax": "a share among all senders of i is no sum of f(i)*g(j)",
    "edge_normalize": "a share among all senders of i is no sum of f(i)*g(j)",
    "late": "each edge has its own delay",
}
"""Why an operation on a quantity of both ends is no sum of products f(i)*g(j), by its name."""


def reasons(program: Program, model: Model) -> dict[str, str]:
    """By coupling with numbers that are computed for each edge or pair: why they are."""
    found: dict[str, str] = {}
    for node in (node for block in program.blocks for node in block.nodes):
        kernel = _computed(node)
        if kernel is not None:
            name = node.payload if node.op in PLAIN_SUMS else node.payload[0]
            told = _reason(kernel, model.coupling[name].form)
            if told:
                found.setdefault(name, told)
    return found


def _computed(node: Node) -> Node | None:
    """What a sum takes of each edge: its kernel, or weights that the senders' features get."""
    if node.op in PLAIN_SUMS:
        return node.inputs[0]
    given = node.op == "graph_sum" and node.payload[2] in GIVEN_WEIGHTS
    return node.inputs[-1] if given else None


def _reason(kernel: Node, asked: str) -> str:
    if asked == "edges":
        return "the spec asks for it"
    if not _mixes(kernel):
        return ""
    mixing = mixing_part(kernel)
    if mixing is None and not _has_comparison(kernel):
        return f"its sum of products f(i)*g(j) has more than {LIMIT} of them"
    if mixing is None:
        return ""
    late = any(item.op == "delayed" for item in ordered([kernel]))
    rule = RULES["late"] if late else RULES.get(mixing.op)
    text = mixing.span.text if mixing.span is not None else mixing.op
    rule = rule or f"{mixing.op} of both is no sum of f(i)*g(j)"
    return f"{text} mixes i and j: {rule}"


def _has_comparison(kernel: Node) -> bool:
    return any(map(is_comparison, ordered([kernel])))


def mixing_part(node: Node) -> Node | None:
    """The innermost part that does not separate though all of its own parts do."""
    maker = Maker()
    if separate(node, maker, dotted=True) is not None:
        return None
    for child in (item.inputs[0] if item.op == "apart" else item for item in node.inputs):
        if child.type.place.kind in ("edges", "pairs"):
            found = mixing_part(child)
            if found is not None:
                return found
    return node


def _mixes(node: Node) -> bool:
    """Whether quantities of both ends stand in it."""
    ops = {item.op for item in ordered([node])}
    return {"receiver", "sender"} <= ops or "delayed" in ops
