"""Sums over edges of separable kernels become sums of node features: O(E) or O(N) instead of sines
per edge, and nothing per edge in memory.

Where each pair of nodes has a weight of its own, such as a drawn one, the sums are products with
that matrix. Where all nodes hear the same offsets, a weight that is computed from edge attributes
alone, such as ``1 + A*cos(2*pi*distance/N)``, is computed once per offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dynattn.model.model import Model
from dynattn.model.terms import Place
from dynattn.network.build import Network
from dynattn.network.connections import Connections
from dynattn.program.layout import Maker
from dynattn.program.nodes import CLASSES, EDGES, OFFSETS, PAIRS, WHOLE, ArrayType, Node, ordered
from dynattn.program.passes.join_sums import join_sums
from dynattn.program.passes.matrix_products import summed_product
from dynattn.program.passes.own_terms import own_term
from dynattn.program.passes.products import Product, Products, one_end, separate
from dynattn.program.passes.rewriting import Rule
from dynattn.program.passes.same_class import Labels, labels_of
from dynattn.vocabulary.functions import ELEMENTWISE

Weight = str | Node | Labels | None
"""An attribute of the edges, a node with a weight per offset, pair or edge, labels whose equality
is the weight, or nothing."""

FEW = 300
"""Up to so many nodes a matrix of fixed weights takes no longer than sums of classes."""


@dataclass(frozen=True)
class Over:
    """What a sum runs over, and the form that a spec asks for."""

    edges: Connections
    asked: str

    @property
    def to_others(self) -> bool:
        """Whether each node hears all but itself, and the sum may be one over all."""
        own = self.edges.include_self
        return self.edges.kind == "complete" and not own and self.asked in ("", "mean_field")

    def has_classes(self, labels: Labels) -> bool:
        """Whether sums of classes are better than a matrix of weights, or asked for."""
        if self.edges.kind != "complete" or self.asked not in ("", "blocks"):
            return False
        many = max(self.edges.receivers_count or FEW + 1, self.edges.senders_count or FEW + 1)
        moving = any(item.op in ("state", "input", "variable") for item in ordered(labels))
        return self.asked == "blocks" or many > FEW or moving


def separate_kernels(model: Model, network: Network) -> Rule:
    """The rule edge_sum(sum_k a_k(x_i) b_k(x_j) w_ij)  ->  sum_k a_k * graph_sum(b_k; w)."""

    def rule(node: Node, maker: Maker) -> Node | None:
        if node.op != "edge_sum":
            return None
        edges = network.connections[node.payload]
        return _separated(node, maker, Over(edges, model.coupling[node.payload].form))

    return rule


def _separated(node: Node, maker: Maker, over: Over) -> Node | None:
    inner, last = node.inputs[0], None
    product = summed_product(inner, maker, one_end, lambda b: _single_sum(b, node, maker))
    if product is not None:
        return product
    if inner.op == "dot":  # sum_j w sum_c a_c b_c = sum_c a_c sum_j w b_c
        last = maker.elementwise("mul", *inner.inputs)
    products = separate(inner, maker, dotted=True) if last is None else separate(last, maker)
    if products is None:
        return None
    if last is None:
        products = tuple(_without_shared(p, maker) for p in products)
    weighed = [_weighed(p, maker, over) for p in products]
    if any(p.edge is not None and weight is None for p, weight in weighed):
        return None
    if last is not None and not _contractible(products):
        return None
    own = _own_term(inner, weighed, maker, over) if last is None else None
    weighed = [(p, WHOLE) for p, _ in weighed] if own is not None else weighed
    sums = _graph_sums(weighed, node, maker)
    listed = over.edges.kind == "edges"
    total = join_sums(products, sums, maker, contract=last is not None, columns=listed)
    if own is not None and own.payload != 0.0:
        total = maker.elementwise("sub", total, own)
    return maker.align(total, node.type) if total.type.shape != node.type.shape else total


def _without_shared(p: Product, maker: Maker) -> Product:
    """What is the same for all senders stands outside of the sum."""
    if p.sender is None or p.dotted or p.sender.type.place_axes:
        return p
    outside = p.sender if p.receiver is None else maker.elementwise("mul", p.receiver, p.sender)
    return replace(p, receiver=outside, sender=None)


def _contractible(products: Products) -> bool:
    return all(p.receiver is not None and p.sender is not None for p in products)


def _own_term(
    inner: Node, weighed: Sequence[tuple[Product, Weight]], maker: Maker, over: Over
) -> Node | None:
    """What each node would add to its own sum, where that is one number, and nothing is weighed."""
    plain = all(p.edge is None and w is None and p.sender is not None for p, w in weighed)
    return own_term(inner, maker) if plain and over.to_others else None


def _weighed(product: Product, maker: Maker, over: Over) -> tuple[Product, Weight]:
    """The product and what weighs it; of a class without a sender's factor, ones are summed."""
    weight = _weight(product, maker, over)
    if isinstance(weight, tuple) and product.sender is None:
        ones = maker.real(maker.elementwise("eq", weight[1], weight[1]))
        product = replace(product, sender=ones)
    return product, weight


