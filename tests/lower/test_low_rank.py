"""Weights of a file that are a product of thin matrices are summed as one."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.certify import certify
from dynattn.network.low_rank import thin_factors
from dynattn.present.summary import chosen_forms, forms

SPEC = """model low
population p[{nodes}] {{ state x on {on}; drift 1 }}
coupling c: p -> p over matrix("w.csv") {{ {clauses} }}
"""


def compiled(tmp_path, weights, clauses: str = "", on: str = "circle") -> Compilation:
    numpy.savetxt(tmp_path / "w.csv", weights, delimiter=",", fmt="%.17g")
    text = SPEC.format(nodes=len(weights), clauses=clauses, on=on)
    (tmp_path / "low.dyn").write_text(text)
    return Compilation(Source(str(tmp_path / "low.dyn"), text))


def product(nodes: int, rank: int):
    rng = numpy.random.default_rng(0)
    return rng.normal(size=(nodes, rank)) @ rng.normal(size=(rank, nodes))


def test_thin_factors_are_found_where_they_are_exact():
    weights = product(80, 4)
    i, j = numpy.indices(weights.shape).reshape(2, -1)
    found = thin_factors(i, j, weights.ravel(), weights.shape)
    assert found is not None and found[0].shape == (80, 4)
    assert abs(found[0] @ found[1].T - weights).max() <= 1e-13 * abs(weights).max()
    nearly = weights + 1e-9 * numpy.random.default_rng(1).normal(size=weights.shape)
    for other in (nearly, product(80, 11), weights - numpy.diag(weights.diagonal())):
        assert thin_factors(i, j, other.ravel(), weights.shape) is None


def test_they_are_chosen_told_and_equal_the_matrix(tmp_path):
    compilation = compiled(tmp_path, product(320, 6))
    told = forms(compilation.model, compilation.network, compilation.program).rows
    assert told == (
        ("c", "product of thin factors", "O(N r): 2 products with two 320 x 6 matrices"),
    )
    dense = compiled(tmp_path, product(320, 6), "form dense").build()
    system, x = compilation.build(), dense.initial_states()["p.x"].requires_grad_()
    found = [s.rates(0.0, {"p.x": x})["p.x"] for s in (system, dense)]
    scale = found[1].detach().abs().max().item()
    assert torch.allclose(found[0], found[1], atol=1e-12 * scale)
    slopes = [torch.autograd.grad(r.square().sum(), x)[0] for r in found]
    assert torch.allclose(slopes[0], slopes[1], atol=1e-11 * slopes[1].abs().max().item())


@pytest.mark.parametrize(
    ("on", "clauses"),
    [("circle", "harmonics m in 1 .. 2"), ("real(2) ~ normal(0, 1)", "kernel x[j] - x[i]"),
     ("complex ~ normal(0, 1)", "kernel x[j]")],
)  # fmt: skip
def test_they_agree_with_the_reference(on, clauses, tmp_path):
    compilation = compiled(tmp_path, product(24, 2), f"{clauses}; form low_rank", on)
    assert chosen_forms(compilation.program)["c"].name == "low_rank"
    assert certify(compilation, tolerance=1e-10).passed


def test_a_matrix_of_full_rank_has_no_thin_factors(tmp_path):
    compilation = compiled(tmp_path, product(24, 24), "form low_rank")
    with pytest.raises(SpecError, match="E346: the sum of coupling 'c' has no form low_rank"):
        _ = compilation.program
