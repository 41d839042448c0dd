"""Sums over graphs whose edges are the same between classes of nodes."""

from __future__ import annotations

import importlib.util
import sys

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from dynattn.present.summary import chosen_forms, cost_text

SPEC = """model blocks
population p[{nodes}] {{ state x on circle ~ uniform; param u ~ normal(0, 1); drift u }}
coupling c: p -> p over {graph} {{ {clauses} }}
"""


def compiled(graph: str, nodes: int, clauses: str = "harmonics m in 1 .. 2; frustration 0.2"):
    text = SPEC.format(graph=graph, nodes=nodes, clauses=clauses)
    return Compilation(Source("blocks.dyn", text))


CHOSEN = {
    "complete_multipartite_graph(100, 120, 130)": (350, "6 weights between 3 blocks"),
    "caveman_graph(l=50, k=8)": (400, "50 weights between 50 blocks"),
    "caveman_graph(l=10, k=40)": (400, "10 weights between 10 blocks"),
    "ring_of_modules(10, 40, inside=2, between=0.5)": (
        400, "10 weights between 10 blocks and 2 shifted copies",
    ),
    "caveman_graph(l=400, k=8)": (3200, "400 weights between 400 blocks"),
}  # fmt: skip


@pytest.mark.parametrize("graph", CHOSEN)
def test_blocks_are_chosen_told_and_equal_edge_sums(graph):
    nodes, told = CHOSEN[graph]
    compilation = compiled(graph, nodes)
    form = chosen_forms(compilation.program)["c"]
    connections = compilation.network.connections["c"]
    cost = cost_text(form, compilation.model, compilation.model.coupling["c"], connections)
    assert cost == f"O(N + B^2): 4 sums over {nodes} nodes, weighed by {told}"
    plain = compiled(graph, nodes, "harmonics m in 1 .. 2; frustration 0.2; form edges").build()
    system, state = compilation.build(), plain.initial_states()
    for batch in ((), (3,)):
        x = state["p.x"] + torch.arange(3.0)[:, None] if batch else state["p.x"]
        x = x.detach().requires_grad_()
        ours, theirs = (s.rates(0.0, {"p.x": x})["p.x"] for s in (system, plain))
        assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-10)
        slopes = [torch.autograd.grad((r * r.cos()).sum(), x)[0] for r in (ours, theirs)]
        assert torch.allclose(*slopes, rtol=1e-9, atol=1e-9)


CERTIFIED = [
    ("complete_multipartite_graph(3, 4, 5)", 12, ""),
    ("complete_bipartite_graph(5, 7)", 12, "kernel cos(2*x[j] + x[i]) - sin(x[i])"),
    ("caveman_graph(l=3, k=4)", 12, "normalize degree"),
    ("ring_of_modules(3, 4, inside=2, between=0.5)", 12, ""),
    ("ring_of_modules(2, 6)", 12, "kernel cos(2*x[j] + x[i]) - sin(x[i]); weight 1"),
    ("barbell_graph(m1=5, m2=2)", 12, "strength 0.3; harmonics m in 1 .. 3"),
]


@pytest.mark.parametrize(("graph", "nodes", "clauses"), CERTIFIED)
def test_blocks_agree_with_the_reference(graph, nodes, clauses):
    compilation = compiled(graph, nodes, f"{clauses}; form blocks")
    assert chosen_forms(compilation.program)["c"].name == "blocks"
    assert certify(compilation, tolerance=1e-10).passed


def test_weights_of_a_file_in_any_order(tmp_path):
    classes = numpy.random.default_rng(0).integers(0, 3, 12)
    weights = numpy.array([[0.5, 0, 2], [1, 0.25, 0.25], [0, 3, 0]])[classes][:, classes]
    numpy.savetxt(tmp_path / "w.csv", weights, delimiter=",")
    text = SPEC.format(graph='matrix("w.csv")', nodes=12, clauses="form blocks")
    (tmp_path / "m.dyn").write_text(text)
    compilation = Compilation(Source(str(tmp_path / "m.dyn"), text))
    assert chosen_forms(compilation.program)["c"].name == "blocks"
    assert certify(compilation, tolerance=1e-10).passed
    (blocks,) = compilation.network.connections["c"].found_blocks.values()
    assert blocks is not None and blocks.counts == (3, 3)


EMITTED = [("caveman_graph(l=50, k=8)", 400), ("complete_multipartite_graph(2, 9, 3)", 14),
           ("ring_of_modules(4, 5, 2, 0.5)", 20)]  # fmt: skip


@pytest.mark.parametrize(("graph", "nodes"), EMITTED)
def test_an_emitted_file_sums_blocks(graph, nodes, tmp_path):
    compilation = compiled(graph, nodes, "form blocks")
    emit_files(
        tmp_path / "emitted.py", compilation.model, compilation.network, compilation.program, seed=0
    )
    found = importlib.util.spec_from_file_location("emitted", tmp_path / "emitted.py")
    assert found is not None and found.loader is not None
    sys.modules["emitted"] = module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    system = compilation.build(seed=0)
    x = system.initial_states()["p.x"]
    assert torch.equal(module.Blocks()(0.0, x), system.rates(0.0, {"p.x": x})["p.x"])
