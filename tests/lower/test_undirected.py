"""Sums over undirected edges whose kernels are odd or even: each edge once, for both ends."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import once
from dynattn.lower.certify import certify
from dynattn.present.summary import forms
from dynattn.program import row_blocks
from dynattn.solve.jacobians import jacobian
from tests.lower.programs import compiled

ODD = "kernel tanh(sin(x[j] - x[i]))"
NET = "over gnp_random_graph(n=N, p=0.4, seed=3)"
DIRECTED = "over gnp_random_graph(n=N, p=0.4, seed=3, directed=true)"


def once_in(compilation: Compilation) -> bool:
    model, network = compilation.model, compilation.network
    found = row_blocks.each_once(compilation.program, network.connections, model.sizes)
    said = "each undirected edge once" in str(forms(model, network, compilation.program))
    assert said == bool(found)
    return found == {"c"}


@pytest.fixture(params=[1000, 2**26])
def budget(request, monkeypatch):
    """Some pairs at a time, and all."""
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    monkeypatch.setattr(row_blocks, "BUDGET", request.param)
    return request.param


SYMMETRIC = [
    (ODD, "", "circle"), (ODD, NET, "circle"), (ODD, "over everyone(N)", "circle"),
    ("kernel exp(cos(x[j] - x[i]))", NET, "circle"),
    ("kernel exp(cos(x[j] - x[i]))", "over everyone(N)", "circle"),
    ("kernel tanh(u[i]*sin(x[j] - x[i])*u[j])", "", "circle"),
    (f"weight exp(-(u[i] - u[j])^2); {ODD}", NET, "circle"),
    (f"form edges; weight 1/distance; {ODD}", "over ring(N, reach=2)", "circle"),
    ("kernel (x[j] - x[i]) / norm(x[j] - x[i])^3", "", "real(2) ~ normal(0, 1)"),
    ("kernel (x[j] - x[i]) / (1 + norm(x[j] - x[i]))", NET, "real(2) ~ normal(0, 1)"),
    ("form edges; kernel sin(x[j] - x[i]) + 0.5*sin(2*x[j] - 2*x[i])", NET, "circle"),
    ("kernel tanh(x[j] - x[i]) - tanh(u[j]*x[i]) + tanh(x[j]*u[i])", NET, "real ~ normal(0, 1)"),
    ("kernel relu(x[i]*x[j] - 0.1)", "", "real ~ normal(0, 1)"),
    ("kernel exp(-abs(x[i] - x[j])) * (x[j]^3 - x[i]^3)^5", NET, "real ~ normal(0, 0.5)"),
]  # fmt: skip
OTHERS = [
    (ODD, DIRECTED, "circle"), (ODD, "over causal(N)", "circle"),
    ("kernel tanh(sin(x[j] - x[i] + 0.1))", NET, "circle"),
    ("kernel tanh(sin(2*x[j] - x[i]))", "", "circle"),
    ("kernel tanh(u[i]*sin(x[j] - x[i]))", "", "circle"),
    ("kernel tanh(x[j] - x[i]) + exp(x[j]*x[i])", NET, "real ~ normal(0, 1)"),
    ("kernel (x[j] - x[i] + 2)^3 * tanh(u[i]*u[j])", NET, "real ~ normal(0, 1)"),
    ("kernel tanh(x[j] / x[i])", NET, "real ~ uniform(1, 2)"),
    ("kernel tanh(u[j]) / (u[i] + x[j])", NET, "real ~ uniform(1, 2)"),
    (f"weight ~ normal(0, 1); {ODD}", NET, "circle"),
    (f"weight softmax(tanh(u[i]*u[j])); {ODD}", NET, "circle"),
    (f"learn a ~ normal(0, 1); weight tanh(a); {ODD}", NET, "circle"),
]  # fmt: skip


@pytest.mark.parametrize(("clauses", "over", "on"), SYMMETRIC)
def test_symmetric_kernels_agree_with_the_reference(clauses, over, on, budget):
    compilation = compiled(clauses, over, on)
    assert once_in(compilation)
    assert certify(compilation, tolerance=1e-10).passed


@pytest.mark.parametrize(("clauses", "over", "on"), OTHERS)
def test_what_is_not_proven_symmetric_is_summed_edge_by_edge(clauses, over, on, monkeypatch):
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    compilation = compiled(clauses, over, on)
    assert not once_in(compilation)
    assert certify(compilation, tolerance=1e-10).passed


@pytest.mark.parametrize("over", ["", NET])
def test_slopes_of_slopes_batches_and_maps(over, monkeypatch):
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    system = compiled("kernel tanh(u[i]*u[j]*sin(x[j] - x[i]))", over).build()
    x = system.initial_states()["p.x"].detach() + torch.arange(3.0)[:, None]

    def rates(x):
        return system.rates(0.0, {"p.x": x})["p.x"]

    def found():
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(rates(y).square().sum(), y, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), y)
        return [rates(x), slope, second, *jacobian(rates, x)]

    all_at_once = found()
    monkeypatch.setattr(row_blocks, "BUDGET", 1000)
    in_parts = found()
    pairs = zip(in_parts, all_at_once, strict=True)
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in pairs)


@pytest.mark.parametrize("over", ["", NET])
def test_points_of_a_sweep(over, monkeypatch):
    text = f"""model m
