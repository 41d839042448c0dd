"""A solve that fails keeps what it had computed: the saved times it came to, right as ever."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynattn.diagnostics.report import NumericalError
from dynattn.solve.solve import Solution, solve
from tests.solve.systems import Flat

F64 = torch.float64
RUNAWAY = Flat(lambda t, x: x**2)
TIMES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.2, 1.6, 2.0]
METHODS = {
    "tsit5": {}, "rodas5p": {}, "rk4": {"step": 0.01}, "tsit5 in steps": {"step": 0.02},
    "heun": {"step": 1e-3}, "dopri5": {}, "bosh3": {}, "torchdiffeq.rk4": {"step": 0.01},
    "midpoint": {"step": 1e-3}, "explicit_adams": {"step": 1e-3}, "scipy_solver": {},
}  # fmt: skip


def failed(start, times, **options) -> tuple[Solution, NumericalError]:
    with torch.no_grad(), pytest.raises(NumericalError) as caught:
        solve(RUNAWAY, {"p.x": torch.tensor(start, dtype=F64)}, times, **options)
    assert isinstance(caught.value.partial, Solution)
    return caught.value.partial, caught.value


@pytest.mark.parametrize("method", METHODS)
def test_what_was_computed_before_the_failure(method: str) -> None:
    partial, _ = failed([1.0, 0.1], TIMES, method=method.split()[0], **METHODS[method])
    assert partial.times.tolist() == TIMES[:5]
    assert partial.statistics["method"] == method.split()[0]
    found, t = partial.states["p.x"].numpy(), np.array(TIMES[:5])
    for k, x in enumerate((1.0, 0.1)):
        np.testing.assert_allclose(found[:, k], x / (1 - x * t), rtol=2e-3)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "dopri5"])
def test_of_a_batch_what_all_points_came_to(method: str) -> None:
    partial, error = failed([[0.1], [1.0], [2.0]], TIMES, method=method, batch=1)
    assert partial.times.tolist() == [0.0, 0.2, 0.4]
    assert partial.states["p.x"].shape == (3, 3, 1)
    np.testing.assert_allclose(partial.states["p.x"][2, :, 0], [0.1 / 0.96, 1 / 0.6, 2 / 0.2],
                               rtol=1e-4)  # fmt: skip
    assert "(batch point (" in error.diagnostics[0].message


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "dopri5", "bosh3"])
def test_when_the_steps_are_used_up(method: str) -> None:
    times = np.linspace(0, 0.99, 100).tolist()
    partial, error = failed([1.0], times, method=method, max_steps=12, rtol=1e-8)
    assert error.diagnostics[0].code == "E604"
    count = len(partial.times)
    assert 1 < count < 100
    expected = 1 / (1 - np.array(times[:count]))
    np.testing.assert_allclose(partial.states["p.x"][:, 0], expected, rtol=1e-5)


def test_backwards() -> None:
    partial, _ = failed([-1.0], [0.0, -0.5, -0.9, -1.5], method="tsit5")
    assert partial.times.tolist() == [0.0, -0.5, -0.9]
