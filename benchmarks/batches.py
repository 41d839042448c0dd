"""Many parameter points in one solve: RK4 steps of batches beside the products they are made of.

Dense: 200 oscillators and a matrix of weights that all points share, in parts of the speed of a
matrix product of 2048 x 2048 in this process. Sparse: 1000 oscillators with ten edges each. Sweep:
100 oscillators coupled all to all, as ``dynattn run`` solves it, scaled to 10 000 points. Draws:
200 repeats, side by side as ``dynattn run`` solves them and one by one; weights: 1000 edges, their
weights drawn too; graphs: a random graph for each, with 990 edges or so; noise: stochastic Heun.

    python benchmarks/batches.py [--rounds N] [--json]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from measure import interleaved, options, show

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.run.chunks import Solver
from dynattn.run.division import Chunk, Part
from dynattn.run.sweep import sweep
from dynattn.run.systems import build_for
from dynattn.solve.solve import solve

DENSE = """
model dense
param K = 1
population osc[200] { state theta on circle ~ uniform; param omega ~ normal(0, 0.5); drift omega }
coupling pull: osc -> osc {
  param w ~ normal(1, 0.2)
  kernel w * sin(theta[j] - theta[i])
  strength K / 200
}
simulate { t 0 .. 2; method rk4; step 0.05; seed 1 }
"""
SPARSE = """
model sparse
param K = 0.2
population osc[1000] { state theta on circle ~ uniform; param omega ~ normal(0, 0.5); drift omega }
coupling pull: osc -> osc over gnm_random_graph(n=1000, m=10000, seed=1, directed=true) {
  kernel sin(theta[j] - theta[i])
  strength K
}
simulate { t 0 .. 2; method rk4; step 0.05; seed 1 }
"""
TRANSITION = """
model transition
param K = 1
population osc[100] { state theta on circle ~ uniform; param omega ~ normal(0, 0.5); drift omega }
coupling pull: osc -> osc { strength K / 100 }
observe r = order(osc.theta)
"""
EVERYONE = (
    TRANSITION
    + """
sweep points {
  K = 0.01 .. 10 by 0.01
  t 0 .. 2 every 0.5; method rk4; step 0.02; seed 1
  record average(r) after 1
}
"""
)
DRAWS = """
sweep draws { repeat 200; t 0 .. 2 every 0.5; method METHOD; step 0.02; seed 1; record final(r) }
"""
EDGES = "over gnm_random_graph(n=100, m=1000, seed=1, directed=true) { param w ~ normal(1, 0.2); "
ANEW = "over fast_gnp_random_graph(n=100, p=0.1) "
DRAWN = {
    "draws": TRANSITION + DRAWS.replace("METHOD", "rk4"),
    "draws, weights": TRANSITION.replace(
        "{ strength", EDGES + "kernel w * sin(theta[j] - theta[i]); strength"
    )
    + DRAWS.replace("METHOD", "rk4"),
    "draws, graphs": TRANSITION.replace("{ strength", ANEW + "{ strength")
    + DRAWS.replace("METHOD", "rk4"),
    "draws, noise": TRANSITION.replace("drift omega", "drift omega; noise 0.3")
    + DRAWS.replace("METHOD", "heun"),
}
STEPS, WIDTH = 40, 2048
BATCHES = (1, 16, 64, 256)
LEAST = 0.35
"""Of the matrix product's speed, at 256 points: half of what an idle core does, and more."""


def batch_of(text: str, points: int) -> Callable[[], Any]:
    """A call that takes 40 steps of all points."""
    compilation = Compilation(Source("batches.dyn", text))
    strengths = torch.linspace(0.1, 1, points, dtype=torch.float64)
    system = build_for(compilation, seed=1, values={"K": strengths})
    states = system.initial_states()

    def call() -> Any:
        with torch.inference_mode():
            return solve(system, states, [0.0, 2.0], method="rk4", step=0.05, batch=1)

    return call


def product() -> Callable[[], Any]:
    """A matrix product that nothing holds up."""
    matrix = torch.rand(WIDTH, WIDTH, dtype=torch.float64)
    return lambda: matrix @ matrix


def rows(rounds: int) -> list[dict[str, Any]]:
    """Every batch, best of the rounds."""
    texts = {"dense, N = 200": DENSE, "sparse, N = 1000": SPARSE}
    calls = {(name, n): batch_of(text, n) for name, text in texts.items() for n in BATCHES}
    named = {f"{name} {n}": call for (name, n), call in calls.items()} | {"product": product()}
    best = {name: min(seconds) for name, seconds in interleaved(named, rounds).items()}
    peak = 2 * WIDTH**3 / best["product"] / 1e9
    found = []
    for name, n in calls:
        seconds, dense = best[f"{name} {n}"] / (STEPS * n), name.startswith("dense")
        speed = 4 * 2 * 2 * 200**2 / seconds / 1e9  # 4 stages, 2 features, multiply and add
        found.append({
            "coupling": name,
            "points": n,
            "us per step of a point": 1e6 * seconds,
            "ns per edge": None if dense else 1e9 * seconds / 4 / 10_000,
            "GFLOP/s": speed if dense else None,
            "of a product's": speed / peak if dense else None,
            "limit": LEAST if dense and n == max(BATCHES) else None,
        })  # fmt: skip
    return [*found, swept(rounds), *drawn(rounds)]


def swept(rounds: int) -> dict[str, Any]:
    """1000 points and 100 steps of a sweep."""
    compilation = Compilation(Source("sweep.dyn", EVERYONE))
    experiment = compilation.model.simulations[0]
    seconds = min(interleaved({"": lambda: sweep(compilation, experiment)}, rounds)[""])
    return {
        "coupling": "sweep, everyone, N = 100",
        "points": 1000,
        "us per step of a point": 1e6 * seconds / 1000 / 100,
        "s for 10 000 points, 1000 steps": seconds * 100,
    }


def drawn(rounds: int) -> list[dict[str, Any]]:
    """200 draws and 100 steps, side by side and one by one, in turn."""
    found = []
    for name, text in DRAWN.items():
        compilation = Compilation(Source("draws.dyn", text))
        experiment = compilation.model.simulations[0]
        alone = Solver(
            compilation, experiment, seed=1, device="cpu", signals=None, compiled=False
        )  # fmt: skip
        apart = Chunk(0, tuple(Part({}, ((k,),)) for k in range(experiment.repeat)))
        calls = {
            "side by side": lambda c=compilation, e=experiment: sweep(c, e),
            "one by one": lambda s=alone, c=apart: s.solve(c, {}),
        }
        best = {how: min(times) for how, times in interleaved(calls, rounds).items()}
        found += [
            {
                "coupling": f"{name}, {how}",
                "points": experiment.repeat,
                "us per step of a point": 1e6 * seconds / experiment.repeat / 100,
                "times faster": best["one by one"] / seconds if how == "side by side" else None,
            }
            for how, seconds in best.items()
        ]
    return found


if __name__ == "__main__":
    chosen = options(__doc__, rounds=7)
    torch.set_num_threads(1)
    show("Batches of parameter points, RK4, float64", rows(chosen.rounds), chosen.json)
