"""Results on disk: one folder an experiment, every file whole or not there.

``spec.dyn`` the text, ``settings.json`` what fixes the numbers (seed and versions too),
``results.nc`` all arrays as NetCDF-4 with spec and settings among its attributes, ``results.csv``
the table of what is one number a point (of a sweep) or a time (of a simulation), ``summary.json``
how it ended.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import make_empty_folder, write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.run.labelled import Labelled, Result, as_json, in_parts
from dynattn.run.netcdf import netcdf_bytes, read_netcdf

SECONDS = 20.0
"""A sweep on its way writes its results no more often than this, and every finished chunk."""


@dataclass
class ResultFolder:
    """Where the results of one experiment are kept."""

    path: Path
    written: float = field(default_factory=time.monotonic)
    """When it was written last."""

    @classmethod
    def make(cls, path: Path, spec: str) -> ResultFolder:
        """A new folder with the spec in it; E704 where the place is taken."""
        make_empty_folder(path)
        write_whole(path / "spec.dyn", spec)
        return cls(path)

    @classmethod
    def open(cls, path: Path, spec: str) -> ResultFolder:
        """A new folder, or that of a sweep that was begun there; E704 where it has other things."""
        from dynattn.run.store import is_store

        if is_store(path):
            return cls(path)
        if _just_begun(path, spec):
            (path / "spec.dyn").unlink()
        return cls.make(path, spec)

    @property
    def due(self) -> bool:
        """Whether a sweep on its way is to be written again."""
        return time.monotonic() - self.written > SECONDS

    def read(self) -> Labelled | None:
        """The data set that it holds, None where there is none that can be read."""
        try:
            return read_netcdf(self.path / "results.nc")
        except (OSError, ValueError, KeyError, RuntimeError):
            return None

    def write(self, result: Result) -> None:
        """Write a result as far as it is; each file is replaced at once."""
        data = result.data_set
        self._json("settings.json", {
            "experiment": result.name, **result.settings, "seed": result.seed,
            "versions": dict(result.versions),
        })  # fmt: skip
        write_whole(self.path / "results.csv", table(data))
        write_whole(self.path / "results.nc", netcdf_bytes(data))
        self.written = time.monotonic()
        self._json("summary.json", {
            "status": result.status, **result.statistics,
            "variables": {name: list(item.axes) for name, item in data.variables.items()},
        })  # fmt: skip

    def _json(self, name: str, values: Mapping[str, Any]) -> None:
        write_whole(self.path / name, as_json(values, indent=2) + "\n")


def _just_begun(path: Path, spec: str) -> bool:
    """Whether all that a folder holds is this spec: a run was killed before it did anything."""
    file = path / "spec.dyn"
    if not path.is_dir() or {item.name for item in path.iterdir()} != {"spec.dyn"}:
        return False
    return file.is_file() and file.read_bytes() == spec.encode()


def read_results(path: str | Path) -> Labelled:
    """The data set of a result folder; SpecError E609 where there are none or they are damaged."""
    place = Path(path)
    found = ResultFolder(place).read()
    if found is None:
        message = f"{place} holds no results that can be read"
        fix = "name the folder of a finished 'dynattn run'"
        raise SpecError(Diagnostic("E609", message, fix=fix))
    return found


def table(data: Labelled) -> str:
    """CSV: one row for each point of the leading axes, a column for each axis and variable there,
    two for a complex one.

    Variables with more axes than those (series of a sweep, states of nodes) are in the arrays only.
    """
    axes = _leading(data)
    columns = in_parts({n: v.values for n, v in data.variables.items() if v.axes == axes})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*axes, *columns])
    writer.writerows(_rows(data, axes, columns))
    return text.getvalue()


def _leading(data: Labelled) -> tuple[str, ...]:
    """The longest beginning that all variables share: the grid of a sweep, the time of a series."""
    lists = [item.axes for item in data.variables.values()]
    shared: list[str] = []
    for column in zip(*lists, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return tuple(shared)


def _rows(data: Labelled, axes: tuple[str, ...], columns: Mapping[str, Any]) -> Iterable[list[str]]:
    for index in product(*(range(len(data.axes[axis])) for axis in axes)):
        values = [data.axes[axis][k] for axis, k in zip(axes, index, strict=True)]
        values += [column[index] for column in columns.values()]
        yield [f"{value:.12g}" for value in values]
