"""What couplings with a delay see of solutions that are known step by step as polynomials of time.

Kept are, for every step, when it began and the coefficients of each node's polynomial; a lookup
takes many times at once. Before the first step a state has its initial value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dynattn.lower.past import addressed, landing, seen_by, senders_of
from dynattn.model.terms import GLOBAL

if TYPE_CHECKING:
    from dynattn.lower.module import System
    from dynattn.model.parts import Coupling

Key = tuple[str, str]
"""(state, coupling)."""

Seen = dict[Key, Tensor]
"""[batch..., nodes or edges, coordinates...], perhaps with an axis of times in front."""


class Delays:
    """The delays of a system, and what they see of the present."""

    def __init__(self, system: System):
        self.system = system
        self.delays = system.delays()
        known = [tau.detach().reshape(-1) for tau in self.delays.values()]
        self.longest = max(torch.cat(known).tolist(), default=0.0)
        self.late = {name: bool((tau.detach() > 0).any()) for name, tau in self.delays.items()}
        self.always = {
            name: self.late[name] and bool((tau.detach() > 0).all())
            for name, tau in self.delays.items()
        }
        self.learned = any(_is_followed(tau) for tau in self.delays.values())
        self.landings = {state: landing(system, state) for state, _ in system.late}
        self.batch: tuple[int, ...] = ()
        """The batch axes of the states; the histories have one axis of all points instead."""
        self._places: dict[Key, Places] = {}
        self.keys = tuple(key for key in system.late if self.late[key[1]])
        """Those that see anything of the past."""

    def completed(self, past: Mapping[Key, Tensor], states: Mapping[str, Tensor]) -> Seen:
        """The past of every coupling with a delay, and where the delay is 0 the present."""
        found = dict(past)
        beside = [key for key in self.system.late if not self.always[key[1]]]
        if not beside:
            return found
        if not self.landings.keys() <= states.keys():
            states = addressed(self.system, states)
        for key in beside:
            state, coupling = key[0], self.system.model.coupling[key[1]]
            now = seen_by(self.system, state, coupling, states[state])
            if key in found:
                absent = self.beside(self.delays[coupling.name] == 0, state, coupling)
                now = torch.where(absent, now, found[key])
            found[key] = now
        return found

    def before(self, times: Tensor, name: str) -> Tensor:
        """[times, points or 1, edges..]: when a coupling reads, by time [times, points or 1]."""
        tau = self.by_point(name)
        return times.reshape(*times.shape, *[1] * (tau.dim() - 1)) - tau

    def by_point(self, name: str) -> Tensor:
        """The delays of a coupling: [points or 1, edges..]."""
        tau = self.delays[name]
        front = tau.shape[: tau.dim() - self.edge_axes(name)]
        if front and tuple(front) != self.batch:
            tau, front = tau.expand(*self.batch, *tau.shape[len(front) :]), self.batch
        return tau.reshape(math.prod(front), *tau.shape[len(front) :])

    def edge_axes(self, name: str) -> int:
        """How many axes of edges a coupling's delays have."""
        coupling = self.system.model.coupling[name]
        return 0 if is_one(coupling) else 1 + (senders_of(self.system, coupling)[1] is not None)

    def between(self, key: Key, curve: Tensor, when: Tensor, row: Tensor, began: Tensor) -> Tensor:
        """What a coupling sees, by the steps that the times it reads at lie in."""
        state, coupling = key[0], self.system.model.coupling[key[1]]
        if key not in self._places:
            self._places[key] = Places(self.system, state, coupling, self.batch)
        real = curve.real.dtype if curve.is_complex() else curve.dtype
        since = self.beside((when - began).clamp(min=0).to(real), state, coupling)
        return horner(self._places[key].read(curve, row), since)

    def beside(self, values: Tensor, state: str, coupling: Coupling) -> Tensor:
        """A number per edge, or per point of the batch, with axes behind it: those of a point, and
        the nodes where all have one delay.
        """
        rank = len(self.system.model.addressed[state].shape)
        return values[(..., *[None] * (rank + is_one(coupling)))]


def _is_followed(tau: Tensor) -> bool:
    """Whether anyone asks how a solution changes with a delay, backwards or forwards."""
    return tau.requires_grad or forward_ad.unpack_dual(tau).tangent is not None


def is_one(coupling: Coupling) -> bool:
    """Whether all edges of a coupling have one delay."""
    assert coupling.delay is not None
    return coupling.delay.type.place == GLOBAL


class Places:
    """Which number of a step's nodes each edge of a coupling reads, in every point of the batch."""

    def __init__(self, system: System, state: str, coupling: Coupling, batch: Sequence[int]):
        self.width = math.prod(batch)
        self.one = is_one(coupling)
        self.rank = len(system.model.addressed[state].shape)
        senders, receivers = senders_of(system, coupling)
        self.senders = senders if receivers is None else senders.expand(1, -1)

    def read(self, curve: Tensor, row: Tensor) -> Tensor:
        """The coefficients [times, points, edges.. or nodes, coordinates..., powers].

        ``curve``: [steps, points, nodes, coordinates..., powers]; ``row``: the step for each of
        [times, points or 1, edges..], or [times, points or 1].
        """
        points = torch.arange(self.width, device=row.device)
        if self.one:
            place, flat = row * self.width + points, curve.flatten(0, 1)
        else:
            nodes = curve.shape[2]
            senders = self.senders.to(row.device)
            points = points.reshape(-1, *[1] * senders.dim())
            place, flat = (row * self.width + points) * nodes + senders, curve.flatten(0, 2)
        return flat.index_select(0, place.reshape(-1)).reshape(*place.shape, *flat.shape[1:])


def horner(coefficients: Tensor, since: Tensor) -> Tensor:
    """The polynomials with these coefficients, along the last axis, of 1, since, since^2, .."""
    *lower, found = coefficients.unbind(-1)
    for coefficient in reversed(lower):
        found = torch.addcmul(coefficient, since, found)
    return found
