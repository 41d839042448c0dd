"""The sum of a coupling in the form that the compiler chooses, and edge by edge, one thread.

Right-hand sides of phase oscillators, as a solve asks for them. Where so many pairs fit into memory
and time, the same spec with ``form edges`` is timed beside it, taking turns, and where lag and
harmonics allow it also what a user of torch writes by hand: a sine per harmonic and edge, then
``index_add``, or for all pairs an N x N array. A unit is an edge, or where there is nothing per
edge a node.

    python benchmarks/forms.py [--rounds N] [--json]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
ODD = "kernel tanh(sin(theta[j] - theta[i]))"
MODULES = "kernel (0.2 + (floor(index[i]/100) == floor(index[j]/100)))*sin(theta[j] - theta[i])"
SPARSE = "over gnm_random_graph(n=N, m=10*N, seed=1, directed=true)"


@dataclass(frozen=True)
class Sum:
    """A kernel over a graph; ``units`` are the edges or nodes that a time is told per."""

    name: str
    nodes: int
    units: int
    over: str
    clauses: str


@dataclass(frozen=True)
class Case(Sum):
    """What the sum is timed beside."""

    naive: bool = True
    """Whether the sum edge by edge is timed beside it."""
    by_hand: bool = False
    """Whether the sum that a user writes is."""
    least: float | None = None
    """How many times faster than that it has to be."""


EVERYONE = 1_000_000
REPEATED = 10
"""Calls in a row, as a solve makes them: the first finds the caches full of other arrays."""
DENSE_AHEAD, SPARSE_AHEAD = 20.0, 1.6
"""How many times faster than by hand they must be: a fifth to a third below what is measured."""
CASES = (
    Case("dense, drawn weights", 1000, EVERYONE, "", f"weight ~ normal(0, 1); {LAGS}", True, True,
         DENSE_AHEAD),
    Case("dense, random graph", 1000, 500_000, "over gnp_random_graph(n=N, p=0.5, seed=1)", LAGS),
    Case("dense, weights u[i]*u[j]", 1000, EVERYONE, "", "weight u[i]*u[j]"),
    Case("dense, weights dot(xi[i], xi[j])", 1000, EVERYONE, "", "weight dot(xi[i], xi[j])"),
    Case("sparse", 10_000, 100_000, SPARSE, LAGS, True, True, SPARSE_AHEAD),
    Case("sparse, drawn weights", 10_000, 100_000, SPARSE, f"weight ~ normal(0, 1); {LAGS}", True,
         True),
    Case("everyone", 100_000, 100_000, "", f"strength 1/N; {LAGS}", False),
    Case("everyone", 1_000_000, 1_000_000, "", f"strength 1/N; {LAGS}", False),
    Case("everyone, other weight within modules", 1000, EVERYONE, "", MODULES),
    Case("everyone, other weight within modules", 100_000, 100_000, "", MODULES, False),
    Case("everyone, 20 harmonics", 1000, EVERYONE, "", "harmonics m in 1 .. 20"),
    Case("causal", 100_000, 100_000, "over causal(N)", "", False),
    Case("ring, reach 5", 100_000, 100_000, "over ring(N, reach=5)", ""),
    Case("ring, reach 500", 100_000, 100_000, "over ring(N, reach=500)", "", False),
    Case("ring, reach 5, weight 1/distance", 100_000, 100_000, "over ring(N, reach=5)",
         "weight 1/distance"),
    Case("softmax of angles", 1000, EVERYONE, "over everyone(N)",
         "weight softmax(2*cos(theta[j] - theta[i]))"),
    Case("not separable", 1000, EVERYONE, "", "kernel tanh(u[i]*sin(theta[j] - theta[i]))", False),
    Case("not separable, odd", 1000, EVERYONE, "", ODD, False),
    Case("not separable, sparse, directed", 10_000, 100_000, SPARSE, ODD, False),
    Case("not separable, odd, sparse", 10_000, 100_000,
         "over gnm_random_graph(n=N, m=5*N, seed=1)", ODD, False),
)  # fmt: skip


def compiled(case: Case, form: str) -> Compilation:
    """The spec of a case; ``form`` '' leaves the choice to the compiler."""
    text = SPEC.replace("SIZE", str(case.nodes)).replace("OVER", case.over)
    text = text.replace("FORM; ", f"form {form}; " if form else "")
    return Compilation(Source("sums.dyn", text.replace("CLAUSES", case.clauses)))


Call = Callable[[], Any]
HELD = ExitStack()
"""Until the benchmark ends, as in a solve, what depends on parameters alone is kept."""


def in_a_row(rate: Callable[[], Any], times: int = REPEATED) -> Call:
    """The rates so many times; the last are the result."""

    def call() -> Any:
        with torch.no_grad():
            return [rate() for _ in range(times)][-1]

    return call


def right_hand_side(compilation: Compilation) -> Callable[[], Any]:
    """A call that computes the rates once, within a solve."""
    system = compilation.build()
    states = system.initial_states()
    HELD.enter_context(system.held())
    return lambda: system.rates(0.0, states)["osc.theta"]


def by_hand(compilation: Compilation) -> Callable[[], Any]:
    """The same as a user of torch writes it."""
    system = compilation.build()
    theta, omega = system.initial_states()["osc.theta"], dict(system.named_buffers())["osc.omega"]
    edges, own = system.network.connections["pull"], dict(system.named_buffers()).get("pull.weight")

    def pulls(difference: Any) -> Any:
        return torch.sin(difference - 0.3) + torch.sin(2 * difference - 0.3)

    if own is not None and edges.kind != "edges":
        own = own.clone().fill_diagonal_(0.0)
        return lambda: omega + (own * pulls(theta[None, :] - theta[:, None])).sum(1)
    receivers, senders = torch.as_tensor(edges.receivers), torch.as_tensor(edges.senders)

    def sparse() -> Any:
        found = pulls(theta[senders] - theta[receivers])
        found = found if own is None else own * found
        return omega + torch.zeros_like(theta).index_add(0, receivers, found)

    return sparse


def rows_of(case: Case, rounds: int) -> dict[str, Any]:
    """One line of the table; all must agree."""
    compilation = compiled(case, "")
    calls: dict[str, Callable[[], Any]] = {"chosen": right_hand_side(compilation)}
    if case.naive:
        calls["edges"] = right_hand_side(compiled(case, "edges"))
    if case.by_hand:
        calls["by hand"] = by_hand(compilation)
    first = {name: in_a_row(call, 1)() for name, call in calls.items()}
    for found in first.values():
        torch.testing.assert_close(found, first["chosen"], rtol=1e-10, atol=1e-8)
    times = {name: REPEATED if name == "chosen" or case.by_hand else 1 for name in calls}
    seconds = interleaved({name: in_a_row(calls[name], times[name]) for name in calls}, rounds)
    seconds = {name: [t / times[name] for t in found] for name, found in seconds.items()}
    each = {name: min(found) / case.units * 1e9 for name, found in seconds.items()}
    return {
        "coupling": case.name,
        "N": case.nodes,
        "per": "node" if case.units == case.nodes else "edge",
        "form": chosen_forms(compilation.program)["pull"].title,
        "ns": each["chosen"],
        "ns edge by edge": each.get("edges"),
        "ns by hand": each.get("by hand"),
        "ratio": ratio(seconds["edges"], seconds["chosen"]) if case.naive else None,
        "by hand": ratio(seconds["by hand"], seconds["chosen"]) if case.by_hand else None,
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
