"""Continuous symmetries and linear conserved quantities of a system, found by trying candidates.

A generator g of a symmetry leaves the field f as it is: Df g - Dg f = 0 at every point. Candidates
act on every node alike: a shift of phases and of numbers, a turn of complex numbers, rotations of
vectors and of matrices from both sides. What commutes at points drawn at random is kept, sums of
candidates too, such as the shift of all phases together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynattn.model.parts import State
from dynattn.solve.jacobians import along, pulled_back
from dynattn.solve.packing import Packing
from dynattn.solve.tangents import width
from dynattn.vocabulary.manifolds import MANIFOLDS

Field = Callable[[Tensor], Tensor]

MOST = 300
"""Candidates up to which all are tried."""

POINTS = 3
"""Points at which candidates are tried."""

FEW = 500
"""Unknowns up to which the whole Jacobian is as quick as the slopes along some directions."""

ZERO = 1e-9
"""What counts as nothing, relative to what is compared."""


@dataclass(frozen=True)
class Action:
    """x -> A x + c on the points of one state that stand at one place of its extra axes."""

    state: str
    place: int
    matrix: np.ndarray | None
    shift: np.ndarray | None
    label: str


@dataclass(frozen=True)
class Symmetries:
    """Generators and conserved quantities; what they are made of acts on packed points."""

    packing: Packing
    actions: tuple[Action, ...] = ()
    widths: Mapping[str, tuple[int, int]] | None = None
    """By state: places in its extra axes, real coordinates of a point."""
    combinations: Any = None
    """float64 [generators, actions]."""
    conserved: Any = None
    """float64 [quantities, n]: the sums of these multiples of the coordinates never change."""
    skipped: bool = False
    """Whether there were too many candidates to try."""

    @property
    def count(self) -> int:
        """How many generators."""
        return 0 if self.combinations is None else len(self.combinations)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Of the generators, in words."""
        if self.combinations is None:
            return ()
        return tuple(_numbered([_label(row, self.actions) for row in self.combinations]))

    def generators(self, y: Tensor) -> Tensor:
        """[generators, batch..., n]: where they move points y [batch..., n]."""
        return self._combined([self._moved(action, y, True) for action in self.actions], y)

    def turned(self, vectors: Tensor) -> Tensor:
        """[generators, ..., n]: Dg v, the linear part of the generators at vectors [..., n]."""
        return self._combined([self._moved(a, vectors, False) for a in self.actions], vectors)

    def _combined(self, each: list[Tensor], y: Tensor) -> Tensor:
        if not self.count:
            return y.new_zeros(0, *y.shape)
        rows = torch.as_tensor(self.combinations, dtype=y.dtype, device=y.device)
        return torch.tensordot(rows, torch.stack(each), dims=1)

    def _moved(self, action: Action, y: Tensor, shifted: bool) -> Tensor:
        assert self.widths is not None
        sizes = [prod(shape) for shape in self.packing.shapes.values()]
        pieces = []
        for name, piece in zip(self.packing.shapes, y.split(sizes, dim=-1), strict=True):
            if name != action.state:
                pieces.append(torch.zeros_like(piece))
                continue
            places, d = self.widths[name]
            points = piece.reshape(*piece.shape[:-1], -1, places, d)[..., action.place, :]
            moved = torch.zeros_like(points)
            if action.matrix is not None:
                matrix = torch.as_tensor(action.matrix, dtype=y.dtype, device=y.device)
                moved = moved + points @ matrix.mT
            if action.shift is not None and shifted:
                moved = moved + torch.as_tensor(action.shift, dtype=y.dtype, device=y.device)
            wide = [torch.zeros_like(moved)] * places
            wide[action.place] = moved
            pieces.append(torch.stack(wide, dim=-2).reshape(piece.shape))
        return torch.cat(pieces, dim=-1)


