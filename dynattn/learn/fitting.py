"""Arrays made to fit the inputs of a model: values, lengths and parts, checked sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.parts import Part, axes_with_lengths
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice
from dynattn.model.terms import walk

Arrays = Mapping[str, Any]
Namer = Callable[[int], str]
"""What a sample is called where it is refused, by its place."""


def refused(code: str, message: str, choice: Choice, fix: str) -> SpecError:
    """The error of data that does not fit, at the place where the spec names it."""
    return SpecError(Diagnostic(code, message, choice.span, fix))


def numbered(row: int) -> str:
    """A sample by its place."""
    return f"sample {row} (from 0)"


def padded(rows: Sequence[Any]) -> tuple[Any, Any]:
    """Rows of different lengths as one array [samples, longest], and their lengths."""
    import numpy

    lengths = numpy.array([len(row) for row in rows], numpy.int64)
    array = numpy.zeros((len(rows), int(lengths.max())), numpy.asarray(rows[0]).dtype)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array, lengths


def fitted(
    arrays: Arrays, lengths: Arrays, model: Model, choice: Choice, called: Namer = numbered
) -> Part:
    """The samples of arrays [samples, *axes] of the right shapes, every value checked.

    SpecError: E519 for a value, E522 for a length, with what its sample is ``called``.
    """
    along = axes_with_lengths(model)
    for name, values in lengths.items():
        _check_lengths(name, values, arrays, model, choice, called)
    _check_next(arrays, lengths, model, choice, called)
    whole = {name: arrays[use].shape[1] for use, name in along.items()}
    done = {
        use.name: _values(use, arrays[use.name], {**whole, **lengths}, along, model, choice, called)
        for use in model.inputs
    }
    return Part(done, dict(lengths), along)


# ── lengths ────────────────────────────────────────────────────────────────────────────────────


def _check_lengths(
    name: str, lengths: Any, arrays: Arrays, model: Model, choice: Choice, called: Namer
) -> None:
    """SpecError E522 for lengths that are none, or that an array or the dim's limit is short of."""
    limit = next(dim.limit for dim in model.dims if dim.name == name)
    samples = len(next(iter(arrays.values())))
    if lengths.shape != (samples,) or lengths.dtype.kind not in "iu":
        message = f"the lengths '{name}' are {lengths.dtype}{list(lengths.shape)}, and there are "
        message += f"{samples} samples"
        raise refused("E522", message, choice, "give one whole number per sample")
    if (lengths < 1).any():
        row = int((lengths < 1).argmax())
        message = f"{called(row)} has {name} = {lengths[row]}"
        raise refused("E522", message, choice, "leave out the sample, or give its length, from 1")
    if limit is not None and (lengths > limit).any():
        row = int((lengths > limit).argmax())
        message = f"{called(row)} has {name} = {lengths[row]}, above dim {name} <= {limit}"
        raise refused("E522", message, choice, f"raise the limit to {lengths.max()}, or cut it")
    for use, dim in axes_with_lengths(model).items():
        width = arrays[use].shape[1]
        if dim == name and (lengths > width).any():
            row = int((lengths > width).argmax())
            message = f"{called(row)} has {name} = {lengths[row]}, and the array '{use}' "
            message += f"has {width} places for each sample"
            raise refused("E522", message, choice, "let the array be as long as the longest sample")


