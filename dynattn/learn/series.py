"""Measured time series as data: ``data series("phases.csv")``, columns named like the model."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Collector, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.fittable import check_series
from dynattn.learn.fitting import refused
from dynattn.learn.reading import DataFile, read_data
from dynattn.learn.tables import read_table
from dynattn.lower.context import context_of
from dynattn.lower.initial import shape_at, shape_of
from dynattn.model.model import Model
from dynattn.model.plans import Choice, Fit
from dynattn.model.terms import Type
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.network.build import Network

Array = NDArray[np.float64]

MISSING = {"", "nan", "na", "n/a", "null", "none", "-"}
"""Cells in which nothing was measured."""


@dataclass(frozen=True)
class Target:
    """What a column may be: a state, an observable, or a signal."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Of its value at one time."""
    phase: bool = False
    """Whether it is an angle."""

    @property
    def count(self) -> int:
        """How many numbers that is."""
        return prod(self.shape)


@dataclass(frozen=True)
class Series:
    """What was measured, and when."""

    times: Array
    """[times], ascending."""
    measured: Mapping[str, Array] = field(repr=False)
    """By state and observable [times, numbers]; NaN where nothing was measured."""
    targets: Mapping[str, Target] = field(repr=False)
    signals: Mapping[str, Array] = field(repr=False)
    """By input [times, ...]."""
    notes: tuple[str, ...] = ()
    """What a reader of the results has to know: rows left out, nodes not measured."""

    @property
    def values(self) -> Array:
        """[times, numbers] of all that was measured, one after the other."""
        return np.concatenate([*self.measured.values()], 1)

    @property
    def phases(self) -> NDArray[np.bool_]:
        """[numbers]: which are angles."""
        return self._spread(lambda target: target.phase).astype(bool)

    @property
    def kinds(self) -> NDArray[np.int64]:
        """[numbers]: of which quantity each is, by its place."""
        names = [*self.measured]
        return self._spread(lambda target: names.index(target.name)).astype(int)

    def _spread(self, rule: Callable[[Target], float]) -> Array:
        found = [np.full(self.targets[n].count, rule(self.targets[n])) for n in self.measured]
        return np.concatenate(found)


def read_series(model: Model, network: Network, plan: Fit) -> Series:
    """The series of a fit; SpecError E528 where it is none of this model, and those of files."""
    found = Collector()
    options = check_series(plan.data, found)
    found.raise_if_any()
    choice = plan.data
    file = read_data(options["path"], choice.span, options["checksum"])
    targets = targets_of(model, network)
    read = _arrays if options["path"].endswith(".npz") else _columns
    times, values = read(file, options, targets, choice)
    return _cleaned(times, values, targets, choice, plan)


def targets_of(model: Model, network: Network) -> dict[str, Target]:
    """Everything that can be measured, by full name, and by the last part where that is clear."""
    context, found = context_of(model, network), dict[str, Target]()
    for name, state in model.lasting.items():
        if name in model.averages or state.coupling or state.velocity_of:
            continue
        entry = MANIFOLDS[state.manifold.name]
        if (not entry.of_complex and entry.projection == "F") or entry.name == "positive":
            shape = shape_of(state, context, model.sizes)
            found[name] = Target(name, "state", shape, entry.phase)
    for item in model.observables:
        kind: Type = item.value.type
        if kind.dtype != "complex":
            shape = shape_at(kind.place, kind.shape, context)
            found[item.name] = Target(item.name, "observable", tuple(shape))
    for item in model.inputs:
        if item.signal:
            shape = tuple(size.value(model.sizes) for size in item.axes)
            found[item.name] = Target(item.name, "signal", shape)
    short = [name.rpartition(".")[2] for name in found]
    brief = {last: found[name] for name, last in zip(found, short, strict=True)
             if short.count(last) == 1}  # fmt: skip
    return {**brief, **found}


