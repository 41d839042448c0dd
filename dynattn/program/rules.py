"""The node of each kind of Term: one rule per operation, each Term translated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dynattn.model.model import Model
from dynattn.model.terms import GLOBAL, Place, Term
from dynattn.network.build import Network
from dynattn.program import network_rules, starts
from dynattn.program.couplings import coupling_sum, on_edges, pair_energy
from dynattn.program.layout import Maker, widest
from dynattn.program.nodes import ArrayType, Node
from dynattn.vocabulary.functions import ELEMENTWISE, MATRIX_FUNCTIONS
from dynattn.vocabulary.sizes import ONE


class Builder:
    """Turns Terms into nodes of one block; each Term and each coupling sum once."""

    def __init__(self, model: Model, network: Network, varied: frozenset[str] = frozenset()):
        self.model = model
        self.network = network
        self.varied = varied
        self.maker = Maker()
        self.retracted: str | None = None
        """In a retraction or a noise: the full name of the state that moves."""
        self._done: dict[int, Node] = {}
        self._kept: list[Term] = []
        self._sums: dict[str, Node] = {}

    def node(self, term: Term) -> Node:
        """The node of a Term."""
        if id(term) not in self._done:
            rule = RULES.get(term.op, _elementwise if term.op in ELEMENTWISE else _unknown)
            self._done[id(term)] = rule(self, term)
            self._kept.append(term)  # keeps the id from being given to another Term
        return self._done[id(term)]

    def shown(self, term: Term) -> Node:
        """The node of a Term that is asked for by itself: on edges a whole array, 0 elsewhere."""
        node = self.node(term)
        if term.type.place.kind != "edges":
            return node
        return self.on_edges_alone(node, term.type.place)

    def on_edges_alone(self, node: Node, place: Place) -> Node:
        """A quantity of edges at each of them; 0 at pairs that are none."""
        edges = self.place(place)
        node = on_edges(node, edges, self.maker)
        if edges.kind != "pairs":
            return node
        return self.maker.make("reach", [node], node.type, (place.name, 0))

    def sum_of(self, name: str) -> Node:
        """The sum S_i of a coupling."""
        if name not in self._sums:
            self._sums[name] = coupling_sum(self, self.model.coupling[name])
        return self._sums[name]

    def place(self, place: Place) -> Place:
        """Edges are ``pairs`` where every node may see every other."""
        if place.kind == "edges" and self.network.connections[place.name].kind != "edges":
            return Place("pairs", place.name)
        return place

    def leaf(self, term: Term, op: str, batched: bool) -> Node:
        """A node without inputs, of the Term's own type."""
        kind = ArrayType(self.place(term.type.place), term.type.shape, term.type.dtype, batched)
        return self.maker.at(term.span).make(op, (), kind, term.payload)


Rule = Callable[[Builder, Term], Node]


def _unknown(builder: Builder, term: Term) -> Node:
    raise AssertionError(f"the checker let an unknown term through: {term.op}")


def _elementwise(builder: Builder, term: Term) -> Node:
    operands = [builder.node(arg) for arg in term.args]
    return builder.maker.at(term.span).elementwise(term.op, *operands)


def _number(builder: Builder, term: Term) -> Node:
    return builder.maker.at(term.span).number(term.payload)


def _parameter(builder: Builder, term: Term) -> Node:
    leaf = builder.leaf(term, "parameter", batched=term.payload in builder.varied)
    place = builder.model.parameter[term.payload].place
    size = builder.model.population[place.name].size if place.kind == "nodes" else None
    if size is None or size.names <= builder.model.sizes.keys():
        return leaf
    # a row for as many nodes as a sample may have, used up to its own length
    return builder.maker.at(term.span).make("rows", [leaf], leaf.type, size)


def _array(builder: Builder, term: Term) -> Node:
    maker = builder.maker.at(term.span)
    values = _plain_values(term)
    if values is not None:
        kind = ArrayType(shape=term.type.shape, dtype=term.type.dtype)
        return maker.make("constant", (), kind, values)
    parts = [maker.real(builder.node(arg)) for arg in term.args]
    batched = any(part.type.batched for part in parts)
    kind = ArrayType(builder.place(term.type.place), term.type.shape, widest(*parts), batched)
    parts = [maker.align(part, replace(kind, shape=term.type.shape[1:])) for part in parts]
    return maker.make("stack", parts, kind)


