"""Sums over the nodes of the receiver's class, and over everyone else by sums over everyone."""

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
from dynattn.program.nodes import CLASSES, WHOLE
from dynattn.run.systems import build_for

SPEC = """
model classes
param N = {nodes}, K = 0.7
population p[N] {{
  state x on circle ~ uniform(-1, 1)
  param g ~ normal(0, 1), kind ~ integers(0, 3)
  let module = floor(index/4)
  drift g + 0*kind + 0*module
}}
coupling c: p -> p {over} {{ {clauses} }}
"""
SAME = "kernel (K + 0.8*(module[i] == module[j]))*sin(x[j] - x[i] - 0.3)"


def compiled(clauses: str, nodes: int = 9, over: str = "") -> Compilation:
    text = SPEC.format(nodes=nodes, over=over, clauses=clauses)
    return Compilation(Source("classes.dyn", text))


def weights_in(compilation: Compilation) -> set[object]:
    field = compilation.program.field
    assert field is not None
    return {node.payload[2] for node in field.nodes if node.op == "graph_sum"}


CLASSED = [
    ("weight module[i] == module[j]", ""),
    (SAME, ""),
    (SAME, "over everyone(N)"),
    ("weight module[i] != kind[j]; harmonics m in 1 .. 2", ""),
    ("kernel (kind[i] == module[j])*g[i]", ""),
    ("kernel (kind[i] != kind[j])*g[j]", "over everyone(N)"),
    ("weight (cos(x[i]) > 0.8) == (cos(x[j]) > 0.8)", ""),
]


@pytest.mark.parametrize(("clauses", "over"), CLASSED)
def test_sums_of_classes_agree_with_the_reference(clauses, over):
    compilation = compiled(clauses + "; form blocks", over=over)
    assert CLASSES in weights_in(compilation)
    assert chosen_forms(compilation.program)["c"].name == "blocks"
    certify(compilation).raise_if_failed()


ALONE = [
    ("", WHOLE), ("frustration 0.3", WHOLE), ("harmonics m in 1 .. 3; frustration K", WHOLE),
    ("weight g[i]", WHOLE), ("kernel cos(x[j] - x[i])", WHOLE),
    ("weight g[i]*g[j]; frustration 0.2", None), ("kernel sin(x[j] + x[i])", None),
]  # fmt: skip
"""Where a node's own term is one number, and where it is one for each node."""


@pytest.mark.parametrize(("clauses", "weight"), ALONE)
def test_own_terms_that_are_one_number_are_taken_off_at_once(clauses, weight):
    compilation = compiled(clauses)
    assert weights_in(compilation) == {weight}
    certify(compilation).raise_if_failed()
    assert weights_in(compiled(clauses, over="over everyone(N)")) == {None}


def test_many_nodes_are_summed_by_class_few_by_a_matrix():
    few, many = compiled(SAME, 300), compiled(SAME, 400)
    assert CLASSES not in weights_in(few)
    form, connections = chosen_forms(many.program)["c"], many.network.connections["c"]
    told = cost_text(form, many.model, many.model.coupling["c"], connections)
    assert told == "O(N): 2 sums over 400 nodes, each over those of its class"
    plain = compiled(SAME + "; form edges", 400).build()
    states = plain.initial_states()
    for batch in ((), (3,)):
        x = states["p.x"] + torch.arange(3.0)[:, None] if batch else states["p.x"]
        x = x.detach().requires_grad_()
        ours, theirs = (s.rates(0.0, {"p.x": x})["p.x"] for s in (many.build(), plain))
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
        slopes = [torch.autograd.grad((r * r.cos()).sum(), x)[0] for r in (ours, theirs)]
        torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-9)


def test_held_and_mapped_sums_of_classes_are_the_same():
    system = compiled(SAME, 400).build()
    x = torch.randn(4, 400, dtype=torch.float64)
    expected = system.rates(0.0, {"p.x": x})["p.x"]
    with torch.no_grad(), system.held():
        torch.testing.assert_close(system.rates(0.0, {"p.x": x})["p.x"], expected)
    mapped = torch.func.vmap(lambda y: system.rates(0.0, {"p.x": y})["p.x"])(x)
    torch.testing.assert_close(mapped, expected)


def test_labels_of_a_batch_are_those_of_each_point():
    compilation = compiled("weight (g[i] > K) == (g[j] > K); form blocks", 12)
    points = torch.tensor([-0.5, 0.0, 0.7], dtype=torch.float64)
    together = build_for(compilation, seed=1, values={"K": points})
    states = together.initial_states()
    found = together.rates(0.0, {"p.x": states["p.x"].expand(3, -1)})["p.x"]
    for k, point in enumerate(points.tolist()):
        alone = build_for(compilation, seed=1, values={"K": point})
        start = {"p.x": states["p.x"].reshape(-1, 12)[0]}
        torch.testing.assert_close(found[k], alone.rates(0.0, start)["p.x"])


def test_a_hundred_thousand_nodes_need_no_array_of_pairs():
    system = compiled(SAME, 100_000).build()
    x = system.initial_states()["p.x"]
    z = numpy.exp(1j * (x.numpy() - 0.3))
    mean = 0.7 * z.sum() + 0.8 * numpy.repeat(z.reshape(-1, 4).sum(1), 4)
    own = (0.7 + 0.8) * numpy.sin(-0.3)
    pulls = (mean * numpy.exp(-1j * x.numpy())).imag - own
    g = dict(system.named_buffers())["p.g"].numpy()
    found = system.rates(0.0, {"p.x": x})["p.x"].numpy()
    numpy.testing.assert_allclose(found, g + pulls, rtol=0, atol=1e-9)


def test_an_emitted_file_sums_by_class(tmp_path):
    compilation, path = compiled(SAME, 400), tmp_path / "by_class.py"
    emit_files(path, compilation.model, compilation.network, compilation.program, seed=0)
    found = importlib.util.spec_from_file_location("by_class", path)
    assert found is not None and found.loader is not None
    sys.modules["by_class"] = module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    system = compilation.build(seed=0)
    x = system.initial_states()["p.x"]
    assert torch.equal(module.Classes()(0.0, x), system.rates(0.0, {"p.x": x})["p.x"])
