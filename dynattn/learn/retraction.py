"""Learned points of curved manifolds: an optimiser's step is a step along the manifold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dynattn.learn.optimizers import declared_parameter
from dynattn.model.parts import Parameter

if TYPE_CHECKING:
    import torch

    from dynattn.lower.module import System


@contextmanager
def kept_on_manifolds(system: System, parameters: Mapping[str, Parameter]) -> Iterator[None]:
    """What the block does to learned points of a curved manifold is a step v from where they were.

    On a sphere its tangent part moves the point x, to (x + v)/|x + v|; a positive number moves to
    x exp(v/x); a matrix X of SO(n) or SU(n) to X exp(A), A the tangent part of X^+ v; and one of
    so(n) or su(n) by the part of v that lies there.
    """
    points = [
        (RETRACTIONS[manifold], value, value.detach().clone())
        for name, value in system.named_parameters()
        if (manifold := _manifold(declared_parameter(name, parameters))) in RETRACTIONS
    ]
    yield
    for retract, value, before in points:
        value.data.copy_(retract(before, value.detach() - before))


def _manifold(parameter: Parameter) -> str:
    return "" if parameter.manifold is None else parameter.manifold.name


def _on_sphere(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    moved = x + step - (step * x).sum(-1, keepdim=True) * x
    return moved / moved.norm(dim=-1, keepdim=True)


def _positive(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    return x * (step / x).exp()


def _skew(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix of so(n); of complex ones the nearest of su(n)."""
    import torch

    found = (matrix - matrix.mH) / 2
    if not found.is_complex():
        return found
    one = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    trace = found.diagonal(dim1=-2, dim2=-1).mean(-1)
    return found - trace[..., None, None] * one


def _on_group(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Along the geodesic; then rounding errors are squared, so that no number of steps adds up.

    Newton's step towards the polar factor is X (3 - X^+ X) / 2 (Higham, Functions of Matrices,
    8.3), and a phase is left over where the determinant is complex.
    """
    import torch

    moved = x @ torch.linalg.matrix_exp(_skew(x.mH @ step))
    moved = 1.5 * moved - 0.5 * moved @ (moved.mH @ moved)
    if not moved.is_complex():
        return moved
    phase = torch.linalg.det(moved).angle() / moved.shape[-1]
    return moved * torch.polar(torch.ones_like(phase), -phase)[..., None, None]


RETRACTIONS = {
    "sphere": _on_sphere,
    "positive": _positive,
    "SO": _on_group,
    "SU": _on_group,
    "so": lambda x, step: x + _skew(step),
    "su": lambda x, step: x + _skew(step),
}
"""Of the manifolds whose points are no plain numbers."""
