"""Sines and cosines of one angle: how many are left, and that the values are the same."""

from __future__ import annotations

from collections import Counter

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.program.passes.share_angles import MOST

SPEC = """
model m
param N = 7, K = 1.5, alpha = 0.4, beta = -1.1
population osc[N] {
  state theta on MANIFOLD ~ uniform(-3, 3)
  param omega ~ normal(0, 1), u ~ normal(0, 1)
  drift DRIFT
}
COUPLING
"""
OVER = {
    "everyone": "everyone(N) without self",
    "dense": "gnp_random_graph(n=N, p=0.6, seed=2)",
    "edges": "gnp_random_graph(n=N, p=0.6, seed=2)",
}


def compiled(drift: str = "omega", coupling: str = "", manifold: str = "circle") -> Compilation:
    text = SPEC.replace("DRIFT", drift).replace("COUPLING", coupling)
    text = text.replace("MANIFOLD", manifold)
    return Compilation(Source("m.dyn", text))


def turns(compilation: Compilation) -> Counter[str]:
    """The sines and cosines of whole arrays in the field, by operation and place."""
    block = compilation.program.field
    assert block is not None
    return Counter(f"{n.op} {n.type.place.kind}" for n in block.nodes if n.op in ("sin", "cos"))


def rates(compilation: Compilation):
    """The rate, the angles, and the natural frequencies, as numpy."""
    system = compilation.build()
    theta = system.initial_states()["osc.theta"]
    found = system.rates(0.0, {"osc.theta": theta})["osc.theta"]
    own = dict(system.named_buffers())
    return found.numpy(), theta.numpy(), own["osc.omega"].numpy(), own["osc.u"].numpy()


@pytest.mark.parametrize("harmonics", [1, 2, 5])
def test_harmonics_and_lag_of_a_coupling_take_one_sine_and_one_cosine(harmonics: int) -> None:
    """The issue's kernel: a sum of two features a harmonic, and nothing else per node."""
    clauses = f"harmonics m in 1 .. {harmonics}; frustration alpha; strength K"
    found = compiled(coupling=f"coupling pull: osc -> osc {{ {clauses} }}")
    expected = {"sin nodes": 1, "cos nodes": 1, "sin global": 1, "cos global": 1}
    assert turns(found) == expected
    (sums,) = (n for n in found.program.field.nodes if n.op == "graph_sum")  # pyright: ignore
    assert len(sums.inputs) == 2 * harmonics


@pytest.mark.parametrize("over", ["everyone", "dense", "edges"])
def test_the_values_are_those_of_the_kernel(over: str) -> None:
    form = "form edges; " if over == "edges" else ""
    clauses = f"{form}harmonics m in 1 .. 5; frustration alpha; strength K"
    found = compiled(coupling=f"coupling pull: osc -> osc over {OVER[over]} {{ {clauses} }}")
    value, theta, omega, _ = rates(found)
    edges = found.network.connections["pull"]
    matrix = numpy.ones((7, 7)) - numpy.eye(7)
    if edges.receivers is not None:
        matrix = numpy.zeros((7, 7))
        matrix[edges.receivers, edges.senders] = 1.0
    difference = theta[None, :] - theta[:, None]
    kernel = sum(numpy.sin(m * difference - 0.4) for m in range(1, 6))
    numpy.testing.assert_allclose(value, omega + 1.5 * (matrix * kernel).sum(1), atol=1e-13)


def test_pairs_that_do_not_separate_share_too() -> None:
    """Edge by edge: one sine and one cosine of each difference."""
    kernel = "sin(D) + cos(D + alpha) + K*cos(2*D)".replace("D", "(theta[j] - theta[i])")
    clauses = f"form edges; kernel {kernel}"
    found = turns(compiled(coupling=f"coupling pull: osc -> osc {{ {clauses} }}"))
    assert found == {"sin pairs": 1, "cos pairs": 1, "sin global": 1, "cos global": 1}


DRIFTS = [
    ("sin(theta + alpha) + sin(2*theta) + cos(beta - theta) + cos(-2*theta)", 2),
    ("sin(0.5*theta) + cos(0.5*theta)*cos(1.5*theta - 0.3) + sin(theta)", 4),
    ("sin(theta - u) + cos(theta - u + alpha) + cos(3*(theta - u))", 4),
    ("sin(theta + alpha + t) + cos(2*pi*theta) + sin(4*pi*theta) + cos(4*pi*theta - 1)", 5),
    ("sin(2*theta)", 1),
    ("sin(theta) + sin(theta + u)", 2),
]


@pytest.mark.parametrize(("drift", "most"), DRIFTS)
def test_angles_in_a_drift(drift: str, most: int) -> None:
    """Multiples, signs, lags with numbers and time, and bases of several terms."""
    found = compiled(drift, manifold="real")
    value, theta, _, u = rates(found)
    assert sum(n for name, n in turns(found).items() if name.endswith("nodes")) <= most
    names = {"sin": numpy.sin, "cos": numpy.cos, "pi": numpy.pi, "t": 0.0}
    text = drift.replace("^", "**")
    expected = eval(text, names | {"theta": theta, "u": u, "alpha": 0.4, "beta": -1.1})
    numpy.testing.assert_allclose(value, expected, atol=2e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_error_of_a_harmonic_grows_no_faster_than_the_harmonic(dtype: torch.dtype) -> None:
    """sin(m x) of all m up to the limit, against sines of 20 digits more than needed."""
    system = compiled(" + ".join(f"cos({m}*theta)" for m in range(1, MOST + 1))).build(dtype=dtype)
    theta = torch.linspace(-3.1, 3.1, 7, dtype=dtype)
    nodes = {n.op for n in system.program.field.nodes}  # pyright: ignore
    assert turns_of(system) == 2 and "sin" in nodes
    value = system.rates(0.0, {"osc.theta": theta})["osc.theta"].double()
    exact = torch.stack([(m * theta.double()).cos() for m in range(1, MOST + 1)]).sum(0)
    # each to m units, their sum to as many as all together
    units = MOST * (MOST + 1) / 2 * torch.finfo(dtype).eps
    assert float((value - exact).abs().max()) < units / 8


def turns_of(system) -> int:
    nodes = system.program.field.nodes
    return sum(n.op in ("sin", "cos") and n.type.place_axes > 0 for n in nodes)


def test_a_sine_beyond_the_limit_stays() -> None:
    names = " + ".join(f"cos({m}*theta)" for m in (1, MOST, MOST + 1))
    assert turns_of(compiled(names).build()) == 3