param K = 1, N = 12
population p[N] {{ state x on circle ~ uniform; param u ~ uniform(0.5, 1.5); drift u }}
coupling c: p -> p {over} {{ weight exp(-2*K*(u[i] - u[j])^2); {ODD} }}
simulate {{ t 0 .. 1; method rk4; step 0.1 }}
"""
    values = {"K": torch.linspace(0.5, 2, 4, dtype=torch.float64)}
    compilation = Compilation(Source("m.dyn", text), values=values)
    plain = compilation.build()
    x = plain.initial_states()
    expected = plain.rates(0.0, x)["p.x"]
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    monkeypatch.setattr(row_blocks, "BUDGET", 1000)
    assert once_in(compilation) and expected.shape == (4, 12)
    assert torch.allclose(compilation.build().rates(0.0, x)["p.x"], expected, rtol=1e-12)


@pytest.mark.parametrize("over", ["", "over gnp_random_graph(n=N, p=0.2, seed=1)"])
def test_each_edge_is_computed_once(over, monkeypatch):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counted(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if "tanh" in str(function):
                self.numbers += args[0].numel()
            return function(*args, **(kwargs or {}))

    compilation = compiled(ODD, over, nodes=500)
    system, edges = compilation.build(), compilation.network.connections["c"].edge_count or 0
    x = system.initial_states()["p.x"]
    with Counted() as counted:
        found = system.rates(0.0, {"p.x": x})["p.x"]
    assert 0.5 * edges <= counted.numbers <= 0.65 * edges
    turns = numpy.tanh(numpy.sin(x.numpy()[None] - x.numpy()[:, None]))
    if over:
        graph = compilation.network.connections["c"]
        there = numpy.zeros((500, 500))
        there[graph.receivers, graph.senders] = 1.0
        turns = turns * there
    u = dict(system.named_buffers())["p.u"].numpy()
    numpy.testing.assert_allclose(found.numpy(), u + turns.sum(1), rtol=1e-10, atol=1e-10)


def test_a_list_is_cut_by_memory_alone():
    system = compiled(ODD, "over gnm_random_graph(n=N, m=60000, seed=1)", nodes=2000).build()
    x = system.initial_states()["p.x"]
    cuts: list[int] = []
    plain = once.WorkOnce.cuts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(once.WorkOnce, "cuts", lambda *a: cuts.append(len(plain(*a))) or plain(*a))
        system.rates(0.0, {"p.x": x})
    assert cuts == [1]


def test_numbers_of_pairs_that_are_there_anyway_go_into_parts(monkeypatch):
    text = """model m
param N = 12
population p[N] { state x on real(2) ~ normal(0, 1) }
coupling c: p -> p {
  let d = norm(x[j] - x[i])
  kernel (x[j] - x[i]) / (1 + d)
}
observe far = mean(c.d)
observe speed = mean(norm(x'))
"""
    monkeypatch.setattr(row_blocks, "SMALL", -1)
    compilation = Compilation(Source("m.dyn", text))
    system = compilation.build()
    x = system.initial_states()["p.x"].detach() * torch.tensor([1.0, 2.0])[:, None, None]
    slopes = []
    for budget in (2**26, 1000):
        monkeypatch.setattr(row_blocks, "BUDGET", budget)
        y = x.clone().requires_grad_()
        found = system.observe(0.0, {"p.x": y})
        slopes.append(torch.autograd.grad(found["speed"].sum(), y)[0])
        a = x.numpy()
        turned = a[:, None] - a[:, :, None]
        d = numpy.linalg.norm(turned, axis=-1)
        speed = numpy.linalg.norm((turned / (1 + d[..., None])).sum(2), axis=-1).mean(-1)
        numpy.testing.assert_allclose(found["speed"].detach(), speed, rtol=1e-10)
        numpy.testing.assert_allclose(found["far"].detach(), d.sum((1, 2)) / 132, rtol=1e-10)
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-12)