def find_symmetries(system: Any, packing: Packing, field: Field, discrete: bool) -> Symmetries:
    """The symmetries of a field of packed points [batch..., n]; of maps only shifts."""
    model = system.model
    widths = {}
    for name, shape in packing.shapes.items():
        state = model.states[name]
        d = width(state, shape, name in packing.whole)
        widths[name] = (prod(_extra(state, shape, name in packing.whole)), d)
    actions = [a for name in packing.shapes for a in _actions(model.states[name], widths[name])]
    if discrete:
        actions = [action for action in actions if action.matrix is None]
    if len(actions) > MOST:
        return Symmetries(packing, skipped=True)
    plain = Symmetries(packing, tuple(actions), widths, np.eye(len(actions)))
    some = _some_points(system, packing, POINTS)
    found = _commuting(plain, field, some) if actions else np.zeros((0, 0))
    used = np.abs(found).max(0, initial=0) > ZERO
    kept = tuple(action for action, use in zip(actions, used, strict=True) if use)
    conserved = _conserved(system, packing, field, widths)
    return Symmetries(packing, kept, widths, found[:, used], conserved)


def _extra(state: State, shape: tuple[int, ...], whole: bool) -> tuple[int, ...]:
    own = len(state.manifold.shape) + whole
    return shape[len(shape) - own - len(state.axes) : len(shape) - own]


def _actions(state: State, sizes: tuple[int, int]) -> Iterator[Action]:
    """The candidates of one state."""
    places, d = sizes
    name, manifold = state.name, MANIFOLDS[state.manifold.name]
    for place in range(places):
        where = f"{name}[{place}]" if places > 1 else name
        if manifold.phase or manifold.name == "real":
            for k in range(d):
                shift = np.eye(d)[k]
                label = where if d == 1 else f"coordinate {k} of {where}"
                yield Action(name, place, None, shift, f"shift {label}")
        if manifold.name == "complex":
            yield Action(name, place, np.array([[0.0, -1.0], [1.0, 0.0]]), None, f"turn {where}")
        if manifold.name in ("sphere", "real") and d > 1:
            for a, b in _pairs(d):
                label = f"rotate {where} from {b} to {a}"
                yield Action(name, place, _skew(d, a, b), None, label)
        if manifold.turns and manifold.name != "sphere":
            n = round((d / 2) ** 0.5) if manifold.of_complex else round(d**0.5)
            for matrix in _algebra(n, manifold.of_complex):
                one = np.eye(n)
                left, right = np.kron(matrix, one), np.kron(one, matrix.T)
                yield Action(name, place, _real(left, manifold.of_complex), None, f"turn {where}")
                yield Action(name, place, _real(right, manifold.of_complex), None, f"turn {where}")


def _pairs(n: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(n) for b in range(a)]


def _skew(n: int, a: int, b: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    matrix[a, b], matrix[b, a] = 1.0, -1.0
    return matrix


def _algebra(n: int, is_complex: bool) -> Iterator[np.ndarray]:
    """A basis of so(n), or of su(n)."""
    for a, b in _pairs(n):
        yield _skew(n, a, b)
        if is_complex:
            yield 1j * np.abs(_skew(n, a, b))
    if is_complex:
        for a in range(1, n):
            yield np.diag([1j if k == a else -1j if k == 0 else 0 for k in range(n)])


def _real(matrix: np.ndarray, is_complex: bool) -> np.ndarray:
    """The same map of numbers in two parts, one after the other."""
    if not is_complex:
        return matrix
    one, i = np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]])
    return np.kron(np.real(matrix), one) + np.kron(np.imag(matrix), i)


def _some_points(system: Any, packing: Packing, count: int) -> Tensor:
    """[count, batch..., n]: points drawn from every manifold."""
    rng = np.random.default_rng(1)
    found = {}
    for name, shape in packing.shapes.items():
        entry = MANIFOLDS[system.model.states[name].manifold.name]
        own = shape[:-1] if name in packing.whole else shape
        drawn = np.asarray(entry.sample(rng, (count, *[1] * len(packing.batch), *own)))
        drawn = drawn if entry.fold is None else np.asarray(entry.fold(drawn))
        found[name] = torch.as_tensor(drawn).to(system.device)
        kind = system.dtype.to_complex() if name in packing.whole else system.dtype
        found[name] = found[name].to(kind).expand(count, *packing.batch, *own)
    return torch.stack([packing.pack({n: x[k] for n, x in found.items()}) for k in range(count)])