def _named(name: str, targets: Mapping[str, Target], choice: Choice) -> Target:
    if name in targets:
        return targets[name]
    message = f"the series has '{name}', and nothing in the model that is measured is called so"
    known = f"there are {', '.join(targets)}; leave out columns that are nothing of these"
    raise refused("E528", message, choice, did_you_mean(name, targets, known))


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def _columns(
    file: DataFile, options: Mapping[str, Any], targets: Mapping[str, Target], choice: Choice
) -> tuple[Array, dict[str, Array]]:
    """Times [T] and by quantity [T, numbers] of a table."""
    table = read_table(file, options["path"], choice)
    columns = dict(table.columns)
    if options["time"] not in columns:
        raise _no_time(options, columns, choice)

    def numbers(name: str) -> Array:
        found = np.empty(len(table.lines))
        for row, cell in enumerate(columns[name]):
            try:
                found[row] = np.nan if cell.lower() in MISSING else float(cell)
            except ValueError:
                message = f"'{name}' is '{cell}' in {table.called(row)}, which is no number"
                fix = "write a number, or leave the cell empty where nothing was measured"
                raise refused("E528", message, choice, fix) from None
        return found

    found: dict[str, Array] = {}
    for name in columns:
        if name != options["time"]:
            target, place = _place(name, targets, choice)
            empty = np.full((len(table.lines), target.count), np.nan)
            found.setdefault(target.name, empty)[:, place] = numbers(name)
    return numbers(options["time"]), found


def _no_time(options: Mapping[str, Any], there: Mapping[str, Any], choice: Choice) -> SpecError:
    word = options["time"]
    fix = f"name the times {word}, or say how they are called: time=NAME"
    message = f"the series has no times: there is no '{word}' among {', '.join(there)}"
    return refused("E528", message, choice, fix)


def _place(name: str, targets: Mapping[str, Target], choice: Choice) -> tuple[Target, int]:
    """The quantity of a column, ``theta[3]``, and which of its numbers that is."""
    parts = re.fullmatch(r"([^\[\]]+)(?:\[([\d,]+)\])?", name)
    target = _named(parts[1] if parts else name, targets, choice)
    index = tuple(int(k) for k in parts[2].split(",") if k) if parts and parts[2] else ()
    if not index and target.count == 1:
        return target, 0
    shape = target.shape if len(index) == len(target.shape) else _squeezed(target.shape)
    if len(index) != len(shape) or any(k >= n for k, n in zip(index, shape, strict=True)):
        shown = ", ".join(map(str, target.shape))
        last = ",".join(str(n - 1) for n in _squeezed(target.shape))
        message = f"'{name}' is no number of '{target.name}', which has [{shown}]"
        fix = f"number its columns from 0: {target.name}[{last}] is the last one"
        raise refused("E528", message, choice, fix)
    return target, int(np.ravel_multi_index(index, shape)) if shape else 0


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n > 1)


def _arrays(
    file: DataFile, options: Mapping[str, Any], targets: Mapping[str, Target], choice: Choice
) -> tuple[Array, dict[str, Array]]:
    """The same of arrays with the times along their first axis."""
    try:
        with np.load(io.BytesIO(file.content), allow_pickle=False) as read:
            arrays = {name: np.asarray(read[name], dtype=float) for name in read.files}
    except (OSError, ValueError, EOFError, TypeError) as problem:
        message = f"'{options['path']}' cannot be read: {str(problem).rstrip('.')}"
        fix = "save arrays of numbers with numpy.savez"
        raise refused("E528", message, choice, fix) from None
    if options["time"] not in arrays:
        raise _no_time(options, arrays, choice)
    times, found = arrays.pop(options["time"]).reshape(-1), dict[str, Array]()
    for name, array in arrays.items():
        target = _named(name, targets, choice)
        if array.ndim == 0 or _squeezed(array.shape) != _squeezed((len(times), *target.shape)):
            shown = ", ".join(map(str, (len(times), *target.shape)))
            message = f"the array '{name}' has the shape {list(array.shape)}, not [{shown}]"
            raise refused("E528", message, choice, "store a row for each time")
        found[target.name] = array.reshape(len(times), -1)
    return times, found


