"""The own path under gradients, vmap, jacfwd, export and compile."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import pytest
import torch

from dynattn.solve.fixed import equal_steps, integrate
from dynattn.solve.methods import METHODS
from dynattn.solve.solve import solve
from tests.solve.systems import Flat, Kuramoto, Sphere

# The first forward-mode derivative makes torch load decompositions by its own deprecated route.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

F64 = torch.float64
OWN = [m.name for m in METHODS.values() if m.tableau is not None]
OMEGA = torch.linspace(-1, 1, 5, dtype=F64)
THETA = torch.tensor([0.3, -1.0, 2.0, 0.7, -2.2], dtype=F64)


def final(theta, K, method="rk4"):
    """sum of sines after t = 2, a function of the start and the coupling strength."""
    system = Flat(
        lambda t, x: OMEGA + K * (x.sin().mean(-1, keepdim=True) * x.cos()
                                  - x.cos().mean(-1, keepdim=True) * x.sin()),
        "osc.theta",
    )  # fmt: skip
    got = integrate(system, {"osc.theta": theta}, (0.0, 2.0), method=method, step=0.1)
    return got["osc.theta"][-1].sin().sum(-1)


def difference(function, x, e=1e-6):
    unit = torch.eye(x.numel(), dtype=x.dtype)
    return torch.stack([(function(x + e * u) - function(x - e * u)) / (2 * e) for u in unit])


@pytest.mark.parametrize("method", OWN)
def test_gradient_and_jacobian_against_differences(method):
    K = torch.tensor(1.4, dtype=F64)
    expected = difference(lambda x: final(x, K, method), THETA)
    forward = torch.func.jacfwd(lambda x: final(x, K, method))(THETA)
    reverse = torch.func.jacrev(lambda x: final(x, K, method))(THETA)
    theta = THETA.clone().requires_grad_()
    final(theta, K, method).backward()
    assert theta.grad is not None
    for got in (forward, reverse, theta.grad):
        assert (got - expected).abs().max() < 1e-8


@pytest.mark.parametrize("method", OWN)
def test_vmap_is_a_loop(method):
    K = torch.tensor([0.5, 1.0, 2.0], dtype=F64)
    together = torch.func.vmap(lambda k: final(THETA, k, method))(K)
    alone = torch.stack([final(THETA, k, method) for k in K])
    assert (together - alone).abs().max() < 1e-13


def test_vmap_of_a_gradient():
    K = torch.tensor([0.5, 1.0, 2.0], dtype=F64)
    got = torch.func.vmap(torch.func.grad(lambda k: final(THETA, k)))(K)
    expected = torch.stack([(final(THETA, k + 1e-6) - final(THETA, k - 1e-6)) / 2e-6 for k in K])
    assert (got - expected).abs().max() < 1e-8


@pytest.mark.parametrize("method", ["rk4", "dopri5", "tsit5", "midpoint"])
def test_gradient_to_parameters_through_every_library(method):
    """Direct back-propagation: every parameter gets its gradient."""

    def loss(omega, K):
        system = Kuramoto(omega, K)
        step = 0.05 if METHODS[method].needs_step else None
        got = solve(system, {"osc.theta": THETA}, [0.0, 1.0], method=method, step=step, rtol=1e-10)
        return got.states["osc.theta"][-1].sin().sum(), system

    value, system = loss(OMEGA, 1.4)
    value.backward()
    assert system.K.grad is not None
    K_expected = (loss(OMEGA, 1.4 + 1e-5)[0].item() - loss(OMEGA, 1.4 - 1e-5)[0].item()) / 2e-5
    assert float(system.K.grad) == pytest.approx(K_expected, rel=1e-5)
    assert system.omega.grad is not None
    assert bool((system.omega.grad != 0).all())


class Layer(torch.nn.Module):
    """Ten steps on the sphere, as a layer."""

    def forward(self, x):
        system = Sphere([0.0, 0.0, 1.5])
        return integrate(system, {"p.x": x}, (0.0, 1.0), method="rk4", step=0.1)["p.x"][-1]


def test_export():
    x = torch.nn.functional.normalize(torch.randn(4, 3, dtype=F64), dim=-1)
    exported = torch.export.export(Layer(), (x,)).module()
    assert (exported(x) - Layer()(x)).abs().max() < 1e-14


def test_compile_whole():
    x = torch.nn.functional.normalize(torch.randn(4, 3, dtype=F64), dim=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(Layer(), fullgraph=True, backend="aot_eager")
        assert (compiled(x) - Layer()(x)).abs().max() < 1e-12


@pytest.mark.parametrize(("interval", "step", "count"), [
    (1.0, 0.1, 10), (0.3, 0.1, 3), (1.0, 0.3, 4), (0.05, 0.1, 1),
    (-1.0, 0.25, 4), (100.0, 0.1, 1000),
])  # fmt: skip
def test_equal_steps(interval, step, count):
    assert equal_steps(interval, step) == count


def test_saved_times_are_hit_exactly():
    """x' = 1 counts time: the saved value is the saved time."""
    times = [0.0, 0.37, 1.0, 1.0001, 7.3]
    got = solve(
        Flat(lambda t, x: torch.ones_like(x)), {"p.x": torch.zeros(1, dtype=F64)}, times,
        method="rk4", step=0.1,
    )  # fmt: skip
    assert got.states["p.x"][:, 0].tolist() == pytest.approx(times, abs=1e-13)


def test_float32_stays_float32():
    for method, step in (("rk4", 0.1), ("dopri5", None), ("tsit5", None), ("midpoint", 0.1)):
        got = solve(
            Flat(lambda t, x: -x),
            {"p.x": torch.ones(1)},
            [0.0, 1.0],
            method=method,
            step=step,
            rtol=1e-5,
        )
        assert got.states["p.x"].dtype == torch.float32
        assert float(got.states["p.x"][-1]) == pytest.approx(math.exp(-1), abs=1e-3)


def test_a_library_first_used_without_gradients_gives_them_later():
    """torchdiffeq makes its coefficients where it is loaded; in a new process, that is here."""
    text = """
import torch
from dynattn.solve.solve import solve
from tests.solve.systems import Flat

def last(x):
    field = Flat(lambda t, x: -x)
    return solve(field, {"p.x": x}, [0.0, 1.0], method="dopri5").states["p.x"][-1].sum()

with torch.inference_mode():
    last(torch.ones(1, dtype=torch.float64))
x = torch.ones(1, dtype=torch.float64, requires_grad=True)
last(x).backward()
print(float(x.grad))
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(math.exp(-1), abs=1e-5)
