"""The samples of signals: from the file that an experiment names, or given from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.signals import Signal
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.model.terms import Term, walk
from dynattn.vocabulary.edge_lists import is_number, read_rows_of
from dynattn.vocabulary.shipped_data import beside_or_shipped

Array = NDArray[np.float64]
Given = Mapping[str, tuple[ArrayLike, ArrayLike]]
"""By input: the times [samples], and the values [samples, ...]."""

_FILL = "fill the gap, or leave the sample out: their times need not be equally far apart"

CLOCK = "t"
"""The column, or array, of the times."""


@dataclass(frozen=True)
class _Samples:
    """Times, where there are any, and columns of numbers by name."""

    times: Array | None
    values: Mapping[str, Array]


def signals_of(
    model: Model, simulation: Simulation, given: Given | None = None
) -> dict[str, Signal]:
    """The signals of a model for one experiment; what is ``given`` goes before the file.

    Raises SpecError: E618 where samples cannot be read, E619 where they are missing or do not
    cover the experiment.
    """
    asked = [item for item in model.inputs if item.signal]
    given = dict(given or {})
    for name in given:
        if name not in {item.name for item in asked}:
            known = ", ".join(item.name for item in asked) or "none"
            raise _missing(simulation, f"there is no signal '{name}'", f"the signals are: {known}")
    open_ones = [item for item in asked if item.name not in given]
    read = _read(simulation) if open_ones else None
    found = {}
    for item in asked:
        if item.name in given:
            times, values = given[item.name]
            samples = _Samples(np.asarray(times, dtype=float), {item.name: _real(values)})
        else:
            assert read is not None
            samples = read
        found[item.name] = _signal(model, simulation, item, samples)
    return found


def _real(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=float)


def _missing(simulation: Simulation, message: str, fix: str) -> SpecError:
    return SpecError(Diagnostic("E619", message, _span(simulation), fix))


def _broken(simulation: Simulation, message: str, fix: str) -> SpecError:
    return SpecError(Diagnostic("E618", message, _span(simulation), fix))


def _span(simulation: Simulation) -> Any:
    return simulation.span if simulation.data is None else simulation.data.span


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def _read(simulation: Simulation) -> _Samples:
    if simulation.data is None:
        text = f"the experiment '{simulation.name}' has no samples of its signals"
        raise _missing(simulation, text, 'write data table("drive.csv") in it')
    folder = Path(simulation.data.span.source.path).parent
    path = beside_or_shipped(folder, simulation.data.arguments[0])
    try:
        columns = _table(path) if simulation.data.name == "table" else _arrays(path)
    except (OSError, ValueError, EOFError) as problem:
        text = f"'{path.name}' cannot be read: {str(problem).rstrip('.')}"
        fix = "save a first line of names and lines of numbers" if path.suffix == ".csv" else (
            "save arrays of numbers with numpy.savez"
        )  # fmt: skip
        fix = _FILL if isinstance(problem, _Gap) else fix
        raise _broken(simulation, text, fix) from problem
    return _Samples(columns.pop(CLOCK, None), columns)


class _Gap(ValueError):
    """A cell without a number."""


def _table(path: Path) -> dict[str, Array]:
    rows = read_rows_of(path)
    if len(rows) < 2 or all(is_number(cell) for cell in rows[0][1]):
        raise ValueError("a table has a line of names and lines of numbers under it")
    names, body = rows[0][1], rows[1:]
    for line, cells in body:
        if len(cells) != len(names):
            raise ValueError(f"line {line} has {len(cells)} entries for {len(names)} names")
        if "" in cells:
            raise _Gap(f"line {line} has no number under '{names[cells.index('')]}'")
        wrong = next((cell for cell in cells if not is_number(cell)), None)
        if wrong is not None:
            raise ValueError(f"line {line} holds '{wrong}', which is no number")
    numbers = np.array([[float(cell) for cell in cells] for _, cells in body])
    return dict(zip((name.replace(" ", "") for name in names), numbers.T, strict=True))


def _arrays(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as file:
        return {name: np.asarray(file[name], dtype=float) for name in file.files}


# ── one signal ─────────────────────────────────────────────────────────────────────────────────


def _signal(model: Model, simulation: Simulation, item: InputUse, samples: _Samples) -> Signal:
    sizes = tuple(size.value(model.sizes) for size in item.axes)
    values = _values(simulation, item.name, sizes, samples)
    times = samples.times
    if times is None:
        if simulation.steps is None:
            text = f"the samples of '{item.name}' have no times"
            raise _broken(simulation, text, f"give the times the name '{CLOCK}'")
        times = np.arange(float(len(values)))
    _check(model, simulation, item.name, times, values)
    return Signal(torch.from_numpy(times.copy()), torch.from_numpy(values.copy()))


def _values(simulation: Simulation, name: str, sizes: tuple[int, ...], samples: _Samples) -> Array:
    """[samples, *sizes]: one array of this name, or columns ``name[0]``, ``name[1]`` .."""
    if name in samples.values:
        found = samples.values[name]
        if found.ndim == 0 or found.shape[1:] != sizes:
            said = " x ".join(map(str, found.shape[1:])) or "1 number"
            asked = " x ".join(map(str, sizes)) or "1 number"
            text = f"a sample of '{name}' is {asked}, and there it is {said}"
            raise _broken(simulation, text, f"save {name} as samples x {asked}")
        return found
    entries = [f"{name}[{','.join(map(str, k))}]" for k in product(*map(range, sizes))]
    missing = [entry for entry in entries if entry not in samples.values] if sizes else [name]
    if missing:
        known = ", ".join(samples.values) or "none"
        text = f"there is no column '{missing[0]}' in the samples"
        raise _broken(simulation, text, f"name one so; the columns are: {known}")
    return np.stack([samples.values[entry] for entry in entries], -1).reshape(-1, *sizes)


def _check(model: Model, simulation: Simulation, name: str, times: Array, values: Array) -> None:
    if times.ndim != 1 or len(times) != len(values) or not len(times):
        text = f"'{name}' has {len(values)} samples and {times.size} times"
        raise _broken(simulation, text, "give one time to each sample")
    finite = np.isfinite(times) & np.isfinite(values).reshape(len(values), -1).all(-1)
    if not finite.all():
        row = int(np.argmin(finite))
        text = f"sample {row + 1} of '{name}', at t = {times[row]:g}, is not a finite number"
        raise _broken(simulation, text, _FILL)
    if (np.diff(times) <= 0).any():
        row = int(np.argmax(np.diff(times) <= 0)) + 1
        text = f"the times of '{name}' do not ascend: {times[row]:g} follows {times[row - 1]:g}"
        raise _broken(simulation, text, "sort the samples by time, one for each")
    if simulation.steps is not None and (times != np.round(times)).any():
        text = f"the times of '{name}' are no whole numbers, and steps count updates"
        raise _broken(simulation, text, "give one sample per update")
    first, last = _asked(model, simulation)
    if times[0] > first or times[-1] < last - 1e-9 * max(1.0, abs(last)):
        text = f"the samples of '{name}' go from t = {times[0]:g} to {times[-1]:g}"
        text += f", and '{simulation.name}' needs them from {first:g} to {last:g}"
        raise _missing(simulation, text, "give samples for all of it, or simulate less")


def _asked(model: Model, simulation: Simulation) -> tuple[float, float]:
    """Over which times a signal is read; what is observed is read at the end too."""
    assert simulation.stop is not None
    if simulation.steps is None:
        return simulation.start, simulation.stop
    records = simulation.records or model.observables
    seen = any(_reads_input(item.value) for item in records)
    return simulation.start, simulation.stop - (0.0 if seen else 1.0)


def _reads_input(term: Term) -> bool:
    return any(item.op == "input" for item in walk(term))
