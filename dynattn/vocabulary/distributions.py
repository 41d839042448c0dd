"""The distributions a quantity may be drawn from, and the streams they are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Distribution:
    """One distribution. ``sample(rng, shape, *arguments)`` returns float64 numpy numbers.

    ``arguments`` broadcast against ``shape``; axes in front of it are points of a batch, which all
    see the same random numbers. ``check`` says what is wrong with fixed arguments, or returns ''.
    """

    name: str
    parameters: tuple[str, ...]
    defaults: tuple[float, ...]
    """Values of the last parameters where they are left out."""
    sample: Callable[..., Any]
    check: Callable[..., str]
    least: Callable[..., float]
    """The lower end of what can be drawn with fixed arguments."""
    many: bool = False
    """Whether the last parameter may be given any number of times."""
    place: str = ""
    """``nodes`` or ``edges``: where alone it can be drawn, as its draws belong together."""

    @property
    def signature(self) -> str:
        """``normal(mean, sd)``."""
        return f"{self.name}({', '.join(self.parameters)}{', ..' * self.many})"


def _below(word: str, value: float) -> str:
    return f"the {word} {value:g} is not positive" if value <= 0 else ""


def _negative(sd: float) -> str:
    return f"the standard deviation {sd:g} is negative" if sd < 0 else ""


def _ordered(low: float, high: float) -> str:
    return f"the lower end {low:g} is above the upper end {high:g}" if low > high else ""


def _share(word: str, value: float, low: float) -> str:
    return "" if low <= value <= 1 else f"the {word} {value:g} is outside {low:g} .. 1"


def _count(word: str, value: float) -> str:
    whole = value >= 0 and float(value).is_integer()
    return "" if whole else f"the {word} {value:g} is no whole number from 0 on"


def _unbounded(*arguments: float) -> float:
    return float("-inf")


def _zero(*arguments: float) -> float:
    return 0.0


def _together(draw: Callable[..., Any]) -> Callable[..., Any]:
    """``draw(rng, shape, *arguments)`` for every point of a batch with the same random numbers."""

    def sample(rng: Any, shape: tuple[int, ...], *arguments: Any) -> Any:
        import numpy

        arrays = [numpy.asarray(value, dtype=float) for value in arguments]
        fronts = [a.shape[: max(a.ndim - len(shape), 0)] for a in arrays]
        front = numpy.broadcast_shapes(*fronts)
        if not front:
            return numpy.asarray(draw(rng, shape, *arrays), dtype=float)
        pairs = zip(arrays, fronts, strict=True)
        wide = [numpy.broadcast_to(a, front + a.shape[len(own) :]) for a, own in pairs]
        before, found = rng.bit_generator.state, []
        for point in numpy.ndindex(*front):
            rng.bit_generator.state = before
            found.append(numpy.asarray(draw(rng, shape, *(a[point] for a in wide)), dtype=float))
        return numpy.stack(found).reshape(*front, *shape)

    return sample


def _of_choice(rng: Any, shape: tuple[int, ...], *values: Any) -> Any:
    import numpy

    chosen = rng.integers(len(values), size=shape)
    return numpy.choose(chosen, [numpy.broadcast_to(value, shape) for value in values])


def _of_multinomial(rng: Any, shape: tuple[int, ...], n: Any) -> Any:
    """n balls into as many urns as there are nodes, for every coordinate by itself."""
    import numpy

    nodes, *coordinates = shape
    urns = rng.integers(nodes, size=(int(numpy.max(n)), *coordinates))
    return numpy.apply_along_axis(lambda column: numpy.bincount(column, minlength=nodes), 0, urns)


def _of_pairs(
    rng: Any, shape: tuple[int, ...], mean: Any, sd: Any, rho: Any, turned: Any, leading: Any
) -> Any:
    """Edges that lead have a number of their own; those back have one correlated with it.

    ``turned(numbers)`` puts at every edge the number of the edge back; ``leading`` marks one of
    each two.
    """
    import numpy

    own = rng.standard_normal(shape)
    rest = numpy.sqrt(1 - numpy.square(rho))
    return mean + sd * numpy.where(leading, own, rho * turned(own) + rest * own)


_ENTRIES = (
    Distribution(
        "normal", ("mean", "sd"), (0.0, 1.0),
        lambda rng, shape, mean, sd: mean + sd * rng.standard_normal(shape),
        lambda mean, sd: _negative(sd),
        lambda mean, sd: mean if sd == 0 else float("-inf"),
    ),
    Distribution(
        "uniform", ("low", "high"), (0.0, 1.0),
        lambda rng, shape, low, high: low + (high - low) * rng.random(shape),
        lambda low, high: _ordered(low, high),
        lambda low, high: low,
    ),
    Distribution(
        "lognormal", ("mean", "sd"), (0.0, 1.0),
        lambda rng, shape, mean, sd: _exp(mean + sd * rng.standard_normal(shape)),
        lambda mean, sd: _negative(sd),
        _zero,
    ),
    Distribution(
        "exponential", ("scale",), (1.0,),
        lambda rng, shape, scale: scale * rng.standard_exponential(shape),
        lambda scale: _below("scale", scale),
        _zero,
    ),
    Distribution(
        "cauchy", ("location", "scale"), (0.0, 1.0),
        lambda rng, shape, location, scale: location + scale * rng.standard_cauchy(shape),
        lambda location, scale: _below("scale", scale),
        _unbounded,
    ),
    Distribution(
        "laplace", ("mean", "scale"), (0.0, 1.0),
        lambda rng, shape, mean, scale: mean + scale * rng.laplace(size=shape),
        lambda mean, scale: _below("scale", scale),
        _unbounded,
    ),
    Distribution(
        "gamma", ("shape", "scale"), (1.0, 1.0),
        _together(lambda rng, shape, k, scale: scale * rng.gamma(k, size=shape)),
        lambda k, scale: _below("shape", k) or _below("scale", scale),
        _zero,
    ),
    Distribution(
        "beta", ("a", "b"), (1.0, 1.0),
        _together(lambda rng, shape, a, b: rng.beta(a, b, size=shape)),
        lambda a, b: _below("parameter a =", a) or _below("parameter b =", b),
        _zero,
    ),
    Distribution(
        "pareto", ("exponent", "least"), (1.0, 1.0),
        lambda rng, shape, exponent, least: least * (1 - rng.random(shape)) ** (-1 / exponent),
        lambda exponent, least: _below("exponent", exponent) or _below("least value", least),
        lambda exponent, least: least,
    ),
    Distribution(
        "vonmises", ("mean", "concentration"), (0.0, 1.0),
        _together(lambda rng, shape, mean, k: rng.vonmises(mean, k, size=shape)),
        lambda mean, k: f"the concentration {k:g} is negative" if k < 0 else "",
        _unbounded,
    ),
    Distribution(
        "bernoulli", ("p",), (0.5,),
        lambda rng, shape, p: (rng.random(shape) < p) * 1.0,
        lambda p: _share("probability", p, 0),
        _zero,
    ),
    Distribution(
        "poisson", ("mean",), (1.0,),
        _together(lambda rng, shape, mean: rng.poisson(mean, size=shape)),
        lambda mean: f"the mean {mean:g} is negative" if mean < 0 else "",
        _zero,
    ),
    Distribution(
        "integers", ("low", "high"), (0.0, 1.0),
        lambda rng, shape, low, high: low + ((high - low + 1) * rng.random(shape)) // 1,
        lambda low, high: _ordered(low, high),
        lambda low, high: low,
    ),
    Distribution(
        "choice", ("a", "b"), (), _together(_of_choice), lambda *values: "",
        lambda *values: min(values), many=True,
    ),
    Distribution(
        "multinomial", ("n",), (), _together(_of_multinomial),
        lambda n: _count("number", n) or (f"the number {n:g} is over 10^9" if n > 1e9 else ""),
        _zero, place="nodes",
    ),
    Distribution(
        "paired_normal", ("mean", "sd", "rho"), (), _of_pairs,
        lambda mean, sd, rho: _negative(sd) or _share("correlation", rho, -1),
        _unbounded, place="edges",
    ),
)  # fmt: skip

DISTRIBUTIONS: dict[str, Distribution] = {entry.name: entry for entry in _ENTRIES}


def _orthogonal(rng: Any, shape: tuple[int, ...], gain: Any) -> Any:
    """Haar: Q of a normal matrix, signs fixed by the diagonal of R (Mezzadri 2007); gain * Q.

    A matrix [rows, columns] with more columns than rows has orthonormal rows.
    """
    import numpy

    rows, columns = shape
    q, r = numpy.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q = q * numpy.where(numpy.diagonal(r) < 0, -1.0, 1.0)
    return gain * (q if rows >= columns else q.T)


MATRIX_DISTRIBUTIONS: dict[str, Distribution] = {
    "orthogonal": Distribution(
        "orthogonal", ("gain",), (1.0,), _orthogonal,
        lambda gain: _below("gain", gain), _unbounded,
    ),
}  # fmt: skip
"""Distributions of whole matrices: what the weight of a linear map may be drawn from beside."""


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
