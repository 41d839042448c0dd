"""Which rates depend on which coordinates, from the graphs of the couplings, and sparse Jacobians.

Columns that no row shares are followed together, one direction for each colour (Curtis, Powell and
Reid, IMA Journal of Applied Mathematics 13 (1974) 117). What the graphs say is not believed: with
every Jacobian one random direction more is followed, and compared with the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynattn.solve.packing import Packing

Whole = NDArray[np.int64]
FEWEST = 400
"""Coordinates from which a Jacobian is worth being sparse."""

SHARE = 0.125
"""Directions, as a share of the coordinates, up to which it is."""

MOST = 2**27
"""Entries that a pattern may have."""

AGREE = 1e-8
"""How closely a random direction has to agree with the product, relative to its sizes."""


@dataclass(frozen=True)
class Pattern:
    """The entries of a Jacobian [n, n] that may differ from 0."""

    nodes: Whole
    """[n]: the node of each coordinate."""
    slots: Whole
    """[n]: which of its node's coordinates it is."""
    near: Any
    """Sparse [nodes, nodes]: which nodes' rates read which nodes."""

    @property
    def size(self) -> int:
        """n."""
        return len(self.nodes)

    @cached_property
    def entries(self) -> tuple[Whole, Whole]:
        """(rows, columns), column by column."""
        place = sparse.csr_matrix(
            (np.ones(self.size, np.int8), (np.arange(self.size), self.nodes)),
            shape=(self.size, self.near.shape[0]),
        )
        whole = sparse.coo_matrix(sparse.csc_matrix(place @ self.near @ place.T))
        return whole.row.astype(np.int64), whole.col.astype(np.int64)

    @cached_property
    def directions(self) -> Whole:
        """[n]: the direction in which each coordinate is followed."""
        colours = _colours(sparse.csr_matrix(self.near.T @ self.near))
        return colours[self.nodes] * (int(self.slots.max(initial=0)) + 1) + self.slots

    @cached_property
    def count(self) -> int:
        """How many directions there are."""
        return int(self.directions.max(initial=-1)) + 1

    @property
    def pays(self) -> bool:
        """Whether fewer passes make the Jacobian than one for each coordinate."""
        width = int(self.slots.max(initial=0)) + 1
        if self.size < FEWEST or self.near.nnz * width**2 > MOST:
            return False
        return self.count <= SHARE * self.size

    def seeds(self, like: Tensor) -> Tensor:
        """[count, n]: the directions."""
        found = torch.zeros(self.count, self.size, dtype=like.dtype, device=like.device)
        index = torch.as_tensor(self.directions, device=like.device)
        found[index, torch.arange(self.size, device=like.device)] = 1.0
        return found

    @cached_property
    def trial(self) -> NDArray[np.float64]:
        """[n]: the random direction."""
        return np.random.default_rng(0).standard_normal(self.size)

    def followed(self, like: Tensor) -> Tensor:
        """[count + 1, n]: the directions, and the random one."""
        trial = torch.as_tensor(self.trial).to(like)
        return torch.cat([self.seeds(like), trial[None]])

    def assembled(self, slopes: Tensor) -> Any:
        """csc [n, n] of the slopes [count + 1, n] along the directions; None where the random one
        tells that entries are missing.
        """
        numbers = slopes.detach().cpu().to(torch.float64).numpy()
        rows, columns = self.entries
        values = numbers[self.directions[columns], rows]
        matrix = sparse.csc_matrix((values, (rows, columns)), shape=(self.size, self.size))
        product = matrix @ self.trial
        scale = np.abs(product) + np.abs(numbers[-1]) + np.abs(values).max(initial=0.0)
        apart = np.abs(product - numbers[-1])
        if not bool((apart <= AGREE * scale).all()) and np.isfinite(numbers).all():
            return None
        matrix.eliminate_zeros()
        return matrix

    def wider(self) -> Pattern:
        """What is read at second hand too: sums of sums."""
        return Pattern(self.nodes, self.slots, _reached(self.near @ self.near))


