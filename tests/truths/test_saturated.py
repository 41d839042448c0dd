"""Saturated equilibria against all subsets of species, the dynamics, and their own conditions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.run.experiment import run_experiment
from dynattn.solve.saturated import _complementary, saturated_states

COMMUNITY = """model community
param S = 30, sigma = 0.5, mu = 0.0, gamma = 0.0
population species[S] { state n on positive ~ uniform(0.5, 1.5); drift 1 - n }
coupling web: species -> species {
  weight ~ paired_normal(mu/S, sigma/sqrt(S), gamma)
  kernel KERNEL
}
observe gone = count(n == 0)
simulate {
  t 0 .. 1 every 1; start saturated; until equilibrium; repeat 6; record final(n), final(gone)
}
simulate long { t 0 .. 20000; until equilibrium; rtol 1e-8; repeat 6; record final(n) }
"""


def community(kernel="n[j]", **overrides):
    return Compilation(Source("community.dyn", COMMUNITY.replace("KERNEL", kernel)), overrides)


def every_subset(slopes, constant):
    """All saturated equilibria, tried one by one."""
    n = len(constant)
    for size in range(n + 1):
        for kept in combinations(range(n), size):
            k = list(kept)
            y = np.zeros(n)
            y[k] = np.linalg.solve(slopes[np.ix_(k, k)], -constant[k])
            growth = slopes @ y + constant
            if (y[k] > 0).all() and (np.delete(growth, k) <= 0).all():
                yield y


def test_against_every_subset():
    rng = np.random.default_rng(0)
    slopes = -np.eye(7) + 0.25 * rng.normal(size=(60, 7, 7))
    constant = rng.uniform(-0.2, 1.0, size=(60, 7))
    there = torch.ones(60, 7, dtype=torch.bool)
    y, fits, _ = _complementary(torch.as_tensor(slopes), torch.as_tensor(constant), there)
    truths = [list(every_subset(*pair)) for pair in zip(slopes, constant, strict=True)]
    single = [k for k, known in enumerate(truths) if len(known) == 1]
    assert len(single) > 40
    assert bool(fits[single].all())
    for k in single:
        assert y[k].numpy() == pytest.approx(truths[k][0], abs=1e-12)
    assert 0.1 < float((y[single] == 0).double().mean()) < 0.6


def test_it_is_where_the_dynamics_ends():
    spec = community()
    exact, run = run_experiment(spec), run_experiment(spec, "long")
    n = exact["final(n)"]
    assert (exact["final(gone)"] == (n == 0).sum(-1)).all() and (n == 0).any()
    assert n == pytest.approx(run["final(n)"], abs=1e-3)
    assert abs(n - run["final(n)"])[n > 0.01].max() < 1e-4


@pytest.mark.parametrize("kernel", ["n[j]/(1 + 0.5*n[j])", "n[j]^2"])
def test_growth_that_is_not_linear(kernel):
    system = community(kernel, sigma=0.7, mu=-2.0).build()
    n = saturated_states(system)["species.n"].numpy()
    weights = system.get_buffer("web.weight").numpy().reshape(30, 30)
    heard = {"n[j]^2": n**2}.get(kernel, n / (1 + 0.5 * n))
    growth = 1 - n + (weights - np.diag(np.diag(weights))) @ heard
    assert abs(growth[n > 0]).max() < 1e-10
    assert (n == 0).any() and (growth[n == 0] < 0).all()


def test_where_there_is_none():
    with pytest.raises(NumericalError, match="E681"):
        saturated_states(community(mu=5.0).build())
