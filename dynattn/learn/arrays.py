"""Arrays as training data: every input of the model by its name, one row per sample."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.reading import find_data, read_data
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class ArraysData:
    """Samples in two parts, by the names of the inputs: arrays [samples, *axes]."""

    training: Mapping[str, Any] = field(repr=False)
    validation: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any]

    @property
    def samples(self) -> int:
        """The length of an epoch."""
        return _count(self.training)

    def draw(self, rng: numpy.random.Generator, count: int) -> dict[str, Any]:
        """``count`` random samples of the training part."""
        rows = rng.integers(0, self.samples, size=count)
        return {name: array[rows] for name, array in self.training.items()}

    def validation_batches(
        self, size: int, limit: int | None = None
    ) -> Iterator[tuple[dict[str, Any], int]]:
        """The validation part, ``size`` samples at a time, with their number; or ``limit`` samples
        that are spread evenly and always the same.
        """
        import numpy

        rows = numpy.arange(_count(self.validation))
        if limit is not None and limit < len(rows):
            rows = rows[numpy.linspace(0, len(rows) - 1, limit).round().astype(numpy.int64)]
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            yield {name: a[chosen] for name, a in self.validation.items()}, len(chosen)

    def baselines(self) -> dict[str, float]:
        """Nothing is known of arrays without a model."""
        return {}


def _count(arrays: Mapping[str, Any]) -> int:
    return len(next(iter(arrays.values())))


def check_arrays(choice: Choice, options: Mapping[str, Any], model: Model) -> object:
    """SpecError where the file is missing."""
    return find_data(options["path"], choice.span)


def load_arrays(choice: Choice, options: Mapping[str, Any], model: Model) -> ArraysData:
    """The arrays of an npz file; every mistake of the first that has some."""
    file = read_data(options["path"], choice.span)
    arrays = _read(file.content, options["path"], choice)
    for use in model.inputs:
        _check_shape(use, arrays, choice, model)
    sizes = {**model.sizes, **_lengths(model, arrays, choice)}
    fitted = {use.name: _fitted(use, arrays[use.name], choice, sizes) for use in model.inputs}
    counts = {name: len(array) for name, array in fitted.items()}
    if len(set(counts.values())) != 1:
        text = ", ".join(f"'{name}' {count}" for name, count in counts.items())
        message = f"the arrays have different numbers of samples: {text}"
        raise _refused(message, choice, "give each one row per sample")
    training, validation = _split(fitted, options["split"], choice)
    facts = {
        "source": "arrays", "path": str(file.path), "bytes": file.size, "sha256": file.sha256,
        "training": _count(training), "validation": _count(validation),
    }  # fmt: skip
    return ArraysData(training, validation, facts)


def _refused(message: str, choice: Choice, fix: str) -> SpecError:
    return SpecError(Diagnostic("E519", message, choice.span, fix))


def _read(content: bytes, path: str, choice: Choice) -> dict[str, Any]:
    import zipfile

    import numpy

    try:
        with numpy.load(io.BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (ValueError, OSError, zipfile.BadZipFile, AttributeError) as error:
        message = f"'{path}' is no npz file of numbers: {error}"
        fix = "write it with numpy.savez(path, name=array)"
        raise _refused(message, choice, fix) from None


def _fitted(use: InputUse, array: Any, choice: Choice, sizes: Mapping[str, int]) -> Any:
    """The array of one input in its dtype; classes below their number."""
    import numpy

    if use.type.classes is None:
        if array.dtype.kind not in "biuf" or not numpy.isfinite(array).all():
            message = f"the array '{use.name}' holds something that is no finite real number"
            raise _refused(message, choice, "store finite numbers")
        return array.astype(numpy.float32)
    if array.dtype.kind not in "biu":
        message = f"the array '{use.name}' holds {array.dtype}, and a class is a whole number"
        raise _refused(message, choice, "store integers: labels.astype(int)")
    below = use.type.classes.value(sizes)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= below:
        wrong = low if low < 0 else high
        message = f"the array '{use.name}' holds {wrong}, and its classes are 0 .. {below - 1}"
        raise _refused(message, choice, f"let every value be below {use.type.classes}")
    return array.astype(numpy.int64)


def _lengths(model: Model, arrays: Mapping[str, Any], choice: Choice) -> dict[str, int]:
    """The length of every dim, the same in all arrays."""
    found: dict[str, int] = {}
    for use in model.inputs:
        for size, length in zip(use.axes, arrays[use.name].shape[1:], strict=True):
            if not size.names <= set(model.sizes) and found.setdefault(str(size), length) != length:
                message = f"{size} is {found[str(size)]} in one array, {length} in '{use.name}'"
                raise _refused(message, choice, "give all sequences of a sample one length")
    return found


def _check_shape(use: InputUse, arrays: Mapping[str, Any], choice: Choice, model: Model) -> None:
    """SpecError where the array of an input is missing or has another shape."""
    if use.name not in arrays:
        message = f"the file has no array '{use.name}' for the input of this name"
        names = ", ".join(arrays) or "none"
        raise _refused(message, choice, did_you_mean(use.name, arrays, f"its arrays are: {names}"))
    array = arrays[use.name]
    limits = {dim.name: dim.limit for dim in model.dims}
    axes = []
    for size in use.axes:
        known = size.names <= set(model.sizes)
        axes.append(size.value(model.sizes) if known else str(size))
    shown = ", ".join(["samples", *map(str, axes)])
    right = array.ndim == len(axes) + 1 and len(array) > 0
    for wanted, found in zip(axes, array.shape[1:], strict=False):
        limit = limits.get(str(wanted)) if isinstance(wanted, str) else None
        right &= found == wanted if isinstance(wanted, int) else limit is None or found <= limit
    if not right:
        message = f"the array '{use.name}' has the shape {list(array.shape)}, not [{shown}]"
        raise _refused(message, choice, "give it one row per sample, in the shape of the input")


def _split(
    arrays: Mapping[str, Any], split: Any, choice: Choice
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Training and validation samples, after a shuffle that is always the same."""
    from dynattn.vocabulary.distributions import stream

    total = _count(arrays)
    whole = all(isinstance(part, int) for part in split)
    first = split[0] if whole else int(split[0] * total)
    second = split[1] if whole else round(split[1] * total)
    if not 0 < first < first + second <= total + (not whole):
        message = f"split={list(split)} of {total} samples leaves a part empty, or asks for more"
        fix = "write two fractions that sum to 1, or two numbers of samples"
        raise SpecError(Diagnostic("E515", message, choice.span, fix))
    rows = stream(0, "data.split").permutation(total)
    parts = rows[:first], rows[first : first + second]
    training, validation = ({n: a[part] for n, a in arrays.items()} for part in parts)
    return training, validation
