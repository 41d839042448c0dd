"""The replicator equation: a conserved product, and the spiral round balance."""

from __future__ import annotations

import numpy as np

from benchmarks.classics.truth import Truth, drawn, shipped, solved

PERIOD = 2 * np.pi * np.sqrt(3)


def truths() -> list[Truth]:
    """Games on the same numbers, what they conserve, and both parts of an eigenvalue."""
    return [_same_numbers(), _conserved(), _turn(), _spiral()]


def _same_numbers() -> Truth:
    spec = shipped("replicator", "simulate { t 0 .. 20 every 5; rtol 1e-9 }", win=0.7)
    pay = np.array([[0, -1, 0.7], [0.7, 0, -1], [-1, 0.7, 0]])

    def rate(t, y):
        x = y.reshape(4, 3)
        gain = x @ pay.T
        return (x * (gain - (x * gain).sum(axis=1, keepdims=True))).ravel()

    result = spec.run()
    expected = solved(rate, drawn(spec)["game.x"].ravel(), result.times)[-1, 9]
    found = float(result["game.x"][-1, 3, 0])
    return Truth("first share of the last game at t = 20", expected, found, 1e-6, "SciPy, DOP853")


def _conserved() -> Truth:
    product = shipped("replicator").run()["V"]
    source = "a zero-sum game conserves the product, Hofbauer and Sigmund 1998"
    return Truth("change of the products", 0.0, float(np.ptp(product, axis=0).max()), 1e-7, source)


def _turn() -> Truth:
    """After 2 pi sqrt(3) a small orbit is where it began; its second share then moves fastest."""
    change = f"""population game {{ param off = 0.001 }}
    simulate {{ t 0 .. {PERIOD} every {PERIOD}; rtol 1e-11 }}"""
    found = float(shipped("replicator", change).run()["game.x"][-1, 0, 1])
    return Truth("share after one period", 1 / 3 - 0.0005, found, 2e-6, "eigenvalue i / sqrt(3)")


def _spiral() -> Truth:
    """What the product lacks to 1/27 is quadratic in the distance: twice the eigenvalue."""
    change = "simulate { t 0 .. 40 every 20; rtol 1e-11 }"
    lacking = 1 / 27 - shipped("replicator", change, win=1.5).run()["V"][1:, 0]
    found = float(np.log(lacking[1] / lacking[0])) / 40
    return Truth("rate of the spiral at win = 1.5", -1 / 12, found, 2e-4, "(1 - win) / 6")