def _plain_values(term: Term) -> tuple | complex | None:
    if term.op == "number":
        return term.payload if isinstance(term.payload, complex) else float(term.payload)
    if term.op == "neg":
        value = _plain_values(term.args[0])
        return -value if isinstance(value, complex | float) else None
    if term.op == "array":
        values = tuple(_plain_values(arg) for arg in term.args)
        return None if any(value is None for value in values) else values
    return None


def _placeholder(builder: Builder, term: Term) -> Node:
    kind = ArrayType(builder.place(term.type.place), term.type.shape, term.type.dtype, True)
    if term.payload == "x":
        return builder.maker.at(term.span).make("state", (), kind, builder.retracted)
    payload = (term.payload, builder.retracted)
    return builder.maker.at(term.span).make("placeholder", (), kind, payload)


def _end(builder: Builder, term: Term) -> Node:
    inner = builder.node(term.args[0])
    if inner.type.place_axes == 0:
        return inner  # what is the same at every node is the same at both ends
    maker, place = builder.maker.at(term.span), builder.place(term.type.place)
    if term.payload:
        inner = maker.make("successor", [inner], inner.type, term.payload)
    kind = ArrayType(place, inner.type.shape, inner.type.dtype, inner.type.batched)
    return maker.make(term.op, [inner], kind, place.name)


def _edge(builder: Builder, term: Term) -> Node:
    kind = ArrayType(builder.place(term.type.place), (), "real", False)
    payload = (term.type.place.name, term.payload)
    return builder.maker.at(term.span).make("edge", (), kind, payload)


def _node_attribute(builder: Builder, term: Term) -> Node:
    payload = (term.type.place.name, term.payload)
    return builder.maker.at(term.span).make("node", (), ArrayType(term.type.place), payload)


def _joined(builder: Builder, term: Term) -> Node:
    group = term.type.place
    members = builder.model.population[group.name].members
    parts = []
    for name, argument in zip(members, term.args, strict=True):
        maker = builder.maker.at(argument.span)
        kind = ArrayType(Place("nodes", name), term.type.shape)
        part = _placed(builder, maker.real(builder.node(argument)), kind.place)
        parts.append(maker.align(part, kind) if part.type.shape != kind.shape else part)
    batched = any(part.type.batched for part in parts)
    kind = ArrayType(group, term.type.shape, term.type.dtype, batched)
    return builder.maker.at(term.span).make("joined", parts, kind, group.name)


def _member(builder: Builder, term: Term) -> Node:
    inner = builder.node(term.args[0])
    inner = _placed(builder, inner, term.args[0].type.place)
    kind = ArrayType(term.type.place, inner.type.shape, inner.type.dtype, inner.type.batched)
    return builder.maker.at(term.span).make("member", [inner], kind, term.payload)


def _split(builder: Builder, term: Term) -> Node:
    inner = builder.node(term.args[0])
    kind = ArrayType(inner.type.place, term.type.shape, inner.type.dtype, inner.type.batched)
    return builder.maker.at(term.span).make("split", [inner], kind, term.payload)


def _part(builder: Builder, term: Term) -> Node:
    inner, (k, count) = builder.node(term.args[0]), term.payload
    return builder.maker.at(term.span).part(inner, k, count, term.type.shape[-1])


def _axis(builder: Builder, term: Term) -> Node:
    """Axes of size 1 stand for those along which the index stays the same."""
    _, k, first = term.payload
    shape = tuple(size if a == k else ONE for a, size in enumerate(term.type.shape))
    kind = ArrayType(GLOBAL, shape, "integer")
    return builder.maker.at(term.span).make("axis", (), kind, (k, first))


def _entry(builder: Builder, term: Term) -> Node:
    inner = builder.node(term.args[0])
    kind = ArrayType(inner.type.place, term.type.shape, inner.type.dtype, inner.type.batched)
    return builder.maker.at(term.span).make("entry", [inner], kind, term.payload[0])


def _aligned(builder: Builder, term: Term) -> Node:
    inner = builder.node(term.args[0])
    if inner.type.place_axes == 0:
        return inner
    kind = ArrayType(term.type.place, inner.type.shape, inner.type.dtype, inner.type.batched)
    return builder.maker.at(term.span).make("aligned", [inner], kind)


def _dot(builder: Builder, term: Term) -> Node:
    return builder.maker.at(term.span).dot(*(builder.node(arg) for arg in term.args))