def _commuting(candidates: Symmetries, field: Field, points: Tensor) -> np.ndarray:
    """[generators, actions]: the combinations whose bracket with the field is 0 at all points."""
    rows, scale = [], 0.0
    for y in points:
        moved = candidates.generators(y)
        rates = field(y)
        if not bool(torch.isfinite(rates).all()):
            continue
        slopes, turned = _slopes(field, y, moved), candidates.turned(rates)
        rows.append((slopes - turned).flatten(1).cpu().numpy())
        scale = max(scale, *(float(x.abs().max()) for x in (slopes, turned, rates)))
    if not rows:
        return np.zeros((0, len(candidates.actions)))
    return _null_space(np.concatenate(rows, axis=1).T, scale)


def _slopes(field: Field, y: Tensor, directions: Tensor) -> Tensor:
    """[k, batch..., n]: along directions; of few unknowns by way of the whole Jacobian."""
    n = y.shape[-1]
    if y.numel() > FEW:
        return along(field, y, directions)
    units = torch.eye(n, dtype=y.dtype, device=y.device)
    units = units.reshape(n, *[1] * (y.dim() - 1), n).expand(n, *y.shape)
    _, (rows,) = pulled_back(field, (y,), units)
    return torch.einsum("o...i,k...i->k...o", rows, directions)


def _null_space(matrix: np.ndarray, scale: float) -> np.ndarray:
    """[dimension, columns]: the combinations of columns that are 0, in reduced row echelon form."""
    if not np.isfinite(matrix).all():
        return np.zeros((0, matrix.shape[1]))
    _, sizes, vectors = np.linalg.svd(np.linalg.qr(matrix)[1] if len(matrix) else matrix)
    rank = int((sizes > ZERO * max(scale, 1e-300) * len(matrix) ** 0.5).sum())
    return _reduced(vectors[rank:])


def _reduced(rows: np.ndarray) -> np.ndarray:
    rows, pivot = rows.copy(), 0
    for column in range(rows.shape[1]):
        if pivot == len(rows):
            break
        best = pivot + int(np.abs(rows[pivot:, column]).argmax())
        if abs(rows[best, column]) < 1e-6:
            continue
        rows[[pivot, best]] = rows[[best, pivot]]
        rows[pivot] /= rows[pivot, column]
        for k in range(len(rows)):
            if k != pivot:
                rows[k] -= rows[k, column] * rows[pivot]
        pivot += 1
    rows[np.abs(rows) < 1e-12] = 0.0
    return rows


def _conserved(
    system: Any, packing: Packing, field: Field, widths: Mapping[str, tuple[int, int]]
) -> np.ndarray:
    """[quantities, n]: sums over the nodes, and combinations of them, that nothing changes."""
    sums, start, n = [], 0, sum(prod(shape) for shape in packing.shapes.values())
    for name, shape in packing.shapes.items():
        entry, count = MANIFOLDS[system.model.states[name].manifold.name], prod(shape)
        step = prod(widths[name])
        if entry.retraction == "x + v" or entry.logarithmic:
            for k in range(step):
                sums.append(np.zeros(n))
                sums[-1][start + k : start + count : step] = 1.0
        start += count
    if not sums or len(sums) > MOST:
        return np.zeros((0, n))
    rows = np.stack(sums)
    rates = [field(y) for y in _some_points(system, packing, len(sums) + 2)]
    found = torch.stack(rates).reshape(-1, n).cpu().numpy()
    found = found[np.isfinite(found).all(axis=1)]
    if len(found) < len(sums):
        return np.zeros((0, n))
    return _null_space(found @ rows.T, float(np.abs(found).max() * n)) @ rows


def _label(row: np.ndarray, actions: tuple[Action, ...]) -> str:
    parts = []
    for factor, action in zip(row, actions, strict=True):
        if factor:
            number = "" if factor == 1 else f"{factor:.3g} times "
            parts.append(number + action.label)
    return " and ".join(dict.fromkeys(parts))


def _numbered(labels: list[str]) -> list[str]:
    """The labels, those that stand there already with a number behind."""
    counts: dict[str, int] = {}
    found = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        found.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return found
