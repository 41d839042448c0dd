"""Leading eigenvalues of Jacobians of some hundred unknowns, against all eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynattn.analyse.leading import balance, leading_of_whole
from dynattn.analyse.stability import stability_of
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import rest_problem

TEXT = """model m
param N = 420
graph g = watts_strogatz_graph(N, 6, 0.3, seed=1)
population o[g] { state theta on circle ~ normal(0, SPREAD); param w ~ normal(0, 1); drift w }
coupling pull: o -> o over g { strength 3; kernel sin(theta[j] - theta[i] - ALPHA)
  normalize degree }
"""


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0])
def test_networks_that_are_not_symmetric(alpha: float, spread: float) -> None:
    """Degrees differ, and so do rows and columns; near rest, and far from it, where many grow."""
    text = TEXT.replace("SPREAD", str(spread)).replace("ALPHA", str(alpha))
    system = Compilation(Source("m.dyn", text)).build()
    states = system.initial_states()
    packing = packing_of(states, 0)
    problem = rest_problem(system, packing)
    local = problem.at(packing.pack(states))
    matrix = local.jacobian(local.drift(local.residual()[1]))
    found = stability_of(local, matrix)
    every = torch.linalg.eigvals(matrix).numpy()
    every = np.delete(every, np.abs(every).argmin())
    assert found.unstable == int((np.real(every) > 1e-9).sum())
    assert found.verdict == ("unstable" if found.unstable else "stable")
    assert found.eigenvalues[0].real == pytest.approx(np.real(every).max(), abs=1e-7)
    for value in found.eigenvalues:
        assert np.abs(every - value).min() < 1e-6


def test_what_a_change_of_scales_makes_symmetric() -> None:
    rng = np.random.default_rng(0)
    even = rng.normal(size=(50, 50)) * (rng.random((50, 50)) < 0.1)
    even, scales = even + even.T, np.exp(rng.normal(size=50))
    matrix = even * scales[:, None] / scales
    d = balance(matrix)
    turned = matrix * d / d[:, None]
    assert np.abs(turned - turned.T).max() < 1e-12 * np.abs(matrix).max()


def test_nothing_is_said_where_something_may_grow() -> None:
    """A rotation that grows, far from the axis in frequency, is not overlooked."""
    rng = np.random.default_rng(0)
    matrix = -np.diag(1 + rng.random(450))
    matrix[:2, :2] = [[1e-3, 50], [-50, 1e-3]]
    assert leading_of_whole(torch.as_tensor(matrix)) is None
    matrix[:2, :2] = [[-1e-3, 50], [-50, -1e-3]]
    found = leading_of_whole(torch.as_tensor(matrix))
    assert found is None or np.abs(found - (-1e-3 + 50j)).min() < 1e-6


@pytest.mark.parametrize("rate", [-0.001, 0.0005, 0.01])
def test_pairs_of_alike_eigenvalues_are_counted(rate: float) -> None:
    """A ring: rate - 2 + 2 cos(2 pi k / N), each but the first twice."""
    text = f"""model m
param N = 420
graph g = cycle_graph(N)
population p[g] {{ state x on real = 0; drift {rate}*x - x^3 }}
coupling k: p -> p over g {{ kernel x[j] - x[i] }}
"""
    system = Compilation(Source("m.dyn", text)).build()
    packing = packing_of(system.initial_states(), 0)
    local = rest_problem(system, packing).at(packing.pack(system.initial_states()))
    found = stability_of(local, local.jacobian(local.drift(local.residual()[1])))
    every = np.sort(rate - 2 + 2 * np.cos(2 * np.pi * np.arange(420) / 420))[::-1]
    assert found.unstable == int((every > 1e-7 * 4).sum())
    count = min(len(found.eigenvalues), 10)
    assert np.real(found.eigenvalues[:count]) == pytest.approx(every[:count], abs=1e-9)
