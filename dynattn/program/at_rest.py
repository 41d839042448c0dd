"""A layer that runs until it is at rest, in the reference evaluator.

Plain numbers are led there by Heun's method or by updates, then by Newton's with slopes that are
differences. Last, dual numbers take Newton steps with the same matrix: they put the states at rest
and their slopes, which stand nowhere in it, at those of the implicit function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy

from dynattn.model.composition import Layer
from dynattn.model.parts import Law
from dynattn.program import duals
from dynattn.program.duals import Array, Dual
from dynattn.program.moments import Moment, PerNode
from dynattn.program.sites import front_of

if TYPE_CHECKING:
    from dynattn.program.reference import Reference

Moves = Callable[[Moment, dict[str, PerNode]], Moment]
"""The next moment, with other states."""

NEAR = 1e-5
"""Newton begins where no rate is larger than this part of the states, or of 1."""

RTOL = 1e-3
TURN = 0.7
"""A step changes no rate by more than this part: no stiff one is thrown from side to side."""

STEPS = 600
UPDATES = 2000
DIFFERENCE = 1e-6
ITERATIONS = 10
REST = 1e-10
MOST = 60
"""Numbers that are led to rest; of more, the cube of how many is counted as edge evaluations, which
are limited where that would take too long.
"""


def led_to_rest(reference: Reference, layer: Layer, moment: Moment, moves: Moves) -> Moment:
    """The moment in which the layer is at rest; not a number where it never is."""
    problem = _Problem(reference, layer, moment, moves)
    begun = problem.numbers({law.state: moment.states[law.state] for law in layer.laws})
    if len(begun) > MOST:
        reference.visit(len(begun) ** 3)
    y = problem.polished(problem.relaxed(begun))
    found = problem.states(duals.plain(y))
    if numpy.isfinite(y).all():
        matrix = problem.matrix(y)
        for _ in range(4):
            found = problem.stepped(found, matrix)
    return moves(moment, found)


@dataclass(frozen=True)
class _Problem:
    reference: Reference
    layer: Layer
    moment: Moment
    moves: Moves

    @property
    def discrete(self) -> bool:
        return any(law.discrete for law in self.layer.laws)

    def _own(self, state: str) -> tuple[int, tuple[int, ...], bool]:
        """(sites, coordinates at each, whether they are complex)."""
        found = self.reference.model.states[state]
        sites = prod(front_of(self.reference, found.place))
        return sites, self.reference.shape_of(state), found.manifold.dtype == "complex"

    def row(self, states: Mapping[str, PerNode]) -> Dual:
        """[n]: all of them, complex numbers as two."""
        parts = []
        for law in self.layer.laws:
            sites, shape, is_complex = self._own(law.state)
            for site in range(sites):
                x = duals.broadcast(states[law.state](site), shape)
                x = duals.add(x, duals.plain(0j)) if is_complex else x
                x = duals.in_parts(x)
                parts.append(duals.reshape(x, (x.value.size,)))
        return duals.concat(parts)

    def numbers(self, states: Mapping[str, PerNode]) -> Array:
        return self.row(states).value

    def states(self, row: Dual) -> dict[str, PerNode]:
        """The states of a row [n]."""
        found, start = {}, 0
        for law in self.layer.laws:
            sites, shape, is_complex = self._own(law.state)
            step = prod(shape) * (2 if is_complex else 1)
            rows = [_point(row, start + k * step, shape, is_complex) for k in range(sites)]
            found[law.state] = rows.__getitem__
            start += sites * step
        return found

    def field(self, states: dict[str, PerNode]) -> Dual:
        """[n]: the rates there; of maps what an update changes."""
        then = self.moves(self.moment, states)
        rates = {law.state: _rate(self.reference, law, then) for law in self.layer.laws}
        rate = self.row(rates)
        return duals.apply("sub", rate, self.row(states)) if self.discrete else rate

    def moved(self, states: Mapping[str, PerNode], step: Dual) -> dict[str, PerNode]:
        """Where a row of tangent steps leads."""
        if self.discrete:
            return self.states(duals.add(self.row(states), step))
        steps = self.states(step)
        return {
            law.state: [
                self.reference.retract_at(law, states[law.state](k), steps[law.state](k))
                for k in range(self._own(law.state)[0])
            ].__getitem__
            for law in self.layer.laws
        }

    def stepped(self, states: dict[str, PerNode], matrix: Array) -> dict[str, PerNode]:
        """A Newton step of dual numbers with a matrix of plain ones."""
        rate = self.field(states)
        value = -matrix @ rate.value
        tangent = None if rate.tangent is None else -matrix @ rate.tangent
        return self.moved(states, Dual(value, tangent))

    # ── plain numbers ──────────────────────────────────────────────────────────────────────────

    def at(self, y: Array) -> Array:
        return self.field(self.states(duals.plain(y))).value

    def to(self, y: Array, v: Array) -> Array:
        return self.numbers(self.moved(self.states(duals.plain(y)), duals.plain(v)))

    def relaxed(self, y: Array) -> Array:
        """Near to rest, or not a number."""
        h, rate = 0.05, self.at(y)
        for _ in range(UPDATES if self.discrete else STEPS):
            if numpy.abs(rate).max() <= NEAR * max(1.0, numpy.abs(y).max()):
                return y
            if self.discrete:
                y = y + rate
                rate = self.at(y)
                continue
            second = self.at(self.to(y, h * rate))
            error = numpy.abs(h * (second - rate) / 2) / (RTOL * (1 + numpy.abs(y)))
            turn = float(numpy.abs(second - rate).max() / numpy.abs(rate).max())
            ratio = max(float(error.max()), (turn / TURN) ** 2, 1e-6)
            if ratio <= 1:
                y = self.to(y, h * (rate + second) / 2)
                rate = self.at(y)
            h *= min(3.0, max(0.2, 0.9 * ratio**-0.5)) if numpy.isfinite(ratio) else 0.2
        return numpy.full_like(y, numpy.nan)

    def polished(self, y: Array) -> Array:
        """At rest, or not a number."""
        if not numpy.isfinite(y).all():
            return y
        for _ in range(ITERATIONS):
            rate = self.at(y)
            if numpy.abs(rate).max() <= REST * max(1.0, numpy.abs(y).max()):
                return y
            y = self.to(y, -self.matrix(y) @ rate)
        return numpy.full_like(y, numpy.nan)

    def matrix(self, y: Array) -> Array:
        """The inverse of the slopes [n, n] of the rates; directions that the retraction undoes have
        the slope -1.
        """
        columns = []
        for unit in numpy.eye(len(y)):
            ends = []
            for sign in (1.0, -1.0):
                v = sign * DIFFERENCE * unit
                there = self.to(y, v)
                ends.append(self.at(there) + there - y - v)
            columns.append((ends[0] - ends[1]) / (2 * DIFFERENCE))
        slopes = numpy.stack(columns, axis=-1)
        if not numpy.isfinite(slopes).all():
            return numpy.full_like(slopes, numpy.nan)
        return numpy.linalg.pinv(slopes, rcond=1e-8)


def _rate(reference: Reference, law: Law, moment: Moment) -> PerNode:
    return lambda site: reference.rate_at(law, site, moment)


def _point(row: Dual, start: int, shape: tuple[int, ...], is_complex: bool) -> Dual:
    size = prod(shape)
    if not is_complex:
        return duals.reshape(row[start : start + size], shape)
    ends = slice(start, start + 2 * size, 2), slice(start + 1, start + 2 * size, 2)
    real, imaginary = (duals.reshape(row[end], shape) for end in ends)
    return duals.add(real, duals.multiply(imaginary, duals.plain(1j)))
