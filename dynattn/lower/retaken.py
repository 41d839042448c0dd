"""Steps of a layer whose arrays are not kept for the backward pass, but made again in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore  # no stubs

MEMORY = 2**30
"""Bytes that autograd may keep of the steps of one layer; of more, only some states are kept."""

FEWEST = 16
"""Of fewer steps everything is kept, and none is taken to see how much that is."""

Environment = dict[str, Any]
Place = tuple[dict[str, Any], str]
Take = Callable[[Environment, range], None]
"""take(environment, numbers): these steps, in the environment."""


def stretches(
    take: Take, steps: int, environment: Environment, gradient: str | None = None
) -> list[range]:
    """The steps in stretches between kept states; one of all where everything may be kept.

    ``gradient`` ``checkpointed`` and ``backpropagation``: no more than has to be, all of it.
    """
    whole = [range(steps)]
    if gradient == "backpropagation" or not torch.is_grad_enabled() or _under_transforms():
        return whole
    if gradient is None and (
        steps < FEWEST or steps * size_of(lambda: take(dict(environment), range(1))) <= MEMORY
    ):
        return whole
    length = math.isqrt(steps - 1) + 1
    return [range(k, min(steps, k + length)) for k in range(0, steps, length)]


def _under_transforms() -> bool:
    if torch.compiler.is_compiling():
        return True
    return peek_interpreter_stack() is not None or torch.autograd.forward_ad._current_level >= 0


def size_of(call: Callable[[], Any]) -> int:
    """Bytes that autograd keeps of a call."""
    sizes: dict[int, int] = {}

    def keep(x: Tensor) -> Tensor:
        if x.layout is torch.strided:
            sizes[x.untyped_storage()._cdata] = x.untyped_storage().nbytes()
        return x.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        call()
    return sum(sizes.values())


def retake(
    take: Take, numbers: range, environment: Environment, keys: Sequence[str],
    places: Sequence[Place], names: Sequence[str],
) -> None:  # fmt: skip
    """Take these steps; ``keys`` and ``places`` are what they read, ``names`` the states they set.

    Exact, derivatives of gradients too: backwards the steps are taken again under autograd.
    """
    read = [key for key in keys if isinstance(environment.get(key), Tensor)]
    standing = [place for place in places if isinstance(place[0][place[1]], Tensor)]
    tensors = [*(environment[key] for key in read), *(table[key] for table, key in standing)]

    def states(*given: Tensor) -> list[Tensor]:
        inside = environment | dict(zip(read, given, strict=False))
        with planted(standing, given[len(read) :]):
            take(inside, numbers)
        return [inside[f"state {name}"] for name in names]

    found = _Retaken.apply(states, *tensors)
    assert isinstance(found, tuple)
    environment |= {f"state {name}": x for name, x in zip(names, found, strict=True)}


class _Retaken(torch.autograd.Function):
    """A function of tensors of which nothing but these is kept."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., list[Tensor]], *tensors: Tensor) -> Any:
        ctx.function = function
        ctx.save_for_backward(*tensors)
        return tuple(function(*tensors))

    @staticmethod
    def backward(ctx: Any, *pushes: Tensor) -> Any:
        twice = torch.is_grad_enabled()
        tensors = ctx.saved_tensors
        with torch.enable_grad():
            # Other objects each time: one of them may depend on another outside.
            given = [
                x.view_as(x) if twice else x.detach().requires_grad_(x.requires_grad)
                for x in tensors
            ]
            found = ctx.function(*given)
        return (None, *pulled_back(found, given, pushes, twice))


def pulled_back(
    found: Sequence[Tensor], given: Sequence[Tensor], pushes: Sequence[Tensor], twice: bool
) -> list[Tensor | None]:
    """The gradients by ``given`` of what was found of them, by the pushes; ``twice``: they have
    gradients themselves. None where nothing asks for one.
    """
    some = [k for k, x in enumerate(found) if x.requires_grad]
    wanted = [k for k, x in enumerate(given) if x.requires_grad]
    gradients = torch.autograd.grad(
        [found[k] for k in some], [given[k] for k in wanted], [pushes[k] for k in some],
        create_graph=twice, allow_unused=True,
    )  # fmt: skip
    by_place = dict(zip(wanted, gradients, strict=True))
    return [by_place.get(k) for k in range(len(given))]


@contextmanager
def planted(places: Sequence[Place], tensors: Sequence[Tensor]) -> Iterator[None]:
    """Other tensors in these places, for a while."""
    before = [table[key] for table, key in places]
    _put(places, tensors)
    try:
        yield
    finally:
        _put(places, before)


def _put(places: Sequence[Place], tensors: Sequence[Tensor]) -> None:
    for (table, key), tensor in zip(places, tensors, strict=True):
        table[key] = tensor
