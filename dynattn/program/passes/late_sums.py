"""Sums over edges that have delays of their own, split into what is late and what is present.

What the senders were is not known per node, as every edge sees another time; but it is known ahead
of the step. So sum_j sin(x_j(t - tau_ij) - x_i) becomes cos x_i sum_j sin(..) - sin x_i sum_j
cos(..), whose sums know nothing of the present: they can be made for many times at once, and a
right-hand side is then as cheap as its nodes.
"""

from __future__ import annotations

from dataclasses import replace

from dynattn.model.model import Model
from dynattn.model.terms import Place
from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node, ordered
from dynattn.program.passes.products import Product, separate
from dynattn.program.passes.rewriting import Rule
from dynattn.vocabulary.functions import ELEMENTWISE

LEAVES = ("parameter", "index", "node", "axis", "constant", "size")


def late_sums(model: Model) -> Rule:
    """The rule edge_sum(sum_k a_k(x_i) b_k(late_ij) w_ij)  ->  sum_k a_k * edge_sum(b_k w_ij)."""

    def rule(node: Node, maker: Maker) -> Node | None:
        if node.op != "edge_sum" or node.inputs[0].type.place.kind != "edges":
            return None
        inner = node.inputs[0]
        if not any(_is_late(item) for item in ordered([inner])):
            return None
        senders = Place("nodes", model.coupling[node.payload].sender)
        return _split(inner, node, senders, maker)

    return rule


def _is_late(node: Node) -> bool:
    return node.op == "delayed" and node.type.place.kind == "edges"


def _split(inner: Node, node: Node, senders: Place, maker: Maker) -> Node | None:
    products = separate(_as_if_of_nodes(inner, senders, maker), maker)
    if products is None or not any(_is_present(p) for p in products):
        return None
    if any(p.receiver is None and p.sender is None and p.edge is None for p in products):
        return None
    total: Node | None = None
    for p in products:
        term = _summed(p, node, inner.type.place, maker)
        if term is None:
            return None
        if total is None:
            total = term if p.sign > 0 else maker.elementwise("neg", term)
        else:
            total = maker.elementwise("add" if p.sign > 0 else "sub", total, term)
    assert total is not None
    return maker.align(total, node.type) if total.type.shape != node.type.shape else total


def _is_present(p: Product) -> bool:
    """Whether a factor of the receiver would be computed on every edge."""
    return p.receiver is not None and p.receiver.type.place_axes > 0


def _as_if_of_nodes(inner: Node, senders: Place, maker: Maker) -> Node:
    """The kernel, its late values those of nodes that are sent along the edges."""
    done: dict[int, Node] = {}
    for item in ordered([inner]):
        inputs = [done[id(child)] for child in item.inputs]
        found = maker.make(item.op, inputs, item.type, item.payload)
        if _is_late(item):
            stand_in = maker.make("delayed", (), replace(item.type, place=senders), item.payload)
            found = maker.make("sender", [stand_in], item.type, item.type.place.name)
        done[id(item)] = found
    return done[id(inner)]


def _summed(p: Product, node: Node, edges: Place, maker: Maker) -> Node | None:
    """A product summed over the edges; None where a factor cannot be told per edge."""
    if p.sender is None and p.edge is None:
        count = maker.make("total", (), ArrayType(node.type.place), (node.payload, None))
        return None if p.receiver is None else maker.elementwise("mul", p.receiver, count)
    value = p.edge
    if p.sender is not None:
        late = _along_edges(p.sender, edges, maker)
        if late is None:
            return None
        value = late if p.edge is None else maker.elementwise("mul", late, p.edge)
    assert value is not None
    kind = replace(value.type, place=node.type.place)
    found = maker.make("edge_sum", [maker.real(value)], kind, node.payload)
    return found if p.receiver is None else maker.elementwise("mul", p.receiver, found)


def _along_edges(factor: Node, edges: Place, maker: Maker) -> Node | None:
    """What is made of a sender's values, made of the values that each edge sees."""
    done: dict[int, Node] = {}
    for item in ordered([factor]):
        if item.type.place.kind != "nodes":
            made = item
        elif item.op == "delayed":
            made = maker.make("delayed", (), replace(item.type, place=edges), item.payload)
        elif item.op in LEAVES:
            made = maker.make("sender", [item], replace(item.type, place=edges), edges.name)
        elif item.op in ELEMENTWISE or item.op == "unsqueeze":
            inputs = [done[id(child)] for child in item.inputs]
            made = maker.make(item.op, inputs, replace(item.type, place=edges), item.payload)
        else:
            return None
        done[id(item)] = made
    found = done[id(factor)]
    return found if found.type.place.kind == "edges" else None
