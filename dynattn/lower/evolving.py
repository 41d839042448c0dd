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
from dynattn.lower.chosen_steps import choose, scaled
from dynattn.lower.retaken import Take, retake, stretches
from dynattn.lower.routine import Routine
from dynattn.model.composition import Adaptive, Evolution, Settling
from dynattn.program.copies import own_name
from dynattn.program.increments import noise_name
from dynattn.program.nodes import RANDOM, Node
from dynattn.vocabulary.tableaus import IN_LAYERS, Tableau

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
    evolution: Evolution | Adaptive | Settling | None
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
    tolerances: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Relative and absolute, of each state that moves, where steps are chosen."""

    @property
    def reads_first(self) -> set[str]:
        """The states whose values it needs from before."""
        keys = {*self.rate.keys, *self.retraction.keys}
        keys |= set() if self.noise is None else set(self.noise.keys)
        own = set() if self.start is None else {name for name, _ in self.start.plan.outputs}
        read = {key.removeprefix("state ") for key in keys if key.startswith("state ")}
        return read - own

    @property
    def weight_noise(self) -> Node | None:
        """The first weights that its laws read with noise."""
        return self.rate.weight_noise

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
        if isinstance(self.evolution, Adaptive):
            self._choose(environment, evaluate, self.evolution)
            return
        take = partial(self._take, evaluate, self.evolution)
        self._go(environment, take, self.steps, self.evolution.gradient)

    def _choose(self, environment: dict[str, Any], evaluate: Evaluate, evolution: Adaptive) -> None:
        """Through time by steps that are chosen first, and taken again where slopes are wanted."""
        steps, ends = choose(self, evolution, environment, evaluate)
        if not torch.is_grad_enabled():
            _put(environment, ends)
            return
        tableau = IN_LAYERS[evolution.method]

        def take(environment: dict[str, Any], numbers: range) -> None:
            for k in numbers:
                time, size = steps.times[k], steps.sizes[k]
                self._step(environment, evaluate, tableau, size, time, True)

        for name, end in ends.items():
            environment[f"state {name}"] = environment[f"state {name}"].expand(end.shape)
        self._go(environment, take, len(steps.sizes), evolution.gradient)

    def _go(
        self, environment: dict[str, Any], take: Take, count: int, gradient: str | None
    ) -> None:
        """So many steps, those of which too much would be kept made again on the way back."""
        if not self.retakes:
            take(environment, range(count))
            return
        found = stretches(take, count, environment, gradient)
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
        drawn = any(i.node.op in RANDOM for plan in plans for i in plan.instructions)
        return not drawn and self.noise is None

    def _take(
        self, evaluate: Evaluate, evolution: Evolution, environment: dict[str, Any], numbers: range
    ) -> None:
        tableau, h = IN_LAYERS[evolution.method], evolution.step
        for k in numbers:
            time = evolution.start + k * h
            self._step(environment, evaluate, tableau, h, time, evolution.has_time)

    def _step(
        self, environment: dict[str, Any], evaluate: Evaluate, tableau: Tableau,
        h: float | Tensor, time: float | Tensor, has_time: bool,
    ) -> None:  # fmt: skip
        """Every stage is a point of the manifolds, and so is the result; ``h`` may be [batch...].

        Noise stands still through a step: all stages see the same numbers, N(0, 1) / sqrt(h).
        """
        before = {name: environment[f"state {name}"] for name in self.sets}
        if not isinstance(h, Tensor):
            self._draw(environment, h)
        slopes: list[Arrays] = []
        for node, row in zip(tableau.nodes, tableau.stages, strict=True):
            self._move(environment, evaluate, before, slopes, [h * a if a else 0.0 for a in row])
            if has_time:
                now = time + node * h
                own = isinstance(now, Tensor)
                environment["time"] = now if own else self.origin.new_full((), now)
            slopes.append(self._slope(environment, evaluate))
        self._move(
            environment, evaluate, before, slopes, [h * b if b else 0.0 for b in tableau.weights]
        )

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
        factors: Sequence[float | Tensor],
    ) -> None:
        _put(environment, before)
        pairs = zip(factors, slopes, strict=True)
        used = [(f, slope) for f, slope in pairs if isinstance(f, Tensor) or f]
        if not used:
            return
        for name in before:
            environment[f"placeholder v {name}"] = _combined(used, name, self.moved.get(name, 0))
        _put(environment, evaluate(self.retraction, environment))


def _put(environment: dict[str, Any], states: Arrays) -> None:
    for name, value in states.items():
        environment[f"state {name}"] = value


def _combined(used: Sequence[tuple[float | Tensor, Arrays]], name: str, rank: int) -> Tensor:
    total: Tensor | None = None
    for factor, slope in used:
        part = scaled(factor, slope[name], rank)
        total = part if total is None else total + part
    assert total is not None
    return total
