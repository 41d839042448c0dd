"""Numbers with names on their axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        """An ``xarray.Dataset``; ImportError where xarray is not installed."""
        import xarray  # pyright: ignore[reportMissingImports]

        values = {name: (item.axes, item.values) for name, item in self.variables.items()}
        return xarray.Dataset(values, coords=dict(self.axes))
