"""Stiff models at equal error: rodas5p, SciPy's Radau and LSODA given our rates, and tsit5.

Robertson's reactions to t = 4000, van der Pol's oscillator with mu = 1000 over a jump, the eight
reactions HIRES, and 20 FitzHugh-Nagumo cells on a random graph whose voltages are 10 000 times
faster than their recoveries. Errors are relative to each state at the end, against Radau at 1e-10.

Then large systems of such cells with sparse Jacobians, on a ring and on a random graph, up to
--nodes cells.

    python benchmarks/stiff.py [--rounds N] [--nodes N] [--json]
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import interleaved, options, ratio, show
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import NumericalError, Source
from dynattn.interface import Spec
from dynattn.lower.module import System, build_system
from dynattn.solve import sparsity
from dynattn.solve.solve import solve


def one_of(name: str, stop: float, laws: str, **starts: float) -> str:
    """A spec of one node with these states, and a law for each, one a line."""
    states = "\n".join(f"  state {state} on real = {start}" for state, start in starts.items())
    population = f"population one[1] {{\n{states}\n{laws}\n}}"
    return f"model {name}\n{population}\nsimulate {{ t 0 .. {stop} }}\n"


ROBERTSON = one_of(
    "robertson",
    4000,
    """
  a' = -0.04*a + 1e4*b*c
  b' = 0.04*a - 1e4*b*c - 3e7*b^2
  c' = 3e7*b^2""",
    **{"a": 1, "b": 0, "c": 0},
)
VAN_DER_POL = one_of(
    "van_der_pol",
    1200,
    """
  x' = y
  y' = 1000*(1 - x^2)*y - x""",
    **{"x": 2, "y": 0},
)
HIRES = one_of(
    "hires",
    321.8122,
    """
  a' = -1.71*a + 0.43*b + 8.32*c + 0.0007
  b' = 1.71*a - 8.75*b
  c' = -10.03*c + 0.43*d + 0.035*e
  d' = 8.32*b + 1.71*c - 1.12*d
  e' = -1.745*e + 0.43*f + 0.43*g
  f' = -280*f*h + 0.69*d + 1.71*e - 0.43*f + 0.69*g
  g' = 280*f*h - 1.81*g
  h' = -280*f*h + 1.81*g""",
    **{"a": 1, **dict.fromkeys("bcdefg", 0), "h": 0.0057},
)
CELLS = """
model cells
graph net = random_regular_graph(4, 20, seed=1)
population cell[20] {
  state v on real ~ uniform(-1, 1)
  state w on real ~ uniform(-0.5, 0.5)
  v' = 1e4 * (v - v^3/3 - w + gap)
  w' = v + 0.6
}
coupling gap: cell -> cell.v over net { kernel 0.1 * (v[j] - v[i]) }
simulate { t 0 .. 1; seed 1 }
"""
LARGE = """
model large
graph net = {graph}
population cell[{nodes}] {{
  state v on real = sin(2*pi*index/{nodes})
  state w on real = 0
  v' = 1e4 * (v - v^3/3 - w + gap)
  w' = v + 0.6 - 0.5*w
}}
coupling gap: cell -> cell.v over net {{ kernel 0.1 * (v[j] - v[i]) }}
simulate {{ t 0 .. 0.02; seed 1 }}
"""
GRAPHS = {
    "ring": "ring({0}, reach=2)",
    "random, 4 edges a node": "random_regular_graph(4, {0}, seed=1)",
}
END = 0.02
WHOLE = 2_000
"""States up to which the dense Jacobian is timed too."""
PROBLEMS = (ROBERTSON, VAN_DER_POL, HIRES, CELLS)
ALLOWED = 1e-5
TRIED = tuple(10.0 ** (-3 - k) for k in range(7))
"""Tolerances from which each takes the loosest that is exact enough."""
SMALL = 1e-6
"""The absolute tolerance beside the relative one."""
LIMIT = 5_000
"""Steps that tsit5 may take."""

Array = NDArray[np.float64]


