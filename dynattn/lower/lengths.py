"""Lengths of samples: where they are read, how long they may be, and samples grouped by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from dynattn.model.composition import InputUse
from dynattn.model.model import Model

if TYPE_CHECKING:
    from torch import Tensor

    from dynattn.lower.module import System

Lengths = tuple[tuple[str, int], ...]
"""A sample's own length of each dim, by name."""


@dataclass(frozen=True)
class Group:
    """Samples of one length, [samples, *axes] by input; ``rows`` are their places among all."""

    rows: tuple[int, ...]
    inputs: Mapping[str, Any]


def dim_places(model: Model) -> dict[str, tuple[str, str, int]]:
    """Where each dim's length is read: an axis, counted from the end, of an input or a state."""
    places: dict[str, tuple[str, str, int]] = {}
    for dim in model.dims:
        for item in model.inputs:
            for axis, size in enumerate(item.axes):
                if str(size) == dim.name:
                    places.setdefault(dim.name, ("input", item.name, axis - len(item.axes)))
        for state in model.states.values():
            if state.population and str(model.population[state.population].size) == dim.name:
                places.setdefault(dim.name, ("state", state.name, -len(state.shape) - 1))
    return places


# ── what is given ──────────────────────────────────────────────────────────────────────────────


def named_inputs(
    model: Model, arguments: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """Inputs given in order or by name, by name; TypeError for one that the network lacks."""
    names = [item.name for item in model.inputs]
    values = {**dict(zip(names, arguments, strict=False)), **named}
    if len(arguments) > len(names) or set(values) - set(names):
        raise TypeError(f"this network takes the inputs {', '.join(names)}")
    return values


def input_environment(system: System, values: Mapping[str, Any]) -> dict[str, Any]:
    """The environment of samples of one length: the inputs, and the lengths that are their own.

    ValueError where a sample is longer than the limit of a dim, or one dim has two lengths;
    TypeError for lists of samples, which may differ in length.
    """
    model = system.model
    if is_ragged(values):
        raise TypeError("this takes samples of one length: give an array of them, not a list")
    environment: dict[str, Any] = {"training": system.training, "white": system.white}
    for item in model.inputs:
        if item.name in values:
            value = values[item.name]
            environment["batch"] = value.shape[: value.dim() - len(item.axes)]
            environment[f"input {item.name}"] = (
                value.long() if item.type.dtype == "integer" else value.to(system.dtype)
            )
            lengths = _lengths(model, item, value, f"'{item.name}'")
            _agree(environment, {f"dim {name}": length for name, length in lengths}, "")
    return environment


def _lengths(model: Model, item: InputUse, value: Tensor, what: str) -> Lengths:
    """The lengths that an input of a sample shows; ValueError for one that is out of range."""
    found = []
    for dim in model.dims:
        for axis, size in enumerate(item.axes):
            if str(size) != dim.name or value.dim() < len(item.axes):
                continue
            length = value.shape[axis - len(item.axes)]
            if dim.limit is not None and length > dim.limit:
                raise ValueError(f"{what} has {dim.name} = {length}, at most {dim.limit}")
            if not length:
                raise ValueError(f"{what} has {dim.name} = 0, and a sample has one place at least")
            found.append((dim.name, length))
    return tuple(found)


def _agree(known: dict[str, Any], found: Mapping[str, int], what: str) -> None:
    for key, length in found.items():
        if known.setdefault(key, length) != length:
            name = key.removeprefix("dim ")
            raise ValueError(f"{what}{name} is {known[key]} in one input and {length} in another")


# ── samples of different lengths ───────────────────────────────────────────────────────────────


def is_ragged(values: Mapping[str, Any]) -> bool:
    """Whether samples are given one by one, as a list per input."""
    return any(isinstance(value, (list, tuple)) for value in values.values())


def in_groups(model: Model, values: Mapping[str, Any]) -> tuple[Group, ...]:
    """The samples, those of one length together; inputs may be lists of samples, or arrays.

    ValueError, with the number of the sample from 0, where the inputs do not fit one another.
    """
    if not is_ragged(values):
        return (Group((), values),)
    counts = {name: len(value) for name, value in values.items()}
    if len(set(counts.values())) != 1:
        text = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
        raise ValueError(f"every input has the same samples, and there are {text}")
    uses = [item for item in model.inputs if item.name in values]
    chosen: dict[Lengths, list[dict[str, Tensor]]] = {}
    rows: dict[Lengths, list[int]] = {}
    for row in range(next(iter(counts.values()))):
        sample = {item.name: torch.as_tensor(values[item.name][row]) for item in uses}
        lengths = _of_sample(model, uses, sample, row)
        chosen.setdefault(lengths, []).append(sample)
        rows.setdefault(lengths, []).append(row)
    return tuple(
        Group(tuple(rows[key]), {name: torch.stack([s[name] for s in group]) for name in group[0]})
        for key, group in chosen.items()
    )


def _of_sample(
    model: Model, uses: Sequence[InputUse], sample: Mapping[str, Tensor], row: int
) -> Lengths:
    found: dict[str, int] = {}
    for item in uses:
        if sample[item.name].dim() != len(item.axes):
            axes = ", ".join(str(size) for size in item.axes)
            shape = list(sample[item.name].shape)
            raise ValueError(f"sample {row} of '{item.name}' has the shape {shape}, not [{axes}]")
        what = f"sample {row} of '{item.name}'"
        _agree(found, dict(_lengths(model, item, sample[item.name], what)), f"in sample {row}, ")
    return tuple(found.items())


def apart(groups: Sequence[Group], outputs: Sequence[Tensor], rank: int) -> list[Tensor]:
    """One output of each group as one array per sample, in the order in which they were given."""
    found: dict[int, Tensor] = {}
    for group, output in zip(groups, outputs, strict=True):
        own = output.shape[output.dim() - rank :]
        found |= dict(zip(group.rows, output.expand(len(group.rows), *own), strict=True))
    return [found[row] for row in sorted(found)]
