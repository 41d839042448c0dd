"""A delay per edge between nodes of a group: against one population, and a second integrator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dynattn.lower.certify import certify
from dynattn.lower.past import at_rest
from dynattn.solve.solve import solve
from tests.truths.solved import compiled, integrated, run, slopes

BODY = "state x on real = sin(1 + NUMBER); param rest = 0.1 * (NUMBER); let out = tanh(x) - rest"
SUMS = """
coupling near: all -> all over ring(6, reach=2) {
  kernel out[j] * cos(x[i])
  delay  distance / speed * (1 + 0.1 * rest[j])
}
coupling pairs: all -> all over everyone(6) { kernel x[j]^2; strength 0.1; delay 0.5 + rest[i] }
coupling one:   all -> all { kernel x[j]; strength 0.1; delay 0.5 }
simulate { t 0 .. 3 every 0.5; method rk4; step 0.05 }
"""
ONE = f"model one\nparam speed = 4.0\npopulation all[6] {{ {BODY}; drift -x }}{SUMS}"
TWO = f"""
model two
param speed = 4.0
population left[2]  {{ {BODY.replace("NUMBER", "index")}; drift -x }}
population right[4] {{ {BODY.replace("NUMBER", "index + 2")}; drift -x }}
group all = left + right
{SUMS}"""
ONE = ONE.replace("NUMBER", "index")


def test_a_group_is_one_population_with_the_same_numbers() -> None:
    whole, parts = run(ONE)["all.x"], run(TWO)
    np.testing.assert_allclose(parts["left.x"], whole[:, :2], rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts["right.x"], whole[:, 2:], rtol=0, atol=1e-12)


def test_a_group_by_a_second_integrator() -> None:
    number = np.arange(6.0)

    def rate(t: float, x: np.ndarray, past: Callable[[float], np.ndarray]) -> np.ndarray:
        found = -x
        for i in range(6):
            for away in (-2, -1, 1, 2):
                j = (i + away) % 6
                seen = past(t - abs(away) / 4 * (1 + 0.01 * j))[j]
                found[i] += (np.tanh(seen) - 0.1 * j) * np.cos(x[i])
            found[i] += 0.1 * (past(t - 0.5 - 0.1 * i) ** 2).sum()
            found[i] += 0.1 * (past(t - 0.5).sum() - past(t - 0.5)[i])
        return found

    expected = integrated(rate, np.sin(1 + number), 3.0, 600)[::100]
    found = run(TWO.replace("step 0.05", "step 0.025"))
    both = np.concatenate([found["left.x"], found["right.x"]], axis=1)
    np.testing.assert_allclose(both, expected, atol=5e-6)


CURVED = """
model curved
param lag = 0.4
population a[2] { state z on sphere(3); drift [0.5, 0, 0.2] }
population b[3] { state z on sphere(3); drift [0, 0.3, 0.1 * index] }
group all = a + b
coupling c: all -> all over cycle_graph(n=5) { kernel z[j]; delay lag * (1 + index[i] / 7) }
coupling d: a -> b { kernel z[j]; weight softmax(dot(z[i], z[j])) }
simulate { t 0 .. 2 every 1; method rk4; step 0.1 }
"""
HEAVY = """
model heavy
population a[2] { state x on circle; state x' ~ normal(0, 1); inertia 1 }
population b[2] { state x on circle; state x' ~ normal(0, 1); inertia 2; drift 0.1 }
group all = a + b
coupling c: all -> all { kernel sin(x[j] - x[i]) - 0.1 * x[j]'; delay 0.3 + 0.1 * index[i] }
coupling d: a -> b { kernel sin(x[j] - x[i]); delay 0.3 + 0.1 * index[i] }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""


@pytest.mark.parametrize("text", [TWO, CURVED, HEAVY])
def test_the_past_of_groups_agrees_with_plain_loops(text: str) -> None:
    assert certify(compiled(text)).passed


def test_the_past_of_a_group_on_spheres_is_on_the_sphere() -> None:
    fine = run(CURVED.replace("step 0.1", "step 0.0125"))
    coarse, half = (run(CURVED.replace("step 0.1", f"step {h}")) for h in (0.1, 0.05))
    errors = []
    for found in (coarse, half):
        np.testing.assert_allclose(np.linalg.norm(found["b.z"], axis=-1), 1, atol=1e-12)
        errors.append(np.abs(found["b.z"][-1] - fine["b.z"][-1]).max())
    assert errors[1] < 1e-6 and np.log2(errors[0] / errors[1]) > 3.4


def test_the_delay_of_a_group_is_learned_by_its_gradient() -> None:
    system = compiled(TWO.replace("param speed", "learn speed")).build()
    speed = dict(system.named_parameters())["speed"]

    def last() -> torch.Tensor:
        found = solve(system, system.initial_states(), [0.0, 0.8], method="rk4", step=0.04)
        return torch.cat([x[-1] ** 2 for x in found.states.values()]).sum()

    slope, beside = slopes(last, speed)
    assert slope == pytest.approx(beside, rel=1e-6)


def test_a_group_that_has_always_been_as_it_is() -> None:
    system = compiled(TWO).build()
    states = {"left.x": torch.tensor([0.0, 1.0]), "right.x": torch.arange(2.0, 6.0)}
    seen = at_rest(system, states)["all.x", "near"]
    senders = system.network.connections["near"].senders
    assert senders is not None and seen.tolist() == senders.tolist()
