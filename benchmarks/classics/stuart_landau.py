"""Stuart-Landau oscillators: their limit cycle, and where coupling stops them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import erfcx

from benchmarks.classics.truth import Truth, drawn, shipped, solved

RECORD = "t 0 .. 150 every 5; rtol 1e-5; atol 1e-9; record final(size)"
EXPERIMENT = "death"


def truths() -> list[Truth]:
    """The cycle, a short run on the same numbers, and death of two and of many."""
    free = shipped("stuart_landau", N=20, K=0.0).run()
    radius = float(np.abs(free["osc.z"][-1]).mean())
    cycle = Truth("radius without coupling", 1.0, radius, 1e-4, "r' = r (1 - r^2)")
    return [cycle, _same_numbers(), *_two(), *_many()]


def _same_numbers() -> Truth:
    spec = shipped("stuart_landau", "simulate { t 0 .. 5 every 0.5; rtol 1e-9 }", N=20)
    omega, start = drawn(spec)["osc.omega"], drawn(spec)["osc.z"]

    def rate(t: float, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        z = flat[:20] + 1j * flat[20:]
        speed = (1 + 1j * omega - np.abs(z) ** 2) * z + z.mean() - z
        return np.concatenate([speed.real, speed.imag])

    result = spec.run()
    end = solved(rate, np.concatenate([start.real, start.imag]), result.times)[-1]
    expected = float(np.hypot(end[:20].mean(), end[20:].mean()))
    return Truth("r of 20 at t = 5", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _two() -> list[Truth]:
    """K/2 z_j - K/2 z_i: rest is stable for 2 < K < 1 + gap^2/4, with the gap of frequencies 4."""
    source = "1 < k < (1 + gap^2/4)/2, k = K/2: Aronson, Ermentrout and Kopell 1990"
    found = []
    for name, edge, side in (("least", 2.0, 1), ("largest", 5.0, -1)):
        values = [edge + side * step for step in (-0.3, -0.1, 0.1, 0.3)]
        change = f"""population osc {{ param omega = width * (index - 0.5) }}
        sweep death {{ width = 4; K = {values}; {RECORD} }}"""
        size = shipped("stuart_landau", change, N=2).run("death")["final(size)"]
        alive = int((size > 0.01).sum())
        middle = values[0] + (values[1] - values[0]) * (alive - 0.5)
        found.append(Truth(f"the {name} K that stops two", edge, middle, 0.11, source))
    return found


def _many() -> list[Truth]:
    """At K = 2, frequencies normal(0, width): rest is stable where they are broad enough."""
    values = [1.35, 1.45, 1.55, 1.65, 1.75, 1.85]
    change = f"sweep death {{ width = {values}; K = 2; {RECORD} }}"
    spec = shipped("stuart_landau", change, N=150, width=1)
    alive = int((spec.run("death")["final(size)"] > 0.01).sum())
    omega, found = drawn(spec)["osc.omega"], values[0] - 0.05 + 0.1 * alive

    def growth(width: float) -> float:
        return np.linalg.eigvals(np.diag(-1 + 1j * width * omega) + 2 / 150).real.max()

    def gap(width: float) -> float:
        return np.sqrt(np.pi / 2) / width * erfcx(1 / (width * np.sqrt(2))) - 0.5

    exact = root_scalar(growth, bracket=(1.0, 2.5)).root
    edge = root_scalar(gap, bracket=(1.0, 2.5)).root
    source = "1/K = <(K - 1)/((K - 1)^2 + omega^2)>, Mirollo and Strogatz 1990"
    return [
        Truth("width that stops these 150", exact, found, 0.06, "eigenvalues, numpy"),
        Truth("width that stops many", edge, found, 0.2, source),
    ]