def _weight(product: Product, maker: Maker, over: Over) -> Weight:
    """What weighs this product; None where nothing does, or nothing that a graph sum can take."""
    edge = product.edge
    if edge is None or edge.op == "edge":
        return None if edge is None else edge.payload[1]
    if edge.type.place.kind == "pairs":
        labels = labels_of(edge, maker, one_end)
        if labels is not None and over.has_classes(labels):
            return labels
        return None if edge.type.shape else edge
    # Without a sender's factor there is nothing to be shifted or transformed.
    shifted = over.edges.offsets is not None and product.sender is not None
    per_offset = _per_offset(edge, maker) if shifted else None
    if per_offset is not None:
        return per_offset
    return None if edge.type.shape or edge.type.dtype != "real" else edge


def _per_offset(node: Node, maker: Maker) -> Node | None:
    """A number per edge that depends on attributes and on no node, as one per offset."""
    if node.type.place_axes == 0:
        return node
    if node.op == "edge":
        place = Place("offsets", node.type.place.name)
        return maker.make("edge", (), ArrayType(place), node.payload)
    inner = [_per_offset(child, maker) for child in node.inputs]
    if node.op == "unsqueeze":
        return inner[0] if not node.type.shape else None
    if node.op not in ELEMENTWISE or node.type.shape:
        return None
    known = [child for child in inner if child is not None]
    return maker.elementwise(node.op, *known) if len(known) == len(inner) else None


def _graph_sums(weighed: Sequence[tuple[Product, Weight]], node: Node, maker: Maker) -> list[Node]:
    """The sum over senders of each product's sender factor; features of one weight together."""
    groups: dict[Weight, list[Node]] = {}
    for p, weight in weighed:
        if p.sender is not None:
            group = groups.setdefault(weight, [])
            if p.sender not in group:
                group.append(p.sender)
    made = {
        weight: _graph_sum(features, weight, node, maker) for weight, features in groups.items()
    }
    return [_sum_of(p, weight, groups, made, node, maker) for p, weight in weighed]


def _graph_sum(features: Sequence[Node], weight: Weight, node: Node, maker: Maker) -> Node:
    inputs, form = list(features), ""
    if isinstance(weight, tuple):
        inputs, weight, form = [*inputs, *weight], CLASSES, "blocks"
    elif isinstance(weight, Node):
        of_place = {"pairs": PAIRS, "edges": EDGES}
        inputs, weight = [*inputs, weight], of_place.get(weight.type.place.kind, OFFSETS)
    form = "weighted" if weight == PAIRS else form
    batched = any(item.type.batched for item in inputs)
    kind = ArrayType(node.type.place, (), "tuple", batched)
    return maker.make("graph_sum", inputs, kind, (node.payload, form, weight))


def _single_sum(feature: Node, node: Node, maker: Maker) -> Node:
    made = _graph_sum([feature], None, node, maker)
    kind = replace(feature.type, place=node.type.place)
    return maker.make("pick", [made], kind, 0)


def _sum_of(
    p: Product,
    weight: Weight,
    groups: dict[Weight, list[Node]],
    made: dict[Weight, Node],
    node: Node,
    maker: Maker,
) -> Node:
    if p.sender is None and isinstance(weight, Node):
        kind = ArrayType(node.type.place, (), "real", weight.type.batched)
        return maker.make("edge_sum", [weight], kind, node.payload)
    if p.sender is None:
        return maker.make("total", (), ArrayType(node.type.place), (node.payload, weight))
    k = groups[weight].index(p.sender)
    batched = made[weight].type.batched
    kind = ArrayType(node.type.place, p.sender.type.shape, p.sender.type.dtype, batched)
    return maker.make("pick", [made[weight]], kind, k)
