"""Symbolic sizes: ``C``, ``2*C``, ``C/H``. Two sizes agree where they are the same formula.

A size is a Laurent polynomial in named sizes with rational coefficients, kept in a canonical
form, so that equality is equality of meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

Monomial = tuple[tuple[str, int], ...]


class SizeError(ValueError):
    """A size has no value: a name is missing, or a division leaves a remainder."""


@dataclass(frozen=True)
class Size:
    """A sum of coefficient * product of powers of names."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    def __add__(self, other: Size) -> Size:
        total = dict(self.terms)
        for monomial, factor in other.terms:
            total[monomial] = total.get(monomial, Fraction(0)) + factor
        return _canonical(total)

    def __neg__(self) -> Size:
        return _canonical({monomial: -factor for monomial, factor in self.terms})

    def __sub__(self, other: Size) -> Size:
        return self + -other

    def __mul__(self, other: Size) -> Size:
        total: dict[Monomial, Fraction] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                product = _multiply(left, right)
                total[product] = total.get(product, Fraction(0)) + a * b
        return _canonical(total)

    def __truediv__(self, other: Size) -> Size:
        """Division by a single product (``C/H``); by a sum there is no size."""
        if len(other.terms) != 1:
            raise SizeError(f"a size cannot be divided by {other}")
        monomial, factor = other.terms[0]
        inverse = tuple((name, -power) for name, power in monomial)
        return self * Size(((inverse, 1 / factor),))

    @property
    def names(self) -> frozenset[str]:
        """The named sizes this one depends on."""
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    @property
    def number(self) -> int | None:
        """The value of a size without names, else None."""
        return None if self.names else self.value({})

    def value(self, sizes: Mapping[str, int]) -> int:
        """The whole number this size is; SizeError where a name has none or it is not whole."""
        total = Fraction(0)
        for monomial, factor in self.terms:
            for name, power in monomial:
                if name not in sizes:
                    raise SizeError(f"the size {name} has no value")
                if sizes[name] == 0 and power < 0:
                    raise SizeError(f"{self} divides by {name} = 0")
                factor *= Fraction(sizes[name]) ** power
            total += factor
        if total.denominator != 1:
            raise SizeError(f"{self} is {float(total):g}, not a whole number")
        return int(total)

    def __str__(self) -> str:
        text = ""
        for monomial, factor in self.terms:
            sign = ("-" if not text else " - ") if factor < 0 else ("" if not text else " + ")
            text += sign + _spell(monomial, abs(factor))
        return text or "0"


def _multiply(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _canonical(terms: Mapping[Monomial, Fraction]) -> Size:
    kept = sorted((m, f) for m, f in terms.items() if f)
    return Size(tuple(sorted(kept, key=lambda item: (not item[0], item[0]))))


def _spell(monomial: Monomial, factor: Fraction) -> str:
    above = [str(factor.numerator)] if factor.numerator != 1 else []
    below = [str(factor.denominator)] if factor.denominator != 1 else []
    for name, power in monomial:
        (above if power > 0 else below).append(name if abs(power) == 1 else f"{name}^{abs(power)}")
    text = "*".join(above) or "1"
    return text + "".join(f"/{part}" for part in below)


def fixed(number: int) -> Size:
    """The size that is just a number."""
    return _canonical({(): Fraction(number)})


def named(name: str) -> Size:
    """The size called ``name``."""
    return Size(((((name, 1),), Fraction(1)),))


ONE = fixed(1)
