"""What a classic's spec is held against: one number that is known, and the same from dynattn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Truth:
    """One quantity of a classic, known from elsewhere and computed from its spec."""

    quantity: str
    """What is compared: ``critical coupling``."""
    expected: float
    """The closed form, the published value, or what independent code gives."""
    computed: float
    """What the shipped spec gives, perhaps with smaller settings."""
    tolerance: float
    """The largest difference allowed."""
    source: str
    """Where ``expected`` comes from: the formula with its author and year, or the code used."""

    @property
    def holds(self) -> bool:
        """Whether the two agree; a NaN never does."""
        return abs(self.computed - self.expected) <= self.tolerance
