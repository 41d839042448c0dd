"""What certification found: the largest differences between a module and the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.lower.cases import Numbers

COMPONENTS = 64
"""How many numbers are compared at full size, where the edges are not too many."""


@dataclass(frozen=True)
class Difference:
    """The largest differences found in one check of one quantity, over ``entries`` numbers."""

    check: str
    """``value``, ``jacobian``, ``gradient``, ``batch``; ``value at full size``, ``gradient ..``."""
    quantity: str
    absolute: float
    relative: float
    """Over the largest number of the reference, where that is above 1."""
    entries: int

    def within(self, tolerance: float) -> bool:
        """Whether module and reference agree; NaN never does."""
        return self.relative <= tolerance


@dataclass(frozen=True)
class Certificate:
    """What was compared, and what came out."""

    differences: tuple[Difference, ...]
    sizes: Mapping[str, int]
    """Named sizes (dims too) of the shrunk model."""
    full_sizes: Mapping[str, int]
    components: int
    """Components compared at full size, of ``COMPONENTS``."""
    edges: int
    """Edge evaluations this took."""
    draws: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every difference is within the tolerance."""
        return all(item.within(self.tolerance) for item in self.differences)

    @property
    def notes(self) -> tuple[str, ...]:
        """In words: the sizes, the draws, and how much was done at full size."""
        sizes = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        full = ", ".join(f"{name} = {value}" for name, value in self.full_sizes.items())
        done = f"{self.components} of {COMPONENTS} components at full size"
        return (
            f"{self.draws} random states and parameter sets" + (f" at {sizes}" if sizes else ""),
            done + (f" ({full})" if full else "") + f", {self.edges} edge evaluations",
        )

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """A table: check, quantity, numbers compared, absolute, relative difference, verdict."""
        return [
            (
                item.check, item.quantity, str(item.entries), f"{item.absolute:.1e}",
                f"{item.relative:.1e}", "ok" if item.within(self.tolerance) else "FAILED",
            )
            for item in self.differences
        ]  # fmt: skip

    def raise_if_failed(self) -> None:
        """NumericalError E650 where module and reference disagree."""
        failed = [item for item in self.differences if not item.within(self.tolerance)]
        if failed:
            worst = max(failed, key=lambda item: numpy.nan_to_num(item.relative, nan=numpy.inf))
            raise NumericalError(
                Diagnostic(
                    "E650",
                    f"the {worst.check} of {worst.quantity} differs from the reference by "
                    f"{worst.absolute:.1e}, above {self.tolerance:.0e}",
                    fix="please report it as a fault of dynattn; if it passes with another --seed, "
                    "rounding may show in a slope that hangs on the last digits",
                )
            )


def difference(check: str, name: str, found: Numbers, expected: Numbers) -> Difference:
    """What one comparison comes to; another shape is an infinite difference."""
    if found.shape != expected.shape:
        return Difference(check, name, float("inf"), float("inf"), expected.size)
    absolute = float(numpy.max(numpy.abs(found - expected), initial=0.0))
    scale = max(1.0, float(numpy.max(numpy.abs(expected), initial=0.0)))
    return Difference(check, name, absolute, absolute / scale, expected.size)


def worst(differences: Iterator[Difference]) -> tuple[Difference, ...]:
    """One entry per check and quantity: the largest differences of all draws."""
    found: dict[tuple[str, str], Difference] = {}
    for item in differences:
        key = (item.quantity, item.check)
        found[key] = _larger(found[key], item) if key in found else item
    return tuple(found.values())


def _larger(a: Difference, b: Difference) -> Difference:
    return replace(
        a,
        absolute=float(numpy.max([a.absolute, b.absolute])),
        relative=float(numpy.max([a.relative, b.relative])),
        entries=a.entries + b.entries,
    )
