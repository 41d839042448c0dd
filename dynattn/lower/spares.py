"""Results written into arrays that nothing reads any more, where these are large.

Memory of some megabytes is taken from the system anew for every array, which takes longer than the
arithmetic in it. So what a call is done with is kept for its next operations, and for the next
call.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dynattn.lower.held import Work

LARGE = 2**14
"""Numbers of an array from which on it pays."""


def less_product(a: Any, b: Any, c: Any, out: Any = None) -> Any:
    """a - b*c."""
    return torch.addcmul(a, b, c, value=-1, out=out)


INTO: dict[Callable[..., Any], Callable[..., Any]] = {
    operator.add: torch.add, operator.sub: torch.sub, operator.mul: torch.mul,
    operator.truediv: torch.div, operator.neg: torch.neg,
    **{f: f for f in (torch.addcmul, less_product, torch.sin, torch.cos, torch.tanh, torch.exp)},
}  # fmt: skip
"""Functions that return arrays of their own, and how they write into one that is given (out=)."""

Key = tuple[torch.Size, torch.dtype, torch.device]


class Spares:
    """Arrays that nothing reads, by shape, dtype and device."""

    def __init__(self) -> None:
        self.arrays: dict[Key, list[Tensor]] = {}

    def give(self, array: Tensor) -> None:
        """Take an array for what comes."""
        if array.numel() >= LARGE:
            self.arrays.setdefault((array.shape, array.dtype, array.device), []).append(array)

    def made(self, function: Callable[..., Any], *operands: Tensor) -> Tensor:
        """function(*operands), in an array that is there where one fits."""
        whole = max(operands, key=Tensor.numel)
        if whole.numel() < LARGE:
            return function(*operands)
        fits = self.arrays.get((whole.shape, whole.dtype, whole.device))
        if not fits or any(not _fits(a, whole) for a in operands):
            return function(*operands)
        try:
            spare = fits.pop()
        except IndexError:  # another thread has taken it
            return function(*operands)
        return INTO[function](*operands, out=spare)


def _fits(a: Tensor, whole: Tensor) -> bool:
    """Whether a has no axis that ``whole`` has not."""
    if a is whole or not a.dim():
        return a.dtype == whole.dtype
    if a.dtype != whole.dtype or a.dim() > whole.dim():
        return False
    sides = zip(reversed(a.shape), reversed(whole.shape), strict=False)
    return all(n in (1, own) for n, own in sides)


def is_own(work: Work) -> bool:
    """Whether the result of a work is a real array of its own that it can write anywhere."""
    types = [work.node.type.dtype, *(item.type.dtype for item in work.node.inputs)]
    return work.function in INTO and (work.real or set(types) == {"real"})


def reusable(works: Sequence[Work], outputs: Collection[int]) -> set[int]:
    """The results that are arrays of their own, and that nothing can return a part of."""
    own = {work.result for work in works if is_own(work)} - set(outputs)
    for work in works:
        if not is_own(work) and work.node.op != "graph_sum":
            own -= set(work.arguments)
    return own


def without_slopes(arrays: Sequence[Any]) -> bool:
    """Whether no derivative is asked for, no map made, and nothing recorded."""
    if torch.compiler.is_compiling() or torch.autograd.forward_ad._current_level >= 0:
        return False
    tensors = [a for a in arrays if isinstance(a, Tensor)]
    if any(torch.func.debug_unwrap(a) is not a for a in tensors):
        return False
    return not torch.is_grad_enabled() or not any(a.requires_grad for a in tensors)
