"""A delay per edge: 100 oscillators, 1000 edges, delays in [0.5, 2], t in [0, 20], one thread.

Once with delays off the grid of the steps, once with delays on it. The error is the largest
difference of an angle at the end from the same solution in much smaller steps. Where the package
jitcdde and a C compiler are there, it solves the same equations; compiling them is not counted.
All take turns. ``times`` is how many times longer JiTCDDE takes for an error that is no larger:
at the tolerance that is exact enough, or else, as a bound from below, at the sharpest one tried.

    python benchmarks/delays.py [--rounds N] [--json]
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy
import torch
from measure import interleaved, options, show

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.solve.solve import solve

SPEC = """
model late_edges
param N = 100, K = 0.3
graph net = gnm_random_graph(n=N, m=1000, seed=1, directed=true)
population osc[N] { state theta on circle ~ uniform(-1, 1); param omega ~ normal(1, 0.2); drift omega }
coupling pull: osc -> osc over net { param tau ~ DRAWN; strength K; delay DELAY }
"""  # noqa: E501
DELAYS = {
    "off the grid": ("uniform(0.5, 2)", "tau"),
    "on the grid": ("integers(5, 20)", "tau / 10"),
}
STOP = 20.0
STEPS = (0.1, 0.05, 0.025, 0.0125)
EXACT = 0.0025
OWN = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
TOLERANCES = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)

Angles = Any


@dataclass(frozen=True)
class Run:
    """One way of solving."""

    method: str
    setting: float
    """Step, or relative tolerance."""
    call: Callable[[], Angles]
    """The angles at the end."""


def own_runs(system: Any) -> Iterator[Run]:
    """rk4 in steps of several sizes, tsit5 in adaptive ones."""
    start = system.initial_states()

    def last(**options: Any) -> Angles:
        with torch.inference_mode():
            found = solve(system, start, [0.0, STOP], **options)
        return found.states["osc.theta"][-1].numpy()

    for step in STEPS:
        yield Run("rk4", step, partial(last, method="rk4", step=step))
    for rtol in OWN:
        yield Run("tsit5", rtol, partial(last, rtol=rtol))


def peer_runs(system: Any, folder: str) -> Iterator[Run]:
    """JiTCDDE, its derivatives adjusted at the start."""
    from jitcdde import jitcdde  # type: ignore[import-not-found]

    dde = jitcdde(equations(system), n=100, verbose=False, max_delay=2.0)
    before = os.getcwd()
    os.chdir(folder)
    dde.compile_C(simplify=False)
    os.chdir(before)
    start = system.initial_states()["osc.theta"].numpy()
    for rtol in TOLERANCES:
        yield Run("JiTCDDE", rtol, partial(peer_solution, dde, start, rtol))


def _keep(found: dict[str, Angles], key: str, call: Callable[[], Angles]) -> None:
    found[key] = call()


def rows(name: str, runs: Sequence[Run], exact: Angles, rounds: int) -> Iterator[dict[str, Any]]:
    """Seconds and errors, beside those of the peer."""
    angles: dict[str, Angles] = {}
    calls = {f"{r.method} {r.setting}": r.call for r in runs}
    kept = {key: partial(_keep, angles, key, call) for key, call in calls.items()}
    seconds = interleaved(kept, rounds)
    medians = [statistics.median(seconds[key]) for key in calls]
    errors = [float(numpy.abs(angles[key] - exact).max()) for key in calls]
    peers = [
        (error, taken)
        for r, error, taken in zip(runs, errors, medians, strict=True)
        if r.method == "JiTCDDE"
    ]
    for r, error, taken in zip(runs, errors, medians, strict=True):
        enough = [seconds for other, seconds in peers if other <= error]
        slowest = max((seconds for _, seconds in peers), default=0.0)
        row = {
            "delays": name, "method": r.method, "step or rtol": r.setting, "CPU s": taken,
            "error": error,
        }  # fmt: skip
        if peers and r.method != "JiTCDDE":
            row["times"] = min(enough, default=slowest) / taken
        yield row


def equations(system: Any) -> list[Any]:
    """The right-hand sides as JiTCDDE takes them."""
    import symengine  # type: ignore[import-not-found]
    from jitcdde import t, y  # type: ignore[import-not-found]

    edges = system.network.connections["pull"]
    omega = dict(system.named_buffers())["osc.omega"].tolist()
    sides = [symengine.sympify(value) for value in omega]
    taus = system.delays()["pull"].tolist()
    for receiver, sender, tau in zip(edges.receivers, edges.senders, taus, strict=True):
        i, j = int(receiver), int(sender)
        sides[i] += 0.3 * symengine.sin(y(j, t - tau) - y(i))
    return sides


def peer_solution(dde: Any, start: Angles, rtol: float) -> Angles:
    """The angles at the end."""
    dde.purge_past()
    dde.constant_past(start, time=0.0)
    dde.set_integration_parameters(rtol=rtol, atol=rtol, first_step=0.01, min_step=1e-12)
    dde.adjust_diff()
    return dde.integrate(STOP)


def main() -> None:
    """Both kinds of delays."""
    chosen = options(__doc__, rounds=3)
    torch.set_num_threads(1)
    found: list[dict[str, Any]] = []
    for name, (drawn, delay) in DELAYS.items():
        text = SPEC.replace("DRAWN", drawn).replace("DELAY", delay)
        system = Compilation(Source("late_edges.dyn", text)).build()
        start = system.initial_states()
        fine = solve(system, start, [0.0, STOP], method="rk4", step=EXACT)
        exact = fine.states["osc.theta"][-1].numpy()
        with tempfile.TemporaryDirectory() as folder:
            peers = peer_runs(system, folder) if find_spec("jitcdde") else ()
            found += rows(name, [*own_runs(system), *peers], exact, chosen.rounds)
    show("Delays of 1000 edges", found, chosen.json)


if __name__ == "__main__":
    main()
