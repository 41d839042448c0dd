"""A layer through time by steps that a method chooses by their error, each sample its own.

The sizes are found without recording anything; where slopes are asked for, the steps that were good
enough are then taken again, their sizes being constants: the gradient is that of these steps. Near
to rest an error says nothing: a step beyond the stability of the method moves the states no more,
but throws their slopes from side to side, ever further. So a step is no longer than the stability
allows, by the size of the Jacobian's largest eigenvalue, which a power iteration follows.
Control of the sizes: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I (1993),
section II.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.lower.routine import Routine
from dynattn.model.composition import Adaptive
from dynattn.vocabulary.tableaus import PAIRS

if TYPE_CHECKING:
    from dynattn.lower.evolving import EvolveRun

Evaluate = Callable[[Routine, dict[str, Any]], dict[str, Any]]
Arrays = dict[str, Tensor]

ATTEMPTS = 10_000
"""How many steps are tried at most."""

STABLE = 0.6
"""The part of the method's stable steps that is taken: eigenvalues may be complex."""

SAFETY, SHORTER, LONGER = 0.9, 0.2, 5.0
"""The part of what the error allows that is taken, and by how much a step changes."""


@dataclass(frozen=True)
class Steps:
    """When each step begins and how long it is, [batch...]: 0 for samples that do not take it."""

    times: tuple[Tensor, ...]
    sizes: tuple[Tensor, ...]


