"""Large arrays that nothing reads any more, written into again: the same numbers, bit by bit."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import spares

SPEC = """
model m
param N = 60, K = 1.5
population osc[N] {
  state theta on circle ~ uniform(-3, 3)
  param omega ~ normal(0, 1)
  drift omega + 0.1*exp(-K)*cos(theta) - tanh(sin(theta))/3
}
coupling pull: osc -> osc OVER { harmonics m in 1 .. 3; frustration 0.4; strength K/N }
"""
OVER = ["", "over everyone(N)", "over causal(N)", "over ring(N, reach=6)", "over ring(N, reach=1)",
        "over gnp_random_graph(n=N, p=0.1, seed=1)"]  # fmt: skip


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Sixty numbers are many."""
    monkeypatch.setattr(spares, "LARGE", 50)
    monkeypatch.setattr("dynattn.lower.held.LARGE", 50)


def built(over: str = ""):
    return Compilation(Source("m.dyn", SPEC.replace("OVER", over))).build()


def rate(system, theta):
    return system.rates(0.0, {"osc.theta": theta})["osc.theta"]


@pytest.mark.parametrize("over", OVER)
def test_values_are_the_same_and_stay(over, monkeypatch):
    system = built(over)
    first = system.initial_states()["osc.theta"]
    points = [first, first + 0.1, torch.stack([first, -first]), first - 0.2]
    with torch.no_grad(), system.held():
        found = [rate(system, x) for x in points]
        monkeypatch.setattr("dynattn.lower.held.LARGE", 10**9)
        expected = [rate(system, x) for x in points]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(first, system.initial_states()["osc.theta"])


def test_calls_after_the_first_take_no_memory_but_for_their_result():
    written: list[torch.Tensor] = []

    class Writing(TorchDispatchMode):
        fresh = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            own = isinstance(result, torch.Tensor) and result.numel() >= 50
            self.fresh += own and "out" not in (kwargs or {})
            return result

    system = built("over everyone(N)")
    theta = system.initial_states()["osc.theta"]
    with torch.no_grad(), system.held():
        with Writing() as first:
            written.append(rate(system, theta))
        with Writing() as second:
            written.append(rate(system, theta))
    assert second.fresh <= 2 < first.fresh
    assert torch.equal(*written)


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_slopes_and_maps_write_into_nothing():
    system = built()
    theta = system.initial_states()["osc.theta"].detach()

    def both(x):
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(rate(system, y).square().sum(), y)
        along = torch.func.jvp(lambda z: rate(system, z), (x,), (torch.ones_like(x),))[1]
        many = torch.func.vmap(lambda z: rate(system, z))(torch.stack([x, -x]))
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
            tangent = torch.autograd.forward_ad.unpack_dual(rate(system, dual)).tangent
        assert tangent is not None
        return slope, along, many, tangent

    expected = both(theta)
    with system.held():
        with torch.no_grad():
            rate(system, theta)
            rate(system, theta)
        found = both(theta)
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-12)
               for a, b in zip(found, expected, strict=True))  # fmt: skip


def test_nothing_is_kept_when_the_solve_ends(monkeypatch):
    seen: list[weakref.ref[torch.Tensor]] = []
    give = spares.Spares.give

    def watched(self, array):
        seen.append(weakref.ref(array))
        give(self, array)

    monkeypatch.setattr(spares.Spares, "give", watched)
    system = built()
    with torch.no_grad(), system.held():
        rate(system, system.initial_states()["osc.theta"])
        assert seen and any(item() is not None for item in seen)
    gc.collect()
    assert all(item() is None for item in seen)
