"""Equilibria of a system: from many starts, those known kept away from, each with its stability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.analyse.stability import Stability, growth_of_absent, stabilities
from dynattn.diagnostics.report import NumericalError
from dynattn.solve.equilibria import Rest, newton, seek
from dynattn.solve.orbits import blocks_of, deflation, features
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import RestProblem, rest_problem
from dynattn.solve.settling import check_rests, relaxed
from dynattn.vocabulary.manifolds import MANIFOLDS

Array = NDArray[Any]

SAME = 1e-5
"""Solutions closer than this, relative to their size, are one."""

ROUNDS = 8
"""Rounds of deflation at most."""

MOST = 200
"""Equilibria at most: more are a family that no symmetry explains."""

TIME = 200.0
"""How long a start is relaxed."""

RELAXED = 4
"""Starts that are relaxed in any case."""


@dataclass(frozen=True)
class Equilibrium:
    """One of them, or of the orbit that a symmetry makes of it."""

    states: Mapping[str, Array]
    """By name, [nodes, coordinates...]."""
    drift: Mapping[str, float]
    """How fast each symmetry of the system carries it along, by the symmetry's name."""
    residual: float
    iterations: int
    relaxed: bool
    """Whether Newton began where the system had led by itself."""
    starts: int
    """How many starts led here, without relaxing."""
    stability: Stability = field(repr=False)
    growth: Mapping[str, Array] = field(repr=False)
    """Of states on ``positive`` and ``simplex``: the rate at which what is absent would grow."""

    @property
    def eigenvalues(self) -> Array:
        """complex: those that grow most first; those of symmetries are left out."""
        return self.stability.eigenvalues

    @property
    def stable(self) -> bool:
        """Whether every disturbance decays, but for those along symmetries."""
        return self.stability.verdict == "stable"

    @property
    def saturated(self) -> bool:
        """Whether nothing that is absent would grow."""
        return not any((values > 0).any() for values in self.growth.values())


@dataclass(frozen=True)
class Equilibria:
    """All that were found, and what it took."""

    found: tuple[Equilibrium, ...]
    starts: int
    failed: int
    """Starts from which nothing was found, without deflation."""
    rounds: int
    """Rounds of deflation."""
    symmetries: tuple[str, ...]
    discrete: bool
    """Whether the laws are maps, and eigenvalues their multipliers."""
    complete: bool
    """Whether the last round of deflation found nothing new, and not just the limit ended it."""

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Equilibrium]:
        return iter(self.found)

    def __getitem__(self, index: int) -> Equilibrium:
        return self.found[index]


def equilibria(
    system: Any,
    *,
    starts: int = 20,
    seed: int = 0,
    spread: float = 1.0,
    deflate: bool = True,
    relax: bool = True,
    tolerance: float = 1e-10,
    begin: Mapping[str, Tensor] | None = None,
) -> Equilibria:
    """Equilibria of a built system, relative ones where a symmetry lets them drift.

    The first start is the system's initial states; the others are drawn from each manifold, numbers
    with standard deviation ``spread``. ``begin`` gives the starts instead, [starts, nodes, ...].
    With ``relax`` the first few starts are also relaxed before Newton, and so are those where it
    fails; then, with ``deflate``, all are tried once more away from what is known, until a round
    finds nothing. SpecError E428, E621 and E636 where the laws are never at rest.
    """
    check_rests(system)
    states = begin if begin is not None else starting_states(system, starts, seed, spread)
    packing = packing_of(states, 1)
    problem = rest_problem(system, packing)
    y = packing.pack(states)
    collection = _Collection(problem)
    relaxing = _relaxing(problem) if relax else None
    rest = seek(problem, y, relaxing, tolerance=tolerance)
    if relaxing is not None:  # Newton has no liking for what is stable
        collection.add(newton(problem, relaxing(y[:RELAXED]), tolerance=tolerance), relaxed=True)
    collection.add(rest)
    rounds, fresh = 0, bool(collection.points)
    while deflate and fresh and rounds < ROUNDS and len(collection.points) < MOST:
        rounds += 1
        away = deflation(problem, torch.stack(collection.points), collection.blocks)
        far = newton(problem, y, tolerance=tolerance, deflation=away)
        fresh = bool(far.found.any()) and collection.add(
            newton(problem, far.y[far.found], tolerance=tolerance)
        )
    return collection.finished(len(y), int((~rest.found).sum()), rounds, not fresh or not deflate)


