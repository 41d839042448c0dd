"""Points told apart up to symmetry, by numbers that the symmetries leave as they are.

Of phases and complex numbers z that turn together these are z_i conj(c'z), of vectors X that rotate
together the entries of X X'C, with fixed c and C drawn at random; of matrices traces of products.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from dynattn.solve.equilibria import Deflation
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.symmetries import Action, Symmetries
from dynattn.vocabulary.manifolds import MANIFOLDS

Key = tuple[str, int]
"""A state, and a place in its extra axes."""


@dataclass(frozen=True)
class Block:
    """What one group moves together."""

    kind: str
    """``turn``, ``shift``, ``rotate`` or ``matrix``."""
    keys: tuple[Key, ...]
    coordinate: int = 0
    """Of a turn or shift: which coordinate of the points."""


def blocks_of(problem: RestProblem) -> tuple[Block, ...]:
    """The blocks whose numbers are known; generators of other kinds have none."""
    symmetries = problem.symmetries
    found: dict[Block, int] = {}
    for row in range(symmetries.count):
        block = _block(problem, symmetries, row)
        if block is not None:
            found[block] = found.get(block, 0) + 1
    used: set[tuple[Key, int]] = set()
    kept = []
    for block, count in found.items():
        places = {(key, block.coordinate) for key in block.keys}
        whole = block.kind != "rotate" or count == _rotations(symmetries, block)
        if whole and not used & places:
            used |= places
            kept.append(block)
    return tuple(kept)


def _rotations(symmetries: Symmetries, block: Block) -> int:
    assert symmetries.widths is not None
    d = symmetries.widths[block.keys[0][0]][1]
    return d * (d - 1) // 2


def _block(problem: RestProblem, symmetries: Symmetries, row: int) -> Block | None:
    coefficients = symmetries.combinations[row]
    actions = [a for a, c in zip(symmetries.actions, coefficients, strict=True) if c]
    kinds = {_kind(problem, action) for action in actions}
    keys = tuple(dict.fromkeys((a.state, a.place) for a in actions))
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind == "matrix":
        return Block(kind, keys)
    if any(c not in (0.0, 1.0) for c in coefficients) or len(keys) != len(actions):
        return None
    if kind == "rotate":
        return Block(kind, keys)
    coordinates = {0 if a.shift is None else int(a.shift.argmax()) for a in actions}
    return Block(kind, keys, coordinates.pop()) if len(coordinates) == 1 else None


def _kind(problem: RestProblem, action: Action) -> str:
    entry = MANIFOLDS[problem.system.model.states[action.state].manifold.name]
    if entry.phase or entry.name == "complex":
        return "turn"
    if action.matrix is None:
        return "shift"
    return "matrix" if entry.turns and entry.name != "sphere" else "rotate"


def features(problem: RestProblem, y: Tensor, blocks: Iterable[Block]) -> Tensor:
    """[batch..., numbers] of points y [batch..., n]: equal on the orbit of a point."""
    points = _points(problem, y)
    found = []
    for block in blocks:
        if block.kind == "turn":
            found.append(_turned(problem, points, block))
        elif block.kind == "shift":
            values = torch.cat([points[key][..., block.coordinate] for key in block.keys], -1)
            points |= {k: _without(points[k], block.coordinate, values) for k in block.keys}
        elif block.kind == "rotate":
            x = torch.cat([points.pop(key) for key in block.keys], dim=-2)
            found.append((x @ (x.mT @ _drawn(x.shape[-2], x.shape[-1], x))).flatten(-2))
        else:
            found.append(_traces(problem, points, block))
    return torch.cat([*found, *(_plain(problem, key, x) for key, x in points.items())], dim=-1)


def _points(problem: RestProblem, y: Tensor) -> dict[Key, Tensor]:
    """By state and place: [batch..., points, coordinates]."""
    sizes = [prod(shape) for shape in problem.packing.shapes.values()]
    widths = problem.symmetries.widths or {}
    found = {}
    for name, piece in zip(problem.packing.shapes, y.split(sizes, dim=-1), strict=True):
        places, d = widths.get(name, (1, 1))
        wide = piece.reshape(*piece.shape[:-1], -1, places, d)
        found |= {(name, k): wide[..., k, :] for k in range(places)}
    return found


def _turned(problem: RestProblem, points: dict[Key, Tensor], block: Block) -> Tensor:
    """z conj(c'z), in two parts; torus coordinates that do not turn stay among the points."""
    parts = []
    for key in block.keys:
        x = points.pop(key)
        if MANIFOLDS[problem.system.model.states[key[0]].manifold.name].phase:
            others = [k for k in range(x.shape[-1]) if k != block.coordinate]
            parts.append(torch.polar(torch.ones_like(x[..., 0]), x[..., block.coordinate]))
            if others:
                points[key] = x[..., others]
        else:
            parts.append(torch.complex(x[..., 0], x[..., 1]))
    z = torch.cat(parts, dim=-1)
    c = torch.complex(*_drawn(z.shape[-1], 2, z.real).unbind(-1))
    return torch.view_as_real(z * (z * c).sum(-1, keepdim=True).conj()).flatten(-2)


def _without(x: Tensor, coordinate: int, values: Tensor) -> Tensor:
    """The points with the mean of all values taken off one coordinate."""
    mean = values.mean(-1)[..., None]
    columns = list(x.unbind(-1))
    columns[coordinate] = columns[coordinate] - mean
    return torch.stack(columns, dim=-1)


def _traces(problem: RestProblem, points: dict[Key, Tensor], block: Block) -> Tensor:
    x = torch.cat([points.pop(key) for key in block.keys], dim=-2)
    if block.keys[0][0] in problem.packing.whole:
        x = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    n = round(x.shape[-1] ** 0.5)
    x = x.reshape(*x.shape[:-1], n, n)
    first, second = _drawn(x.shape[-3], 2, x.real).unbind(-1)
    turned = x.mH @ (first[:, None, None] * x).sum(-3, keepdim=True)
    other = (second[:, None, None] * turned).sum(-3, keepdim=True)
    products = (turned, turned @ other, turned @ other @ turned)
    found = torch.cat([p.diagonal(dim1=-2, dim2=-1).sum(-1) for p in products], dim=-1)
    return torch.view_as_real(found).flatten(-2) if found.is_complex() else found


def _plain(problem: RestProblem, key: Key, x: Tensor) -> Tensor:
    x = x.flatten(-2)
    phase = MANIFOLDS[problem.system.model.states[key[0]].manifold.name].phase
    return torch.cat([x.cos(), x.sin()], dim=-1) if phase else x


def _drawn(rows: int, columns: int, like: Tensor) -> Tensor:
    """The same numbers whenever they are asked for."""
    numbers = torch.randn(rows, columns, generator=torch.Generator().manual_seed(7))
    return (numbers / rows**0.5).to(like.device, like.dtype)


def deflation(problem: RestProblem, known: Tensor, blocks: tuple[Block, ...]) -> Deflation:
    """log of the product of 1/gap + 1 over what is known [points, n], gap the squared distance."""
    there = features(problem, known, blocks)

    def factor(y: Tensor) -> Tensor:
        gaps = (features(problem, y, blocks)[..., None, :] - there).square().sum(-1)
        return torch.log1p(1.0 / gaps.clamp(min=1e-30)).sum(-1)

    return factor
