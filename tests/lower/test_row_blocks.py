"""Sums over pairs and edges beyond the budget: some receivers at a time, slopes and all."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import row_blocks as lowered
from dynattn.lower.certify import certify
from dynattn.program import row_blocks
from dynattn.solve.jacobians import jacobian
from tests.lower.programs import compiled

KERNEL = "kernel tanh(u[i]*sin(x[j] - x[i]))"
NET = "over gnp_random_graph(n=N, p=0.4, seed=3, directed=true)"


@pytest.fixture
def parts(monkeypatch):
    """How many parts each call had, with a budget of some receivers of twelve nodes."""
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    monkeypatch.setattr(row_blocks, "BUDGET", 1000)
    found, cuts = [], lowered.Work.cuts

    def counted(self, arrays):
        result = cuts(self, arrays)
        found.append(len(result))
        return result

    monkeypatch.setattr(lowered.Work, "cuts", counted)
    return found


CASES = [
    (KERNEL, "", "circle"), (KERNEL, "over everyone(N)", "circle"),
    (KERNEL, "over causal(N)", "circle"), (KERNEL, NET, "circle"),
    (f"weight ~ normal(0, 1); {KERNEL}", "", "circle"),
    (f"weight softmax(tanh(u[i]*u[j])); {KERNEL}", NET, "circle"),
    ("weight softmax(tanh(u[i]*sin(x[j] - x[i])))", "", "circle"),
    ("weight normalized(exp(-(u[i] - u[j])^2))", "over causal(N)", "circle"),
    (f"weight exp(-(u[i] - u[j])^2); {KERNEL}", "", "circle"),
    (f"state w on real ~ normal(0, 1); w' = sin(x[j] - x[i]) - w; weight w; {KERNEL}", "",
     "circle"),
    (f"learn a ~ normal(0, 1); weight tanh(a)*u[j]; {KERNEL}", NET, "circle"),
    ("kernel u[j]*(x[j] - x[i]) / norm(x[j] - x[i])^3", "", "real(2) ~ normal(0, 1)"),
    ("kernel x[j] / (1 + norm(x[j] - x[i]))", NET, "real(2) ~ normal(0, 1)"),
    ("successors l in 0 .. 1; weight softmax(tanh(u[i]*u[j])); kernel tanh(x[i] + l)*x[j]",
     "over causal(N)", "real ~ normal(0, 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("clauses", "over", "on"), CASES)
def test_parts_agree_with_the_reference(clauses, over, on, parts):
    assert certify(compiled(clauses, over, on), tolerance=1e-10).passed
    assert max(parts) > 2


@pytest.mark.parametrize("over", ["", NET])
def test_slopes_of_slopes_batches_and_maps(over, parts, monkeypatch):
    system = compiled(KERNEL, over).build()
    x = system.initial_states()["p.x"].detach() + torch.arange(3.0)[:, None]

    def rates(x):
        return system.rates(0.0, {"p.x": x})["p.x"]

    def found():
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(rates(y).square().sum(), y, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), y)
        return [slope, second, *jacobian(rates, x)]

    in_parts = found()
    assert max(parts) > 2
    monkeypatch.setattr(row_blocks, "BUDGET", 2**40)
    del parts[:]
    whole = found()
    assert max(parts) == 1
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-12)
               for a, b in zip(in_parts, whole, strict=True))  # fmt: skip


def test_points_of_a_sweep_in_parts(parts, monkeypatch):
    text = """model m
param K = 1, N = 12
population p[N] { state x on circle ~ uniform; param u ~ uniform(0.5, 1.5); drift u }
coupling c: p -> p { strength K/N; weight exp(K*(u[j] - 2*u[i])); kernel tanh(sin(x[j] - x[i])) }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
    values = {"K": torch.linspace(0.5, 2, 4, dtype=torch.float64)}
    system = Compilation(Source("m.dyn", text), values=values).build()
    x = system.initial_states()
    found = system.rates(0.0, x)["p.x"]
    assert max(parts) > 2 and found.shape == (4, 12)
    monkeypatch.setattr(row_blocks, "BUDGET", 2**40)
    assert torch.allclose(found, system.rates(0.0, x)["p.x"], rtol=1e-12)


def largest_array(call) -> int:
    """Most bytes of any one tensor that is made."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Sizes(TorchDispatchMode):
        most = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            for item in result if isinstance(result, (tuple, list)) else (result,):
                if isinstance(item, torch.Tensor):
                    held = item.untyped_storage().nbytes()
                    self.most = max(self.most, held)
            return result

    with Sizes() as sizes:
        call()
    return sizes.most


@pytest.mark.parametrize("nodes", [2500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_no_array_is_larger_than_the_budget(nodes):
    system = compiled(KERNEL, nodes=nodes).build()
    x = system.initial_states()["p.x"].requires_grad_()

    def both():
        system.rates(0.0, {"p.x": x})["p.x"].square().sum().backward()

    most = largest_array(both)
    assert most <= row_blocks.BUDGET < 8 * nodes**2 * 4
    assert x.grad is not None and x.grad.isfinite().all()


def test_a_product_with_drawn_weights_stays_one(monkeypatch):
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    found = compiled("weight ~ normal(0, 1); kernel sin(x[j] - x[i])")
    field, connections = found.program.field, found.network.connections
    assert field is not None
    assert row_blocks.in_row_blocks(field, connections, found.model.sizes) is field
