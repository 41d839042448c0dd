"""Labelled numbers as NetCDF-4, which xarray opens: ``xarray.open_dataset("results.nc")``.

Written with h5netcdf: one file, so that it is there as a whole or not at all. Complex numbers are
two variables, ``re(z)`` and ``im(z)``, which every reader of NetCDF knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dynattn.run.labelled import Labelled, Variable, in_parts

SLASH = "\N{DIVISION SLASH}"
"""Stands for ``/`` in names, which NetCDF does not allow there; ``label`` has the name itself."""


def netcdf_bytes(data: Labelled) -> memoryview:
    """The content of the file."""
    import h5netcdf

    content = BytesIO()
    # Attributes of more than 64 kB, such as the text of a long spec, need this version.
    with h5netcdf.File(content, "w", libver="v110") as file:
        file.dimensions = _lengths(data)
        for name, values in data.axes.items():
            _create(file, (_safe(name),), name, values, data.notes)
        for name, item in data.variables.items():
            axes = tuple(map(_safe, item.axes))
            parts = in_parts({name: item.values})
            notes = {**data.notes, **dict.fromkeys(parts, data.notes.get(name, {}))}
            for label, values in parts.items():
                if len(parts) > 1:
                    notes[label] = {**notes[label], "complex": name}
                _create(file, axes, label, values, notes)
        for name, value in data.attributes.items():
            file.attrs[name] = value
    return content.getbuffer()


def _lengths(data: Labelled) -> dict[str, int]:
    found = {_safe(name): len(values) for name, values in data.axes.items()}
    for item in data.variables.values():
        found |= dict(zip(map(_safe, item.axes), item.values.shape, strict=True))
    return found


def _create(
    file: Any, axes: tuple[str, ...], name: str, values: Any, notes: Mapping[str, Mapping[str, str]]
) -> None:
    exact = np.asarray(values)
    exact = exact.astype("i1") if exact.dtype == bool else exact
    variable = file.create_variable(_safe(name), axes, data=exact)
    for key, text in notes.get(name, {}).items():
        variable.attrs[key] = text
    if name != _safe(name):
        variable.attrs["label"] = name


def _safe(name: str) -> str:
    return name.replace("/", SLASH)


def read_netcdf(path: Path) -> Labelled:
    """What a file holds, complex numbers as such; OSError or ValueError where it is damaged."""
    import h5netcdf

    with h5netcdf.File(BytesIO(path.read_bytes()), "r") as file:
        found = {name: _read(item) for name, item in file.variables.items()}
        labels = {name: str(item.attrs.get("label", name)) for name, item in file.variables.items()}
        notes = {labels[name]: _notes(item.attrs) for name, item in file.variables.items()}
        attributes = {name: _plain(value) for name, value in file.attrs.items()}
        axes = {
            labels[name]: found[name].values for name in file.dimensions if name in file.variables
        }
    named = {
        labels[name]: Variable(tuple(labels.get(a, a) for a in item.axes), item.values)
        for name, item in found.items()
        if labels[name] not in axes
    }
    whole = _whole(named, notes)
    return Labelled(axes, whole, attributes, {name: item for name, item in notes.items() if item})


def _read(variable: Any) -> Variable:
    return Variable(tuple(variable.dimensions), np.asarray(variable[...]))


def _notes(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in attributes.items() if key != "label"}


def _plain(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)


def _whole(
    variables: Mapping[str, Variable], notes: dict[str, dict[str, str]]
) -> dict[str, Variable]:
    """Complex variables put together of their parts."""
    found: dict[str, Variable] = {}
    for label, item in variables.items():
        name = notes.get(label, {}).pop("complex", None)
        if name is None:
            found[label] = item
            continue
        notes[name] = {**notes.get(name, {}), **notes.pop(label)}
        if label.startswith("re("):
            imaginary = variables[f"im({name})"].values
            found[name] = Variable(item.axes, item.values + 1j * imaginary)
    return found
