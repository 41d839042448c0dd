"""Sums of what senders and their successors send, weighed by the same softmax: one attention.

sum_j p_ij (a(x_i) b(x_j) + a(x_i) c(x_j+1)) = a(x_i) sum_j p_ij (b(x_j) + c(x_j+1)): numbers of the
whole model and constant lags go to the senders, so that what is summed has the width of one sum,
however many there are. Receivers do not see all successors of the nearest senders: these are
weighed apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import Block, Node, ordered
from dynattn.program.passes.angles import angle_of
from dynattn.program.passes.bilinear import as_rows, bilinear, from_rows, of_numbers
from dynattn.program.passes.fuse_attention import at_senders, factors, signed
from dynattn.program.passes.join_sums import Part, split_lag
from dynattn.program.passes.products import Products, separate


@dataclass(frozen=True)
class Summand:
    """One sum over the senders: its softmax, and how far the successors are that it is of."""

    softmax: Node
    places: int
    products: Products


def join_successors(model: Model, network: Network) -> Callable[[Block], Block]:
    """A pass over whole chains of additions of causal sums."""

    def change(block: Block) -> Block:
        nodes = ordered([output for _, output in block.outputs])
        inner = {id(c) for n in nodes if n.op == "add" for c in n.inputs if c.op == "add"}
        maker, done = Maker(), dict[int, Node]()
        for node in nodes:
            here = maker.at(node.span)
            fresh = here.make(node.op, [done[id(a)] for a in node.inputs], node.type, node.payload)
            whole = node.op == "add" and id(node) not in inner
            done[id(node)] = (_joined(fresh, model, network, here) if whole else None) or fresh
        return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))

    return change


def _joined(total: Node, model: Model, network: Network, maker: Maker) -> Node | None:
    sums = _sums(total)
    if not sums or len(names := {node.payload for node in sums}) > 1:
        return None
    (name,) = names
    edges = network.connections[name]
    if edges.kind != "causal" or not edges.include_self:
        return None
    if model.coupling[name].form not in ("", "attention"):
        return None
    summands = [_summand(node, maker) for node in sums]
    known = [s for s in summands if s is not None]
    if len(known) < len(sums) or len({id(s.softmax) for s in known}) > 1:
        return None
    return _fused(known, total, name, maker)


def _sums(node: Node) -> list[Node]:
    """The sums over edges that are added up; none where anything else is among them."""
    if node.op == "edge_sum":
        return [node]
    if node.op != "add":
        return []
    parts = [_sums(child) for child in node.inputs]
    return [s for part in parts for s in part] if all(parts) else []


def _summand(node: Node, maker: Maker) -> Summand | None:
    inner = node.inputs[0]
    if inner.op != "mul" or inner.type.place.kind != "pairs":
        return None
    softmax, kernel = factors(inner)
    if softmax is None or kernel is None:
        return None
    places = kernel.payload[1] if kernel.op == "reach" else 0
    products = separate(kernel.inputs[0] if kernel.op == "reach" else kernel, maker)
    if products is None or any(p.edge is not None or p.sender is None for p in products):
        return None
    return Summand(softmax, places, at_senders(products, maker) if places else products)


def _fused(summands: Sequence[Summand], total: Node, name: str, maker: Maker) -> Node | None:
    softmax = summands[0].softmax
    heads = len(softmax.type.shape)
    score = bilinear(softmax.inputs[0], maker) or of_numbers(softmax.inputs[0], maker)
    if score is None or heads > 1:
        return None
    groups = _by_receiver(summands, maker)
    if not _worthwhile(groups, summands):
        return None
    like = next(iter(groups[0].values.values()))
    if like.type.shape[:heads] != softmax.type.shape:
        return None
    query = maker.concat([signed(p, p.receiver, maker) for p in score])
    key = maker.concat([p.sender for p in score if p.sender is not None])
    means = _means((query, key), groups, (name, heads), maker)
    width = as_rows(like, heads, maker).type.shape[-1]
    found: list[Node] = []
    for k, group in enumerate(groups):
        part = from_rows(maker.part(means, k, len(groups), width), like, heads, maker)
        for factor in group.factors:
            part = maker.elementwise("mul", factor, part)
        found.append(part)
    made = _added(found, maker)
    kinds = [(node.type.place, node.type.shape, node.type.dtype) for node in (made, total)]
    return made if kinds[0] == kinds[1] else None


def _worthwhile(groups: Sequence[Group], summands: Sequence[Summand]) -> bool:
    """Whether there are successors, of the layout of the rest, and no more values than apart."""
    values = [v for group in groups for v in group.values.values()]
    alike = len({(v.type.shape, v.type.dtype, v.type.place) for v in values}) == 1
    apart = sum(len({p.sender for p in s.products}) for s in summands)
    nodes = all(v.type.place_axes for v in values)
    return alike and nodes and len(groups) <= apart and any(s.places for s in summands)


@dataclass
class Group:
    """factors(i) * sum over places l of what the l-th successor of j adds."""

    factors: tuple[Node, ...]
    values: dict[int, Node]
    """By places: at j itself."""


def _by_receiver(summands: Sequence[Summand], maker: Maker) -> list[Group]:
    """All products by what they have of the receiver."""
    groups: dict[tuple[int, ...], Group] = {}
    for summand in summands:
        for p in summand.products:
            assert p.sender is not None
            part = Part(p.sign, p.sender)
            part = part if p.receiver is None else part.times(p.receiver)
            for piece in _without_lag(part, maker):
                value = _sent(piece, maker)
                key = tuple(sorted(map(id, (*piece.factors, *piece.divisors))))
                inverse = [maker.elementwise("div", maker.number(1.0), d) for d in piece.divisors]
                group = groups.setdefault(key, Group((*piece.factors, *inverse), {}))
                before = group.values.get(summand.places)
                group.values[summand.places] = (
                    value if before is None else maker.elementwise("add", before, value)
                )
    return list(groups.values())


def _without_lag(part: Part, maker: Maker) -> list[Part]:
    """The part with its lag, where it has one, among the numbers."""
    if len(part.factors) != 1 or part.factors[0].op not in ("sin", "cos"):
        return [part]
    angle = angle_of(part.factors[0].inputs[0])
    if angle is None or not (angle.lag or angle.number):
        return [part]
    return split_lag(part, angle, maker)


def _sent(part: Part, maker: Maker) -> Node:
    """sign * numbers * value, the numbers put together first."""
    value, number = part.value, None
    for other in part.numbers:
        number = other if number is None else maker.elementwise("mul", number, other)
    if part.sign < 0:
        number = None if number is None else maker.elementwise("neg", number)
        value = value if number is not None else maker.elementwise("neg", value)
    return value if number is None else maker.elementwise("mul", number, value)


def _means(
    scores: tuple[Node, Node], groups: Sequence[Group], of: tuple[str, int], maker: Maker
) -> Node:
    """The weighted sums of all groups in a row."""
    name, heads = of
    some = next(iter(groups[0].values.values()))
    places = tuple(sorted({p for group in groups for p in group.values}))
    rows = []
    for p in places:
        values = [group.values.get(p) or _nothing(some, maker) for group in groups]
        rows.append(maker.concat([as_rows(value, heads, maker) for value in values]))
    kind = replace(rows[0].type, batched=True)
    return maker.make("successor_attention", [*scores, *rows], kind, (name, places))


def _nothing(like: Node, maker: Maker) -> Node:
    return maker.elementwise("mul", like, maker.number(0.0))


def _added(nodes: Sequence[Node], maker: Maker) -> Node:
    total = nodes[0]
    for node in nodes[1:]:
        total = maker.elementwise("add", total, node)
    return total
