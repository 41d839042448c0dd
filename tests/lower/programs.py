"""Small models and programs made by hand, for the tests of lowering."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.context import Context
from dynattn.lower.routine import Leaf, Routine, make_plan
from dynattn.model.terms import GLOBAL, Place
from dynattn.network.connections import Connections
from dynattn.program.nodes import ArrayType, Block, Nodes
from dynattn.vocabulary.sizes import fixed, named

COUNT = 6
ALL = Place("nodes", "all")
RNG = numpy.random.default_rng(7)


def compiled(clauses: str, over: str = "", on: str = "circle", nodes: int = 12) -> Compilation:
    """One coupling of points. ``on``: the manifold; vectors have no angles in their drift."""
    text = f"""model m
param N = {nodes}
population p[N] {{
  state x on {on}; param u ~ uniform(0.5, 1.5); drift {"u" if on == "circle" else "u*x"}
}}
coupling c: p -> p {over} {{ {clauses} }}
"""
    return Compilation(Source("m.dyn", text))


def sparse(count=COUNT, density=0.4, seed=0):
    """An edge list without self-loops; the last node has no senders."""
    rng = numpy.random.default_rng(seed)
    matrix = rng.random((count, count)) < density
    numpy.fill_diagonal(matrix, False)
    matrix[-1] = False
    receivers, senders = numpy.nonzero(matrix)
    weights = rng.standard_normal(len(receivers))
    return Connections("edges", count, count, False, receivers, senders, {"weight": weights})


def complete(include_self=False, count=COUNT):
    return Connections("complete", count, count, include_self)


def causal(include_self=True, count=COUNT):
    return Connections("causal", count, count, include_self)


def matrix_of(edges, weight=None):
    """[receivers, senders], in plain loops."""
    count = edges.receivers_count
    matrix = numpy.zeros((count, count))
    for i in range(count):
        for j in range(count):
            if edges.kind == "edges":
                for e in range(len(edges.receivers)):
                    if (edges.receivers[e], edges.senders[e]) == (i, j):
                        matrix[i, j] += edges.attributes[weight][e] if weight else 1.0
            elif (edges.include_self or i != j) and (edges.kind == "complete" or j <= i):
                matrix[i, j] = 1.0
    return matrix


def context(edges=None, size=None, **sizes):
    """One population ``all``, one coupling ``c`` from it to itself."""
    population = SimpleNamespace(size=size or fixed(edges.receivers_count if edges else COUNT))
    model: Any = SimpleNamespace(
        sizes=sizes,
        population={"all": population},
        coupling={"c": SimpleNamespace(sender="all", receiver="all")},
        states={},
        parameter={},
    )
    return Context(model, {"c": edges} if edges else {})


class Hand:
    """Makes nodes with little writing."""

    def __init__(self, edges=None):
        self.nodes = Nodes()
        self.edges = edges
        pairs = edges is not None and edges.kind != "edges"
        self.edge_place = Place("pairs" if pairs else "edges", "c")

    def state(self, name, *shape, place=ALL, dtype="real"):
        kind = ArrayType(place, tuple(fixed(n) for n in shape), dtype, True)
        return self.nodes.make("state", (), kind, name)

    def op(self, op, *inputs, payload=None, shape=None, place=None, dtype="real"):
        first = inputs[0].type if inputs else ArrayType()
        sizes = first.shape if shape is None else tuple(fixed(n) for n in shape)
        kind = ArrayType(first.place if place is None else place, sizes, dtype, bool(inputs))
        return self.nodes.make(op, inputs, kind, payload)

    def number(self, value):
        return self.nodes.make("constant", (), ArrayType(), value)


def run(node, where, dims=None, **arrays):
    """The value of a node, states given as torch or numpy arrays."""
    routine = routine_of(node, where)
    environment = {f"state {name}": torch.as_tensor(value) for name, value in arrays.items()}
    environment.update({f"dim {name}": value for name, value in (dims or {}).items()})
    return routine(environment)["result"]


def routine_of(node, where):
    from dynattn.lower.initial import fixed_leaf

    plan = make_plan(Block("test", (("result", node),)), where)
    cache: dict[Leaf, dict] = {}

    def find(leaf):
        return cache.setdefault(leaf, {"": fixed_leaf(leaf, where)}), ""

    return Routine(plan, find)


__all__ = ["ALL", "COUNT", "GLOBAL", "RNG", "Hand", "causal", "complete", "context", "matrix_of",
           "named", "routine_of", "run", "sparse"]  # fmt: skip