class Problem:
    """A spec, its rates in numpy's terms, and its end."""

    def __init__(self, text: str) -> None:
        spec = Spec(Source("stiff.dyn", text))
        self.name = spec.model.name
        self.system: System = build_system(spec.model, spec.network, spec.program)
        self.start = self.system.initial_states()
        stop = spec.model.simulations[0].stop
        assert stop is not None
        self.stop = float(stop)
        self.exact = self.by_scipy("Radau", 1e-10)[0]

    def rates(self, t: float, flat: Array) -> Array:
        """Of all states one after another."""
        parts = torch.as_tensor(flat).split([x.numel() for x in self.start.values()])
        found = self.system.rates(t, dict(zip(self.start, parts, strict=True)))
        return torch.cat([found[name] for name in self.start]).numpy()

    def by_scipy(self, method: Any, rtol: float) -> tuple[Array, int]:
        """The end, and the steps."""
        start = torch.cat(list(self.start.values())).numpy()
        found = solve_ivp(self.rates, (0.0, self.stop), start, method, rtol=rtol, atol=SMALL * rtol)
        return found.y[:, -1], len(found.t) - 1

    def by_us(self, method: str, rtol: float) -> tuple[Array, int]:
        """The same."""
        found = solve(
            self.system, self.start, [0.0, self.stop], method=method, rtol=rtol, atol=SMALL * rtol
        )
        end = torch.cat([x[-1] for x in found.states.values()])
        return end.numpy(), found.statistics["steps"]

    def error(self, end: Array) -> float:
        """The largest, relative to its state."""
        return float(np.abs(end / self.exact - 1).max())

    def explicit(self) -> tuple[int, float]:
        """Steps of tsit5, and how much of the time they reach."""
        reached = [0.0]
        try:
            found = solve(
                self.system, self.start, [0.0, self.stop], method="tsit5", rtol=1e-4,
                atol=1e-4 * SMALL, max_steps=LIMIT, progress=reached.append,
            )  # fmt: skip
        except NumericalError:
            return LIMIT, reached[-1]
        return found.statistics["steps"], 1.0


def rows_of(text: str, rounds: int) -> list[dict[str, Any]]:
    """The table of one problem."""
    problem = Problem(text)
    solvers: dict[str, Callable[[float], tuple[Array, int]]] = {
        "rodas5p": lambda rtol: problem.by_us("rodas5p", rtol),
        "SciPy Radau": lambda rtol: problem.by_scipy("Radau", rtol),
        "SciPy LSODA": lambda rtol: problem.by_scipy("LSODA", rtol),
    }
    chosen = {}
    for name, run in solvers.items():
        tried = ((rtol, *run(rtol)) for rtol in TRIED)
        chosen[name] = next(
            (r, problem.error(end), steps) for r, end, steps in tried
            if problem.error(end) <= ALLOWED or r == TRIED[-1]
        )  # fmt: skip
    calls = {n: lambda n=n, r=r: solvers[n](r) for n, (r, _, _) in chosen.items()}
    seconds = interleaved(calls, rounds)
    size = {"model": problem.name, "states": len(problem.exact)}
    rows: list[dict[str, Any]] = [
        {
            **size, "solver": name, "rtol": rtol, "error": error, "steps": steps,
            "CPU s": statistics.median(seconds[name]),
            "times ours": ratio(seconds[name], seconds["rodas5p"]),
        }
        for name, (rtol, error, steps) in chosen.items()
    ]  # fmt: skip
    steps, reached = problem.explicit()
    return [*rows, {**size, "solver": "tsit5", "rtol": 1e-4, "steps": steps, "reached": reached}]


def large_rows(kind: str, nodes: int) -> list[dict[str, Any]]:
    """A large sparse system: with sparse Jacobians and, where it is small, with dense ones."""
    text = LARGE.format(graph=GRAPHS[kind].format(nodes), nodes=nodes)
    spec = Spec(Source("large.dyn", text))
    system = build_system(spec.model, spec.network, spec.program)
    start, rows, ends = system.initial_states(), [], []
    for way in ("sparse", "dense") if 2 * nodes <= WHOLE else ("sparse",):
        fewest, sparsity.FEWEST = sparsity.FEWEST, sparsity.FEWEST if way == "sparse" else 10**9
        began = time.process_time()
        found = solve(system, start, [0.0, END], method="rodas5p", rtol=1e-4)
        seconds, sparsity.FEWEST = time.process_time() - began, fewest
        ends.append(torch.cat([x[-1] for x in found.states.values()]))
        steps = found.statistics["steps"]
        apart = float((ends[0] - ends[-1]).abs().max()) if way == "dense" else None
        rows.append({
            "graph": kind, "states": 2 * nodes, "Jacobian": way, "steps": steps,
            "CPU s": seconds, "ms per step": 1e3 * seconds / steps, "apart": apart,
        })  # fmt: skip
    return rows


def main() -> None:
    """All problems."""
    chosen = options(__doc__, rounds=3, nodes=50_000)
    torch.set_num_threads(1)
    with torch.no_grad():
        rows = [row for text in PROBLEMS for row in rows_of(text, chosen.rounds)]
        sizes = [n for n in (500, 5_000, 50_000) if n <= chosen.nodes]
        large_rows("ring", 50 * 5)  # torch's own first derivatives forwards take a second
        large = [row for kind in GRAPHS for n in sizes for row in large_rows(kind, n)]
    title = "stiff models at equal error, float64, one thread"
    if chosen.json:
        show(title, [*rows, *large], True)
        return
    show(title, rows, False)
    show("\nlarge stiff systems, rodas5p, rtol 1e-4", large, False)


if __name__ == "__main__":
    main()
