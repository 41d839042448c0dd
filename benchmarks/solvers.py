"""Whole solves at equal error: our Tsit5 beside torchdiffeq's dopri5 and torchode's tsit5.

Each of them is given our rates, and what its users write: a sum over edges, or over all pairs.
torchode is left out, with a line that says so, where it is not installed.

Oscillators on a random graph of mean degree 10 (N = 1000) and everyone to everyone with random
weights (N = 200), t from 0 to 100. Errors are against SciPy's DOP853 at 1e-11.

    python benchmarks/solvers.py [--rounds N] [--json]
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from measure import interleaved, options, ratio, show
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.sparse import csr_array
from torch import Tensor
from torchdiffeq import odeint

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.binding import table_of
from dynattn.lower.module import System, build_system
from dynattn.solve.solve import solve

SPARSE = """
model sparse
graph net = gnm_random_graph(1000, 5000, seed=1)
population osc[1000] { state theta on circle ~ uniform; param omega ~ normal(0, 0.5); drift omega }
coupling pull: osc -> osc over net { kernel sin(theta[j] - theta[i]); strength 0.2 }
simulate { t 0 .. 100; seed 1 }
"""
DENSE = """
model dense
population osc[200] { state theta on circle ~ uniform; param omega ~ normal(0, 0.5); drift omega }
coupling pull: osc -> osc {
  param w ~ normal(1, 0.2)
  kernel w * sin(theta[j] - theta[i])
  strength 1 / 200
}
simulate { t 0 .. 100; seed 1 }
"""
STOP = 100.0
ALLOWED = 1e-6
"""The tolerance whose error, for torchdiffeq, the others must not exceed."""

TRIED = tuple(10 ** (-5 - k / 4) for k in range(9))
"""Tolerances from which each takes the loosest that is exact enough."""

Rate = Callable[[Tensor, Tensor], Tensor]


class Counted:
    """Rates, and how often they were asked for."""

    def __init__(self, rate: Rate) -> None:
        self.rate, self.count = rate, 0

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        """The rate of change of y."""
        self.count += 1
        return self.rate(t, y)


def ours(system: System) -> Rate:
    """The rates of the module as torchdiffeq takes them."""
    return lambda t, y: system.rates(t, {"osc.theta": y})["osc.theta"]


def tensor(system: System, name: str) -> Tensor:
    """A parameter by its full name."""
    table, key = table_of(system, name)
    return table[key]


def as_written(system: System) -> Rate:
    """What a user of torchdiffeq writes: the sum over edges, or over all pairs."""
    edges, omega = system.network.connections["pull"], tensor(system, "osc.omega")
    if edges.kind == "edges":
        senders, receivers = (torch.as_tensor(a) for a in (edges.senders, edges.receivers))

        def sparse(t: Tensor, y: Tensor) -> Tensor:
            pulls = torch.sin(y[senders] - y[receivers])
            return omega + 0.2 * torch.zeros_like(y).index_add(0, receivers, pulls)

        return sparse
    weights = tensor(system, "pull.w")
    return lambda t, y: omega + (weights * torch.sin(y[None, :] - y[:, None])).sum(1) / 200


def reference(system: System) -> NDArray[np.float64]:
    """The states at the end by DOP853, its rates written for NumPy and SciPy."""
    edges, omega = system.network.connections["pull"], tensor(system, "osc.omega").numpy()
    if edges.kind == "edges":
        ends = (np.asarray(edges.receivers), np.asarray(edges.senders))
        weights = csr_array((np.full(len(ends[0]), 0.2), ends), shape=(len(omega),) * 2)
    else:
        weights = tensor(system, "pull.w").numpy() / 200

    def rate(t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        sine, cosine = np.sin(y), np.cos(y)
        return omega + (weights @ sine) * cosine - (weights @ cosine) * sine

    start = system.initial_states()["osc.theta"].numpy()
    found = solve_ivp(rate, (0, STOP), start, "DOP853", (STOP,), rtol=1e-11, atol=1e-11)
    return found.y[:, -1]


def solvers(system: System, rtol: float) -> dict[str, Callable[[], tuple[Tensor, int]]]:
    """Each gives the states at the end and how often the rates were asked for."""
    states = system.initial_states()

    def own() -> tuple[Tensor, int]:
        found = solve(system, states, [0.0, STOP], method="tsit5", rtol=rtol)
        return found.states["osc.theta"][-1], found.statistics["evaluations"]

    def theirs(rate: Rate) -> tuple[Tensor, int]:
        counted, times = Counted(rate), torch.tensor([0.0, STOP], dtype=torch.float64)
        # the tolerance of angles is absolute, as ours is
        path = odeint(counted, states["osc.theta"], times, rtol=1e-13, atol=2 * rtol)
        assert isinstance(path, Tensor)
        return path[-1], counted.count

    found = {
        "tsit5": own,
        "torchdiffeq dopri5, our rates": lambda: theirs(ours(system)),
        "torchdiffeq dopri5, as written": lambda: theirs(as_written(system)),
    }
    if find_spec("torchode") is not None:
        start = states["osc.theta"]
        found["torchode tsit5, our rates"] = lambda: by_torchode(in_rows(ours(system)), start, rtol)
        written = as_written(system)
        found["torchode tsit5, as written"] = lambda: by_torchode(in_rows(written), start, rtol)
    return found


def in_rows(rate: Rate) -> Rate:
    """Rates of a batch of one, as torchode takes them: [1, nodes]."""
    return lambda t, y: rate(t[0], y[0]).unsqueeze(0)


def by_torchode(rate: Rate, start: Tensor, rtol: float) -> tuple[Tensor, int]:
    """The states at the end, and how often the rates were asked for."""
    torchode: Any = import_module("torchode")  # its types name axes, which Tensor does not have
    term = torchode.ODETerm(rate)
    # the tolerance of angles is absolute, as ours is
    control = torchode.IntegralController(atol=2 * rtol, rtol=1e-13, term=term)
    solver = torchode.AutoDiffAdjoint(torchode.Tsit5(term=term), control)
    times = torch.tensor([[0.0, STOP]], dtype=torch.float64)
    found = solver.solve(torchode.InitialValueProblem(y0=start.unsqueeze(0), t_eval=times))
    return found.ys[0, -1], int(found.stats["n_f_evals"][0])


def chosen_tolerances(
    system: System, exact: NDArray[np.float64]
) -> tuple[dict[str, float], dict[str, float]]:
    """For each solver the loosest tolerance that is exact enough, and its error."""
    errors: dict[str, dict[float, float]] = {}
    for rtol in TRIED:
        for name, call in solvers(system, rtol).items():
            errors.setdefault(name, {})[rtol] = float(np.abs(call()[0].numpy() - exact).max())
    allowed = errors["torchdiffeq dopri5, as written"][ALLOWED] * 1.001
    found = {
        name: max(r for r, e in tried.items() if e <= allowed) for name, tried in errors.items()
    }
    return found, {name: errors[name][rtol] for name, rtol in found.items()}


def rows_of(text: str, rounds: int) -> list[dict[str, Any]]:
    """The table of one problem."""
    spec = Spec(Source("solvers.dyn", text))
    system = build_system(spec.model, spec.network, spec.program)
    tolerances, errors = chosen_tolerances(system, reference(system))
    calls = {name: solvers(system, rtol)[name] for name, rtol in tolerances.items()}
    seconds = interleaved(calls, rounds)
    return [
        {
            "problem": spec.model.name,
            "solver": name,
            "rtol": tolerances[name],
            "error": errors[name],
            "CPU ms": 1e3 * statistics.median(seconds[name]),
            "evaluations": call()[1],
            "times ours": ratio(seconds[name], seconds["tsit5"]),
        }
        for name, call in calls.items()
    ]


def main() -> None:
    """Both problems."""
    chosen = options(__doc__, rounds=7)
    torch.set_num_threads(1)
    if find_spec("torchode") is None:
        print("torchode is not installed: no rows of it", file=sys.stderr)
    with torch.inference_mode():
        rows = [row for text in (SPARSE, DENSE) for row in rows_of(text, chosen.rounds)]
    show("t in [0, 100] at equal error, float64, one thread", rows, chosen.json)


if __name__ == "__main__":
    main()
