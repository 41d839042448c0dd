"""Losses cut at their means, so that samples of different lengths can share one mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dynattn.model.losses import REDUCING
from dynattn.program.nodes import Block, Node, ordered


def in_stages(block: Block) -> tuple[Block, ...]:
    """The block in stages: each gives the means that need no others than those before it.

    Results of a stage: the k-th mean of the block as ``k``, and what it is taken of as ``of k``.
    Means of the stages before are read as ``placeholder`` nodes ``("mean", k)``. The last stage
    gives the block's own results.
    """
    nodes = block.nodes
    depths = _depths(nodes)
    means = [node for node in nodes if node.op in REDUCING]
    holes: dict[int, Node] = {}
    stages = []
    for depth in sorted({depths[id(node)] for node in means}):
        here = [(k, node) for k, node in enumerate(means) if depths[id(node)] == depth]
        named = [(str(k), node) for k, node in here]
        named += [(f"of {k}", node.inputs[-1]) for k, node in here]
        stages.append(_with_holes(block.name, named, holes))
        for k, node in here:
            holes[id(node)] = Node("placeholder", (), node.type, ("mean", str(k)), node.span)
    return *stages, _with_holes(block.name, block.outputs, holes)


def _depths(nodes: Sequence[Node]) -> dict[int, int]:
    """How many means lie within one another on the way to each node, itself included."""
    found: dict[int, int] = {}
    for node in nodes:
        below = max((found[id(item)] for item in node.inputs), default=0)
        found[id(node)] = below + (node.op in REDUCING)
    return found


def _with_holes(name: str, outputs: Sequence[tuple[str, Node]], holes: Mapping[int, Node]) -> Block:
    done: dict[int, Node] = {}
    for node in ordered([node for _, node in outputs]):
        inputs = tuple(done[id(item)] for item in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        fresh = node if same else Node(node.op, inputs, node.type, node.payload, node.span)
        done[id(node)] = holes.get(id(node), fresh)
    return Block(name, tuple((label, done[id(node)]) for label, node in outputs))
