"""The form of a lowered operation: how torch does it, and how it is written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dynattn.lower import kernels
from dynattn.lower.code import Code, call_code, method_code
from dynattn.lower.context import ORIGIN, Need


@dataclass(frozen=True)
class Operation:
    """One node made ready: ``function(*inputs, *needs)``, and ``code`` of the texts of the same."""

    function: Callable[..., Any]
    code: Callable[..., Code]
    needs: tuple[Need, ...] = ()
    copies: tuple[Callable[..., Any], ...] = ()
    """Functions of ``kernels`` that an emitted file must carry."""
    shared: Callable[..., Any] | None = None
    """The same as ``function``, but that what all nodes share stays one: node axes of size 1."""
    ahead: tuple[int, Callable[..., Any], Callable[..., Any]] | None = None
    """What is made of so many last inputs, once for many calls where they stay; and the same as
    ``function`` with what was made in their place."""


def kernel_call(
    function: Callable[..., Any], *fixed: Any, needs: tuple[Need, ...] = ()
) -> Operation:
    """A function of ``kernels``, called with inputs, needs, and fixed Python values."""
    return Operation(
        lambda *arrays: function(*arrays, *fixed),
        lambda *texts: call_code(function.__name__, *texts, *fixed),
        needs,
        (function,),
    )


def method_call(name: str, *fixed: Any) -> Operation:
    """A method of the only input, with fixed arguments."""
    return Operation(
        lambda a: getattr(a, name)(*fixed),
        lambda a: method_code(a, name, *fixed),
    )


def fixed_array(*key: Any) -> Operation:
    """A fixed array of ``make_array``."""
    return Operation(lambda a: a, lambda a: a, (Need("array", key),))


def with_casts(
    function: Callable[..., Any], code: Callable[..., Code], real: list[bool]
) -> Operation:
    """The same, the operands marked in ``real`` made real tensors first."""

    def run(*operands: Any) -> Any:
        *arrays, origin = operands
        pairs = zip(arrays, real, strict=True)
        return function(*[kernels.to_real(a, origin) if cast else a for a, cast in pairs])

    def spell(*texts: Code) -> Code:
        *arrays, origin = texts
        pairs = zip(arrays, real, strict=True)
        return code(*[call_code("to_real", a, origin) if cast else a for a, cast in pairs])

    return Operation(run, spell, (ORIGIN,), (kernels.to_real,))
