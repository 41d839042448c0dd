"""Numbers with names on their axes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.run.provenance import Origin


@dataclass(frozen=True)
class Variable:
    """An array and the name of each of its axes."""

    axes: tuple[str, ...]
    values: NDArray[Any] = field(repr=False)


@dataclass(frozen=True)
class Labelled:
    """A data set: ``data["r"]`` is an array, ``data.axes`` says what its axes count.

    An axis has its values (``K``, ``time``) or, for nodes and coordinates, the numbers from 0.
    """

    axes: Mapping[str, NDArray[Any]]
    variables: Mapping[str, Variable]
    attributes: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    """What the numbers were made with: spec, settings, seed, versions; structures as JSON."""
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Of axes and variables, by name: ``{"K": {"long_name": "strength of coupling"}}``."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The numbers of one variable; KeyError names those there are."""
        if name not in self.variables:
            raise KeyError(f"there is no '{name}'; there are {', '.join(self.variables)}")
        return self.variables[name].values

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    @property
    def times(self) -> NDArray[np.float64]:
        """The saved times; KeyError where no series was recorded."""
        return self.axes["time"]

    def to_xarray(self) -> Any:
        """An ``xarray.Dataset``; UsageError E739 where xarray is not installed."""
        try:
            import xarray
        except ModuleNotFoundError:
            message = "xarray is not installed, so there is no xarray.Dataset"
            fix = "pip install 'dynattn[xarray]'; axes and numbers are there without it"
            raise UsageError(Diagnostic("E739", message, fix=fix)) from None

        values = {
            name: (item.axes, item.values, dict(self.notes.get(name, {})))
            for name, item in self.variables.items()
        }
        axes = {
            name: ((name,), values, dict(self.notes.get(name, {})))
            for name, values in self.axes.items()
        }
        return xarray.Dataset(values, axes, dict(self.attributes))


class Drawing(Protocol):
    """What draws results: it knows the spec that they are of."""

    def plot(
        self,
        result: Any,
        kind: str | None,
        path: str | Path | None,
        beside: Sequence[Any],
        width: float | None,
    ) -> Any:
        """A matplotlib figure."""
        ...

    def animate(self, result: Any, path: str | Path, frames: int, seconds: float) -> Path:
        """The file that was written."""
        ...


@dataclass(frozen=True)
class Result:
    """What an experiment gave, and what fixes its numbers. ``result["r"]`` finds them by name."""

    name: str
    """Of the experiment."""
    labelled: Labelled = field(repr=False)
    settings: Mapping[str, Any]
    seed: int
    versions: Mapping[str, str]
    statistics: Mapping[str, Any]
    status: str
    """``finished``, ``running``, ``interrupted`` or ``failed``."""
    parameters: Mapping[str, NDArray[np.float64]] = field(
        default_factory=dict, repr=False, kw_only=True
    )
    """The numbers [nodes] that nodes differ by, such as natural frequencies; of one simulation."""
    drawing: Drawing | None = field(default=None, repr=False, compare=False, kw_only=True)
    """What draws it; results of ``Spec.run`` have one."""
    origin: Origin = field(repr=False, compare=False, kw_only=True)
    """The spec that it is of."""

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """The numbers of a state, an observable or a record."""
        return self.labelled[name]

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Values along each axis."""
        return self.labelled.axes

    @property
    def data_set(self) -> Labelled:
        """The labelled numbers with all that fixes them: what is written to ``results.nc``."""
        attributes: dict[str, str | int] = {
            "experiment": self.name, "status": self.status, "seed": self.seed,
            "spec": self.origin.text, "settings": as_json(self.settings),
            "versions": as_json(self.versions), "statistics": as_json(self.statistics),
        }  # fmt: skip
        known = {*self.labelled.axes, *self.labelled.variables}
        notes = {name: note for name, note in self.origin.notes.items() if name in known}
        return replace(self.labelled, attributes=attributes, notes=notes)

    def to_xarray(self) -> Any:
        """An ``xarray.Dataset`` with spec, settings, seed and versions among its attributes.

        UsageError E739 where xarray is not installed.
        """
        return self.data_set.to_xarray()

    def plot(
        self,
        kind: str | None = None,
        path: str | Path | None = None,
        *,
        beside: Sequence[Result] = (),
        width: float | None = None,
    ) -> Any:
        """A matplotlib figure of the ``kind`` that ``dynattn run --plot`` names (None: the first
        that is drawn by default), written to ``path`` where one is given. ``beside`` are further
        results for the same panels: series, sweeps over the same parameter, such as the way down
        of a hysteresis, branches of the same parameter, or curves in the same plane. ``width`` in
        inches makes it fit a page, with letters of 8 points and without the title.

        UsageError E710 to E713 for what there is no picture of, E789 for a width that is none,
        SpecError E714 and E715.
        """
        return self._drawn().plot(self, kind, path, beside, width)

    def animate(self, path: str | Path, *, frames: int = 200, seconds: float = 8.0) -> Path:
        """Write the states as a moving picture, .gif or .mp4, of at most that many frames.

        UsageError E711 to E713, SpecError E714.
        """
        return self._drawn().animate(self, path, frames, seconds)

    def _drawn(self) -> Drawing:
        if self.drawing is None:
            raise ValueError(
                "this result knows no spec to be drawn with; Spec.run gives one that does"
            )
        return self.drawing


def numbered(axes: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, NDArray[Any]]:
    """The axes, and the numbers from 0 for those that have no values of their own."""
    found = dict(axes)
    for variable in variables.values():
        for name, length in zip(variable.axes, variable.values.shape, strict=True):
            found.setdefault(name, np.arange(length))
    return found


def in_parts(series: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Complex series as two real ones, ``re(z)`` and ``im(z)``; real ones as they are."""
    found: dict[str, NDArray[Any]] = {}
    for name, values in series.items():
        if np.iscomplexobj(values):
            found |= {f"re({name})": np.real(values), f"im({name})": np.imag(values)}
        else:
            found[name] = values
    return found


def as_json(values: Any, indent: int | None = None) -> str:
    """As JSON, arrays as lists."""
    return json.dumps(values, indent=indent, ensure_ascii=False, default=_listed)


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else dict(value)
