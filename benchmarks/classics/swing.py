"""The swing equation on the New England grid: its swings, its rest, and the power it can carry."""

from __future__ import annotations

from typing import NamedTuple

import networkx
import numpy as np
from scipy.optimize import root

from benchmarks.classics.truth import SPECS, Array, Truth, order, shipped, solved


class Grid(NamedTuple):
    """Loads first, as the buses are numbered; generators are the last ten."""

    power: Array
    """Fed in less drawn, [39]."""
    inertia: Array
    """Of the generators, [10]."""
    lines: Array
    """b, [39, 39]."""


def truths() -> list[Truth]:
    """A second of swings on the same numbers, the power flow at rest, and the limit of powers."""
    return [_swings(), *_rest(), _limit()]


def _grid() -> Grid:
    graph = networkx.read_graphml(SPECS / "data" / "new_england.graphml", node_type=int)
    power = np.array([graph.nodes[bus]["P"] for bus in range(39)])
    inertia = np.array([graph.nodes[bus]["M"] for bus in range(29, 39)])
    return Grid(power, inertia, networkx.to_numpy_array(graph, range(39), weight="b"))


def _flow(grid: Grid, theta: Array) -> Array:
    return (grid.lines * np.sin(theta[None, :] - theta[:, None])).sum(axis=1)


def _swings() -> Truth:
    grid = _grid()

    def rate(t, y):
        force = grid.power + _flow(grid, y[:39])
        return np.concatenate([force[:29] / 5, y[39:], (force[29:] - y[39:]) / grid.inertia])

    result = shipped("swing", "simulate { t 0 .. 0.5 every 0.1; rtol 1e-9 }").run()
    speed = solved(rate, np.zeros(49), result.times)[-1, 39:]
    found = float(result["spread"][-1])
    return Truth("spread at t = 0.5", float(np.ptp(speed)), found, 1e-5, "SciPy, DOP853")


def _rest() -> list[Truth]:
    """At three times the powers; friction only says how fast the point of rest is reached."""
    grid = _grid()
    settings = {"stress": 3, "friction": 5}
    result = shipped("swing", "simulate { t 0 .. 12 every 1; rtol 1e-7 }", **settings).run()
    theta = root(lambda x: (3 * grid.power + _flow(grid, np.append(x, 0.0)))[:-1], np.zeros(38)).x
    expected, source = order(np.append(theta, 0.0)), "power flow by scipy.optimize.root"
    return [
        Truth("r at rest", expected, float(result["r"][-1]), 1e-6, source),
        Truth("spread at rest", 0.0, float(result["spread"][-1]), 1e-5, "all turn with the grid"),
    ]


def _limit() -> Truth:
    """The first line to be full carries all that its generator feeds in: stress P = b."""
    grid = _grid()
    only = [29 + k for k in range(10) if np.count_nonzero(grid.lines[29 + k]) == 1]
    expected = min(grid.lines[bus].max() / grid.power[bus] for bus in only)
    change = """sweep limit {
      stress = [4, 6, 6.3, 6.5]; start previous; t 0 .. 3 every 1; record final(spread)
    }"""
    spread = shipped("swing", change, friction=5).run("limit")["final(spread)"]
    found = 6.2 + 0.2 * float((spread[-2:] < 0.5).sum())
    return Truth(
        "stress without rest", expected, found, 0.1, "sin = 1 on the line that fills first"
    )
