"""Softmax weights of a bilinear score: the sum over senders becomes one attention operation, which
lowers to a fused kernel and never holds a T x T array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Node
from dynattn.program.passes.bilinear import as_rows, bilinear, from_rows, of_numbers
from dynattn.program.passes.products import Product, Products, separate
from dynattn.program.passes.rewriting import Rule


def fuse_attention(network: Network) -> Rule:
    """A rule that fuses where every node hears itself: the fused kernels have no other mask."""

    def rule(node: Node, maker: Maker) -> Node | None:
        whole = node.op == "edge_sum" and network.connections[node.payload].include_self
        return _fused(node, maker) if whole else None

    return rule


def _fused(node: Node, maker: Maker) -> Node | None:
    """edge_sum(edge_softmax(sum_k dot(q_k[i], k_k[j])) * kernel)  ->  attention(q, k, v)."""
    if node.inputs[0].op != "mul":
        return None
    if node.inputs[0].type.place.kind != "pairs":
        return None
    softmax, kernel = factors(node.inputs[0])
    if softmax is None or kernel is None:
        return None
    score = bilinear(softmax.inputs[0], maker) or of_numbers(softmax.inputs[0], maker)
    reached = kernel.op == "reach"
    products = separate(kernel.inputs[0] if reached else kernel, maker)
    if score is None or products is None or any(p.edge is not None for p in products):
        return None
    if reached:
        if any(p.sender is None for p in products):
            return None  # the weights that are left do not add up to 1
        products = at_senders(products, maker)
    features = list(dict.fromkeys(p.sender for p in products if p.sender is not None))
    heads = softmax.type.shape
    if not features or len({(f.type.shape, f.type.dtype) for f in features}) > 1 or len(heads) > 1:
        return None
    if features[0].type.shape[: len(heads)] != heads:
        return None
    query = maker.concat([signed(p, p.receiver, maker) for p in score])
    key = maker.concat([p.sender for p in score if p.sender is not None])
    value = maker.concat([as_rows(feature, len(heads), maker) for feature in features])
    op, payload = (
        ("successor_attention", (node.payload, (kernel.payload[1],)))
        if reached
        else ("attention", node.payload)
    )
    kind = ArrayType(node.type.place, value.type.shape, "real", True)
    mixed = maker.make(op, [query, key, value], kind, payload)
    width = as_rows(features[0], len(heads), maker).type.shape[-1]
    parts = [maker.part(mixed, k, len(features), width) for k in range(len(features))]
    means = [from_rows(part, features[0], len(heads), maker) for part in parts]
    return _joined(products, dict(zip(features, means, strict=True)), maker)


def at_senders(products: Products, maker: Maker) -> Products:
    """Products whose sender factors are those of j itself in place of its successor's."""
    done: dict[int, Node] = {}

    def own(node: Node) -> Node:
        if id(node) not in done:
            inputs = [own(child) for child in node.inputs]
            fresh = maker.make(node.op, inputs, node.type, node.payload)
            done[id(node)] = inputs[0] if node.op == "successor" else fresh
        return done[id(node)]

    return tuple(replace(p, sender=own(p.sender)) for p in products if p.sender is not None)


def factors(product: Node) -> tuple[Node | None, Node | None]:
    """(the softmax, the kernel) of a weighted kernel."""
    for weight, kernel in (product.inputs, reversed(product.inputs)):
        inner = weight.inputs[0] if weight.op == "unsqueeze" else weight
        if inner.op == "edge_softmax":
            return inner, kernel
    return None, None


def signed(product: Product, factor: Node | None, maker: Maker) -> Node:
    assert factor is not None
    return factor if product.sign > 0 else maker.elementwise("neg", factor)


def _joined(products: Products, means: Mapping[Node, Node], maker: Maker) -> Node:
    """sum_k a_k(x_i) * mean of b_k: weights add up to 1, so what depends on i alone stays as it
    is.
    """
    total: Node | None = None
    for p in products:
        term = p.receiver
        if p.sender is not None:
            part = means[p.sender]
            term = part if term is None else maker.elementwise("mul", term, part)
        assert term is not None
        if total is None:
            total = term if p.sign > 0 else maker.elementwise("neg", term)
        else:
            total = maker.elementwise("add" if p.sign > 0 else "sub", total, term)
    assert total is not None
    return total
