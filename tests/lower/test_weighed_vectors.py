"""Numbers of pairs times vectors of the senders, as matrix products: certified, and without arrays
that have a vector per pair.
"""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import edge_kernels, kernels, row_kernels
from dynattn.lower.certify import certify

SPEC = """model weighed
param V = 7, d = 4, H = 2, p = 3
dim T
input text: token(V)[T]
layer attend(x: real[T, d]) {
  let q = linear(x, d); let k = linear(x, d); let v = linear(x, d)
  population token[T] { }
  readout mixed: token -> token over GRAPH { HEADS weight WEIGHT; kernel v[j] }
  output mixed
}
network { output y = attend(embed(text, d)) }
"""
WEIGHTS = {
    "sum": ("softplus(dot(q[i], k[j]) / sqrt(d))", "edge_sum"),
    "mean": ("normalized((relu(dot(q[i], k[j])) + 0.1)^p)", "edge_mean"),
    "two dots": ("tanh(2*dot(q[i], k[j]) + dot(k[i], v[j])^2)", "edge_sum"),
}


def compiled(weight: str, graph: str, heads: bool) -> Compilation:
    text = SPEC.replace("GRAPH", graph).replace("WEIGHT", weight)
    text = text.replace("HEADS", "heads H;" if heads else "")
    return Compilation(Source("weighed.dyn", text), {})


def sums(compilation: Compilation) -> list[tuple[str, int]]:
    nodes = [node for block in compilation.program.blocks for node in block.nodes]
    return [(n.op, len(n.inputs)) for n in nodes if n.op in ("edge_sum", "edge_mean", "graph_sum")]


@pytest.mark.parametrize("graph", ["causal(T)", "everyone(T)", "causal(T) without self"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_they_certify(name, graph):
    weight, op = WEIGHTS[name]
    compilation = compiled(weight, graph, heads=True)
    empty = op == "edge_mean" and "without" in graph  # the first node has no total to divide by
    assert sums(compilation) == [("edge_sum" if empty else op, 2)]
    assert max(found.relative for found in certify(compilation).differences) < 1e-9


def test_without_heads_they_are_matrix_products_too():
    compilation = compiled(WEIGHTS["sum"][0], "causal(T)", heads=False)
    assert sums(compilation)
    assert max(found.relative for found in certify(compilation).differences) < 1e-9


def test_a_spec_that_asks_for_edges_has_them():
    text = f"{WEIGHTS['sum'][0]}; form edges"
    assert ("edge_sum", 1) in sums(compiled(text, "causal(T)", heads=True))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("mean", [True, False])
def test_all_receivers_and_some_of_them(rank, causal, include_self, mean):
    heads = (2,) * rank
    weights = torch.rand(3, 5, 5, *heads, dtype=torch.float64) + 0.1
    values = torch.randn(3, 1, 5, *heads, 4, dtype=torch.float64)
    fixed = (rank, causal, include_self)
    if mean and causal and not include_self:
        return
    found = edge_kernels.sum_products(weights, values, 5, 5, *fixed, mean)
    shares = kernels.normalize_pairs(weights, 5, 5, rank, *fixed[1:]) if mean else weights
    product = shares.unsqueeze(-1) * values
    expected = kernels.sum_pairs(product, 5, 5, rank + 1, causal, include_self)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    index = torch.tensor([1, 2, 4])
    part = row_kernels.sum_product_rows(weights[:, index], values, index, 5, *fixed, mean)
    torch.testing.assert_close(part, expected[:, index], rtol=0, atol=1e-13)


@pytest.mark.parametrize("rank", [0, 1])
def test_inner_products_of_all_pairs(rank):
    heads = (2,) * rank
    a, b = (torch.randn(3, n, *heads, 4, dtype=torch.float64) for n in (5, 6))
    a, b = a.unsqueeze(-2 - rank), b.unsqueeze(-3 - rank)
    found = edge_kernels.dot_pairs(a, b, rank)
    torch.testing.assert_close(found, (a * b).sum(-1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 0.5])
def test_powers(exponent):
    x = torch.rand(5, dtype=torch.float64, requires_grad=True)
    given = torch.tensor(exponent, dtype=torch.float64)
    torch.testing.assert_close(kernels.raise_to(x, given), x**exponent)
    learned = given.clone().requires_grad_()
    assert torch.autograd.gradcheck(kernels.raise_to, (x, learned))
    assert torch.autograd.gradcheck(lambda x: kernels.raise_to(x, given), (x,))


def test_a_sine_and_cosine_of_one_angle():
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    sine, cosine = kernels.sine_cosine(x)
    assert (sine == x.sin()).all() and (cosine == x.cos()).all()
    assert torch.autograd.gradcheck(kernels.sine_cosine, (x,))
    assert torch.autograd.gradgradcheck(kernels.sine_cosine, (x,))
    plain = torch.vmap(lambda x: torch.stack(kernels.sine_cosine(x)))(x.detach())
    torch.testing.assert_close(plain, torch.stack([x.sin(), x.cos()], -1).detach())