class Chooser:
    """One use of a layer on samples [batch...] on its way through time."""

    def __init__(
        self, run: EvolveRun, evolution: Adaptive, environment: dict[str, Any],
        evaluate: Evaluate,
    ) -> None:  # fmt: skip
        self.run, self.evolution, self.evaluate = run, evolution, evaluate
        self.environment = environment
        self.tableau, self.order = PAIRS[evolution.method]
        environment["time"] = run.origin.new_full((), evolution.start)
        self.rates = run._slope(environment, evaluate)
        self.states = self._spread()
        first = next(iter(self.states.values()))
        batch = first.shape[: first.dim() - run.moved[next(iter(self.states))]]
        self.time = run.origin.new_full(batch, evolution.start)
        self.size = self._first()
        self.probe = self._direction()
        self.stiffness = torch.zeros_like(self.time)
        """[batch...]: the size of the largest eigenvalue."""
        for _ in range(3):
            self._follow_stiffness()
        self.attempts = 0

    def _spread(self) -> Arrays:
        """The states, one for each sample of the batch."""
        ranks, found = self.run.moved, {}
        fronts = [self.environment.get("batch", ())]
        for name, rank in ranks.items():
            for value in (self.environment[f"state {name}"], self.rates[name]):
                fronts.append(value.shape[: value.dim() - rank])
        batch = torch.broadcast_shapes(*fronts)
        for name, rank in ranks.items():
            value = self.environment[f"state {name}"]
            found[name] = value.expand(*batch, *value.shape[value.dim() - rank :])
        return found

    # ── sizes ──────────────────────────────────────────────────────────────────────────────────

    def _norm(self, errors: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """[batch...]: the largest root mean square of a state, in parts of what is allowed."""
        found = []
        for name, rank in self.run.moved.items():
            relative, absolute = self.run.tolerances[name]
            size = torch.maximum(self.states[name].abs(), other[name].abs())
            share = errors[name].abs() / (absolute + relative * size)
            share = share.expand(*self.states[name].shape)
            axes = tuple(range(-rank, 0))
            found.append(share.square().mean(axes).sqrt() if axes else share)
        return torch.stack(torch.broadcast_tensors(*found)).amax(0)

    def _first(self) -> Tensor:
        """A first size: it moves the states by a hundredth of their own."""
        speed = self._norm(self.rates, self.states).clamp(min=1e-10)
        size = self._norm(self.states, self.states).clamp(min=1.0)
        span = self.evolution.stop - self.evolution.start
        return (0.01 * size / speed).clamp(max=span)

    def chosen(self) -> Steps:
        """The steps to the end; the states are there then. NumericalError E603, E604 where none."""
        times, sizes = [], []
        while True:
            left = self.evolution.stop - self.time
            going = left > 0
            if not bool(going.any()):
                return Steps(tuple(times), tuple(sizes))
            if self.attempts >= ATTEMPTS:
                raise self._spent(going)
            before = self.time
            size = self._attempt(left, going)
            if size is not None:
                times.append(before)
                sizes.append(size)

    def _attempt(self, left: Tensor, going: Tensor) -> Tensor | None:
        """Try a step; the sizes of those that were good enough, None where none was."""
        self.attempts += 1
        self.size = torch.minimum(self.size, self._stable)
        ends = 1.01 * self.size >= left
        h = torch.where(going, torch.where(ends, left, self.size), 0.0)
        there, slopes = self._stepped(h)
        weights = [(w, k) for w, k in zip(self.tableau.error, slopes, strict=True) if w]
        wide = {n: _behind(h, r) for n, r in self.run.moved.items()}
        errors = {n: wide[n] * sum(w * k[n] for w, k in weights) for n in there}
        ratio = self._norm(errors, there)
        ratio = torch.where(torch.isfinite(ratio), ratio, torch.inf)
        taken = going & (ratio <= 1)
        arrived = torch.where(ends, self.evolution.stop, self.time + h)
        self.time = torch.where(taken, arrived, self.time)
        self.states = self._where(taken, there, self.states)
        self.rates = self._where(taken, slopes[-1], self.rates)
        factor = SAFETY * ratio.clamp(min=1e-10) ** (-1 / self.order)
        wanted = h * factor.clamp(SHORTER, LONGER)
        short = taken & ends  # cut short by the end: no reason to go on in smaller steps
        self.size = torch.where(going & ~short, wanted, self.size)
        stuck = going & ~taken & (self.size <= self._least)
        if bool(stuck.any()):
            raise self._lost(stuck)
        if not bool(taken.any()):
            return None
        self._follow_stiffness()
        return torch.where(taken, h, 0.0)

    # ── stability ──────────────────────────────────────────────────────────────────────────────

    @property
    def _stable(self) -> Tensor:
        """[batch...]: the longest step."""
        return STABLE * self.tableau.edge / self.stiffness.clamp(min=1e-12)

    def _direction(self) -> Arrays:
        """Something that no eigenvector is likely to be at right angles to."""
        found = {}
        for name, state in self.states.items():
            numbers = torch.arange(state.numel(), device=state.device)
            found[name] = torch.cos(numbers * 1.7 + 0.3).to(state.dtype).reshape(state.shape)
        return found

    def _length(self, values: Mapping[str, Tensor]) -> Tensor:
        """[batch...]: the Euclidean length over all states."""
        squares = []
        for name, rank in self.run.moved.items():
            x = values[name].expand(self.states[name].shape).abs().square()
            squares.append(x.sum(tuple(range(-rank, 0))) if rank else x)
        return torch.stack(torch.broadcast_tensors(*squares)).sum(0).sqrt()

    def _follow_stiffness(self) -> None:
        """One turn of the power iteration, by a difference of the rates at the states."""
        run, ranks = self.run, self.run.moved
        length = self._length(self.probe)
        size = torch.finfo(self.time.dtype).eps ** 0.5 * self._length(self.states).clamp(min=1.0)
        factor = size / torch.where(length > 0, length, 1.0)
        self.environment["time"] = self.time
        run._move(self.environment, self.evaluate, self.states, [self.probe], [factor])
        there = run._slope(self.environment, self.evaluate)
        change = {n: there[n] - self.rates[n] for n in self.states}
        change = {n: x.expand(self.states[n].shape) for n, x in change.items()}
        grown = self._length(change)
        known = torch.isfinite(grown) & (grown > 0)
        found = torch.where(known, grown / size, 0.0)
        self.stiffness = torch.maximum(found, 0.9 * self.stiffness)
        scale = 1 / torch.where(known, grown, 1.0)
        scaled_change = {n: _behind(scale, ranks[n]) * x for n, x in change.items()}
        self.probe = self._where(known, scaled_change, self._direction())

    @property
    def _least(self) -> float:
        ends = max(abs(self.evolution.start), abs(self.evolution.stop))
        return 4 * torch.finfo(self.time.dtype).eps * ends

    def _stepped(self, h: Tensor) -> tuple[Arrays, list[Arrays]]:
        """Where a step leads, and the slopes of its stages, the last at its end."""
        run, slopes = self.run, [self.rates]
        rows = [*zip(self.tableau.nodes[1:], self.tableau.stages[1:], strict=True),
                (1.0, self.tableau.weights)]  # fmt: skip
        for node, row in rows:
            factors = [h * a if a else 0.0 for a in row]
            run._move(self.environment, self.evaluate, self.states, slopes, factors)
            self.environment["time"] = self.time + node * h
            slopes.append(run._slope(self.environment, self.evaluate))
        return {name: self.environment[f"state {name}"] for name in self.states}, slopes

    def _where(self, taken: Tensor, one: Arrays, other: Arrays) -> Arrays:
        ranks = self.run.moved
        return {n: torch.where(_behind(taken, ranks[n]), one[n], other[n]) for n in other}

    # ── what goes wrong ────────────────────────────────────────────────────────────────────────

    def _spent(self, going: Tensor) -> NumericalError:
        place, time = self._place(going)
        text = f"layer '{self.run.layer}' is at t = {time:.4g}{place} after {ATTEMPTS} steps"
        fix = "write a larger rtol, or until equilibrium where it comes to rest"
        return NumericalError(Diagnostic("E604", text, self.evolution.span, fix))

    def _lost(self, where: Tensor) -> NumericalError:
        place, time = self._place(where)
        text = f"no step is small enough for layer '{self.run.layer}' at t = {time:.4g}{place}"
        fix = "let something hold the states back, a drift -x for one"
        return NumericalError(Diagnostic("E603", text, self.evolution.span, fix))

    def _place(self, where: Tensor) -> tuple[str, float]:
        point = tuple(torch.nonzero(where)[0].tolist()) if where.dim() else ()
        place = f" in sample {', '.join(map(str, point))}" if point else ""
        return place, float(self.time[point])


def choose(
    run: EvolveRun, evolution: Adaptive, environment: Mapping[str, Any], evaluate: Evaluate
) -> tuple[Steps, Arrays]:
    """The steps of a layer from the states of an environment, and where they lead."""
    with torch.no_grad():
        chooser = Chooser(run, evolution, dict(environment), evaluate)
        return chooser.chosen(), chooser.states


def _behind(values: Tensor, rank: int) -> Tensor:
    """[batch...] with ``rank`` axes of size 1 behind."""
    return values.reshape(*values.shape, *[1] * rank)


def scaled(factor: float | Tensor, slope: Tensor, rank: int) -> Tensor:
    """A slope times a number, or times one for each sample."""
    if isinstance(factor, Tensor):
        return _behind(factor, rank) * slope
    return slope if factor == 1 else factor * slope