def pattern_of(system: Any, packing: Packing) -> Pattern | None:
    """The pattern that the graphs of a model say; None where one of them joins all nodes, or where
    edges have states.
    """
    if getattr(system, "network", None) is None or packing.batch:
        return None
    known = _KNOWN.setdefault(system, {})
    key = tuple(packing.shapes.items())
    if key not in known:
        known[key] = _pattern(system, packing)
    return known[key]


_KNOWN: WeakKeyDictionary[Any, dict[Any, Pattern | None]] = WeakKeyDictionary()


def _pattern(system: Any, packing: Packing) -> Pattern | None:
    model, begins, count = system.model, {}, 0
    nodes, slots = [], []
    for name, shape in packing.shapes.items():
        state = model.states[name]
        if state.place.kind != "nodes" or state.place.name not in model.population:
            return None
        population = state.place.name
        if population not in begins:
            begins[population] = (count, shape[0])
            count += shape[0]
        width = prod(shape[1:])
        nodes.append(np.repeat(begins[population][0] + np.arange(shape[0]), width))
        slots.append(np.tile(np.arange(width), shape[0]))
    edges = _edges(system, begins)
    if edges is None:
        return None
    own = np.arange(count)
    rows, columns = (np.concatenate([own, *parts]) for parts in edges)
    near = sparse.csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    where = np.concatenate(nodes)
    return Pattern(where, _numbered(where, np.concatenate(slots), nodes), _reached(near))


def _numbered(where: Whole, slots: Whole, parts: list[Whole]) -> Whole:
    """Of every coordinate its number among those of its node."""
    seen = np.zeros(int(where.max(initial=-1)) + 1, dtype=np.int64)
    found, start = [], 0
    for part in parts:
        own = slots[start : start + len(part)]
        found.append(seen[part] + own)
        width = int(own.max(initial=-1)) + 1
        seen[np.unique(part)] += width
        start += len(part)
    return np.concatenate(found)


def _edges(
    system: Any, begins: Mapping[str, tuple[int, int]]
) -> tuple[list[Whole], list[Whole]] | None:  # fmt: skip
    """Receivers and senders of every coupling whose both ends have states."""
    receivers, senders = [], []
    for coupling in system.model.couplings:
        if coupling.layer is not None:
            continue
        names = (coupling.receiver, coupling.sender)
        ends = [_members(system.model, name, begins) for name in names]
        if not all(len(end) for end in ends):
            continue
        edges = system.network.connections[coupling.name]
        if edges.kind != "edges" or edges.receivers is None or edges.senders is None:
            return None
        if edges.points:
            return None
        receivers.append(ends[0][edges.receivers])
        senders.append(ends[1][edges.senders])
    keep = [(r >= 0) & (s >= 0) for r, s in zip(receivers, senders, strict=True)]
    return (
        [r[k] for r, k in zip(receivers, keep, strict=True)],
        [s[k] for s, k in zip(senders, keep, strict=True)],
    )


def _members(model: Any, name: str, begins: Mapping[str, tuple[int, int]]) -> Whole:
    """The nodes of a population or group as numbers; -1 for what has no state."""
    members = model.population[name].members or (name,)
    parts = []
    for member in members:
        if model.population[member].members:
            parts.append(_members(model, member, begins))
        elif member in begins:
            start, count = begins[member]
            parts.append(start + np.arange(count))
        else:
            size = model.population[member].size.value(model.sizes)
            parts.append(np.full(size, -1))
    found = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return found if (found >= 0).any() else np.zeros(0, np.int64)


def _reached(matrix: Any) -> Any:
    """The same entries, each of them 1."""
    found = sparse.csr_matrix(matrix)
    found.data = np.ones_like(found.data)
    return found


def _colours(conflicts: Any) -> Whole:
    """[nodes]: numbers such that nodes in conflict have different ones; greedy, those with most
    conflicts first.
    """
    starts, others = conflicts.indptr, conflicts.indices
    found = np.full(len(starts) - 1, -1, dtype=np.int64)
    for node in np.argsort(-np.diff(starts), kind="stable"):
        taken = found[others[starts[node] : starts[node + 1]]]
        free = np.ones(len(taken) + 1, dtype=bool)
        free[taken[(taken >= 0) & (taken <= len(taken))]] = False
        found[node] = int(free.argmax())
    return found
