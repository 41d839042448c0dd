"""Sums over pairs and edges that take more memory than a budget, receivers by receivers.

What is computed per pair or edge belongs to one receiver. So the part of a block between the nodes
and the sums over their senders can be computed for some receivers at a time, and again for its
slopes: memory then is that of these receivers. Such a part becomes one node, ``row_blocks``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from dynattn.program.layout import Maker
from dynattn.program.nodes import (
    PAIRS,
    PLAIN_SUMS,
    RANDOM,
    ArrayType,
    Block,
    Node,
    Program,
    ordered,
)
from dynattn.program.scored import scored_sum
from dynattn.program.symmetry import exchange_sign
from dynattn.vocabulary.sizes import Size, SizeError

if TYPE_CHECKING:
    from dynattn.network.connections import Connections

BUDGET = 2**26
"""Bytes that the arrays of pairs or edges of one sum may take at a time, slopes aside."""
SMALL = BUDGET // 64
"""Sums whose arrays take less are left as they are, for any number of points in a batch."""

FEW = 2**10
"""Of fewer pairs what makes their numbers is no work."""

LEAVES = frozenset({
    "parameter", "state", "delayed", "placeholder", "variable", "output", "input", "edge", "listed",
    "draw",
})  # fmt: skip
"""What holds a number per pair or edge that is there anyway."""
VIEWS = frozenset({"receiver", "sender", "unsqueeze"})
UNKNOWN = 16
"""Taken for a size that only a sample has."""

MARKS = ("index", "receivers", "senders", "count")
"""Variables of a block of rows: the numbers of its receivers; in lists of edges, of each edge the
place of its receiver among them and its sender, and how many receivers there are. Where each pair
is computed once, they are as many as the senders from the first receiver on."""

Key = tuple[str, int]
"""A coupling, and how many sums stand one behind the other up to these."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What a ``row_blocks`` node computes; its results are those of ``block``, in order."""

    coupling: str
    block: Block
    """Reads ``variable`` leaves ``("given", k)`` and ``("mark", name)``."""
    cut: tuple[str, ...]
    """Of each input: ``rows`` by receiver, ``columns`` by sender, ``edges`` (or pairs), or
    ``whole``."""
    width: int
    """Numbers per pair or edge."""
    once: bool = False
    """Whether (i, j) and (j, i) are computed together: an ``edge_sum`` then has for its payload
    the coupling, and the sign of what j adds to i where i adds it to j."""

    @property
    def apart(self) -> bool:
        """Whether a receiver needs the pairs of the one before it."""
        return any(node.op == "apart" for node in self.block.nodes)

    def at_a_time(self, senders: int, points: int = 1, number: int = 8) -> int:
        """So many receivers of this many pairs each fit into the budget, one at least."""
        return max(1, BUDGET // (number * max(1, self.width * senders * points)))


def in_row_blocks(
    block: Block, connections: Mapping[str, Connections], sizes: Mapping[str, int]
) -> Block:
    """The block with sums that may be beyond the budget as ``row_blocks`` nodes."""
    large = {
        key: group for key, group in _groups(block).items()
        if _is_large(group, connections[key[0]], sizes)
    }  # fmt: skip
    if not large:
        return block
    exposed, maker, done = _exposed(block), Maker(), dict[int, Node]()
    of_sum = {id(node): key for key, group in large.items() for node in group}
    parts = {
        key: _Part(key[0], group, exposed, _signs(group, connections[key[0]]))
        for key, group in large.items()
    }
    made: dict[Key, Node] = {}
    for node in _in_order(block, of_sum, parts):
        key = of_sum.get(id(node))
        if key is None:
            inputs = [done[id(child)] for child in node.inputs]
            done[id(node)] = maker.at(node.span).make(node.op, inputs, node.type, node.payload)
            continue
        if key not in made:
            made[key] = parts[key].fused(done, maker, sizes)
        kind = node.type
        done[id(node)] = maker.at(node.span).make("pick", [made[key]], kind, large[key].index(node))
    return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))


