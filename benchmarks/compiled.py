"""Right-hand sides and whole solves as they are, and compiled by torch.compile.

CPU time of one thread, float64, taking turns. What is compiled is what --compile compiles; a
right-hand side is a step of Euler's method.

    python benchmarks/compiled.py [--rounds N] [--only NAME] [--json]
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time
from typing import Any

import torch
from forms import LAGS, Sum
from measure import interleaved, ratio, show
from solvers import DENSE, SPARSE

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.module import System
from dynattn.solve.compiler import Compiler
from dynattn.solve.solve import solve

SUMS = """
model sums
param N = SIZE
population osc[N] {
  state theta on circle ~ uniform(-1, 1)
  param omega ~ normal(0, 1)
  drift omega
}
coupling pull: osc -> osc OVER { FORM; CLAUSES }
"""
GRAPH = "over gnm_random_graph(n=N, m=10*N, seed=1, directed=true)"
DRAWN = f"weight ~ normal(0, 1); {LAGS}"
TANH = "kernel tanh(omega[i]*sin(theta[j] - theta[i]))"


@dataclass(frozen=True)
class Case(Sum):
    """A right-hand side."""

    form: str = ""
    calls: int = 10
    """Steps in a row, of which none is saved."""


RIGHT_HAND_SIDES = (
    Case("everyone", 100_000, 100_000, "", "strength 1/N"),
    Case("everyone", 1_000_000, 1_000_000, "", "strength 1/N", calls=2),
    Case("dense, drawn weights", 200, 40_000, "", DRAWN, calls=100),
    Case("dense, drawn weights", 1000, 1_000_000, "", DRAWN),
    Case("sparse", 1000, 10_000, GRAPH, LAGS, calls=100),
    Case("ring, reach 500", 100_000, 100_000, "over ring(N, reach=500)", ""),
    Case("not separable", 1000, 1_000_000, "", TANH, calls=5),
)
SOLVES = (("sparse N = 1000", SPARSE), ("dense N = 200", DENSE))


def built(text: str) -> System:
    """The module of a spec."""
    return Spec(Source("compiled.dyn", text)).build()


def both(
    call: Callable[[bool | Compiler], Any], rounds: int, per: float
) -> tuple[dict[str, Any], Any, Any]:
    """Columns of a call, plain and compiled, ns per unit; and what the two gave."""
    compiler = Compiler()
    began = cpu()
    compiled = call(compiler)
    first = cpu() - began
    seconds = interleaved(
        {"plain": lambda: call(False), "compiled": lambda: call(compiler)}, rounds
    )
    median = {name: statistics.median(found) for name, found in seconds.items()}
    columns: dict[str, Any] = {
        "ns": median["plain"] / per * 1e9,
        "ns compiled": median["compiled"] / per * 1e9,
        "ratio": ratio(seconds["plain"], seconds["compiled"]),
        "first call, CPU s": first,
        "pays after": first / max(median["plain"] - median["compiled"], 1e-12),
    }
    if median["plain"] <= median["compiled"]:
        columns["pays after"] = None
    return columns, compiled, call(False)


def cpu() -> float:
    """CPU seconds of this process and of those it has started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def right_hand_side(case: Case, rounds: int) -> dict[str, Any]:
    """A row: steps of Euler's method, one saved time at their end."""
    text = SUMS.replace("SIZE", str(case.nodes)).replace("OVER", case.over)
    text = text.replace("FORM; ", f"form {case.form}; " if case.form else "")
    system = built(text.replace("CLAUSES", case.clauses))
    states = system.initial_states()

    def call(compiled: bool | Compiler) -> Any:
        times, step = [0.0, 1e-3 * case.calls], 1e-3
        found = solve(system, states, times, method="euler", step=step, compiled=compiled)
        return found.states["osc.theta"][-1]

    columns, found, plain = both(call, rounds, case.calls * case.units)
    torch.testing.assert_close(found, plain, rtol=1e-11, atol=1e-11)
    per = "node" if case.units == case.nodes else "edge"
    columns["pays after"] = columns["pays after"] and columns["pays after"] * case.calls
    return {"what": f"{case.name}, N = {case.nodes}", "per": f"{per}, a step of euler"} | columns


def whole_solve(name: str, text: str, rounds: int) -> dict[str, Any]:
    """A row: tsit5 to t = 100 at 1e-6."""
    system = built(text)
    states = system.initial_states()

    def call(compiled: bool | Compiler) -> Any:
        return solve(system, states, [0.0, 100.0], method="tsit5", compiled=compiled)

    columns, found, plain = both(call, rounds, 1.0)
    assert found.statistics["steps"] == plain.statistics["steps"]
    return {"what": f"{name}, tsit5 to t = 100", "per": "solve"} | columns


def rows(rounds: int, only: str) -> Iterator[dict[str, Any]]:
    """Every row whose name holds ``only``."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        for case in RIGHT_HAND_SIDES:
            if only in f"{case.name}, N = {case.nodes}":
                yield right_hand_side(case, rounds)
        for name, text in SOLVES:
            if only in f"{name}, tsit5":
                yield whole_solve(name, text, rounds)


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default 7")
    parser.add_argument("--only", default="", metavar="NAME", help="rows whose name holds this")
    chosen = parser.parse_args()
    found = list(rows(chosen.rounds, chosen.only))
    show("Compiled steps, CPU ns of one thread", found, chosen.json, torch=torch.__version__)


if __name__ == "__main__":
    main()
