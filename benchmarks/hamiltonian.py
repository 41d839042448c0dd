"""Energy over many steps, and whole solves at equal error, of systems with inertia.

A chain of Fermi, Pasta, Ulam and Tsingou (64 beads) and 200 phases with inertia that all pull each
other, both without dissipation. Errors are against SciPy's DOP853 at 1e-12, its rates written for
NumPy.

    python benchmarks/hamiltonian.py [--steps N] [--rounds N] [--json]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from measure import interleaved, options, ratio, show
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor
from torchdiffeq import odeint

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.module import System, build_system
from dynattn.solve.methods import METHODS
from dynattn.solve.solve import solve

CHAIN = """
model chain
population p[64] {
  state x on real = sin(pi * (index + 1) / 65) + 0.3 * sin(7 * index)
  inertia 1
  dissipation 0
  energy ((index == 0) + (index == 63)) * (x^2/2 + 0.1 * x^4/4)
}
coupling spring: p -> p over path_graph(64) { energy (x[j] - x[i])^2/2 + 0.1 * (x[j] - x[i])^4/4 }
observe E = total_energy()
simulate { t 0 .. 50 }
"""
PHASES = """
model phases
population p[200] {
  state x on circle = 3 * sin(index)
  inertia 1
  dissipation 0
}
coupling pull: p -> p { normalize size; energy -cos(x[j] - x[i]) }
observe E = total_energy()
simulate { t 0 .. 20 }
"""
FIXED = ("leapfrog", "yoshida4", "blanes_moan4", "rk4", "avf")
STEP = 0.1
"""Of the comparison over many steps."""
SHARE_OF_AVF = 50
"""So many times fewer steps: what it shows, it shows at once."""
ALLOWED = (1e-3, 1e-6)
"""Largest errors in a state at the end of the solves at equal error."""
STEPS = tuple(0.5 / 2 ** (k / 2) for k in range(24))
TOLERANCES = tuple(10 ** (-4 - k / 2) for k in range(14))

Call = Callable[[], tuple[Tensor, int]]


def built(text: str) -> tuple[System, float]:
    """The module, and the end of its time."""
    spec = Spec(Source("hamiltonian.dyn", text))
    system = build_system(spec.model, spec.network, spec.program)
    return system, float(spec.model.simulations[0].stop or 0)


# ── the energy over many steps ─────────────────────────────────────────────────────────────────


def drift_row(system: System, method: str, steps: int) -> dict[str, Any]:
    """The energy's largest error in the first and in the last tenth of the time."""
    count = max(20, steps // SHARE_OF_AVF) if method == "avf" else steps
    times = [count * STEP * k / 200 for k in range(201)] if count >= 200 else [0.0, count * STEP]
    began = process_time()
    found = solve(system, system.initial_states(), times, method=method, step=STEP)
    seconds = process_time() - began
    energy = system.observe(0.0, found.states)["E"]
    error = ((energy - energy[0]) / energy[0]).abs()
    tenth = max(1, len(error) // 10)
    return {
        "problem": f"{system.model.name}, energy",
        "method": method,
        "step": STEP,
        "steps": found.statistics["steps"],
        "CPU us a step": 1e6 * seconds / found.statistics["steps"],
        "energy error, first tenth": float(error[1 : tenth + 1].max()),
        "energy error, last tenth": float(error[-tenth:].max()),
    }


# ── equal error ────────────────────────────────────────────────────────────────────────────────


def chain_rate(t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chain, written for NumPy."""
    x, v = y[:64], y[64:]
    stretched = np.diff(x)
    pull = stretched + 0.1 * stretched**3
    force = np.concatenate([pull, [0]]) - np.concatenate([[0], pull])
    ends = np.zeros(64)
    ends[[0, -1]] = 1
    return np.concatenate([v, force - ends * (x + 0.1 * x**3)])


def phase_rate(t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The phases, written for NumPy."""
    x, v = y[:200], y[200:]
    mean = np.exp(1j * x).mean()
    return np.concatenate([v, np.imag(mean * np.exp(-1j * x))])


RATES = {"chain": chain_rate, "phases": phase_rate}


def packed(states: Any) -> Tensor:
    """Positions and velocities in one array."""
    return torch.cat([states["p.x"], states["p.x'"]], dim=-1)


def reference(system: System, stop: float) -> Tensor:
    """The states at the end."""
    start = packed(system.initial_states()).numpy()
    rate = RATES[system.model.name]
    found = solve_ivp(rate, (0, stop), start, "DOP853", (stop,), rtol=1e-12, atol=1e-12)
    return torch.from_numpy(found.y[:, -1])


def own(system: System, stop: float, method: str, size: float) -> tuple[Tensor, int]:
    """One of our methods; size: its step, or its tolerance."""
    step, rtol = (None, size) if METHODS[method].adaptive else (size, 1e-6)
    found = solve(system, system.initial_states(), [0.0, stop], method=method, step=step, rtol=rtol)
    return packed({n: x[-1] for n, x in found.states.items()}), found.statistics["evaluations"]


def theirs(system: System, stop: float, method: str, size: float) -> tuple[Tensor, int]:
    """torchdiffeq as a user calls it, given our rates."""
    count, half = 0, system.initial_states()["p.x"].shape[-1]

    def rate(t: Tensor, y: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return packed(system.rates(t, {"p.x": y[:half], "p.x'": y[half:]}))

    options = {"step_size": size} if method == "rk4" else None
    path = odeint(
        rate, packed(system.initial_states()), torch.tensor([0.0, stop], dtype=torch.float64),
        method=method, rtol=size, atol=size, options=options,
    )  # fmt: skip
    assert isinstance(path, Tensor)
    return path[-1], count


SOLVERS = {
    **{name: (own, name, STEPS) for name in FIXED if name != "avf"},
    "tsit5": (own, "tsit5", TOLERANCES),
    "torchdiffeq rk4, our rates": (theirs, "rk4", STEPS),
    "torchdiffeq dopri5, our rates": (theirs, "dopri5", TOLERANCES),
    "torchdiffeq dopri8, our rates": (theirs, "dopri8", TOLERANCES),
}


def exact_enough(
    system: System, stop: float, truth: Tensor, solver: str, allowed: float
) -> tuple[float, Call]:
    """The largest step or tolerance whose error is allowed, and the solve with it."""
    kind, method, sizes = SOLVERS[solver]
    for size in sizes:
        call = partial(kind, system, stop, method, size)
        if float((call()[0] - truth).abs().max()) <= allowed:
            return size, call
    raise ValueError(f"{solver} does not reach {allowed:g}")


def equal_rows(system: System, stop: float, allowed: float, rounds: int) -> list[dict[str, Any]]:
    """One row a solver."""
    truth = reference(system, stop)
    chosen = {name: exact_enough(system, stop, truth, name, allowed) for name in SOLVERS}
    calls = {name: call for name, (_, call) in chosen.items()}
    seconds = interleaved(calls, rounds)
    rows = []
    for name, (size, call) in chosen.items():
        end, evaluations = call()
        rows.append({
            "problem": f"{system.model.name}, error at most {allowed:g}",
            "method": name,
            "step": size,
            "error": float((end - truth).abs().max()),
            "evaluations": evaluations,
            "CPU ms": 1e3 * statistics.median(seconds[name]),
            "times blanes_moan4": ratio(seconds[name], seconds["blanes_moan4"]),
        })  # fmt: skip
    return rows


def main() -> None:
    """Both problems, both questions."""
    chosen = options(__doc__, steps=100_000, rounds=5)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with torch.inference_mode():
        for text in (CHAIN, PHASES):
            system, stop = built(text)
            rows += [drift_row(system, method, chosen.steps) for method in FIXED]
            for allowed in ALLOWED:
                rows += equal_rows(system, stop, allowed, chosen.rounds)
    show("Systems with inertia, without dissipation, float64, one thread", rows, chosen.json)


if __name__ == "__main__":
    main()