# ── what is in them ────────────────────────────────────────────────────────────────────────────


def _cleaned(
    times: Array, values: Mapping[str, Array], targets: Mapping[str, Target], choice: Choice,
    plan: Fit,
) -> Series:  # fmt: skip
    """The series without rows in which nothing was measured."""
    kinds = {name: targets[name].kind for name in values}
    measured = {name: v for name, v in values.items() if kinds[name] != "signal"}
    if not measured:
        message = "the series has times, and nothing that was measured"
        raise refused("E528", message, choice, "give a column the name of a state or observable")
    for name, array in values.items():
        if np.isinf(array).any():
            row = int(np.isinf(array).any(1).argmax())
            message = f"'{name}' is infinite at t = {times[row]:g}"
            raise refused("E528", message, choice, "leave the cell empty, or drop the line")
    kept = np.isfinite(times) & np.isfinite(np.concatenate([*measured.values()], 1)).any(1)
    notes = []
    if lost := int((~kept).sum()):
        notes.append(f"{lost} of {len(times)} rows have no time or no measurement: left out")
    times = times[kept]
    measured = {name: array[kept] for name, array in measured.items()}
    signals = {n: v[kept].reshape(-1, *targets[n].shape) for n, v in values.items()
               if kinds[n] == "signal"}  # fmt: skip
    _check_times(times, choice, plan)
    for name, array in signals.items():
        if np.isnan(array).any():
            message = f"the signal '{name}' has no value at t = "
            message += f"{times[int(np.isnan(array.reshape(len(times), -1)).any(1).argmax())]:g}"
            raise refused("E528", message, choice, "fill it in: laws read it at every time")
    notes += _gaps(measured, targets)
    if all(np.nanmax(np.ptp(_seen(v), 0), initial=0.0) == 0.0 for v in measured.values()):
        message = "nothing in the series changes, so it tells nothing about what moves it"
        raise refused("E528", message, choice, "measure while something moves")
    return Series(times, measured, {t.name: t for t in targets.values()}, signals, tuple(notes))


def _seen(values: Array) -> Array:
    """With the first measurement of its column where nothing was measured."""
    first = np.isfinite(values).argmax(0)
    return np.where(np.isfinite(values), values, values[first, np.arange(values.shape[1])])


def _check_times(times: Array, choice: Choice, plan: Fit) -> None:
    if len(times) > 1 and not (np.diff(times) > 0).all():
        row = int((np.diff(times) <= 0).argmax())
        message = f"the times do not ascend: {times[row + 1]:g} comes after {times[row]:g}"
        raise refused("E528", message, choice, "sort the rows, and keep one for each time")
    wanted = 1 if plan.shoot is None else plan.shoot
    if len(times) - 1 < wanted:
        message = f"the series has {len(times)} times, and a segment has {wanted + 1}"
        fix = "write a smaller number: shoot 5" if wanted > 1 else "give two times or more"
        raise refused("E528", message, choice, fix)


def _gaps(measured: Mapping[str, Array], targets: Mapping[str, Target]) -> list[str]:
    """What is told of numbers that were not measured, or that never change."""
    found = []
    for name, values in measured.items():
        seen = np.isfinite(values)
        absent, gaps = int((~seen.any(0)).sum()), int((~seen[:, seen.any(0)]).sum())
        if absent:
            found.append(f"{absent} of {targets[name].count} numbers of '{name}' were not measured")
        if gaps:
            found.append(f"{gaps} measurements of '{name}' are missing: left out")
        still = int((np.ptp(_seen(values)[:, seen.any(0)], 0) == 0).sum())
        if still:
            found.append(f"{still} of {targets[name].count} numbers of '{name}' never change")
    return found
