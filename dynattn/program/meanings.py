"""What each kind of Term means at one node or edge: the rules of the reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy

from dynattn.model.delays import past_name
from dynattn.model.terms import Term
from dynattn.program import duals, matrices, network_meanings
from dynattn.program.duals import Dual
from dynattn.program.moments import PastTheEnd, View
from dynattn.program.sites import site_of
from dynattn.vocabulary.functions import ELEMENTWISE, MATRIX_FUNCTIONS


def evaluate(term: Term, view: View) -> Dual:
    """The value of a term as seen from a node, an edge, or nowhere in particular."""
    memory = view.memory(term)
    if id(term) not in memory:
        memory[id(term)] = _meaning(term, view)
    return memory[id(term)]


def _meaning(term: Term, view: View) -> Dual:
    if term.op in RULES:
        return RULES[term.op](term, view)
    if term.op in ELEMENTWISE:
        return duals.apply(term.op, *_arguments(term, view))
    raise NotImplementedError(f"the reference evaluator has no rule for {term.op!r}")


def _arguments(term: Term, view: View) -> list[Dual]:
    return [evaluate(argument, view) for argument in term.args]


def _parameter(term: Term, view: View) -> Dual:
    reference = view.moment.reference
    declared = reference.model.parameter[term.payload]
    array = reference.leaf(reference.full_name(declared, view.moment.copies))
    if declared.place.kind == "nodes":
        return array[_node(view)]
    if declared.place.kind == "edges":
        edge = view.edge
        assert edge is not None, f"{declared.name} read away from its edge"
        return array[edge.number] if edge.number is not None else array[edge.receiver][edge.sender]
    return array


def _state(term: Term, view: View) -> Dual:
    at_edge = term.type.place.kind == "edges"
    return view.moment.states[term.payload](site_of(view) if at_edge else _node(view))


def _delayed(term: Term, view: View) -> Dual:
    array, edge = view.moment.reference.leaf(past_name(term.payload)), view.edge
    if term.type.place.kind == "nodes":
        return array[_node(view)]
    assert edge is not None, "an edge's own past read away from the edge"
    return array[edge.number] if edge.number is not None else array[edge.receiver][edge.sender]


def _input(term: Term, view: View) -> Dual:
    array = view.moment.reference.inputs[term.payload]
    return array[_node(view)] if term.type.place.kind == "nodes" else array


def _bound(term: Term, view: View) -> Dual:
    value, then = view.moment.bindings[term.payload]
    return evaluate(value, then.everywhere if view.node is None else then.node(view.node))


def _node(view: View) -> int:
    assert view.node is not None, "a node's own quantity read away from the node"
    return view.node


def _time(term: Term, view: View) -> Dual:
    moment = view.moment
    return duals.plain(moment.reference.time if moment.time is None else moment.time)


def _receiver(term: Term, view: View) -> Dual:
    assert view.edge is not None
    return evaluate(term.args[0], view.moment.node(view.edge.receiver))


def _sender(term: Term, view: View) -> Dual:
    assert view.edge is not None
    return evaluate(term.args[0], view.moment.node(view.edge.sender + (term.payload or 0)))


def _edge(term: Term, view: View) -> Dual:
    assert view.edge is not None
    connections = view.moment.reference.network.connections[view.edge.coupling]
    assert view.edge.number is not None
    return duals.plain(connections.value(term.payload, view.edge.number))


def _node_attribute(term: Term, view: View) -> Dual:
    attributes = view.moment.reference.network.attributes
    return duals.plain(attributes[term.type.place.name, term.payload][_node(view)])


def _joined(term: Term, view: View) -> Dual:
    reference, number = view.moment.reference, _node(view)
    members = reference.model.population[term.type.place.name].members
    for argument, member in zip(term.args, members, strict=True):
        if number < reference.count(member):
            return evaluate(argument, view.moment.node(number))
        number -= reference.count(member)
    raise IndexError(f"a group has no node {_node(view)}")


def _member(term: Term, view: View) -> Dual:
    reference = view.moment.reference
    group, population = term.payload
    members = reference.model.population[group].members
    before = members[: members.index(population)]
    number = _node(view) + sum(reference.count(member) for member in before)
    return evaluate(term.args[0], view.moment.node(number))


def _coupling(term: Term, view: View) -> Dual:
    return view.moment.reference.coupling_sum(term.payload, _node(view), view.moment)


def _pair_energy(term: Term, view: View) -> Dual:
    reference = view.moment.reference
    coupling = reference.model.coupling[term.payload]
    assert coupling.energy is not None
    nodes = range(reference.count(coupling.receiver))
    own = replace(coupling, kernel=coupling.energy, shape=())
    found = duals.total([reference.sum_of(own, number, view.moment) for number in nodes])
    return duals.multiply(duals.plain(0.5), found)


def _spread(term: Term, view: View) -> Dual:
    sizes = view.moment.reference.sizes
    value = evaluate(term.args[0], view)
    return duals.broadcast(value, tuple(size.value(sizes) for size in term.type.shape))


def _column(term: Term, view: View) -> Dual:
    value = evaluate(term.args[0], view)
    return duals.reshape(value, (*value.shape, 1))


def _split(term: Term, view: View) -> Dual:
    value = evaluate(term.args[0], view)
    heads = term.payload.value(view.moment.reference.sizes)
    return duals.reshape(value, (*value.shape[:-1], heads, value.shape[-1] // heads))


def _merge(term: Term, view: View) -> Dual:
    value = evaluate(term.args[0], view)
    return duals.reshape(value, (*value.shape[:-2], value.shape[-2] * value.shape[-1]))


def _part(term: Term, view: View) -> Dual:
    value, (k, count) = evaluate(term.args[0], view), term.payload
    width = value.shape[-1] // count
    before = (slice(None),) * (len(value.shape) - 1)
    return value[(*before, slice(k * width, (k + 1) * width))]


def _axis(term: Term, view: View) -> Dual:
    _, k, first = term.payload
    shape = [size.value(view.moment.reference.sizes) for size in term.type.shape]
    return duals.plain(first + numpy.indices(shape)[k])


def _entry(term: Term, view: View) -> Dual:
    value = evaluate(term.args[0], view)
    for place in term.payload[0]:
        value = value[place]
    return value


def _rotary(term: Term, view: View) -> Dual:
    sizes = view.moment.reference.sizes
    width, heads = (size.value(sizes) for size in term.payload)
    inside = width // heads
    return duals.plain([10000.0 ** (-(c % inside) / inside) for c in range(width)])


def _linear(term: Term, view: View) -> Dual:
    return duals.linear(*_arguments(term, view))


def _lookup(term: Term, view: View) -> Dual:
    table, at = _arguments(term, view)
    return table[at.value.astype(numpy.int64)] if at.value.ndim else table[int(at.value)]


def _next(term: Term, view: View) -> Dual:
    value = term.args[0]
    if value.type.place.kind != "nodes":
        return evaluate(value, view)[1:]
    after = _node(view) + 1
    if after >= view.moment.reference.count(value.type.place.name):
        raise PastTheEnd
    return evaluate(value, view.moment.node(after))


def _everyone(term: Term, view: View) -> list[Dual]:
    value = term.args[0]
    if value.type.place.kind == "edges":
        return [evaluate(value, edge) for edge in _edges(value.type.place.name, view)]
    population = value.type.place.name
    nodes = range(view.moment.reference.count(population))
    return [evaluate(value, view.moment.node(number)) for number in nodes]


def _sum(term: Term, view: View) -> Dual:
    """0 in the shape of one where there are none."""
    values = _everyone(term, view)
    sizes = view.moment.reference.sizes
    shape = [size.value(sizes) for size in term.type.shape]
    return duals.total(values) if values else duals.plain(numpy.zeros(shape))


def _edges(coupling: str, view: View) -> Iterator[View]:
    """Every edge of a coupling."""
    from dynattn.program.sums import senders

    reference = view.moment.reference
    found = reference.model.coupling[coupling]
    for receiver in range(reference.count(found.receiver)):
        for edge in senders(reference, found, receiver):
            yield View(view.moment, edge=edge)


def _deviation(values: list[Dual]) -> Dual:
    middle = duals.mean(values)
    away = [duals.apply("sub", value, middle) for value in values]
    sizes = [duals.apply("abs", a) for a in away]
    return duals.root(duals.mean([duals.multiply(a, a) for a in sizes]))


RULES: dict[str, Callable[[Term, View], Dual]] = {
    "number": lambda term, view: duals.plain(term.payload),
    "array": lambda term, view: duals.stack(_arguments(term, view)),
    "size": lambda term, view: duals.plain(term.payload.value(view.moment.reference.sizes)),
    "parameter": _parameter,
    "state": _state,
    "delayed": _delayed,
    "input": _input,
    "variable": _bound,
    "output": _bound,
    "time": _time,
    "index": lambda term, view: duals.plain(_node(view)),
    "node": _node_attribute,
    "joined": _joined,
    "member": _member,
    "placeholder": lambda term, view: view.holes[term.payload],
    "let": lambda term, view: evaluate(term.args[0], view),
    "called": lambda term, view: evaluate(term.args[0], view),
    "aligned": lambda term, view: evaluate(term.args[0], view),
    "spread": _spread,
    "receiver": _receiver,
    "sender": _sender,
    "edge": _edge,
    "coupling": _coupling,
    "pair_energy": _pair_energy,
    "column": _column,
    "split": _split,
    "merge": _merge,
    "part": _part,
    "axis": _axis,
    "entry": _entry,
    "rotary": _rotary,
    "linear": _linear,
    "lookup": _lookup,
    "next": _next,
    **network_meanings.RULES,
    "dot": lambda term, view: duals.dot(*_arguments(term, view)),
    "norm": lambda term, view: duals.norm(*_arguments(term, view)),
    "matmul": lambda term, view: matrices.product(*_arguments(term, view)),
    **dict.fromkeys(
        MATRIX_FUNCTIONS, lambda term, view: matrices.of_square(term.op, *_arguments(term, view))
    ),
    "concat": lambda term, view: duals.concat(_arguments(term, view)),
    "sum": lambda term, view: _sum(term, view),
    "count": lambda term, view: _sum(term, view),
    "mean": lambda term, view: duals.mean(_everyone(term, view)),
    "std": lambda term, view: _deviation(_everyone(term, view)),
    "min": lambda term, view: duals.extreme(_everyone(term, view), largest=False),
    "max": lambda term, view: duals.extreme(_everyone(term, view), largest=True),
}