def _norm(builder: Builder, term: Term) -> Node:
    inner = builder.maker.real(builder.node(term.args[0]))
    kind = ArrayType(inner.type.place, inner.type.shape[:-1], "real", inner.type.batched)
    return builder.maker.at(term.span).make("norm", [inner], kind)


def _matmul(builder: Builder, term: Term) -> Node:
    return builder.maker.at(term.span).matmul(*(builder.node(arg) for arg in term.args))


def _of_matrix(builder: Builder, term: Term) -> Node:
    return builder.maker.at(term.span).of_matrix(term.op, builder.node(term.args[0]))


def _concat(builder: Builder, term: Term) -> Node:
    return builder.maker.at(term.span).concat([builder.node(arg) for arg in term.args])


def _placed(builder: Builder, node: Node, place: Place) -> Node:
    """What is the same at every node, as an array over the nodes."""
    if node.type.place_axes:
        return node
    kind = ArrayType(place, dtype="integer")
    nodes = builder.maker.make("index", (), kind, place.name)
    nothing = builder.maker.elementwise("mul", nodes, builder.maker.number(0.0))
    return builder.maker.elementwise("add", node, nothing)


def _listed(builder: Builder, node: Node, place: Place) -> Node:
    """A quantity of edges with one axis along the edges there are."""
    maker, edges = builder.maker, builder.place(place)
    node = on_edges(node, edges, maker)
    if edges.kind != "pairs":
        return node
    kind = ArrayType(place, node.type.shape, node.type.dtype, node.type.batched)
    return maker.make("listed", [node], kind, place.name)


def _over_nodes(builder: Builder, term: Term) -> Node:
    place, inner = term.args[0].type.place, builder.node(term.args[0])
    if place.kind == "edges":
        inner = _listed(builder, inner, place)
    else:
        inner = _placed(builder, inner, place)
    op = "node_sum" if term.op == "count" else f"node_{term.op}"
    dtype = "real" if term.op == "std" else widest(inner)
    kind = ArrayType(shape=inner.type.shape, dtype=dtype, batched=inner.type.batched)
    axis = -len(inner.type.shape) - 1
    return builder.maker.at(term.span).make(op, [inner], kind, axis)


def _through(builder: Builder, term: Term) -> Node:
    """Functions whose node is the Term with its arguments turned into nodes."""
    inputs = [builder.node(arg) for arg in term.args]
    batched = any(node.type.batched for node in inputs)
    kind = ArrayType(builder.place(term.type.place), term.type.shape, term.type.dtype, batched)
    return builder.maker.at(term.span).make(term.op, inputs, kind, term.payload)


RULES: Mapping[str, Rule] = {
    "number": _number,
    "array": _array,
    "parameter": _parameter,
    "size": lambda b, t: b.leaf(t, "size", False),
    "axis": _axis,
    "entry": _entry,
    "rotary": lambda b, t: b.leaf(t, "rotary", False),
    "index": lambda b, t: b.leaf(t, "index", False),
    "node": _node_attribute,
    "joined": _joined,
    "member": _member,
    "time": lambda b, t: b.leaf(t, "time", True),
    "state": lambda b, t: b.leaf(t, "state", True),
    "start": starts.start,
    "delayed": lambda b, t: b.leaf(t, "delayed", True),
    "input": lambda b, t: b.leaf(t, "input", True),
    "output": lambda b, t: b.leaf(t, "output", True),
    "variable": lambda b, t: b.leaf(t, "variable", True),
    "placeholder": _placeholder,
    "let": lambda b, t: b.node(t.args[0]),
    "called": lambda b, t: b.node(t.args[0]),
    "aligned": _aligned,
    "spread": lambda b, t: b.node(t.args[0]),
    "receiver": _end,
    "sender": _end,
    "edge": _edge,
    "coupling": lambda b, t: b.sum_of(t.payload),
    "pair_energy": lambda b, t: pair_energy(b, t.payload),
    "column": lambda b, t: b.maker.at(t.span).expand_last(b.node(t.args[0]), 1),
    "split": _split,
    "merge": _through,
    "part": _part,
    "dot": _dot,
    "norm": _norm,
    "matmul": _matmul,
    **dict.fromkeys(MATRIX_FUNCTIONS, _of_matrix),
    "concat": _concat,
    **dict.fromkeys(("sum", "mean", "std", "min", "max", "count"), _over_nodes),
    **dict.fromkeys(("linear", "lookup", "next"), _through),
    **network_rules.RULES,
}
