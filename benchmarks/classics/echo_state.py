"""An echo-state network: its recursion, what it forgets, and how much it can recall."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import SPECS, Array, Truth, drawn, shipped

LINEAR = """population cell { h <- heard + strength * ear * u }
simulate { steps 4000 }"""


def truths() -> list[Truth]:
    """Steps on the same numbers, forgetting in silence, memory capacity, and a prediction."""
    return [_same_numbers(), _forgetting(), _capacity(), _prediction()]


def _weights(numbers: dict[str, Array]) -> Array:
    """W: no cell hears itself."""
    drawn_ones = numbers["heard.weight"]
    return drawn_ones - np.diag(np.diag(drawn_ones))


def _same_numbers() -> Truth:
    spec = shipped("echo_state", N=40)
    numbers = drawn(spec)
    h, w, ear = numbers["cell.h"], _weights(numbers), numbers["cell.ear"][:, None]
    for u in np.loadtxt(SPECS / "data" / "mackey_glass.csv", skiprows=1)[:300]:
        h = np.tanh(w @ h + ear * u)
    found = float(spec.run()["cell.h"][-1, 7, 0])
    return Truth("cell 7 after 300 steps", float(h[7, 0]), found, 1e-9, "numpy")


def _forgetting() -> Truth:
    """Without a signal cells fall silent, and W alone says how fast two copies meet."""
    spec = shipped("echo_state", N=40, strength=0, radius=0.8)
    apart = spec.run()["apart"]
    rate = float(np.log(apart[150] / apart[50])) / 100
    size = np.abs(np.linalg.eigvals(_weights(drawn(spec)))).max()
    source = "log of the spectral radius, by numpy"
    return Truth("rate of forgetting", float(np.log(size)), rate, 0.01, source)


def _capacity() -> Truth:
    """The sum over k of R^2 of the best linear readouts of u(t - k)."""
    u = np.random.default_rng(0).uniform(-1, 1, 4000)
    spec = shipped("echo_state", LINEAR, N=6)
    h = spec.run(signals={"u": (np.arange(4000.0), u)})["cell.h"][:4000, :, 0]
    recalled = [_explained(h[500:], u[500 - k : 4000 - k]) for k in range(1, 60)]
    source = "a linear reservoir recalls as many samples as it has cells, Jaeger 2002"
    return Truth("memory capacity of 6 cells", 6.0, sum(recalled), 0.2, source)


def _explained(h: Array, target: Array) -> float:
    """R^2 of the linear readout by least squares."""
    weights = np.linalg.lstsq(h, target, rcond=None)[0]
    return 1 - float(((h @ weights - target) ** 2).sum() / (target**2).sum())


def _prediction() -> Truth:
    """The shipped series ten steps ahead, from a readout trained on 600 steps, on the 250 after."""
    u = np.loadtxt(SPECS / "data" / "mackey_glass.csv", skiprows=1)
    h = shipped("echo_state", "simulate { steps 980 }").run()["cell.h"][:981, :, 0]
    seen, ahead = h[100:], u[109:990]
    penalty = 1e-8 * np.eye(h.shape[1])
    weights = np.linalg.solve(seen[:600].T @ seen[:600] + penalty, seen[:600].T @ ahead[:600])
    error = np.std(seen[630:] @ weights - ahead[630:]) / np.std(u)
    source = "0 is the series itself, and its mean has 1"
    return Truth("error ten steps ahead", 0.0, float(error), 0.1, source)
