"""The form of every graph sum, by the structure of its graph.

Measured costs: where all nodes hear the same offsets, a row of them without gaps is a difference of
two running sums; else up to ``ROLLED`` shifted copies are added up, and beyond them a Fourier
transform wins. Where edges are the same between all nodes of two classes, the sums over the classes
are weighed: a node takes about as long as four edges of a sparse matrix. Elsewhere dense rows win
where more than about a tenth of the entries are there, or up to 300 nodes, where calls cost more
than arithmetic, and of low rank they are two products with thin factors; else compressed rows
(CSR).
"""

from __future__ import annotations

from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.network.connections import Connections
from dynattn.program.layout import Maker
from dynattn.program.nodes import EDGES, GIVEN_WEIGHTS, OFFSETS, Node
from dynattn.program.passes.rewriting import Rule
from dynattn.vocabulary.forms import FORMS

DENSE_NODES = 300
DENSE_SHARE = 0.1
ROLLED = 8
TRANSFORMED = 3
"""Sides of a lattice up to which one Fourier transform runs over all of them."""
WINDOWED = 1_000_000
"""Nodes up to which the difference of two running sums keeps twelve digits and more."""


def choose_forms(model: Model, network: Network) -> Rule:
    """A rule that fills in the form of ``graph_sum`` nodes: the one asked for where it fits."""

    def rule(node: Node, maker: Maker) -> Node | None:
        if node.op != "graph_sum" or node.payload[1]:
            return None
        name, _, weight = node.payload
        fitting = forms_of(network.connections[name], weight)
        asked = FORMS.get(model.coupling[name].form, frozenset())
        form = next((form for form in fitting if form in asked), fitting[0])
        return maker.make("graph_sum", node.inputs, node.type, (name, form, weight))

    return rule


def forms_of(connections: Connections, weight: str | None) -> tuple[str, ...]:
    """The forms that fit, the best one first."""
    if connections.points:
        return ("csr",)
    known = None not in (connections.receivers_count, connections.senders_count)
    forms = [form_of(connections, weight)]
    if connections.offsets is not None and weight != EDGES:
        forms += ["roll", "fft"]
        forms += ["window"] if weight is None and connections.window is not None else []
    if weight not in GIVEN_WEIGHTS and connections.blocks(weight) is not None:
        forms += ["blocks"]
    if weight not in GIVEN_WEIGHTS and connections.density >= DENSE_SHARE:
        forms += ["low_rank"] if connections.factors(weight) is not None else []
    if weight != OFFSETS and known:
        forms += ["dense"] if connections.kind != "edges" else ["csr", "dense"]
    return tuple(dict.fromkeys(forms))


def form_of(connections: Connections, weight: str | None) -> str:
    """The best of the forms that fit."""
    if weight == EDGES:
        return "dense" if connections.density >= DENSE_SHARE else "csr"
    if connections.kind == "complete":
        return "mean_field"
    if connections.kind == "causal":
        return "prefix"
    if connections.offsets is not None:
        if weight is None and has_window(connections):
            return "window"
        few = len(connections.offsets) <= ROLLED or len(connections.sides) > TRANSFORMED
        return "roll" if few else "fft"
    nodes = max(connections.receivers_count or 0, connections.senders_count or 0)
    if nodes <= DENSE_NODES:
        return "dense"
    blocks = connections.blocks(weight)
    if blocks is not None and blocks.cost < (connections.edge_count or 0):
        return "blocks"
    if connections.density >= DENSE_SHARE:
        return "dense" if connections.factors(weight) is None else "low_rank"
    return "csr"


def has_window(connections: Connections) -> bool:
    """Whether the offsets are a row without gaps, but for 0, of a length that is worth it."""
    nodes, offsets = connections.receivers_count or 0, connections.offsets
    if offsets is None or connections.sides or nodes > WINDOWED or len(offsets) < ROLLED:
        return False
    return connections.window is not None
