"""``until``: where the points of an experiment end before their time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from dynattn.lower.module import System
from dynattn.model.plans import Simulation, Until
from dynattn.run.ending import drifting_rates, problem_of
from dynattn.solve.equilibria import TOLERANCE
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.solve import Solution
from dynattn.vocabulary.manifolds import MANIFOLDS

INTERVALS = 50
"""Saved intervals from one look at the condition to the next: no more are solved in vain."""

REST = 10.0
"""At rest: every rate is below so many times the solver's own tolerance of the state."""


class Stopping:
    """Which points still go on, and when the others stopped."""

    def __init__(self, system: System, simulation: Simulation, batch: tuple[int, ...]) -> None:
        self.system, self.until = system, simulation.until
        self.tolerance = REST * max(simulation.rtol, simulation.atol or simulation.rtol)
        self.times = np.full(batch, np.nan)
        """[batch...]: when a point stopped; NaN while it goes on."""
        self._problem: tuple[RestProblem | None] | None = None

    @property
    def rests(self) -> bool:
        """Whether points stop where they are at rest."""
        return self.until is not None and self.until.condition is None

    @property
    def all_stopped(self) -> bool:
        return not bool(np.isnan(self.times).any())

    def standing(
        self, times: NDArray[np.float64], states: Mapping[str, torch.Tensor]
    ) -> Solution | None:
        """The states [batch..., nodes, ...] at the first of the times as the whole solution, where
        ``until equilibrium`` ends there and then; None elsewhere.
        """
        if not self.rests or self.system.late or self.system.noisy:
            return None
        first = {name: x[None] for name, x in states.items()}
        with torch.no_grad():
            t = torch.as_tensor(times, dtype=self.system.dtype, device=self.system.device)
            rates = self._changes(t.reshape(-1, *[1] * self.times.ndim), first)
            still = all(float(rate.abs().max()) <= TOLERANCE for rate in rates.values())
            if not still or not bool(self._small(rates, first, self.times.ndim).all()):
                return None
        nothing = {"evaluations": 1, "steps": 0, "seconds": 0.0, "compiling": 0.0}
        return Solution(t, first, nothing)

    def ends(
        self, times: NDArray[np.float64], states: Mapping[str, torch.Tensor]
    ) -> NDArray[np.int64]:
        """[batch...]: the last of these times that counts; -1 for what stopped before them."""
        going = np.isnan(self.times)
        ends = np.where(going, len(times) - 1, -1)
        if self.until is None:
            return ends
        holds = self._holds(self.until, times, states)
        found = holds.any(axis=0) & going
        first = holds.argmax(axis=0)
        self.times = np.where(found, times[first], self.times)
        return np.where(found, first, ends)

    def _holds(
        self, until: Until, times: NDArray[np.float64], states: Mapping[str, torch.Tensor]
    ) -> NDArray[np.bool_]:
        batch = self.times.ndim
        t = torch.as_tensor(times, dtype=self.system.dtype, device=self.system.device)
        t = t.reshape(-1, *[1] * batch)
        shape = (len(times), *self.times.shape)
        if until.condition is None:
            return self._at_rest(t, states, batch).expand(shape).cpu().numpy()
        value = self.system.record(t, states)[f"until {until.label}"]
        return value.expand(shape).cpu().numpy() != 0

    def problem(self, states: Mapping[str, torch.Tensor]) -> RestProblem | None:
        """Rest as a problem of states [batch..., nodes, ...]; None where it is none."""
        if self._problem is None:
            self._problem = (problem_of(self.system, states, self.times.ndim),)
        return self._problem[0]

    def _at_rest(
        self, t: torch.Tensor, states: Mapping[str, torch.Tensor], batch: int
    ) -> torch.Tensor:
        """Every rate is small beside the state, but for what a symmetry carries along; a map
        changes nothing.
        """
        rates = self._changes(t, states)
        found = self._small(rates, states, batch)
        if bool(found[-1].all()):
            return found
        problem = self.problem({name: x[0] for name, x in states.items()})
        if problem is None or not problem.symmetries.count:
            return found
        last = {name: x[-1:] for name, x in states.items()}
        if not bool(self._small(drifting_rates(problem, last), last, batch).any()):
            return found
        return found | self._small(drifting_rates(problem, states), states, batch)

    def _changes(
        self, t: torch.Tensor, states: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Rates, and of maps what an update changes."""
        discrete = {law.state for law in self.system.model.laws if law.discrete}
        return {
            name: rate - states[name] if name in discrete else rate
            for name, rate in self.system.rates(t, states).items()
        }

    def _small(
        self,
        rates: Mapping[str, torch.Tensor],
        states: Mapping[str, torch.Tensor],
        batch: int,
    ) -> torch.Tensor:
        """[times, batch...]: whether all the rates are small."""
        found = torch.ones((), dtype=torch.bool, device=self.system.device)
        for name, speed in rates.items():
            x = states[name]
            small = speed.abs() <= self.tolerance * x.abs().clamp(min=1.0)
            manifold = MANIFOLDS[self.system.model.states[name].manifold.name]
            if manifold.logarithmic:  # at rest only where nothing rare would grow
                small &= speed <= self.tolerance * x.abs()
            found = found & small.flatten(1 + batch).all(-1)
        return found
