"""What a classic's spec is held against: one number that is known, and the same from dynattn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec

Array = NDArray[np.float64]
SPECS = Path(__file__).parents[2] / "specs"


@dataclass(frozen=True)
class Truth:
    """One quantity of a classic, known from elsewhere and computed from its spec."""

    quantity: str
    """What is compared: ``critical coupling``."""
    expected: float
    """The closed form, the published value, or what independent code gives."""
    computed: float
    """What the shipped spec gives, perhaps with smaller settings."""
    tolerance: float
    """The largest difference allowed."""
    source: str
    """Where ``expected`` comes from: the formula with its author and year, or the code used."""

    @property
    def holds(self) -> bool:
        """Whether the two agree; a NaN never does."""
        return abs(self.computed - self.expected) <= self.tolerance


def shipped(name: str, changes: str = "", **settings: Any) -> Spec:
    """The spec that ships, with parameters set and ``changes`` in its declarations."""
    place = str(SPECS / f"changed_{name}.dyn")
    return Spec(Source(place, f"model changed_{name} extends {name}\n{changes}\n"), settings)


def drawn(spec: Spec) -> dict[str, Array]:
    """The states at the start and the parameters of the nodes, by their full names."""
    system = spec.build()
    numbers = {**dict(system.named_buffers()), **system.initial_states()}
    return {name: value.detach().numpy() for name, value in numbers.items()}


def solved(rate: Callable[[float, Array], Array], start: Array, times: Array) -> Array:
    """[time, components] by SciPy, far more exact than what it is compared with."""
    from scipy.integrate import solve_ivp

    found = solve_ivp(
        rate, (times[0], times[-1]), start, t_eval=times, rtol=1e-10, atol=1e-11, method="DOP853"
    )
    return found.y.T


def order(theta: Array) -> float:
    """The length of the mean of e^{i theta}."""
    return float(abs(np.exp(1j * theta).mean()))
