"""A planted Kuramoto-Sakaguchi network found again: is the truth within the errors that are stated?

    python benchmarks/fits.py [--nodes 100] [--draws 3] [--noise 0.1] [--picture FILE] [--json]

Phases of a network that SciPy solves are measured every 0.1 up to t = 20, modulo 2 pi, with noise;
the fit begins with equal frequencies and wrong coupling and frustration.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from scipy.stats import binomtest

import dynattn

SPEC = """
model planted
param N = {nodes}, K = 0.5, alpha on circle = 0
population osc[N] {{ state theta on circle; param omega = 0; drift omega }}
coupling pull: osc -> osc {{ strength K; frustration alpha; normalize size }}
train fit {{ data series("data.npz"); free K, alpha, omega }}
"""
K, ALPHA, SPREAD, STOP = 1.5, 0.4, 0.5, 20.0


def measured(nodes: int, seed: int, noise: float) -> tuple[Any, Any, Any]:
    """(times, phases [time, node], frequencies)."""
    rng = np.random.default_rng(seed)
    omega, start = rng.normal(0, SPREAD, nodes), rng.uniform(0, 2 * np.pi, nodes)

    def rates(t: float, theta: Any) -> Any:
        mean = np.exp(1j * theta).sum() - np.exp(1j * theta)
        return omega + K / nodes * np.imag(mean * np.exp(-1j * (theta + ALPHA)))

    times = np.linspace(0, STOP, 201)
    found = solve_ivp(rates, (0, STOP), start, t_eval=times, rtol=1e-9, atol=1e-9).y.T
    return times, np.mod(found + noise * rng.normal(size=found.shape), 2 * np.pi), omega


def fitted(nodes: int, seed: int, noise: float, picture: str | None) -> dict[str, Any]:
    """One network: estimates, errors, how often 95 % intervals hold the truth, CPU seconds."""
    times, theta, omega = measured(nodes, seed, noise)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "planted.dyn"
        place.write_text(SPEC.format(nodes=nodes))
        np.savez(Path(folder) / "data.npz", t=times, theta=theta)
        began = time.process_time()
        result: Any = dynattn.load(str(place)).run("fit")
        seconds = time.process_time() - began
        if picture is not None:
            result.plot("fit", picture)
    z = {name: (result[name] - truth) / result[f"{name} error"]
         for name, truth in (("K", K), ("alpha", ALPHA), ("osc.omega", omega))}  # fmt: skip
    every = np.abs(np.concatenate([np.ravel(value) for value in z.values()]))
    return {
        "nodes": nodes, "seed": seed, "noise": noise,
        "K": float(result["K"]), "K error": float(result["K error"]),
        "alpha": float(result["alpha"]), "alpha error": float(result["alpha error"]),
        "omega error": float(np.median(result["osc.omega error"])),
        "omega rms": float(np.sqrt(np.mean((result["osc.omega"] - omega) ** 2))),
        "covered": int((every < 1.96).sum()), "numbers": len(every),
        "sigma": result.statistics["sigma"]["osc.theta"],
        "steps": result.statistics["steps"], "seconds": seconds,
    }  # fmt: skip


def chance(covered: int, numbers: int) -> tuple[float, float]:
    """The 95 % interval of the part that is covered (Clopper and Pearson, 1934)."""
    found = binomtest(covered, numbers).proportion_ci(0.95, "exact")
    return float(found.low), float(found.high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--picture", help="of the first network: data, fit and residuals")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        fitted(chosen.nodes, seed, chosen.noise, chosen.picture if seed == 0 else None)
        for seed in range(chosen.draws)
    ]
    if chosen.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"N = {row['nodes']}, seed {row['seed']}, noise {row['noise']}: "
              f"K = {row['K']:.4f} +- {row['K error']:.4f} ({K}), "
              f"alpha = {row['alpha']:.4f} +- {row['alpha error']:.4f} ({ALPHA}), "
              f"frequencies +- {row['omega error']:.4f} (rms of what is wrong "
              f"{row['omega rms']:.4f}), {row['covered']} of {row['numbers']} in their 95 % "
              f"intervals, {row['steps']} steps, {row['seconds']:.1f} CPU s")  # fmt: skip
    covered, numbers = (sum(row[word] for row in rows) for word in ("covered", "numbers"))
    low, high = chance(covered, numbers)
    print(f"all: {covered} of {numbers} in their 95 % intervals, {covered / numbers:.1%} "
          f"({low:.1%} to {high:.1%})")  # fmt: skip


if __name__ == "__main__":
    main()
