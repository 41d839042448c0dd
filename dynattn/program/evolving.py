"""What a layer does to states, in the reference evaluator: node by node, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.composition import Adaptive, Evolution, Layer, Settling
from dynattn.model.parts import Draw, Law, State
from dynattn.model.terms import Term
from dynattn.program import duals
from dynattn.program.at_rest import led_to_rest
from dynattn.program.copies import own_name
from dynattn.program.duals import Array, Dual
from dynattn.program.increments import noise_name
from dynattn.program.moments import Moment, PerNode, remembered
from dynattn.program.sites import entry_of, front_of, rows_of
from dynattn.vocabulary.tableaus import IN_LAYERS

if TYPE_CHECKING:
    from dynattn.program.reference import Reference

Slopes = dict[str, PerNode]

STEPS = 3
"""How many steps of one size stand for those that a method chooses, which it does by tolerances: a
comparison to the last digit needs the same steps on both sides.
"""


def evolved(reference: Reference, layer: Layer, moment: Moment) -> Moment:
    """The moment after one use of a layer, ``moment`` knowing which copy of it this is."""
    if layer.rests:
        points = {r.state: _per_node(reference, r.point, r.state, moment) for r in layer.rests}
        return _moved(moment, points)
    moment = _moved(moment, {name: _start(reference, layer, name, moment) for name in layer.own})
    evolution = layer.evolution
    if evolution is None:
        return moment
    if isinstance(evolution, Settling):
        return led_to_rest(reference, layer, moment, _moved)
    if isinstance(evolution, Adaptive):
        evolution = evolution.in_steps(STEPS)
    for k in range(evolution.steps.value(reference.sizes)):
        time = evolution.start + k * evolution.step
        white = _white(reference, layer, moment.copies[layer.name], evolution.step)
        moment = _stepped(reference, layer.laws, moment, evolution, time, white)
    return moment


def _white(reference: Reference, layer: Layer, copy: int, h: float) -> dict[str, Array]:
    """What white noise is through one step, N(0, 1) / sqrt(h): a row per site of each state."""
    found = {}
    for law in layer.laws:
        if law.noise is not None:
            state = reference.model.states[law.state]
            shape = (*front_of(reference, state.place), *reference.shape_of(law.state))
            is_complex = state.manifold.dtype == "complex"
            name = noise_name(layer.name, copy, law.state)
            numbers = reference.increments.next(name, shape, is_complex) / math.sqrt(h)
            found[law.state] = rows_of(reference, state.place, numbers)
    return found


def _moved(moment: Moment, states: Slopes, time: float | None = None) -> Moment:
    """The next moment, nothing of it computed yet."""
    when = moment.time if time is None else time
    together = {**moment.states, **states}
    return replace(moment, states=together, time=when, known={}, sums={}, views={})


def _per_node(reference: Reference, term: Term, state: str, moment: Moment) -> PerNode:
    place, shape = reference.model.states[state].place, reference.shape_of(state)
    return remembered(lambda site: reference.value_at(term, place, shape, site, moment))


def _start(reference: Reference, layer: Layer, name: str, moment: Moment) -> PerNode:
    """The initial value of an own state: what it is drawn as is given, for this copy."""
    state: State = reference.model.states[name]
    if isinstance(state.init, Draw):
        drawn = own_name(name, layer.name, moment.copies[layer.name])
        return lambda site: entry_of(reference, state.place, reference.leaf(drawn), site)
    return _per_node(reference, state.init, name, moment)


def _stepped(
    reference: Reference, laws: Sequence[Law], moment: Moment, evolution: Evolution, time: float,
    white: Mapping[str, Array],
) -> Moment:  # fmt: skip
    """One step of an explicit Runge-Kutta method, every stage retracted to the manifolds."""
    tableau, h = IN_LAYERS[evolution.method], evolution.step
    slopes: list[Slopes] = []
    for node, row in zip(tableau.nodes, tableau.stages, strict=True):
        stage = _moved(
            moment, _points(reference, laws, moment, tuple(slopes), row, h), time + node * h
        )
        slopes.append({law.state: _slope(reference, law, stage, white) for law in laws})
    return _moved(moment, _points(reference, laws, moment, slopes, tableau.weights, h))


def _slope(
    reference: Reference, law: Law, moment: Moment, white: Mapping[str, Array]
) -> PerNode:  # fmt: skip
    def slope(site: int) -> Dual:
        rate = reference.rate_at(law, site, moment)
        if law.noise is None:
            return rate
        return duals.add(rate, reference.noise_at(law, site, moment, white[law.state][site]))

    return remembered(slope)


def _points(
    reference: Reference, laws: Sequence[Law], moment: Moment, slopes: Sequence[Slopes],
    weights: Sequence[float], h: float,
) -> Slopes:  # fmt: skip
    """Where h sum_i weights_i slopes_i leads from the states of a moment."""
    if not any(weights):
        return {}

    def leads(law: Law) -> PerNode:
        def point(node: int) -> Dual:
            parts = [
                duals.multiply(duals.plain(h * weight), slope[law.state](node))
                for weight, slope in zip(weights, slopes, strict=True)
            ]
            return reference.retract_at(law, moment.states[law.state](node), duals.total(parts))

        return remembered(point)

    return {law.state: leads(law) for law in laws}
