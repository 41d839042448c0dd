"""Order parameters of the language in closed form, and against those of ``dynattn.analyse``."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.analyse import order_parameter
from tests.run.specs import compiled

SPEC = """
model orders
param m = 2
population a[4] { state theta on circle = pi/2*index + 0.1; drift 0 }
population b[6] { state theta on circle ~ uniform; drift 0 }
group all = a + b
readout near: b -> b over ring(6, reach=1) { kernel cis(theta[j]); normalize degree }
observe one = order(a.theta)
observe two = order(a.theta, m)
observe four = order(a.theta, 4)
observe three = order(b.theta, 3)
observe both = order(all.theta)
observe pairs = order(all.theta, m=2)
observe local = mean(abs(near))
"""


def test_orders_of_clusters_groups_and_neighbours() -> None:
    system = compiled(SPEC).build()
    states = system.initial_states()
    found = {name: float(x) for name, x in system.observe(0.0, states).items()}
    # Four phases a quarter of a turn apart are one cluster of m = 4, and of no smaller m.
    assert found["one"] == pytest.approx(0, abs=1e-12)
    assert found["two"] == pytest.approx(0, abs=1e-12)
    assert found["four"] == pytest.approx(1, abs=1e-12)
    a, b = (states[f"{name}.theta"].numpy() for name in "ab")
    whole = np.concatenate([a, b])
    ring = np.arange(6)
    local = order_parameter.local(b, np.tile(ring, 2), np.concatenate([ring - 1, (ring + 1) % 6]))
    for name, known in (
        ("three", abs(order_parameter.daido(b, 3))),
        ("both", abs(order_parameter.kuramoto(whole))),
        ("pairs", abs(order_parameter.daido(whole, 2))),
        ("local", local.mean()),
    ):
        assert found[name] == pytest.approx(known, abs=1e-12)
