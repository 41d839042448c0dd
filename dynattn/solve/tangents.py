"""Orthonormal bases of the tangent spaces at the points of a system's states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.model.parts import State
from dynattn.solve.jacobians import along
from dynattn.solve.packing import Packing
from dynattn.vocabulary.manifolds import MANIFOLDS


@dataclass(frozen=True)
class Bases:
    """At points [batch..., n], n real ambient numbers, m tangent coordinates in all."""

    packing: Packing
    parts: Mapping[str, Tensor | None]
    """By state [batch..., points, coordinates, tangent ones]; None where space is flat."""

    @property
    def count(self) -> int:
        """m."""
        return sum(self._tangent(name) for name in self.packing.shapes)

    def lift(self, xi: Tensor) -> Tensor:
        """Tangent vectors [..., batch..., n] of tangent coordinates [..., batch..., m]."""
        pieces = xi.split([self._tangent(name) for name in self.packing.shapes], dim=-1)
        found = []
        for piece, basis in zip(pieces, self.parts.values(), strict=True):
            if basis is not None:
                points, _, k = basis.shape[-3:]
                rows = piece.reshape(*piece.shape[:-1], points, k, 1)
                piece = (basis @ rows).flatten(-3)
            found.append(piece)
        return torch.cat(found, dim=-1)

    def drop(self, vectors: Tensor) -> Tensor:
        """Tangent coordinates [..., batch..., m] of ambient vectors [..., batch..., n]."""
        sizes = [prod(shape) for shape in self.packing.shapes.values()]
        found = []
        for piece, basis in zip(vectors.split(sizes, dim=-1), self.parts.values(), strict=True):
            if basis is not None:
                points, d, _ = basis.shape[-3:]
                rows = piece.reshape(*piece.shape[:-1], points, d, 1)
                piece = (basis.mT @ rows).flatten(-3)
            found.append(piece)
        return torch.cat(found, dim=-1)

    def lifts(self) -> Tensor:
        """The basis vectors themselves, [m, batch..., n]."""
        m = self.count
        some = next((b for b in self.parts.values() if b is not None), None)
        front = () if some is None else some.shape[:-3]
        kind = {} if some is None else {"dtype": some.dtype, "device": some.device}
        eye = torch.eye(m, **(kind or {"dtype": torch.float64}))
        return self.lift(eye.reshape(m, *[1] * len(front), m).expand(m, *front, m))

    def _tangent(self, name: str) -> int:
        basis, count = self.parts[name], prod(self.packing.shapes[name])
        return count if basis is None else basis.shape[-3] * basis.shape[-1]


def tangent_bases(system: Any, packing: Packing, y: Tensor) -> Bases:
    """The bases at points y [batch..., n] of the manifolds.

    On flat spaces all directions are tangent. On shares, and on spaces of matrices, the tangent
    space is the same at all points: the span of their differences. Elsewhere it is the range of the
    derivative of the retraction, an orthogonal projection.
    """
    states = packing.unpack(y)
    curved = None
    parts: dict[str, Tensor | None] = {}
    for name, x in states.items():
        state = system.model.states[name]
        entry = MANIFOLDS[state.manifold.name]
        if entry.projection == "F" or (entry.tangent == "F" and entry.logarithmic):
            parts[name] = None
        elif entry.logarithmic or entry.retraction == "x + v":
            parts[name] = _constant(state, packing, name, x, y)
        else:
            curved = _projections(system, packing, states) if curved is None else curved
            parts[name] = _ranges(curved[name])
    return Bases(packing, parts)


def width(state: State, shape: tuple[int, ...], whole: bool) -> int:
    """Real ambient coordinates of one point of a state's manifold, from its packed shape."""
    rank = len(state.manifold.shape) + whole
    return prod(shape[len(shape) - rank :]) if rank else 1


def _constant(state: State, packing: Packing, name: str, x: Tensor, y: Tensor) -> Tensor:
    rng = np.random.default_rng(0)
    shape, whole = packing.shapes[name], name in packing.whole
    d = width(state, shape, whole)
    own = tuple(shape[len(shape) - whole - len(state.manifold.shape) : len(shape) - whole])
    entry = MANIFOLDS[state.manifold.name]
    drawn = np.asarray(entry.sample(rng, (2 * d + 2, *own)))
    drawn = drawn if entry.fold is None else np.asarray(entry.fold(drawn))
    rows = np.stack([np.real(drawn), np.imag(drawn)], -1) if whole else drawn
    rows = rows.reshape(len(rows), -1)
    _, sizes, vectors = np.linalg.svd(rows[1:] - rows[:1])
    basis = vectors[: int((sizes > 1e-9 * sizes[0]).sum())].T
    found = torch.as_tensor(basis.copy(), dtype=y.dtype, device=y.device)
    return found.expand(*y.shape[:-1], prod(shape) // d, *found.shape)


def _projections(
    system: Any, packing: Packing, states: Mapping[str, Tensor]
) -> dict[str, Tensor]:  # fmt: skip
    """By state [batch..., points, d, d]: the derivative of the retraction at every point."""
    d = {n: width(system.model.states[n], s, n in packing.whole) for n, s in packing.shapes.items()}
    shapes = packing.shapes.items()
    y = packing.pack(states)

    def landed(v: Tensor) -> Tensor:
        return packing.pack(system.retract(states, packing.unpack(v)))

    def direction(k: int) -> Tensor:
        parts = []
        for name, shape in shapes:
            unit = y.new_zeros(prod(shape) // d[name], d[name])
            if k < d[name]:
                unit[:, k] = 1.0
            parts.append(unit.flatten())
        return torch.cat(parts).expand_as(y)

    directions = torch.stack([direction(k) for k in range(max(d.values()))])
    slopes = along(landed, torch.zeros_like(y), directions)
    pieces = slopes.split([prod(shape) for _, shape in shapes], dim=-1)
    found = {}
    for (name, _), piece in zip(shapes, pieces, strict=True):
        rows = piece[: d[name]].reshape(d[name], *y.shape[:-1], -1, d[name])
        found[name] = rows.movedim(0, -1)
    return found


def _ranges(projections: Tensor) -> Tensor:
    """Bases [..., d, k] of the ranges of orthogonal projections [..., d, d] of one rank k."""
    rank = round(float(projections[(0,) * (projections.dim() - 2)].trace()))
    return torch.linalg.eigh((projections + projections.mT) / 2).eigenvectors[..., -rank:]