def _check_next(
    arrays: Arrays, lengths: Arrays, model: Model, choice: Choice, called: Namer
) -> None:
    """SpecError for a sample that ends before there is anything to predict."""
    assert model.training is not None
    terms = walk(model.training.loss, *(record.value for record in model.training.records))
    followed = {
        item.payload
        for term in terms if term.op == "next"
        for item in walk(term) if item.op == "input"
    }  # fmt: skip
    for use, dim in axes_with_lengths(model).items():
        own = lengths.get(dim)
        short = arrays[use].shape[1] < 2 if own is None else (own < 2).any()
        if use in followed and short:
            row = 0 if own is None else int((own < 2).argmax())
            message = f"{called(row)} has {dim} = 1, and next({use}) is nothing there"
            raise refused("E522", message, choice, "leave out samples of one place")


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def _values(
    use: InputUse, array: Any, lengths: Arrays, along: Mapping[str, str], model: Model,
    choice: Choice, called: Namer,
) -> Any:  # fmt: skip
    """The array of one input in its dtype; SpecError E519 for a value that is not of its type."""
    import numpy

    dim = along.get(use.name)
    inside = numpy.ones(array.shape, bool)
    if dim is not None and numpy.ndim(lengths[dim]):
        axes = (slice(None), slice(None), *[None] * (array.ndim - 2))
        places = numpy.arange(array.shape[1]) < lengths[dim][:, None]
        inside = numpy.broadcast_to(places[axes], array.shape)
    if use.type.classes is None:
        return _real(use, array, inside, dim, choice, called)
    if array.dtype.kind not in "biu":
        message = f"'{use.name}' holds {array.dtype}, and a class is a whole number"
        raise refused("E519", message, choice, "store integers: labels.astype(int)")
    sizes = {**model.sizes, **lengths}
    below = numpy.asarray(use.type.classes.value(sizes)) if _plain(use, model) else (
        numpy.asarray(lengths[str(use.type.classes)])
    )  # fmt: skip
    bounds = below.reshape(-1, *[1] * (array.ndim - 1)) if below.ndim else below
    wrong = inside & ((array < 0) | (array >= bounds))
    if wrong.any():
        row = int(wrong.reshape(len(array), -1).any(1).argmax())
        value = array[row][wrong[row]].reshape(-1)[0]
        highest = int(below[row] if below.ndim else below) - 1
        message = f"'{use.name}' holds {value}, and its classes are 0 .. {highest}: "
        message += called(row)
        raise refused("E519", message, choice, f"let every value be below {use.type.classes}")
    return array.astype(numpy.int64)


def _plain(use: InputUse, model: Model) -> bool:
    """Whether the number of classes is one for all samples."""
    assert use.type.classes is not None
    return use.type.classes.names <= set(model.sizes)


def _real(
    use: InputUse, array: Any, inside: Any, dim: str | None, choice: Choice, called: Namer
) -> Any:
    import numpy

    wrong = inside if array.dtype.kind not in "biuf" else inside & ~numpy.isfinite(array)
    if wrong.any():
        row = int(wrong.reshape(len(array), -1).any(1).argmax())
        message = f"'{use.name}' holds something that is no finite real number: "
        message += called(row)
        more = f"; where it is padding, give the lengths in an array '{dim}'" if dim else ""
        raise refused("E519", message, choice, f"store finite numbers{more}")
    return array.astype(numpy.float32)


# ── parts ──────────────────────────────────────────────────────────────────────────────────────


def in_parts(part: Part, split: Any, choice: Choice) -> tuple[Part, Part]:
    """Training and validation samples, after a shuffle that is always the same."""
    training, validation = split_rows(part.count, split, choice)
    return part.rows(training), part.rows(validation)


def split_rows(total: int, split: Any, choice: Choice) -> tuple[Any, Any]:
    """The places of the training and the validation samples, in a shuffle always the same; all in
    both where ``split`` is None.
    """
    import numpy

    if split is None:
        return numpy.arange(total), numpy.arange(total)
    from dynattn.vocabulary.distributions import stream

    whole = all(isinstance(share, int) for share in split)
    first = split[0] if whole else int(split[0] * total)
    second = split[1] if whole else round(sum(split[:2]) * total) - first
    if not 0 < first < first + second <= total:
        message = f"split={list(split)} of {total} samples leaves a part empty, or asks for more"
        fix = "write two fractions that sum to 1, or two numbers of samples"
        raise refused("E515", message, choice, fix)
    rows = stream(0, "data.split").permutation(total)
    return rows[:first], rows[first : first + second]


def facts_of(training: Part, validation: Part) -> dict[str, Any]:
    """How many samples there are, and the shortest and longest of each dim that has lengths."""
    found: dict[str, Any] = {"training": training.count, "validation": validation.count}
    for name, own in training.lengths.items():
        both = (own, validation.lengths[name])
        shortest, longest = min(int(a.min()) for a in both), max(int(a.max()) for a in both)
        found.setdefault("lengths", {})[name] = [shortest, longest]
    return found
