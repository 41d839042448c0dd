"""Oscillators with inertia: the locked state, the loop between the two, and the pendulum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar

from benchmarks.classics.truth import Truth, drawn, order, shipped, solved

EXPERIMENT = "up"
LONG = "t 0 .. 100 every 1; start previous; record average(r) after 50"


def truths() -> list[Truth]:
    """One short run on the same numbers, both branches at K = 2, and a pendulum."""
    return [_same_numbers(), *_branches(), _damping(), _running()]


def _omega(count: int) -> NDArray[np.float64]:
    return (2 * np.arange(count) + 1) / count - 1


def _same_numbers() -> Truth:
    spec = shipped("inertia", "simulate { t 0 .. 6 every 0.5; rtol 1e-9 }", N=20, K=3)
    start = np.concatenate([drawn(spec)["osc.theta"], np.zeros(20)])

    def rate(t, y):
        theta, speed = y[:20], y[20:]
        pull = 3.0 * np.sin(theta[None, :] - theta[:, None]).sum(axis=1) / 20
        return np.concatenate([speed, (_omega(20) + pull - speed) / 4.0])

    result = spec.run()
    expected = order(solved(rate, start, result.times)[-1, :20])
    return Truth("r of 20 at t = 6", expected, float(result["r"][-1]), 1e-6, "SciPy, DOP853")


def _branches() -> list[Truth]:
    """At K = 2 all are locked on the way down, whatever the inertia, and none on the way up."""
    change = f"sweep up {{ K = [1, 1.5, 2]; {LONG} }}\nsweep down {{ K = [4, 3, 2]; {LONG} }}"
    spec = shipped("inertia", change, N=100)
    up, down = (spec.run(name)["average(r) after 50"][-1] for name in ("up", "down"))

    def gap(r):
        return r - np.sqrt(1 - (_omega(100) / (2 * r)) ** 2).mean()

    locked = root_scalar(gap, bracket=(0.9, 1.0)).root
    return [
        Truth("r at K = 2 on the way up", 0.0, float(up), 0.12, "incoherence, up to 1/sqrt(N)"),
        Truth(
            "r at K = 2 on the way down", locked, float(down), 1e-4, "r = <sqrt(1 - (omega/Kr)^2)>"
        ),
    ]


def _damping() -> Truth:
    """Two oscillators: m phi'' + phi' = 1 - K sin(phi), ringing where 4 m K cos(phi) > 1."""
    change = "simulate { t 0 .. 40 every 0.02; rtol 1e-9 }"
    theta = shipped("inertia", change, N=2, K=2, m=2).run()["osc.theta"]
    phi = theta[:, 1] - theta[:, 0]
    away = np.mod(phi - np.arcsin(0.5) + np.pi, 2 * np.pi) - np.pi
    late = np.flatnonzero((away[1000:-1] * away[1001:]) < 0) + 1000
    crossings = 0.02 * (late + away[late] / (away[late] - away[late + 1]))
    expected = np.sqrt(4 * 2 * 2 * np.cos(np.arcsin(0.5)) - 1) / (2 * 2)
    source = "pendulum: (sqrt(4 m K cos(phi) - 1)) / 2m"
    return Truth("ringing of two", expected, float(np.pi / np.diff(crossings).mean()), 2e-3, source)


def _running() -> Truth:
    """Two that are set going turn on where (4/pi) sqrt(K/m) is below their difference, 1."""
    values = [11.4, 12.0, 12.6, 13.2]
    change = f"""population osc {{ state theta' = 4 * (index - 0.5) }}
    sweep up {{
      K = {values}; start init
      t 0 .. 400 every 1; record average(turning) after 350
    }}"""
    turning = shipped("inertia", change, N=2, m=20).run("up")["average(turning) after 350"]
    between = values[0] - 0.3 + 0.6 * float((turning > 0.5).sum())
    source = "Tanaka, Lichtenberg and Oishi 1997: K = m (pi/4)^2, for m K large"
    return Truth("K that stops two", 20 * (np.pi / 4) ** 2, between, 0.3, source)
