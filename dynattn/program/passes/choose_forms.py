"""The form of every graph sum, by the structure of its graph.

Measured costs: where all nodes hear the same offsets, up to ``ROLLED`` shifted copies are added up,
and beyond them a Fourier transform wins. Elsewhere dense rows win where more than about a tenth of
the entries are there, or up to 300 nodes, where calls cost more than arithmetic; else compressed
rows (CSR).
"""

from __future__ import annotations

from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import Node
from dynattn.program.passes.rewriting import Rule

DENSE_NODES = 300
DENSE_SHARE = 0.1
ROLLED = 8
TRANSFORMED = 3
"""Sides of a lattice up to which one Fourier transform runs over all of them."""


def choose_forms(network: Network) -> Rule:
    """A rule that fills in the form of ``graph_sum`` nodes."""

    def rule(node: Node, maker: Maker) -> Node | None:
        if node.op != "graph_sum" or node.payload[1]:
            return None
        name, _, weight = node.payload
        form = form_of(network, name)
        return maker.make("graph_sum", node.inputs, node.type, (name, form, weight))

    return rule


def form_of(network: Network, coupling: str) -> str:
    """``mean_field``, ``prefix``, ``roll``, ``fft``, ``dense`` or ``csr``."""
    connections = network.connections[coupling]
    if connections.kind == "complete":
        return "mean_field"
    if connections.kind == "causal":
        return "prefix"
    if connections.offsets is not None:
        few = len(connections.offsets) <= ROLLED or len(connections.sides) > TRANSFORMED
        return "roll" if few else "fft"
    nodes = max(connections.receivers_count or 0, connections.senders_count or 0)
    if nodes <= DENSE_NODES or connections.density >= DENSE_SHARE:
        return "dense"
    return "csr"
