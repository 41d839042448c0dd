"""The analyses, by name. Adding one is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynattn.analyse import order_parameter, statistics


@dataclass(frozen=True)
class Analysis:
    """One measure of finished numbers."""

    name: str
    function: Callable[..., Any]
    takes: str
    """``phases`` ([..., N], radians), ``graph phases`` (with receivers and senders) or ``series``
    (times [T] and values [T, ...])."""
    doc: str
    sample: tuple[Any, ...]
    """Arguments whose result is known in closed form ..."""
    result: Any
    """... and that result."""


_THIRDS = np.array([0.0, 2.0, 4.0]) * np.pi / 3
_RAMP = (np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 1.0, 3.0, 4.0]))

_ENTRIES = (
    Analysis(
        "order", order_parameter.kuramoto, "phases",
        "complex Kuramoto order parameter: modulus r, argument the mean phase",
        (np.array([0.5, 0.5, 0.5]),), np.exp(0.5j),
    ),
    Analysis(
        "daido", order_parameter.daido, "phases",
        "m-th Daido order parameter: finds m clusters",
        (_THIRDS, 3), 1.0 + 0.0j,
    ),
    Analysis(
        "local_order", order_parameter.local, "graph phases",
        "agreement of the senders of each node",
        (_THIRDS, [0, 0, 1], [1, 2, 2]), np.array([0.5, 1.0, 0.0]),
    ),
    Analysis(
        "average", statistics.time_average, "series",
        "mean over time after a transient",
        (*_RAMP, 1.0), 2.5,
    ),
    Analysis(
        "deviation", statistics.deviation, "series",
        "standard deviation over time after a transient",
        (np.linspace(0, 1, 2001), np.linspace(0, 1, 2001)), np.sqrt(1 / 12),
    ),
    Analysis("final", statistics.final, "series", "last value", _RAMP, 4.0),
)  # fmt: skip

ANALYSES: dict[str, Analysis] = {entry.name: entry for entry in _ENTRIES}
