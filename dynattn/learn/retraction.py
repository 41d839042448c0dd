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
    x exp(v/x).
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


RETRACTIONS = {"sphere": _on_sphere, "positive": _positive}
"""Of the manifolds whose points are no plain numbers."""
