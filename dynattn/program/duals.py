"""Dual numbers: values of one node's coordinates, and their exact slopes along P inputs.

The plain arithmetic of the reference evaluator. Everything is float64; truth values are 0 or 1.
The inputs are real: a complex number is two of them, its real and its imaginary part, and the slope
of a complex value along a real input is a complex number (complex128).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import ArrayLike, NDArray

from dynattn.vocabulary.functions import ELEMENTWISE

Array = NDArray[Any]
"""float64 or complex128."""


@dataclass(frozen=True, slots=True)
class Dual:
    """``value`` [...] and its Jacobian: ``tangent`` [..., P], None where it depends on nothing."""

    value: Array
    tangent: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    def __getitem__(self, key: int | slice | tuple[slice, ...] | NDArray[numpy.int64]) -> Dual:
        """Entries along the first axes, as numpy picks them."""
        return _map(self, lambda a, extra: a[key])


def plain(value: ArrayLike) -> Dual:
    """Numbers that depend on nothing."""
    return Dual(numbers(value))


def numbers(value: Any) -> Array:
    """float64, or complex128 where the numbers are complex."""
    array = numpy.asarray(value)
    kind = numpy.complex128 if numpy.iscomplexobj(array) else numpy.float64
    return array.astype(kind, copy=False)


def inputs_of(array: Array) -> int:
    """How many real inputs an array is: two for each complex number."""
    return array.size * (2 if numpy.iscomplexobj(array) else 1)


def in_parts(a: Dual) -> Dual:
    """Complex numbers as real pairs along a new last axis; real ones as they are."""
    if not numpy.iscomplexobj(a.value):
        return a
    return _map(a, lambda x, e: numpy.stack([numpy.real(x), numpy.imag(x)], axis=-1 - e))


def independent(value: ArrayLike, offset: int, inputs: int) -> Dual:
    """Inputs number ``offset``, ``offset + 1``, ... of all ``inputs``: slope 1 along themselves.

    A complex number is two inputs, one after the other, with the slopes 1 and i.
    """
    array = numbers(value)
    steps = [1.0, 1j] if numpy.iscomplexobj(array) else [1.0]
    tangent = numpy.zeros((array.size, inputs), array.dtype)
    for k, step in enumerate(steps):
        places = offset + len(steps) * numpy.arange(array.size) + k
        tangent[numpy.arange(array.size), places] = step
    return Dual(array, tangent.reshape(*array.shape, inputs))


def moving(value: ArrayLike, directions: Array) -> Dual:
    """Inputs that move along given directions: ``directions`` [inputs in C order, P]."""
    array = numbers(value)
    if numpy.iscomplexobj(array):
        pairs = directions.reshape(array.size, 2, -1)
        directions = pairs[:, 0] + 1j * pairs[:, 1]
    return Dual(array, directions.reshape(*array.shape, directions.shape[-1]))


def apply(name: str, *arguments: Dual) -> Dual:
    """A function of ``ELEMENTWISE``, entry by entry; arguments align at their last axes."""
    entry = ELEMENTWISE[name]
    values = [argument.value for argument in arguments]
    value = numbers(entry.value(numpy, *values))
    total: Array | None = None
    if entry.push is not None and numpy.iscomplexobj(values[0]):
        z, dz = values[0], arguments[0].tangent
        return Dual(value, None if dz is None else entry.push(numpy, z[..., None], dz))
    for argument, slope in zip(arguments, entry.slopes, strict=True):
        if argument.tangent is not None:
            part = _steepen(slope(numpy, *values), argument, value.shape)
            total = part if total is None else total + part
    return Dual(value, total)


def add(a: Dual, b: Dual) -> Dual:
    """a + b."""
    return apply("add", a, b)


def multiply(a: Dual, b: Dual) -> Dual:
    """a * b, entry by entry."""
    return apply("mul", a, b)


def divide(a: Dual, b: Dual) -> Dual:
    """a / b, entry by entry."""
    return apply("div", a, b)


def total(terms: Sequence[Dual]) -> Dual:
    """The sum of at least one array of equal shapes."""
    result = terms[0]
    for term in terms[1:]:
        result = add(result, term)
    return result


def mean(values: Sequence[Dual]) -> Dual:
    """The mean of at least one array of equal shapes."""
    return divide(total(values), plain(len(values)))


def extreme(terms: Sequence[Dual], largest: bool) -> Dual:
    """Entry by entry the largest (or smallest) of at least one array of equal shapes."""
    result = terms[0]
    for term in terms[1:]:
        better = term.value > result.value if largest else term.value < result.value
        result = add(multiply(plain(better), term), multiply(plain(~better), result))
    return result


def dot(a: Dual, b: Dual) -> Dual:
    """Sum of a * b over the last axis."""
    return _map(apply("mul", a, b), lambda x, extra: x.sum(axis=-1 - extra))


def norm(a: Dual) -> Dual:
    """Euclidean length over the last axis."""
    square = dot(apply("conj", a), a)
    return root(apply("re", square) if numpy.iscomplexobj(a.value) else square)


def root(square: Dual) -> Dual:
    """The square root of a sum of squares; where that is 0 the slope is 0, the middle one of a
    length at its tip.
    """
    found = apply("sqrt", square)
    if found.tangent is None:
        return found
    return Dual(found.value, numpy.where(square.value[..., None] == 0, 0.0, found.tangent))


def concat(parts: Sequence[Dual]) -> Dual:
    """One after the other along the last axis; a single number counts as one entry."""
    rows = [part if part.value.ndim else reshape(part, (1,)) for part in parts]
    return _join(rows, lambda arrays, extra: numpy.concatenate(arrays, axis=-1 - extra))


def stack(parts: Sequence[Dual]) -> Dual:
    """Arrays of equal shapes along a new first axis."""
    return _join(parts, lambda arrays, extra: numpy.stack(arrays))


def linear(x: Dual, weight: Dual, bias: Dual | None = None) -> Dual:
    """weight x + bias on the last axis: x [..., n], weight [m, n], bias [m]."""
    value = x.value @ weight.value.T
    tangent = None
    if x.tangent is not None:
        tangent = numpy.einsum("mn,...np->...mp", weight.value, x.tangent)
    if weight.tangent is not None:
        part = numpy.tensordot(x.value, weight.tangent, axes=(-1, 1))
        tangent = part if tangent is None else tangent + part
    result = Dual(value, tangent)
    return result if bias is None else add(result, bias)


def reshape(a: Dual, shape: tuple[int, ...]) -> Dual:
    """The same entries in another shape: heads split, heads merged."""
    if a.shape == shape:
        return a
    return _map(a, lambda x, extra: x.reshape(shape + x.shape[x.ndim - extra :]))


def points(a: Dual, shape: tuple[int, ...]) -> list[Dual]:
    """The single points, each of this shape, of an array [..., *shape], in order."""
    rows = reshape(a, (-1, *shape))
    return [rows[number] for number in range(rows.shape[0])]


def broadcast(a: Dual, shape: tuple[int, ...]) -> Dual:
    """Repeated to a larger shape, last axes aligned."""
    if a.shape == shape:
        return a
    return _map(a, lambda x, extra: numpy.broadcast_to(x, shape + x.shape[x.ndim - extra :]))


def jacobian(a: Dual, inputs: int) -> Array:
    """The tangent as [..., inputs]; zeros where ``a`` depends on nothing."""
    return numpy.zeros((*a.shape, inputs)) if a.tangent is None else a.tangent


def _steepen(slope: ArrayLike, argument: Dual, shape: tuple[int, ...]) -> Array:
    assert argument.tangent is not None
    tangent = argument.tangent
    missing = len(shape) - argument.value.ndim
    if missing:
        tangent = tangent.reshape((1,) * missing + tangent.shape)
    part = numbers(slope)[..., None] * tangent
    whole = (*shape, part.shape[-1])
    return part if part.shape == whole else numpy.broadcast_to(part, whole)


def _map(a: Dual, change: Callable[[Array, int], Array]) -> Dual:
    """Move entries about; ``change`` is told how many axes stand behind those of the value."""
    value = numpy.asarray(change(a.value, 0))
    return Dual(value, None if a.tangent is None else change(a.tangent, 1))


def _join(parts: Sequence[Dual], change: Callable[[list[Array], int], Array]) -> Dual:
    value = change([part.value for part in parts], 0)
    inputs = next((part.tangent.shape[-1] for part in parts if part.tangent is not None), None)
    if inputs is None:
        return Dual(value)
    return Dual(value, change([jacobian(part, inputs) for part in parts], 1))