def at_a_time(
    program: Program, connections: Mapping[str, Connections], sizes: Mapping[str, int]
) -> dict[str, int]:
    """By coupling whose sums are beyond the budget: so many receivers are computed at a time."""
    found: dict[str, int] = {}
    for block in program.blocks:
        for node in in_row_blocks(block, connections, sizes).nodes:
            if node.op != "row_blocks":
                continue
            rows: Rows = node.payload
            edges = connections[rows.coupling]
            receivers, senders = edges.receivers_count, edges.senders_count
            if receivers is None or senders is None or (rows.once and edges.kind == "edges"):
                continue
            if edges.kind == "edges":
                senders = -(-(edges.edge_count or 0) // max(1, receivers))
            here = rows.at_a_time(senders)
            if here < receivers:
                found[rows.coupling] = min(here, found.get(rows.coupling, here))
    return found


def each_once(
    program: Program, connections: Mapping[str, Connections], sizes: Mapping[str, int]
) -> set[str]:
    """The couplings of which every undirected edge is computed once."""
    return {
        node.payload.coupling
        for block in program.blocks for node in in_row_blocks(block, connections, sizes).nodes
        if node.op == "row_blocks" and node.payload.once
    }  # fmt: skip


def _signs(group: Sequence[Node], connections: Connections) -> tuple[int, ...]:
    """By sum: 1 for an even kernel, -1 for an odd one; () where one is neither, or edges are
    directed.
    """
    if any(node.op != "edge_sum" or len(node.inputs) > 1 for node in group):
        return ()
    if not connections.is_undirected:
        return ()
    signs = tuple(exchange_sign(node.inputs[0], connections) for node in group)
    return signs if all(signs) else ()


def _is_sum(node: Node) -> bool:
    if node.op in PLAIN_SUMS:
        return node.inputs[0].type.place.kind in ("pairs", "edges")
    return node.op == "graph_sum" and node.payload[1] == "weighted" and node.payload[2] == PAIRS


def _of_edges(node: Node) -> bool:
    return node.type.place.kind in ("pairs", "edges")


def _groups(block: Block) -> dict[Key, list[Node]]:
    """Sums of one coupling of which none needs another one."""
    levels: dict[int, int] = {}
    found: dict[Key, list[Node]] = {}
    for node in block.nodes:
        levels[id(node)] = max((levels[id(child)] for child in node.inputs), default=0)
        if _is_sum(node):
            coupling = node.payload if node.op in PLAIN_SUMS else node.payload[0]
            found.setdefault((coupling, levels[id(node)]), []).append(node)
            levels[id(node)] += 1
    return found


def _exposed(block: Block) -> set[int]:
    """Nodes of pairs or edges whose values something else than a sum needs as a whole."""
    found = {id(node) for _, node in block.outputs}
    for node in block.nodes:
        if not _is_sum(node) and not (_of_edges(node) and node.op not in LEAVES):
            found |= {id(child) for child in node.inputs}
    return found


def _is_inner(node: Node, exposed: set[int]) -> bool:
    if node.op in ("constant", "size"):
        return True
    return _of_edges(node) and node.op not in LEAVES and id(node) not in exposed


def _is_large(group: Sequence[Node], connections: Connections, sizes: Mapping[str, int]) -> bool:
    """Whether the arrays of a group are not small, or nobody knows before there is a sample."""
    inner = [node for node in ordered(group) if _of_edges(node)]
    if any(node.op in RANDOM for node in inner):
        return False
    if connections.kind == "complete" and all(_is_product(node) for node in group):
        return False
    receivers, senders = connections.receivers_count, connections.senders_count
    if receivers is None or senders is None:
        return True
    if len(group) == 1 and connections.kind != "edges" and scored_sum(group[0]) is not None:
        return receivers * senders > FEW  # which is done by blocks anyway
    edges = connections.edge_count if connections.kind == "edges" else receivers * senders
    return 8 * _width(group, set(), sizes) * (edges or 0) > SMALL


def _is_product(node: Node) -> bool:
    """Whether a sum is a product with numbers that are there anyway."""
    return node.op == "graph_sum" and node.inputs[-1].op in LEAVES - RANDOM


def _width(group: Sequence[Node], exposed: set[int], sizes: Mapping[str, int]) -> int:
    """Numbers per pair or edge of what is computed."""
    listed = group[0].inputs[-1].type.place.kind == "edges"
    inner = [node for node in _inner_of(group, exposed) if _of_edges(node)]
    wide = [node for node in inner if listed or node.op not in VIEWS]
    return sum(_numbers(node.type, sizes) for node in wide) + len(group)


def _numbers(kind: ArrayType, sizes: Mapping[str, int]) -> int:
    def number(size: Size) -> int:
        try:
            return max(1, round(float(size.value(sizes))))
        except SizeError:
            return UNKNOWN

    return prod(map(number, kind.shape)) * (2 if kind.dtype == "complex" else 1)


def _inner_of(group: Sequence[Node], exposed: set[int]) -> list[Node]:
    """What lies between the nodes and the sums, inputs before users."""
    found: dict[int, Node] = {}
    stack = [child for node in group for child in _summed(node)]
    while stack:
        node = stack.pop()
        if id(node) not in found and _is_inner(node, exposed):
            found[id(node)] = node
            stack.extend(node.inputs)
    return [node for node in ordered(group) if id(node) in found]


def _summed(node: Node) -> Sequence[Node]:
    """The inputs of a sum that are of pairs or edges: all, or behind the features the weights."""
    return node.inputs if node.op in PLAIN_SUMS else node.inputs[-1:]


class _Part:
    """The part of a block that a group of sums stands at the end of."""

    def __init__(
        self, coupling: str, group: Sequence[Node], exposed: set[int], signs: tuple[int, ...]
    ) -> None:
        self.coupling, self.group, self.exposed, self.signs = coupling, group, exposed, signs
        self.inner = _inner_of(group, exposed)
        known = {id(node) for node in self.inner}
        self.given: dict[tuple[int, str], Node] = {}
        """What comes from outside, by identity and how it is cut."""
        for node in (*self.inner, *group):
            for child in node.inputs:
                if id(child) not in known:
                    self.given.setdefault((id(child), self.cut(child, node)), child)

    def cut(self, child: Node, node: Node) -> str:
        """How the input of a node is cut."""
        if node.op == "receiver":
            return "rows"
        if node.op == "sender" and self.signs:
            return "columns"
        return "edges" if _of_edges(child) else "whole"

    def outside(self, node: Node, done: Mapping[int, Node], maker: Maker) -> Node:
        """What is given; attributes of edges that are computed once are listed once."""
        if self.signs and node.op == "edge" and node.type.place.kind == "edges":
            return maker.make("edge_once", (), node.type, node.payload)
        return done[id(node)]

    def fused(self, done: Mapping[int, Node], maker: Maker, sizes: Mapping[str, int]) -> Node:
        """The node that computes them all."""
        inner, leaves, copies = Maker(), dict[tuple[int, str], Node](), dict[int, Node]()
        marks = {name: inner.make("variable", (), ArrayType(dtype="integer"), ("mark", name))
                 for name in MARKS}  # fmt: skip
        signed = {id(n): (self.coupling, sign)
                  for n, sign in zip(self.group, self.signs, strict=False)}  # fmt: skip
        for k, (key, node) in enumerate(self.given.items()):
            leaves[key] = inner.make("variable", (), node.type, ("given", k))
        for node in (*self.inner, *self.group):
            inputs = [copies.get(id(child)) or leaves[id(child), self.cut(child, node)]
                      for child in node.inputs]  # fmt: skip
            inputs += _marks_of(node, marks, bool(self.signs))
            payload = signed.get(id(node), node.payload)
            copies[id(node)] = inner.at(node.span).make(node.op, inputs, node.type, payload)
        outputs = tuple((str(k), copies[id(node)]) for k, node in enumerate(self.group))
        block = Block(f"rows of {self.coupling}", outputs)
        cut = tuple(key[1] for key in self.given)
        width = _width(self.group, self.exposed, sizes)
        rows = Rows(self.coupling, block, cut, width, bool(self.signs))
        inputs = [self.outside(node, done, maker) for node in self.given.values()]
        first = self.group[0]
        kind = ArrayType(first.type.place, (), "tuple", any(n.type.batched for n in inputs))
        return maker.at(first.span).make("row_blocks", inputs, kind, rows)


def _marks_of(node: Node, marks: Mapping[str, Node], once: bool) -> list[Node]:
    """The marks that an operation of some receivers reads besides its inputs."""
    listed = _of_edges(node) and node.type.place.kind == "edges"
    if node.op in ("receiver", "sender"):
        return [marks[f"{node.op}s"]] if listed else []
    if once and node.op in ("edge_sum", "apart"):
        listed = node.inputs[0].type.place.kind == "edges"
        ends = ("receivers", "senders") if listed else ("index",)
        return [*(marks[name] for name in ends), marks["count"]]
    if node.op in (*PLAIN_SUMS, "edge_softmax", "edge_normalize"):
        listed = node.inputs[0].type.place.kind == "edges"
        return [marks["receivers"], marks["count"]] if listed else [marks["index"]]
    return [marks["index"]] if node.op in ("reach", "apart", "graph_sum") else []


def _in_order(
    block: Block, of_sum: Mapping[int, Key], parts: Mapping[Key, _Part]
) -> Iterable[Node]:
    """The nodes outside of the parts, and the sums behind all that their part is given."""

    def needs(node: Node) -> Sequence[Node]:
        key = of_sum.get(id(node))
        return node.inputs if key is None else tuple(parts[key].given.values())

    return ordered([node for _, node in block.outputs], needs)
