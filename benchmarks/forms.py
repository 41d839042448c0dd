"""The sum of a coupling in the form that the compiler chooses, and edge by edge, one thread.

Right-hand sides of phase oscillators. Where so many pairs fit into memory and time, the same spec
with ``form edges`` is timed beside it, taking turns. A unit is an edge, or where there is nothing
per edge a node.

    python benchmarks/forms.py [--rounds N] [--json]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from measure import interleaved, options, ratio, show

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.present.summary import chosen_forms

SPEC = """
model sums
param N = SIZE
population osc[N] {
  state theta on circle ~ uniform(-1, 1)
  param omega ~ normal(0, 1), u ~ normal(0, 1)
  param xi[8] ~ normal(0, 1)
  drift omega
}
coupling pull: osc -> osc OVER { FORM; CLAUSES }
"""
LAGS = "harmonics m in 1 .. 2; frustration 0.3"
SPARSE = "over gnm_random_graph(n=N, m=10*N, seed=1, directed=true)"


@dataclass(frozen=True)
class Case:
    """A kernel over a graph; ``units`` are the edges or nodes that a time is told per."""

    name: str
    nodes: int
    units: int
    over: str
    clauses: str
    naive: bool = True
    """Whether the sum edge by edge is timed beside it."""
    least: float | None = None
    """How many times faster than edge by edge it has to be."""


EVERYONE = 1_000_000
REPEATED = 10
"""Calls in a row, as a solve makes them: the first finds the caches full of other arrays."""
CASES = (
    Case("dense, drawn weights", 1000, EVERYONE, "", f"weight ~ normal(0, 1); {LAGS}", True, 15.0),
    Case("dense, random graph", 1000, 500_000, "over gnp_random_graph(n=N, p=0.5, seed=1)", LAGS),
    Case("dense, weights u[i]*u[j]", 1000, EVERYONE, "", "weight u[i]*u[j]"),
    Case("dense, weights dot(xi[i], xi[j])", 1000, EVERYONE, "", "weight dot(xi[i], xi[j])"),
    Case("sparse", 10_000, 100_000, SPARSE, LAGS, True, 1.2),
    Case("sparse, drawn weights", 10_000, 100_000, SPARSE, f"weight ~ normal(0, 1); {LAGS}"),
    Case("everyone", 100_000, 100_000, "", f"strength 1/N; {LAGS}", False),
    Case("everyone", 1_000_000, 1_000_000, "", f"strength 1/N; {LAGS}", False),
    Case("everyone, 20 harmonics", 1000, EVERYONE, "", "harmonics m in 1 .. 20"),
    Case("causal", 100_000, 100_000, "over causal(N)", "", False),
    Case("ring, reach 5", 100_000, 100_000, "over ring(N, reach=5)", ""),
    Case("ring, reach 500", 100_000, 100_000, "over ring(N, reach=500)", "", False),
    Case("ring, reach 5, weight 1/distance", 100_000, 100_000, "over ring(N, reach=5)",
         "weight 1/distance"),
    Case("softmax of angles", 1000, EVERYONE, "over everyone(N)",
         "weight softmax(2*cos(theta[j] - theta[i]))"),
    Case("not separable", 1000, EVERYONE, "", "kernel tanh(u[i]*sin(theta[j] - theta[i]))", False),
)  # fmt: skip


def compiled(case: Case, form: str) -> Compilation:
    """The spec of a case; ``form`` '' leaves the choice to the compiler."""
    text = SPEC.replace("SIZE", str(case.nodes)).replace("OVER", case.over)
    text = text.replace("FORM; ", f"form {form}; " if form else "")
    return Compilation(Source("sums.dyn", text.replace("CLAUSES", case.clauses)))


def right_hand_side(compilation: Compilation) -> Callable[[], Any]:
    """A call that computes the rates once."""
    system = compilation.build()
    states = system.initial_states()

    def call() -> Any:
        with torch.no_grad():
            return system.rates(0.0, states)["osc.theta"]

    return call


def rows_of(case: Case, rounds: int) -> dict[str, Any]:
    """One line of the table; the two forms must agree."""
    compilation = compiled(case, "")
    chosen = right_hand_side(compilation)
    calls: dict[str, Callable[[], Any]] = {"chosen": lambda: [chosen() for _ in range(REPEATED)]}
    if case.naive:
        calls["edges"] = right_hand_side(compiled(case, "edges"))
        torch.testing.assert_close(chosen(), calls["edges"](), rtol=1e-10, atol=1e-8)
    seconds = interleaved(calls, rounds)
    seconds["chosen"] = [found / REPEATED for found in seconds["chosen"]]
    each = {name: statistics.median(found) / case.units * 1e9 for name, found in seconds.items()}
    return {
        "coupling": case.name,
        "N": case.nodes,
        "per": "node" if case.units == case.nodes else "edge",
        "form": chosen_forms(compilation.program)["pull"].title,
        "ns": each["chosen"],
        "ns edge by edge": each.get("edges"),
        "ratio": ratio(seconds["edges"], seconds["chosen"]) if case.naive else None,
        "limit": case.least,
    }


def rows(rounds: int) -> Iterator[dict[str, Any]]:
    """Every case."""
    torch.set_num_threads(1)
    yield from (rows_of(case, rounds) for case in CASES)


if __name__ == "__main__":
    chosen = options(__doc__, rounds=7)
    show(
        "Right-hand sides, CPU ns", list(rows(chosen.rounds)), chosen.json, torch=torch.__version__
    )
