"""A coupling as array operations, in the plain form: every edge by itself, then summed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.parts import Coupling
from dynattn.model.terms import GLOBAL, Place, Term
from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node

if TYPE_CHECKING:
    from dynattn.program.rules import Builder


def coupling_sum(builder: Builder, coupling: Coupling) -> Node:
    """S_i = strength_i / normalize * sum_j weight_ij kernel(x_i, x_j), in the state's own shape.

    Harmonics add up inside the sum over the edges; each successor is a sum of its own.
    """
    maker = builder.maker.at(coupling.span)
    edges = builder.place(Place("edges", coupling.name))
    weight = _weight(builder, coupling, edges, maker)
    total: Node | None = None
    for successor in dict.fromkeys(part.successor for part in coupling.summands):
        kernel = _kernel(builder, coupling, successor, edges)
        if weight is not None:
            kernel = _weighted(maker, weight, kernel)
        place = Place("nodes", coupling.receiver)
        kind = ArrayType(place, kernel.type.shape, kernel.type.dtype, kernel.type.batched)
        found = maker.make("edge_sum", [kernel], kind, coupling.name)
        total = found if total is None else maker.elementwise("add", total, found)
    assert total is not None, "a coupling has a summand"
    total = _normalized(builder, coupling, maker, total)
    if coupling.strength is not None and not coupling.parts:
        total = maker.elementwise("mul", builder.node(coupling.strength), total)
    if len(total.type.shape) > len(coupling.shape):
        merged = replace(total.type, shape=coupling.shape)
        total = maker.make("merge", [total], merged)
    return total


def _kernel(builder: Builder, coupling: Coupling, successor: int, edges: Place) -> Node:
    """What j, or the node ``successor`` places after it, contributes to i; 0 where that node is no
    sender of i.
    """
    maker = builder.maker.at(coupling.span)
    total: Node | None = None
    for part in coupling.summands:
        if part.successor == successor:
            kernel = on_edges(maker.real(builder.node(part.kernel)), edges, maker)
            if coupling.parts and part.strength is not None:
                strength = _at_receivers(maker.real(builder.node(part.strength)), edges, maker)
                kernel = maker.elementwise("mul", strength, kernel)
            total = kernel if total is None else maker.elementwise("add", total, kernel)
    assert total is not None, "a successor comes from a summand"
    if successor == 0:
        return total
    return maker.make("reach", [total], total.type, (coupling.name, successor))


def _at_receivers(node: Node, edges: Place, maker: Maker) -> Node:
    """A quantity of the receiving nodes as one of the edges; what is the same everywhere stays."""
    if node.type.place_axes == 0:
        return node
    kind = ArrayType(edges, node.type.shape, node.type.dtype, node.type.batched)
    return maker.make("receiver", [node], kind, edges.name)


def pair_energy(builder: Builder, name: str) -> Node:
    """Half the sum over all nodes of a sum with the potential for its kernel: each pair once."""
    coupling = builder.model.coupling[name]
    assert coupling.energy is not None
    maker = builder.maker.at(coupling.span)
    at_nodes = coupling_sum(builder, replace(coupling, kernel=coupling.energy, shape=()))
    kind = ArrayType(batched=at_nodes.type.batched)
    return maker.elementwise("mul", maker.number(0.5), maker.make("node_sum", [at_nodes], kind, -1))


def on_edges(node: Node, edges: Place, maker: Maker) -> Node:
    """A kernel that is the same on every edge (``kernel 1``), as a quantity of the edges."""
    if node.type.place != GLOBAL:
        return node
    ones = maker.make("edge", (), ArrayType(edges), (edges.name, "one"))
    return maker.elementwise("mul", node, ones)


def _weight(builder: Builder, coupling: Coupling, edges: Place, maker: Maker) -> Node | None:
    own = None
    attributes = builder.network.connections[coupling.name].attributes
    if coupling.edge_weights and "weight" in attributes:
        own = maker.make("edge", (), ArrayType(edges), (coupling.name, "weight"))
    if coupling.weight is None:
        return own
    return _adaptive(builder.node(coupling.weight), coupling, edges, builder.maker, coupling.weight)


def _adaptive(score: Node, coupling: Coupling, edges: Place, maker: Maker, term: Term) -> Node:
    maker = maker.at(term.span)
    score = on_edges(maker.real(score), edges, maker)
    if coupling.adaptive is None:
        return score
    op = {"softmax": "edge_softmax", "normalized": "edge_normalize"}[coupling.adaptive]
    return maker.make(op, [score], score.type, coupling.name)


def _weighted(maker: Maker, weight: Node, kernel: Node) -> Node:
    """weight * kernel; a weight per head acts on all the coordinates of its head."""
    missing = len(kernel.type.shape) - len(weight.type.shape)
    if weight.type.shape and missing > 0:
        weight = maker.expand_last(weight, missing)
    return maker.elementwise("mul", weight, kernel)


def _normalized(builder: Builder, coupling: Coupling, maker: Maker, total: Node) -> Node:
    if coupling.normalize == "size":
        size = builder.model.population[coupling.sender].size
        return maker.elementwise(
            "div", total, maker.make("size", (), ArrayType(dtype="integer"), size)
        )
    if coupling.normalize == "degree":
        kind = ArrayType(Place("nodes", coupling.receiver))
        return maker.elementwise("div", total, maker.make("degree", (), kind, coupling.name))
    return total
