"""How far solutions drift off each manifold, and the order of convergence of each method on it.

Two points, or the many of a product, driven by a force that turns in time and by each other. Drift
is the largest the constraint becomes in all steps; where there is none, the share of points that
are none. The order is the slope between the errors of two step sizes, against steps 8 times
smaller of tsit5. A process per manifold.

    python benchmarks/manifold_drift.py [--steps N] [--json]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch
from measure import options, show

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.module import System, build_system
from dynattn.solve.fixed import integrate
from dynattn.vocabulary.manifolds import MANIFOLDS, OPTIONAL_SIZE, Manifold

METHODS = ("euler", "heun", "rk4", "tsit5")
SIZE = 3
STEP = 0.05
CHUNK = 500
"""Steps between two looks at the drift; every state in between is looked at."""
COARSE = {"euler": 256, "heun": 64, "rk4": 24, "tsit5": 16}
"""Steps through the time from 0 to 1 of the larger step size, where errors follow their order."""


def cases() -> Iterator[tuple[str, Manifold, tuple[int, ...]]]:
    """Every manifold: its text, its entry, and the axes of one point."""
    for name, entry in MANIFOLDS.items():
        if not entry.parameters or name in OPTIONAL_SIZE:
            yield name, entry, ()
        if entry.parameters:
            yield f"{name}({SIZE})", entry, tuple(SIZE for _ in entry.shape)


def spec_of(text: str, entry: Manifold, shape: tuple[int, ...], points: int = 1) -> Spec:
    """The points that are driven and coupled; with ``points`` above 1 so many of each node."""
    wide = (points, *shape) if points > 1 else shape
    axes = f"[{', '.join(map(str, wide))}]" if wide else ""
    extra = f"[{points}]" if points > 1 else ""
    start = "" if entry.default == "uniform" else "~ normal(0, 1)"
    if entry.logarithmic:
        start = "~ uniform" if entry.shape else "~ uniform(0.5, 1.5)"
    field = "complex" if entry.of_complex else "real"
    # rounding is a share of the state, so that a state without bounds says nothing
    back = {"0": "- 0.2*x", "1": "+ 1 - x"}.get(entry.default, "")
    kernel = "" if entry.kernel else "kernel -x[j]; "
    return Spec(
        Source(
            "drift.dyn",
            f"""model drift
population p[2] {{
  state x{extra} on {text} {start}
  param w{axes} on {field} ~ normal(0, 0.7)
  drift w * (0.3 + cos(3*t)) {back}
}}
coupling c: p -> p {{ {kernel}strength 0.4 + 0.3*sin(t) }}
simulate {{ t 0 .. 1 every 1; method rk4; step 0.1 }}
""",
        )
    )


def system_of(spec: Spec) -> System:
    """The module with its draws."""
    return build_system(spec.model, spec.network, spec.program, seed=1)


def defect(name: str, entry: Manifold, x: torch.Tensor) -> float:
    """How far the farthest point is off the manifold; of numbers above 0 how many are not."""
    if len(entry.shape) == 2:
        other, one = x.mH, torch.eye(x.shape[-1], dtype=x.dtype)
        if name in ("so", "su"):
            trace = x.diagonal(dim1=-2, dim2=-1).sum(-1)
            return max((x + other).abs().max().item(), trace.abs().max().item())
        determinant = torch.linalg.det(x)
        return max((other @ x - one).abs().max().item(), (determinant - 1).abs().max().item())
    if entry.logarithmic:
        below = (x <= 0).double().mean().item()
        return max(below, (x.sum(-1) - 1).abs().max().item() if entry.shape else 0.0)
    return (x.norm(dim=-1) - 1).abs().max().item() if name == "sphere" else 0.0


def drift(system: System, text: str, entry: Manifold, method: str, steps: int) -> float:
    """The largest defect of all states on the way."""
    states, worst, t = system.initial_states(), 0.0, 0.0
    name = text.split("(")[0]
    for done in range(0, steps, CHUNK):
        count = min(CHUNK, steps - done)
        times = [t + STEP * k for k in range(count + 1)]
        path = integrate(system, states, times, method=method, step=STEP)
        worst, t = max(worst, defect(name, entry, path["p.x"])), times[-1]
        states = {key: value[-1] for key, value in path.items()}
        if not torch.isfinite(states["p.x"]).all():
            return math.inf
    return worst


def order(system: System, method: str) -> float:
    """The measured order of convergence."""
    states, fine = system.initial_states(), 8 * max(COARSE["tsit5"], 16)
    exact = integrate(system, states, [0.0, 1.0], method="tsit5", step=1 / fine)["p.x"][-1]
    errors = []
    for steps in (COARSE[method], 2 * COARSE[method]):
        found = integrate(system, states, [0.0, 1.0], method=method, step=1 / steps)["p.x"][-1]
        errors.append((found - exact).abs().max().item())
    return math.log2(errors[0] / errors[1])


def row(case: tuple[str, tuple[int, ...], int, int]) -> dict[str, Any]:
    """One line of the table."""
    torch.set_num_threads(1)
    text, shape, points, steps = case
    entry = MANIFOLDS[text.split("(")[0]]
    system = system_of(spec_of(text, entry, shape, points))
    bound = entry.constraint is not None or entry.logarithmic or len(entry.shape) == 2
    found: dict[str, Any] = {"manifold": f"{text}, {points} per node" if points > 1 else text}
    with torch.no_grad():
        for method in METHODS:
            drifts = drift(system, text, entry, method, steps) if bound else None
            found[f"drift {method}"] = drifts
        for method in METHODS:
            found[f"order {method}"] = round(order(system, method), 2)
    return found


def main() -> None:
    """Every manifold, and a product of spheres."""
    chosen = options(__doc__, steps=100_000)
    listed = [(text, shape, 1, chosen.steps) for text, _, shape in cases()]
    listed.append(("sphere(3)", (3,), 4, chosen.steps))
    listed.sort(key=lambda case: -len(case[1]))  # matrices, which take longest, first
    rows = []
    with ProcessPoolExecutor() as pool:
        for found in pool.map(row, listed):
            rows.append(found)
            print(f"{len(rows)}/{len(listed)} {found}", file=sys.stderr, flush=True)
    show(f"drift after {chosen.steps} steps of {STEP}, and order", rows, chosen.json)


if __name__ == "__main__":
    main()
