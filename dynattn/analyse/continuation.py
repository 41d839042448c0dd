"""All branches of equilibria that a start leads to, in one parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from dynattn.analyse.branches import (
    FIRST,
    LARGEST,
    POINTS,
    SINGULAR,
    Branch,
    SpecialPoint,
    Step,
    Walk,
    apart,
    directions_at,
    joined,
    point_of,
    reversed_step,
)
from dynattn.analyse.events import KINDS, events
from dynattn.diagnostics.report import Diagnostic, NumericalError, Span, SpecError
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import RestProblem, rest_problem
from dynattn.solve.sheets import Directions, Linearization, Sheet
from dynattn.solve.steps_to_rest import DENSE

BESIDE = 0.05
"""Of the range: where to start instead of a crossing."""

MOST = 12
"""Branches at most."""

SAME = 1e-5
"""Branch points that are closer than this, in scaled coordinates, are one."""


@dataclass(frozen=True)
class Continuation:
    """Branches, the one that was asked for first."""

    parameter: str
    branches: tuple[Branch, ...]
    problem: RestProblem = field(repr=False)
    sheet: Sheet = field(repr=False)

    @property
    def special(self) -> tuple[SpecialPoint, ...]:
        """Those of every branch in order, each once."""
        return tuple(point for branch in self.branches for point in branch.special)


def follow_equilibria(
    system: Any,
    parameter: str,
    low: float,
    high: float,
    states: Mapping[str, Tensor],
    value: float,
    *,
    kinds: Sequence[str] = KINDS,
    switch: bool = False,
    largest: float | None = None,
    atol: float = 1e-10,
    rtol: float = 1e-8,
    most: int = POINTS,
    span: Span | None = None,
    report: Callable[[float], None] | None = None,
) -> Continuation:
    """The branch of equilibria through ``states`` [nodes, ...] where a parameter has a value,
    both ways as far as the parameter is between ``low`` and ``high``.

    ``kinds`` of special points are located; with ``switch`` the branches that cross at branch
    points are followed too. ``largest``: the longest step, as a part of the parameter's range.
    NumericalError E641 where the states are not at rest and Newton's method finds nothing near,
    E642 where the start is singular; SpecError E643 for more unknowns than a matrix is kept for.
    """
    packing = packing_of(states, 0)
    problem = rest_problem(system, packing)
    y = packing.pack(states)
    size = float(y.numel() ** 0.5 * max(1.0, float(y.square().mean().sqrt())))
    widths = y.new_tensor([high - low])
    sheet = Sheet(problem, (parameter,), widths, size, atol=atol, rtol=rtol)
    begun = _begun(sheet, y, value, span)
    walk = Walk(sheet, low, high, LARGEST if largest is None else largest, most, report)
    kernel, held = begun.null_directions(1)
    if not float(held) > SINGULAR:
        text = f"several branches cross where the start is, at {parameter} = {value:.6g}"
        beside = value + BESIDE * (high - low if value - low <= high - value else low - high)
        fix = f"start a little beside it: write start equilibrium at {parameter} = {beside:.3g}"
        raise NumericalError(Diagnostic("E642", text, span, fix))
    first = walk.begin(begun, directions_at(begun, kernel))
    search = _Search(walk, kinds, switch)
    search.both_ways(first)
    return Continuation(parameter, tuple(search.branches), problem, sheet)


def _begun(sheet: Sheet, y: Tensor, value: float, span: Span | None) -> Linearization:
    """The equilibrium that the branch starts at."""
    here = sheet.at(point_of(sheet, y, value))
    if here.m > DENSE:
        text = f"a branch of {here.m} unknowns is too large: its matrices are kept whole"
        fix = f"choose sizes with {DENSE} unknowns at most"
        raise SpecError(Diagnostic("E643", text, span, fix))
    fixed = Directions(torch.zeros_like(y)[None], torch.ones_like(here.point.values)[None])
    settled = sheet.settle(here.point, fixed)
    if settled is not None:
        return settled[0]
    if float(here.rates.abs().max()) <= 1e3 * here.floor(sheet.atol):
        return here  # at a fold the parameter is no coordinate
    text = f"no equilibrium is found to start at, where {sheet.names[0]} = {value:.6g}"
    fix = "let other initial states lead to one, or write "
    fix += f"start equilibrium at {sheet.names[0]} = .., where there is one"
    raise NumericalError(Diagnostic("E641", text, span, fix))


class _Search:
    """Branches as they are found."""

    def __init__(self, walk: Walk, kinds: Sequence[str], switch: bool) -> None:
        self.walk, self.kinds, self.switch = walk, tuple(kinds), switch
        self.branches: list[Branch] = []
        self.crossings: list[SpecialPoint] = []

    def both_ways(self, start: Step) -> None:
        """The branch through a regular start, then those that it crosses."""
        inside = self.walk.low < start.value < self.walk.high
        onward, after = self._way(start)
        back, before = [start], "range"
        if after == "closed":
            before = "closed"
        elif inside:
            back, before = self._way(reversed_step(start))
        self._keep(joined(back, onward), (before, after), None)

    def _way(self, start: Step) -> tuple[list[Step], str]:
        steps, end = self.walk.follow(start)
        if len(steps) == 1 and start.value in (self.walk.low, self.walk.high):
            return self.walk.follow(reversed_step(start))
        return steps, end

    def _keep(
        self, steps: Sequence[Step], ends: tuple[str, str], origin: SpecialPoint | None
    ) -> None:
        """A branch with what happens on it; then the others that leave it."""
        whole: list[Step] = [steps[0]]
        special: list[SpecialPoint] = []
        for first, last in pairwise(steps):
            for point in events(self.walk, first, last, self.kinds):
                if origin is not None and self._same(point.step, origin.step):
                    continue
                special.append(point)
                whole.append(point.step)
            whole.append(last)
        self.branches.append(Branch(tuple(whole), tuple(special), ends, origin))
        for point in special:
            if point.kind == "branch_point" and self.switch and point.multiplicity == 1:
                self._leave(point)

    def _leave(self, point: SpecialPoint) -> None:
        """Follow the other branch through a branch point."""
        if len(self.branches) >= MOST or any(
            self._same(point.step, k.step) for k in self.crossings
        ):
            return
        self.crossings.append(point)
        aside = self._aside(point)
        sides = []
        for sign in (1.0, -1.0):
            tangent = Directions(sign * aside.lifted, sign * aside.others)
            first, _ = self.walk.next_free(replace(point.step, tangent=tangent), FIRST)
            sides.append([] if first is None else self._side(first))
        (onward, after), (back, before) = (side or ([], "lost") for side in sides)
        turned = [reversed_step(s) for s in reversed(back)]
        middle = [replace(point.step, tangent=aside)]
        steps = [*turned, *middle, *onward]
        if len(steps) > 1:
            self._keep(_measured(steps, len(turned)), (before, after), point)

    def _side(self, first: Step) -> tuple[list[Step], str]:
        return self.walk.follow(replace(first, arclength=FIRST))

    def _aside(self, point: SpecialPoint) -> Directions:
        """The direction in the plane of both branches that is orthogonal to the known one."""
        step = point.step
        both, _ = step.here.null_directions(2)
        known = step.tangent
        parts = (both.lifted * known.lifted).sum(-1) + (both.others * known.others).sum(-1)
        weights = torch.stack([-parts[1], parts[0]])
        return both.combined((weights / weights.norm())[None])

    def _same(self, one: Step, other: Step) -> bool:
        return apart(self.walk.sheet, one, other.here) < SAME


def _measured(steps: Sequence[Step], middle: int) -> tuple[Step, ...]:
    """With arclengths that are 0 in the middle, and below 0 before."""
    return tuple(
        replace(step, arclength=-step.arclength) if k < middle else
        replace(step, arclength=0.0) if k == middle else step
        for k, step in enumerate(steps)
    )  # fmt: skip