def starting_states(system: Any, starts: int, seed: int, spread: float = 1.0) -> dict[str, Tensor]:
    """[starts, nodes, ...] of every state: the initial ones, then draws from the manifolds."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, x in system.initial_states().items():
        entry = MANIFOLDS[system.model.states[name].manifold.name]
        drawn = np.asarray(entry.sample(rng, (starts, *x.shape)))
        drawn = drawn if entry.fold is None else np.asarray(entry.fold(drawn))
        if (entry.retraction == "x + v" and not entry.phase) or entry.name == "positive":
            drawn = spread * drawn
        found[name] = torch.as_tensor(drawn).to(x)
        found[name][0] = x
    return found


class _Collection:
    """What was found so far, orbits counted once."""

    def __init__(self, problem: RestProblem) -> None:
        self.problem, self.blocks = problem, blocks_of(problem)
        self.points: list[Tensor] = []
        self.rests: list[tuple[Rest, int]] = []
        self.counts: list[int] = []

    def add(self, rest: Rest, relaxed: bool = False) -> bool:
        """Keep what is new; whether anything is."""
        if relaxed:
            rest = replace(rest, relaxed=torch.ones_like(rest.found))
        new = False
        for k in torch.nonzero(rest.found)[:, 0].tolist():
            at = self._known(rest.y[k])
            if at is not None:
                self.counts[at] += not relaxed
                continue
            self.points.append(rest.y[k])
            self.rests.append((rest, k))
            self.counts.append(int(not relaxed))
            new = True
        return new

    def _known(self, y: Tensor) -> int | None:
        if not self.points:
            return None
        here = features(self.problem, y[None], self.blocks)
        there = features(self.problem, torch.stack(self.points), self.blocks)
        apart = (here - there).norm(dim=-1)
        nearest = int(apart.argmin())
        size = max(1.0, float(there[nearest].norm()))
        return nearest if float(apart[nearest]) <= SAME * size else None

    def finished(self, starts: int, failed: int, rounds: int, complete: bool) -> Equilibria:
        found = [self._described(place) for place in range(len(self.points))]
        order = {"stable": 0, "undecided": 1, "unstable": 2}
        found.sort(key=lambda item: (order[item.stability.verdict], item.stability.unstable))
        labels = self.problem.symmetries.labels
        discrete = self.problem.discrete
        return Equilibria(tuple(found), starts, failed, rounds, labels, discrete, complete)

    def _described(self, place: int) -> Equilibrium:
        rest, k = self.rests[place]
        alone = self.problem.alone(())
        one = Rest(*(getattr(rest, name)[k : k + 1] for name in
                     ("y", "drift", "residual", "iterations", "found", "relaxed")))  # fmt: skip
        (stability,) = stabilities(self.problem, one)
        states = {n: x.detach().cpu().numpy() for n, x in alone.packing.unpack(rest.y[k]).items()}
        drift = dict(zip(self.problem.symmetries.labels, rest.drift[k].tolist(), strict=True))
        return Equilibrium(
            states, drift, float(rest.residual[k]), int(rest.iterations[k]),
            bool(rest.relaxed[k]), self.counts[place], stability,
            growth_of_absent(self.problem, rest.y[k]),
        )  # fmt: skip


def _relaxing(problem: RestProblem) -> Any:
    """Lets the system run from points [starts, n]; where numbers fail they stay where they are."""

    def relax(y: Tensor) -> Tensor:
        try:
            return relaxed(problem, y, TIME)
        except NumericalError:
            if len(y) == 1:
                return y
            return torch.cat([relax(row[None]) for row in y])

    return relax
