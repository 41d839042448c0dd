"""What indices run over: axes of arrays, counters of couplings, and the parts of a sum."""

from __future__ import annotations

from dataclasses import dataclass

from dynattn.model.terms import Term
from dynattn.vocabulary.sizes import Size


@dataclass(frozen=True)
class AxisUse:
    """One axis of an array: its name ('' without), the value that indexes its first entry, its
    size.
    """

    name: str
    first: int
    size: Size


@dataclass(frozen=True)
class Counter:
    """The m of ``harmonics m in 1 .. M``, or the l of ``successors l in 0 .. 1``."""

    name: str
    first: int
    last: int
    size: Size
    """How many values, as the spec says it."""


@dataclass(frozen=True)
class Summand:
    """One harmonic and successor of a coupling: strength_i * sum_j weight_ij kernel(x_i, x_j).

    With ``successor`` l the kernel reads the node l places after j, and edges (i, j) for which
    (i, j + l) is no edge are left out.
    """

    kernel: Term
    strength: Term | None
    successor: int = 0
