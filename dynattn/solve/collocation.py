"""Periodic functions as polynomials on a mesh, and how well the mesh fits them.

On each interval a function is a polynomial of degree DEGREE, given at Lobatto's points; equations
hold at Gauss's points (de Boor and Swartz, SIAM J. Numer. Anal. 10 (1973) 582). Times are parts of
the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

DEGREE = 4
"""Of the polynomials; as many equations on each interval."""

SMOOTH = 0.1
"""What part of the intervals the mesh spends evenly, whatever the function does."""

Array = np.ndarray


@cache
def _unit() -> tuple[Array, Array, Array, Array, Array, Array]:
    """On 0 .. 1: (nodes [d + 1], Gauss's points [d] and weights [d], values [d, d + 1] and slopes
    [d, d + 1] there of the polynomials through the nodes, their d-th derivative [d + 1]).
    """
    inner = np.polynomial.legendre.Legendre.basis(DEGREE).deriv().roots()
    nodes = (np.concatenate([[-1.0], np.sort(np.real(inner)), [1.0]]) + 1) / 2
    points, weights = np.polynomial.legendre.leggauss(DEGREE)
    points, weights = (points + 1) / 2, weights / 2
    powers = np.arange(DEGREE + 1)
    inverse = np.linalg.inv(nodes[:, None] ** powers)
    values = points[:, None] ** powers @ inverse
    slopes = (powers * points[:, None] ** np.maximum(powers - 1, 0)) @ inverse
    top = np.prod(powers[1:]) * inverse[-1]
    return nodes, points, weights, values, slopes, top


@dataclass(frozen=True)
class Mesh:
    """A division of 0 .. 1; functions are given at its nodes [intervals * DEGREE, n], the last
    interval ends where the first begins.
    """

    edges: Tensor
    """[intervals + 1]."""

    @classmethod
    def even(cls, count: int, like: Tensor) -> Mesh:
        """Of equal intervals."""
        return cls(torch.linspace(0, 1, count + 1).to(like))

    @property
    def count(self) -> int:
        """Intervals."""
        return len(self.edges) - 1

    @property
    def widths(self) -> Tensor:
        """[intervals]."""
        return self.edges.diff()

    @property
    def nodes(self) -> Tensor:
        """[intervals * DEGREE]: their times."""
        inside = torch.as_tensor(_unit()[0][:-1]).to(self.edges)
        return (self.edges[:-1, None] + self.widths[:, None] * inside).flatten()

    def pieces(self, values: Tensor) -> Tensor:
        """[intervals, DEGREE + 1, n]: the values at the nodes by interval, both ends with it."""
        rows = values.reshape(self.count, DEGREE, -1)
        ends = torch.cat([rows[1:, :1], rows[:1, :1]])
        return torch.cat([rows, ends], 1)

    def values(self, values: Tensor) -> Tensor:
        """[intervals, DEGREE, n]: at Gauss's points."""
        return self.matrix(3) @ self.pieces(values)

    def slopes(self, values: Tensor) -> Tensor:
        """[intervals, DEGREE, n]: the derivatives there."""
        return self.matrix(4) @ self.pieces(values) / self.widths[:, None, None]

    def matrix(self, which: int) -> Tensor:
        """A matrix of one interval of unit width."""
        return torch.as_tensor(_unit()[which]).to(self.edges)

    def functional(self, rows: Tensor) -> Tensor:
        """[intervals, DEGREE + 1, n]: by what the values at the nodes are multiplied and added up
        for the integral of their product with a function, which is given at Gauss's points.
        """
        weights = self.matrix(2)[:, None] * self.widths[:, None, None]
        return self.matrix(3).mT @ (weights * rows)

    def product(self, one: Tensor, other: Tensor) -> Tensor:
        """The integral of the product of two functions."""
        weights = self.matrix(2)[:, None] * self.widths[:, None, None]
        return (weights * self.values(one) * self.values(other)).sum()

    def mean(self, values: Tensor) -> Tensor:
        """[n]."""
        weights = self.matrix(2)[:, None] * self.widths[:, None, None]
        return (weights * self.values(values)).sum((0, 1))

    def at(self, values: Tensor, times: Tensor) -> Tensor:
        """[k, n]: the function at times [k] from 0 to 1."""
        which = (torch.searchsorted(self.edges, times, right=True) - 1).clamp(0, self.count - 1)
        inside = (times - self.edges[which]) / self.widths[which]
        nodes = torch.as_tensor(_unit()[0]).to(self.edges)
        powers = torch.arange(DEGREE + 1).to(self.edges)
        basis = inside[:, None] ** powers @ torch.linalg.inv(nodes[:, None] ** powers)
        return (basis[:, None] @ self.pieces(values)[which])[:, 0]

    # ── how well it fits ────────────────────────────────────────────────────────────────────────

    def next_derivative(self, values: Tensor) -> Tensor:
        """[intervals]: how large the derivative of degree DEGREE + 1 is, from the jumps of the one
        before (Russell and Christiansen, SIAM J. Numer. Anal. 15 (1978) 59).
        """
        top = (self.matrix(5) @ self.pieces(values)) / self.widths[:, None] ** DEGREE
        jumps = (top.roll(-1, 0) - top).abs().amax(-1)
        there = jumps / ((self.widths + self.widths.roll(-1)) / 2)
        return torch.maximum(there, there.roll(1))

    def error(self, values: Tensor) -> float:
        """About how far the polynomials are from the function between the nodes."""
        found = self.next_derivative(values) * self.widths ** (DEGREE + 1)
        return float(found.max()) / (2.0**DEGREE * float(np.prod(np.arange(1, DEGREE + 2))))

    def fitted(self, values: Tensor, count: int) -> Mesh:
        """So many intervals, on each of which the error is the same."""
        density = self.next_derivative(values) ** (1 / (DEGREE + 1))
        mean = (density * self.widths).sum()
        if not float(mean) > 0:
            return Mesh.even(count, values)
        density = (1 - SMOOTH) * density / mean + SMOOTH
        covered = torch.cat([density.new_zeros(1), (density * self.widths).cumsum(0)])
        wanted = torch.linspace(0, 1, count + 1).to(values) * covered[-1]
        which = (torch.searchsorted(covered, wanted, right=True) - 1).clamp(0, self.count - 1)
        edges = self.edges[which] + (wanted - covered[which]) / density[which]
        edges[0], edges[-1] = 0.0, 1.0
        return Mesh(edges)
