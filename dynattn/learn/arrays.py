"""Arrays as training data: every input of the model by its name, one row per sample."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.fitting import facts_of, fitted, in_parts, refused
from dynattn.learn.parts import SamplesData, axes_with_lengths
from dynattn.learn.reading import DataFile, find_data, read_data
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice


def check_arrays(choice: Choice, options: Mapping[str, Any], model: Model) -> object:
    """SpecError where the file is missing."""
    return find_data(options["path"], choice.span)


def load_arrays(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """The arrays of an npz file: one per input, and one per dim with the lengths of the samples.

    Without an array of its name a dim is as long as the arrays. SpecError for the first mistake.
    """
    file = read_data(options["path"], choice.span, options["checksum"])
    arrays = arrays_in(file, options["path"], choice)
    for use in model.inputs:
        _check_shape(use, arrays, choice, model)
    counts = {use.name: len(arrays[use.name]) for use in model.inputs}
    if len(set(counts.values())) != 1:
        text = ", ".join(f"'{name}' {count}" for name, count in counts.items())
        message = f"the arrays have different numbers of samples: {text}"
        raise refused("E519", message, choice, "give each one row per sample")
    along = axes_with_lengths(model)
    lengths = {name: arrays[name] for name in along.values() if name in arrays}
    _check_widths(along, lengths, arrays, choice)
    inputs = {use.name: arrays[use.name] for use in model.inputs}
    whole = fitted(inputs, lengths, model, choice)
    training, validation = in_parts(whole, options["split"], choice)
    return SamplesData(
        training, validation, {**file_facts("arrays", file), **facts_of(training, validation)},
        options["batches"] == "mixed",
    )  # fmt: skip


def file_facts(source: str, file: DataFile) -> dict[str, Any]:
    """What a run remembers of its data file."""
    return {"source": source, "path": str(file.path), "bytes": file.size, "sha256": file.sha256}


def arrays_in(file: DataFile, path: str, choice: Choice) -> dict[str, Any]:
    """The arrays of an npz file by name; SpecError where it is none."""
    import zipfile

    import numpy

    try:
        with numpy.load(io.BytesIO(file.content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (ValueError, OSError, zipfile.BadZipFile, AttributeError) as error:
        message = f"'{path}' is no npz file of numbers: {error}"
        fix = "write it with numpy.savez(path, name=array); samples of different lengths are "
        fix += "padded, and their lengths are an array with the name of the dim"
        raise refused("E519", message, choice, fix) from None


def _check_widths(
    along: Mapping[str, str], lengths: Mapping[str, Any], arrays: Mapping[str, Any], choice: Choice
) -> None:
    """SpecError where a dim without lengths has two in the arrays."""
    found: dict[str, int] = {}
    for name, dim in along.items():
        width = arrays[name].shape[1]
        if dim not in lengths and found.setdefault(dim, width) != width:
            message = f"{dim} is {found[dim]} in one array, {width} in '{name}'"
            fix = f"store the length of each sample as an array '{dim}', or give both one length"
            raise refused("E522", message, choice, fix)


def _check_shape(use: InputUse, arrays: Mapping[str, Any], choice: Choice, model: Model) -> None:
    """SpecError where the array of an input is missing or has another shape."""
    if use.name not in arrays:
        message = f"the file has no array '{use.name}' for the input of this name"
        names = ", ".join(arrays) or "none"
        fix = did_you_mean(use.name, arrays, f"its arrays are: {names}")
        raise refused("E519", message, choice, fix)
    array = arrays[use.name]
    limits = {dim.name: dim.limit for dim in model.dims if dim.name not in arrays}
    axes = []
    for size in use.axes:
        known = size.names <= set(model.sizes)
        axes.append(size.value(model.sizes) if known else str(size))
    shown = ", ".join(["samples", *map(str, axes)])
    right = array.ndim == len(axes) + 1 and array.size > 0
    for wanted, found in zip(axes, array.shape[1:], strict=False):
        limit = limits.get(str(wanted)) if isinstance(wanted, str) else None
        right &= found == wanted if isinstance(wanted, int) else limit is None or found <= limit
    if not right:
        message = f"the array '{use.name}' has the shape {list(array.shape)}, not [{shown}]"
        above = next((f", at most {limits[str(a)]}" for a in axes if limits.get(str(a))), "")
        fix = f"give it one row per sample, in the shape of the input{above}"
        raise refused("E519", message, choice, fix)
