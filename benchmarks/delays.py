"""A delay per edge: 100 oscillators, 1000 edges, delays in [0.5, 2], t in [0, 20], one thread.

Once with delays off the grid of the steps, once with delays on it. The error is the largest
difference of an angle at the end from the same solution in much smaller steps. Where the package
jitcdde and a C compiler are there, it solves the same equations; compiling them is not counted.

    python benchmarks/delays.py [--rounds N] [--json]
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from time import perf_counter, process_time
from typing import Any

import numpy
import torch
from measure import options, show

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
TOLERANCES = (1e-5, 1e-6, 1e-7, 1e-8)

Angles = Any


def timed(call: Callable[[], Any], rounds: int) -> tuple[Any, float]:
    """The result, and the median of the CPU seconds."""
    found, seconds = None, []
    for _ in range(rounds):
        began = process_time()
        found = call()
        seconds.append(process_time() - began)
    return found, statistics.median(seconds)


def rows_of_steps(name: str, system: Any, exact: Angles, rounds: int) -> Iterator[dict[str, Any]]:
    """rk4 in steps of several sizes."""
    start = system.initial_states()
    for step in STEPS:
        call = lambda step=step: solve(system, start, [0.0, STOP], method="rk4", step=step)  # noqa: E731
        found, seconds = timed(call, rounds)
        steps = found.statistics["steps"]
        yield {
            "delays": name,
            "method": "rk4",
            "step or rtol": step,
            "steps": steps,
            "CPU s": seconds,
            "steps per s": steps / seconds,
            "error": float(numpy.abs(found.states["osc.theta"][-1].numpy() - exact).max()),
        }


def rows_of_peer(name: str, system: Any, exact: Angles, rounds: int) -> Iterator[dict[str, Any]]:
    """JiTCDDE, its derivatives adjusted at the start."""
    from jitcdde import jitcdde  # type: ignore[import-not-found]

    dde = jitcdde(equations(system), n=100, verbose=False, max_delay=2.0)
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        began = perf_counter()
        dde.compile_C(simplify=False)
        built = perf_counter() - began
        os.chdir(before)
        start = system.initial_states()["osc.theta"].numpy()
        for rtol in TOLERANCES:
            found, seconds = timed(lambda rtol=rtol: peer_solution(dde, start, rtol), rounds)
            yield {
                "delays": name, "method": "JiTCDDE", "step or rtol": rtol, "CPU s": seconds,
                "error": float(numpy.abs(found - exact).max()), "built in s": built,
            }  # fmt: skip


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
    rows: list[dict[str, Any]] = []
    for name, (drawn, delay) in DELAYS.items():
        text = SPEC.replace("DRAWN", drawn).replace("DELAY", delay)
        system = Compilation(Source("late_edges.dyn", text)).build()
        start = system.initial_states()
        found = solve(system, start, [0.0, STOP], method="rk4", step=EXACT)
        exact = found.states["osc.theta"][-1].numpy()
        rows += rows_of_steps(name, system, exact, chosen.rounds)
        if find_spec("jitcdde"):
            rows += rows_of_peer(name, system, exact, chosen.rounds)
    show("Delays of 1000 edges", rows, chosen.json)


if __name__ == "__main__":
    main()
