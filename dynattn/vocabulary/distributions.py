"""The distributions a quantity may be drawn from, and the streams they are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Distribution:
    """One distribution. ``sample(rng, shape, *arguments)`` returns float64 numpy numbers.

    ``arguments`` broadcast against ``shape``. ``check`` says what is wrong with fixed arguments, or
    returns ''.
    """

    name: str
    parameters: tuple[str, ...]
    defaults: tuple[float, ...]
    """Values of the last parameters where they are left out."""
    sample: Callable[..., Any]
    check: Callable[..., str]


def _negative(sd: float) -> str:
    return f"the standard deviation {sd:g} is negative" if sd < 0 else ""


def _ordered(low: float, high: float) -> str:
    return f"the lower end {low:g} is above the upper end {high:g}" if low > high else ""


_ENTRIES = (
    Distribution(
        "normal", ("mean", "sd"), (0.0, 1.0),
        lambda rng, shape, mean, sd: mean + sd * rng.standard_normal(shape),
        lambda mean, sd: _negative(sd),
    ),
    Distribution(
        "uniform", ("low", "high"), (0.0, 1.0),
        lambda rng, shape, low, high: low + (high - low) * rng.random(shape),
        lambda low, high: _ordered(low, high),
    ),
    Distribution(
        "lognormal", ("mean", "sd"), (0.0, 1.0),
        lambda rng, shape, mean, sd: _exp(mean + sd * rng.standard_normal(shape)),
        lambda mean, sd: _negative(sd),
    ),
    Distribution(
        "exponential", ("scale",), (1.0,),
        lambda rng, shape, scale: scale * rng.standard_exponential(shape),
        lambda scale: f"the scale {scale:g} is not positive" if scale <= 0 else "",
    ),
    Distribution(
        "cauchy", ("location", "scale"), (0.0, 1.0),
        lambda rng, shape, location, scale: location + scale * rng.standard_cauchy(shape),
        lambda location, scale: f"the scale {scale:g} is not positive" if scale <= 0 else "",
    ),
)  # fmt: skip

DISTRIBUTIONS: dict[str, Distribution] = {entry.name: entry for entry in _ENTRIES}


def _exp(values: Any) -> Any:
    import numpy

    return numpy.exp(values)


def stream(seed: int, name: str, repeat: int = 0) -> Any:
    """The random stream of one quantity: a numpy Generator fixed by (seed, full name, repeat).

    No other quantity shares it, so that adding a declaration changes no other draw.
    """
    import hashlib

    import numpy

    digest = hashlib.sha256(f"{seed}\x00{name}\x00{repeat}".encode()).digest()
    return numpy.random.Generator(numpy.random.Philox(key=int.from_bytes(digest[:16], "little")))
