"""Whether a program knows the edges of a coupling through whole sums over them alone."""

from __future__ import annotations

from collections.abc import Collection

from dynattn.model.terms import GLOBAL
from dynattn.program.nodes import GIVEN_WEIGHTS, Node, Program, ordered

OF_EDGES = ("edges", "pairs", "offsets")
"""Places whose arrays have numbers for each edge."""


def reads_sums_alone(program: Program, couplings: Collection[str]) -> bool:
    """Whether every number that depends on the edges of these couplings is one of the nodes, or
    one that may differ from point to point of a batch.
    """
    depends: dict[int, bool] = {}
    for block in program.blocks:
        for node in ordered([node for _, node in block.outputs]):
            if node.type.place.kind in OF_EDGES and node.type.place.name in couplings:
                return False
            if _reads(node, couplings) and node.op == "graph_sum" and _is_weighed(node):
                return False
            known = _reads(node, couplings) or any(depends[id(item)] for item in node.inputs)
            depends[id(node)] = known
            if known and node.type.place == GLOBAL and not node.type.batched:
                return False
    return True


def _reads(node: Node, couplings: Collection[str]) -> bool:
    """Whether an operation reads the edges themselves."""
    if node.op == "degree":
        return node.payload in couplings
    return node.op in ("graph_sum", "total") and node.payload[0] in couplings


def _is_weighed(node: Node) -> bool:
    return node.payload[1] != "csr" or node.payload[2] in GIVEN_WEIGHTS
