"""Exact Jacobians of fields, along many directions at once.

Differentiable themselves, and usable where nothing else is recorded, inside inference mode too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp, vmap

WIDTH = 2**22
"""Numbers, of all directions together, that one pass may hold for each intermediate result."""

NOTICES = ("There is a performance drop", "`torch.jit.script` is deprecated")
"""Of torch about itself, where it first differentiates forwards."""


def linearized(
    rates: Callable[[Tensor, Tensor], Tensor], t: Tensor, y: Tensor, wide: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Rates [points.., n], their Jacobian [points.., n, n], their derivative by time [points.., n].

    ``rates(t, y)`` takes y [points.., n] and t, one time or one a point; rates of a point depend
    on that point alone. ``wide``: numbers that one evaluation holds of a point at most (edges,
    say), if more than y does; few directions are then followed at once. Differentiable itself.
    """
    with recordable():
        t, y = _usable(t), _usable(y)
        n = y.shape[-1]
        chunk = max(1, WIDTH // (prod(y.shape[:-1]) * max(n, wide)))
        turning = torch.ones((), dtype=t.dtype, device=t.device)

        def along(direction: Tensor, clock: Tensor) -> tuple[Tensor, Tensor]:
            moved = (clock * turning.expand(t.shape), direction.expand(y.shape))
            found, slope = jvp(rates, (t, y), moved)[:2]
            return found, slope

        directions = torch.eye(n + 1, n, dtype=y.dtype, device=y.device)
        clocks = torch.zeros(n + 1, dtype=t.dtype, device=t.device)
        clocks[n] = 1.0
        follow: Any = vmap(along, chunk_size=chunk)
        found, slopes = follow(directions, clocks)
        return found[0], slopes[:n].movedim(0, -1), slopes[n]


def jacobian(rates: Callable[[Tensor], Tensor], y: Tensor, wide: int = 0) -> tuple[Tensor, Tensor]:
    """Rates [points.., n] and their Jacobian [points.., n, n] where time plays no part."""
    when = torch.zeros((), dtype=y.dtype, device=y.device)
    found, slopes, _ = linearized(lambda _, there: rates(there), when, y, wide)
    return found, slopes


def along(
    field: Callable[[Tensor], Tensor], y: Tensor, directions: Tensor, wide: int = 0
) -> Tensor:
    """The slopes [k, points.., m] of a field [points.., m] at y [points.., n] along ``directions``
    [k, points.., n]; ``wide`` as above. Differentiable itself.
    """
    with recordable():
        here = _usable(y)
        chunk = max(1, WIDTH // max(1, prod(y.shape[:-1]) * max(y.shape[-1], wide)))

        def slope(direction: Tensor) -> Tensor:
            return jvp(field, (here,), (direction.expand(here.shape),))[1]

        follow: Any = vmap(slope, chunk_size=chunk)
        return follow(_usable(directions))


def pulled_back(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], covectors: Tensor, wide: int = 0
) -> tuple[Tensor, list[Tensor]]:
    """(value, by input [k, ...] the slopes of its products with ``covectors`` [k, value...]).

    ``wide``: numbers that one evaluation holds. For a whole Jacobian that is a third of the time
    of ``along``, and keeps what one evaluation computes. Nothing is recorded.
    """
    with recordable(), torch.enable_grad():
        moving = [_usable(x).detach().requires_grad_() for x in inputs]
        found = function(*moving)
        chunk = max(1, WIDTH // max(1, found.numel(), wide))
        follow: Any = vmap(lambda row: tuple(_pull(found, moving, row)), chunk_size=chunk)
        slopes = follow(_usable(covectors))
        return found.detach(), [slope.detach() for slope in slopes]


def _pull(found: Tensor, inputs: Sequence[Tensor], covector: Tensor) -> list[Tensor]:
    """By input the slope of the product with a covector; 0 of what does not depend on it."""
    if not found.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    slopes = torch.autograd.grad(found, inputs, covector, retain_graph=True, allow_unused=True)
    pairs = zip(slopes, inputs, strict=True)
    return [torch.zeros_like(x) if slope is None else slope for slope, x in pairs]


@contextmanager
def recordable() -> Iterator[None]:
    """Where derivatives can be taken, and recorded where they are outside."""
    recording = torch.is_grad_enabled()
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(recording),
        warnings.catch_warnings(),
    ):
        for notice in NOTICES:
            warnings.filterwarnings("ignore", message=notice)
        yield


def edges_of(system: Any) -> int:
    """The numbers on the edges of the largest coupling: what one evaluation may hold."""
    network = getattr(system, "network", None)
    if network is None:
        return 0
    counts = [edges.edge_count or 0 for edges in network.connections.values()]
    return max(counts, default=0)


def bytes_of(points: int, n: int, dtype: torch.dtype) -> int:
    """What the Jacobians of so many points take."""
    return prod((points, n, n)) * torch.finfo(dtype).bits // 8


def _usable(x: Tensor) -> Tensor:
    """Tensors of inference mode cannot be differentiated; a copy of them can."""
    return x.clone() if x.is_inference() else x
