"""The plain reference evaluator: a Model computed node by node and edge by edge, as it is written.

Nothing is rewritten and nothing is shared with the array program: loops over nodes, loops over the
senders of a node, dual numbers for exact slopes. It is slow, lazy, and meant to be obviously right.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy
from numpy.typing import ArrayLike

from dynattn.model.composition import (
    AssignStep,
    CallStep,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Law, Parameter
from dynattn.model.terms import Place, Term
from dynattn.network.build import Network
from dynattn.program import duals
from dynattn.program.copies import copy_name, output_names
from dynattn.program.duals import Array, Dual
from dynattn.program.evolving import evolved
from dynattn.program.increments import Increments
from dynattn.program.meanings import evaluate
from dynattn.program.moments import Moment, PerNode, View, remembered
from dynattn.program.sites import at_sites, entry_of, rows_of, view_of
from dynattn.program.sums import sum_into
from dynattn.vocabulary.sizes import Size

DEPTH = 1_000_000
"""Frames allowed while something is asked for: a network is computed from its end backwards."""


@contextmanager
def deep() -> Iterator[None]:
    """Let the evaluator recurse through all the steps of a network."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class TooManyEdges(Exception):
    """The evaluation would need more edge evaluations than it was allowed."""


class Reference:
    """One model with all its numbers: the value and Jacobian of anything in it.

    ``values`` holds parameters by full name (``K``, ``osc.omega``, ``attend.0.eta``), ``states``
    and ``inputs`` arrays [nodes, coordinates...]; ``past`` those of delayed states by their
    ``past_name``, over the nodes or the edges of the coupling; ``sizes`` the dims of this sample
    (T) beside the model's own. Tangents are along the entries of the arrays named in ``wrt``, one
    array after the other in C order (the real and the imaginary part of complex ones), or along
    ``directions`` [all these entries, P]. The noise of layers is that of ``Increments(white)``.
    """

    def __init__(
        self,
        model: Model,
        network: Network,
        values: Mapping[str, ArrayLike],
        *,
        states: Mapping[str, ArrayLike] | None = None,
        past: Mapping[str, ArrayLike] | None = None,
        inputs: Mapping[str, ArrayLike] | None = None,
        sizes: Mapping[str, int] | None = None,
        time: float = 0.0,
        wrt: Sequence[str] = (),
        directions: Array | None = None,
        edge_limit: float = float("inf"),
        white: int = 0,
    ):
        self.model = model
        self.network = network
        self.sizes = {**model.sizes, **(sizes or {})}
        self.time = time
        self.edges = 0
        self.edge_limit = edge_limit
        self.increments = Increments(white)
        self.inputs = {name: duals.plain(array) for name, array in (inputs or {}).items()}
        numbers = {**values, **(states or {}), **(past or {})}
        self._numbers = {name: duals.numbers(a) for name, a in numbers.items()}
        self._offsets, self.entries = self._layout(wrt)
        self._directions = directions
        self._leaves: dict[str, Dual] = {}
        known = [name for name in states or {} if name in model.states]
        self.start = Moment(self, {name: self._reader(name) for name in known})
        self._final: Moment | None = None

    def _layout(self, wrt: Sequence[str]) -> tuple[dict[str, int], int]:
        offsets, at = {}, 0
        for name in wrt:
            offsets[name] = at
            at += duals.inputs_of(self._numbers[name])
        return offsets, at

    def _reader(self, name: str) -> PerNode:
        place = self.model.states[name].place
        return lambda site: entry_of(self, place, self.leaf(name), site)

    # ── what is given ──────────────────────────────────────────────────────────────────────────

    def leaf(self, name: str) -> Dual:
        """A given array by its full name; a size that is read as a number is one too."""
        if name not in self._leaves:
            array = self._numbers.get(name)
            array = numpy.asarray(self.sizes[name]) if array is None else array
            self._leaves[name] = self._leaf(name, array)
        return self._leaves[name]

    def _leaf(self, name: str, array: Array) -> Dual:
        offset = self._offsets.get(name)
        if offset is None:
            return duals.plain(array)
        if self._directions is None:
            return duals.independent(array, offset, self.entries)
        return duals.moving(array, self._directions[offset : offset + duals.inputs_of(array)])

    def full_name(self, parameter: Parameter, copies: Mapping[str, int]) -> str:
        """The name of a parameter's array: a layer's own has one per use of the layer."""
        if parameter.layer is None:
            return parameter.name
        return copy_name(parameter, copies[parameter.layer])

    def count(self, population: str) -> int:
        """The number of nodes of a population."""
        return self.model.population[population].size.value(self.sizes)

    # ── what is asked for ──────────────────────────────────────────────────────────────────────

    @deep()
    def rate(self, state: str, node: int) -> Dual:
        """x' of one node, by the model's own laws."""
        law = next(law for law in self.model.laws if law.state == state)
        return self.rate_at(law, node, self.start)

    @deep()
    def rates(self) -> dict[str, Dual]:
        """x' of every node of every state that has a law: [nodes, coordinates...]."""
        return {law.state: self._all(law.state, self._rates(law)) for law in self.model.laws}

    def _rates(self, law: Law) -> PerNode:
        return lambda node: self.rate_at(law, node, self.start)

    @deep()
    def retract(self, state: str, node: int, step: ArrayLike) -> Dual:
        """Where the tangent step leads from the node's point."""
        law = next(law for law in self.model.laws if law.state == state)
        return self.retract_at(law, self.start.states[state](node), duals.plain(step))

    @deep()
    def retractions(self, state: str, steps: ArrayLike) -> Dual:
        """Every node's point after its own step: ``steps`` [nodes, coordinates...]."""
        rows = rows_of(self, self.model.states[state].place, steps)
        return self._all(state, lambda site: self.retract(state, site, rows[site]))

    @deep()
    def noises(self, white: Mapping[str, ArrayLike]) -> dict[str, Dual]:
        """The noise of every law that has one, for increments ``white`` [nodes, coordinates...]."""
        found = {}
        for law in self.model.laws:
            if law.noise is not None:
                rows = rows_of(self, self.model.states[law.state].place, white[law.state])
                found[law.state] = self._all(law.state, self._noise(law, rows))
        return found

    def _noise(self, law: Law, rows: Array) -> PerNode:
        return lambda site: self.noise_at(law, site, self.start, rows[site])

    @deep()
    def delays(self) -> dict[str, Dual]:
        """How late each coupling is: [], per edge [edges], or per pair [receivers, senders], where
        it is 0 at pairs that are none.
        """
        return {c.name: self._delay(c.delay) for c in self.model.couplings if c.delay}

    def _delay(self, delay: Term) -> Dual:
        if delay.type.place.kind == "global":
            return evaluate(delay, self.start.everywhere)
        place = delay.type.place
        return at_sites(self, place, (), lambda n: self.value_at(delay, place, (), n, self.start))

    @deep()
    def observe(self, name: str) -> Dual:
        """An observable of the given states."""
        observable = next(item for item in self.model.observables if item.name == name)
        return self.whole(observable.value, self.start)

    @property
    def final(self) -> Moment:
        """The moment at the end of the network."""
        if self._final is None:
            self._final = self._run(self.model.network, self.start, {})
        return self._final

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs, in order."""
        return output_names(self.model.network)

    def has_nodes(self, output: str) -> bool:
        """Whether an output has one value per node."""
        return self.final.bindings[output][0].type.place.kind == "nodes"

    @deep()
    def output(self, name: str) -> Dual:
        """An output of the network: [nodes, coordinates...], or [coordinates...] without nodes."""
        value, then = self.final.bindings[name]
        return self.whole(value, then)

    @deep()
    def output_at(self, name: str, node: int) -> Dual:
        """An output at one node; only what it depends on is computed."""
        value, then = self.final.bindings[name]
        return evaluate(value, then.node(node))

    @deep()
    def loss(self) -> dict[str, Dual]:
        """The training loss and what is recorded beside it, by label."""
        training = self.model.training
        assert training is not None
        found = {"loss": evaluate(training.loss, self.final.everywhere)}
        for record in training.records:
            found[record.label] = evaluate(record.value, self.final.everywhere)
        return found

    def whole(self, term: Term, moment: Moment) -> Dual:
        """A quantity at all its nodes, or the one there is."""
        if term.type.place.kind == "edges":
            place, own = term.type.place, self._numbers_of(term.type.shape)
            return at_sites(self, place, own, lambda n: self.value_at(term, place, own, n, moment))
        if term.type.place.kind != "nodes":
            return evaluate(term, moment.everywhere)
        nodes = range(self.count(term.type.place.name))
        return duals.stack([evaluate(term, moment.node(number)) for number in nodes])

    def _numbers_of(self, shape: Sequence[Size]) -> tuple[int, ...]:
        return tuple(size.value(self.sizes) for size in shape)

    # ── laws ───────────────────────────────────────────────────────────────────────────────────

    def shape_of(self, state: str) -> tuple[int, ...]:
        """Coordinates of a state at one node."""
        return self._numbers_of(self.model.states[state].shape)

    def _all(self, state: str, per_site: PerNode) -> Dual:
        return at_sites(self, self.model.states[state].place, self.shape_of(state), per_site)

    def rate_at(self, law: Law, site: int, moment: Moment) -> Dual:
        """x' of one node or edge, by a law at a moment."""
        place, use = self.model.states[law.state].place, self.model.states[law.state].manifold
        rate = self.value_at(law.rate, place, self.shape_of(law.state), site, moment)
        return duals.add(rate, duals.plain(0j)) if use.dtype == "complex" else rate

    def noise_at(self, law: Law, site: int, moment: Moment, white: Array) -> Dual:
        """The noise of one node or edge, for numbers ``white`` [coordinates...]."""
        assert law.noise is not None
        place, shape = self.model.states[law.state].place, self.shape_of(law.state)
        return self.value_at(law.noise, place, shape, site, moment, {"W'": duals.plain(white)})

    def value_at(
        self, term: Term, place: Place, shape: tuple[int, ...], site: int, moment: Moment,
        holes: Mapping[str, Dual] | None = None,
    ) -> Dual:  # fmt: skip
        """The value of a term at one site of a place, in this shape; 0 at a pair that is none."""
        view = view_of(moment, place, site, holes)
        if view is None:
            return duals.plain(numpy.zeros(shape))
        return duals.broadcast(evaluate(term, view), shape)

    def retract_at(self, law: Law, x: Dual, step: Dual) -> Dual:
        """Where a tangent step leads from a point."""
        use = self.model.states[law.state].manifold
        shape = tuple(size.value(self.sizes) for size in use.shape)
        pairs = zip(duals.points(x, shape), duals.points(step, shape), strict=True)
        moved = [
            evaluate(law.retraction, View(self.start, holes={"x": point, "v": along}))
            for point, along in pairs
        ]
        return duals.reshape(duals.stack(moved), x.shape)

    def coupling_sum(self, name: str, receiver: int, moment: Moment) -> Dual:
        """S_i of a coupling at one receiver."""
        key = (name, receiver)
        if key not in moment.sums:
            moment.sums[key] = sum_into(self.model.coupling[name], receiver, moment)
        return moment.sums[key]

    def sum_of(self, coupling: Coupling, receiver: int, moment: Moment) -> Dual:
        """The same sum for a coupling with another kernel than the model's."""
        return sum_into(coupling, receiver, moment)

    def visit(self, edges: int) -> None:
        """Count edge evaluations; TooManyEdges beyond the limit."""
        self.edges += edges
        if self.edges > self.edge_limit:
            raise TooManyEdges

    # ── the network ────────────────────────────────────────────────────────────────────────────

    def _run(self, steps: Sequence[Step], moment: Moment, uses: dict[str, int]) -> Moment:
        """The moment after the steps; ``uses`` counts how often each layer has acted."""
        for step in steps:
            match step:
                case AssignStep(name, is_state, value, owner):
                    then = _copied(moment, owner, uses)
                    moment = self._assigned(name, is_state, value, moment, then)
                case OutputStep(name, value, owner):
                    moment = _bind(moment, name, value, _copied(moment, owner, uses))
                case CallStep():
                    moment = self._called(step, moment, uses)
                case LayerStep(layer):
                    moment = self._evolved(layer, moment, uses)
                case RepeatStep():
                    moment = self._repeated(step, moment, uses)
        return moment

    def _assigned(
        self, name: str, is_state: bool, value: Term, moment: Moment, then: Moment
    ) -> Moment:
        """``value`` as it is ``then``, under a name."""
        if not is_state:
            return _bind(moment, name, value, then)
        shape = self.shape_of(name)

        def compute(node: int) -> Dual:
            return duals.broadcast(evaluate(value, then.node(node)), shape)

        return _then(moment, states={**moment.states, name: remembered(compute)})

    def _called(self, step: CallStep, moment: Moment, uses: dict[str, int]) -> Moment:
        """The arguments bound, then the layer's output with the weights of this use."""
        then = _copied(moment, step.owner, uses)
        inside = moment
        for name, value in step.arguments:
            inside = _bind(inside, name, value, then)
        layer = self.model.layer[step.layer]
        inside = evolved(self, layer, _copied(inside, step.layer, uses))
        output = layer.output
        assert output is not None
        return _bind(moment, step.target, output, inside)

    def _repeated(self, step: RepeatStep, moment: Moment, uses: dict[str, int]) -> Moment:
        before = dict(uses)
        for _ in range(step.count.value(self.sizes)):
            if step.tied:
                uses.clear()
                uses.update(before)
            moment = self._run(step.steps, moment, uses)
        return moment

    def _evolved(self, name: str, moment: Moment, uses: dict[str, int]) -> Moment:
        """The moment after the next use of a layer that acts on the model's states."""
        return evolved(self, self.model.layer[name], _copied(moment, name, uses))


def _then(moment: Moment, **changes: Any) -> Moment:
    """The next moment: what changes, and nothing computed yet."""
    return replace(moment, **changes, known={}, sums={}, views={})


def _copied(moment: Moment, owner: str | None, uses: dict[str, int]) -> Moment:
    """The moment with the next copy of the owner's weights."""
    if owner is None:
        return moment
    copy = uses.get(owner, 0)
    uses[owner] = copy + 1
    return _then(moment, copies={**moment.copies, owner: copy})


def _bind(moment: Moment, name: str, value: Term, then: Moment) -> Moment:
    """The moment in which a name stands for what ``value`` is ``then``."""
    return _then(moment, bindings={**moment.bindings, name: (value, then)})
