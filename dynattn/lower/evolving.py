"""A layer at work in a module: its states put at rest, or moved by steps of a fixed-step method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.at_rest import RestOfLayer
from dynattn.lower.retaken import retake, stretches
from dynattn.lower.routine import Routine
from dynattn.model.composition import Evolution, Settling
from dynattn.program.copies import own_name
from dynattn.program.increments import noise_name
from dynattn.vocabulary.tableaus import TABLEAUS

Evaluate = Callable[[Routine, dict[str, Any]], dict[str, Any]]
Arrays = dict[str, Tensor]


@dataclass
class EvolveRun:
    """One use of a layer."""

    layer: str
    copy: int
    rate: Routine
    """At rest (``evolution`` None): the states themselves."""
    retraction: Routine
    evolution: Evolution | Settling | None
    steps: int
    origin: Tensor
    start: Routine | None
    """The layer's own states at the start."""
    drawn: Routine | None
    """Those of them that are drawn."""
    ranks: Mapping[str, int]
    """Axes of each of them behind the batch."""
    noise: Routine | None = None
    noisy: Mapping[str, int] = field(default_factory=dict)
    """Axes behind the batch of each state that the noise moves."""
    moved: Mapping[str, int] = field(default_factory=dict)
    """Axes behind the batch of each state that moves."""
    discrete: bool = False
    """Whether the laws are maps."""

    @property
    def reads_first(self) -> set[str]:
        """The states whose values it needs from before."""
        keys = {*self.rate.keys, *self.retraction.keys}
        keys |= set() if self.noise is None else set(self.noise.keys)
        own = set() if self.start is None else {name for name, _ in self.start.plan.outputs}
        read = {key.removeprefix("state ") for key in keys if key.startswith("state ")}
        return read - own

    @property
    def sets(self) -> set[str]:
        """The states that have values after it."""
        return {name for name, _ in self.rate.plan.outputs}

    def draws(self, environment: dict[str, Any]) -> Arrays:
        """The draws among the states at the start, named for this copy of the layer."""
        if self.drawn is None:
            return {}
        found = self.drawn(environment)
        return {own_name(name, self.layer, self.copy): value for name, value in found.items()}

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """The states of the environment after the layer has evolved."""
        if self.start is not None:
            batch = environment.get("batch", ())
            for name, value in evaluate(self.start, environment).items():
                alone = value.dim() == self.ranks[name]  # the same for every sample
                value = value.expand(*batch, *value.shape) if alone else value
                environment[f"state {name}"] = value
        if self.evolution is None:
            _put(environment, evaluate(self.rate, environment))
            return
        if isinstance(self.evolution, Settling):
            rest = RestOfLayer(
                self.layer, self.rate, self.retraction, dict(environment), self.moved,
                self.discrete, self.evolution.rtol, self.evolution.span,
            )  # fmt: skip
            _put(environment, rest.settle(evaluate))
            return
        take = partial(self._take, evaluate, self.evolution)
        if not self.retakes:
            take(environment, range(self.steps))
            return
        found = stretches(take, self.steps, environment, self.evolution.gradient)
        for numbers in found:
            if len(found) == 1:
                take(environment, numbers)
            else:
                keys = sorted({*self.rate.keys, *self.retraction.keys, *self._states})
                places = {(id(t), key): (t, key) for t, key in self.rate.tables}
                places |= {(id(t), key): (t, key) for t, key in self.retraction.tables}
                names = tuple(sorted(self.sets))
                retake(take, numbers, environment, keys, tuple(places.values()), names)

    @property
    def _states(self) -> set[str]:
        return {f"state {name}" for name in self.sets}

    @property
    def retakes(self) -> bool:
        """Whether steps are the same when they are taken again: nothing in them is drawn."""
        plans = (self.rate.plan, self.retraction.plan)
        drawn = any(i.node.op == "dropout" for plan in plans for i in plan.instructions)
        return not drawn and self.noise is None

    def _take(
        self, evaluate: Evaluate, evolution: Evolution, environment: dict[str, Any], numbers: range
    ) -> None:
        for k in numbers:
            self._step(environment, evaluate, evolution, evolution.start + k * evolution.step)

    def _step(
        self, environment: dict[str, Any], evaluate: Evaluate, evolution: Evolution, time: float
    ) -> None:
        """Every stage is a point of the manifolds, and so is the result.

        Noise stands still through a step: all stages see the same numbers, N(0, 1) / sqrt(h).
        """
        tableau, h = TABLEAUS[evolution.method], evolution.step
        before = {name: environment[f"state {name}"] for name in self.sets}
        self._draw(environment, h)
        slopes: list[Arrays] = []
        for node, row in zip(tableau.nodes, tableau.stages, strict=True):
            self._move(environment, evaluate, before, slopes, [h * a for a in row])
            if evolution.has_time:
                environment["time"] = self.origin.new_full((), time + node * h)
            slopes.append(self._slope(environment, evaluate))
        self._move(environment, evaluate, before, slopes, [h * b for b in tableau.weights])

    def _draw(self, environment: dict[str, Any], h: float) -> None:
        for name, rank in self.noisy.items():
            like: Tensor = environment[f"state {name}"]
            cut = like.dim() - rank
            front = torch.broadcast_shapes(environment.get("batch", ()), like.shape[:cut])
            shape, key = (*front, *like.shape[cut:]), noise_name(self.layer, self.copy, name)
            numbers = environment["white"].numbers(key, like, shape, rank)
            environment[f"placeholder W' {name}"] = numbers / math.sqrt(h)

    def _slope(self, environment: dict[str, Any], evaluate: Evaluate) -> Arrays:
        found = evaluate(self.rate, environment)
        pushes = {} if self.noise is None else evaluate(self.noise, environment)
        return found | {name: found[name] + push for name, push in pushes.items()}

    def _move(
        self,
        environment: dict[str, Any],
        evaluate: Evaluate,
        before: Arrays,
        slopes: Sequence[Arrays],
        factors: Sequence[float],
    ) -> None:
        _put(environment, before)
        used = [(f, slope) for f, slope in zip(factors, slopes, strict=True) if f]
        if not used:
            return
        for name in before:
            environment[f"placeholder v {name}"] = _combined(used, name)
        _put(environment, evaluate(self.retraction, environment))


def _put(environment: dict[str, Any], states: Arrays) -> None:
    for name, value in states.items():
        environment[f"state {name}"] = value


def _combined(used: Sequence[tuple[float, Arrays]], name: str) -> Tensor:
    total: Tensor | None = None
    for factor, slope in used:
        part = slope[name] if factor == 1 else factor * slope[name]
        total = part if total is None else total + part
    assert total is not None
    return total
