"""The past of the states as couplings with a delay see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dynattn.model.parts import Coupling
from dynattn.program.nodes import Block
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.lower.module import System

Past = Mapping[tuple[str, str], Tensor]
"""States by (state, coupling): [batch..., nodes, ...]; with a delay per edge
[batch..., edges, ...], over everyone and causal [batch..., receivers, senders, ...]."""


def environment_of(system: System, past: Past | None) -> dict[str, Tensor]:
    """The past as the field reads it; TypeError where a model with delays is given none."""
    if past is None and system.late:
        raise TypeError("this model has delays: give rates the past, at_rest(...) for one")
    return {f"delayed {' '.join(key)}": value for key, value in (past or {}).items()}


def at_rest(system: System, states: Mapping[str, Tensor]) -> dict[tuple[str, str], Tensor]:
    """The past of states that have always been as they are."""
    couplings = system.model.coupling
    found = addressed(system, states)
    return {(s, c): seen_by(system, s, couplings[c], found[s]) for s, c in system.late}


def addressed(system: System, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Values by state, those of groups that couplings see in the past too: member after member."""
    found = dict(values)
    for name, _ in system.late:
        if name not in found:
            found[name] = _joined(system, name, values)
    return found


def _joined(system: System, name: str, values: Mapping[str, Tensor]) -> Tensor:
    state = system.model.addressed[name]
    axis = -1 - len(state.shape)
    parts = [values[member] for member in members_of(system, name)]
    batch = torch.broadcast_shapes(*(part.shape[: part.dim() + axis] for part in parts))
    return torch.cat([part.expand(*batch, *part.shape[axis:]) for part in parts], axis)


def members_of(system: System, name: str) -> tuple[str, ...]:
    """The states that one of a group is made of; of a population's own, itself."""
    state, bare = system.model.addressed[name], name.rsplit(".", 1)[-1]
    return tuple(
        f"{member}.{bare}" for member in system.model.population[state.population].members
    ) or (name,)


def seen_by(system: System, state: str, coupling: Coupling, values: Tensor) -> Tensor:
    """Values [batch..., nodes, ...] of a state as the coupling would see them without delay."""
    assert coupling.delay is not None
    if coupling.delay.type.place.kind == "global":
        return values
    axis = -1 - len(system.model.addressed[state].shape)
    senders, receivers = senders_of(system, coupling)
    if receivers is None:
        return values.index_select(axis, senders.to(values.device))
    shape = list(values.shape)
    shape.insert(len(shape) + axis, receivers)
    return values.unsqueeze(axis - 1).expand(shape)


def senders_of(system: System, coupling: Coupling) -> tuple[Tensor, int | None]:
    """The sending node of every edge; where edges are all pairs, of one row of them, and how many
    rows there are.
    """
    edges = system.network.connections[coupling.name]
    if edges.kind == "edges":
        return torch.as_tensor(edges.senders), None
    sizes = system.model.sizes
    count = system.model.population[coupling.sender].size.value(sizes)
    return torch.arange(count), system.model.population[coupling.receiver].size.value(sizes)


def landing(system: System, state: str) -> Callable[[Tensor], Tensor]:
    """What brings points near the manifold of a state, any axes in front, back onto it."""
    if MANIFOLDS[system.model.addressed[state].manifold.name].retraction == "x + v":
        return lambda points: points
    assert system.program.retraction is not None
    state = members_of(system, state)[0]
    found = dict(system.program.retraction.outputs)[state]
    routine = system.routine(Block("landing", ((state, found),)))
    keys = (f"state {state}", f"placeholder v {state}")
    return lambda points: routine(dict(zip(keys, (points, points * 0), strict=True)))[state]


def every_edge(system: System, name: str, delay: Tensor) -> Tensor:
    """The delay of a coupling with all its edges written out."""
    coupling = system.model.coupling[name]
    assert coupling.delay is not None
    if coupling.delay.type.place.kind == "global":
        return delay
    senders, receivers = senders_of(system, coupling)
    edges = senders.shape if receivers is None else (receivers, *senders.shape)
    return delay.expand(*delay.shape[: delay.dim() - len(edges)], *edges)
