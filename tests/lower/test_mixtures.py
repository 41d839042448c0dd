"""Geometry, late pasts and laws of edges together: specs of pieces, and each way to read them."""

from __future__ import annotations

import importlib.util

import numpy
import pytest
import torch

from dynattn.diagnostics.report import Source, SpecError
from dynattn.interface import Spec
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from dynattn.syntax.flat import flat_text
from dynattn.syntax.format import format_source
from tests.lower.mixtures import system

SEEDS = (26, 48, 57, 130)
"""Some hundred are worth a look after a change."""


def in_text(text):
    return Spec(Source("t.dyn", f"model t\n{text}\nsimulate {{ t 0 .. 1 every 0.5 }}\n"))


def close(found, expected, tolerance=1e-9):
    numpy.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_to_read_a_mixture_agrees(seed, tmp_path):
    source = Source("mixed.dyn", system(seed))
    spec = Spec(source)
    certify(spec).raise_if_failed()
    run, sweep = spec.run(), spec.run("some")
    for k, value in enumerate((0.4, 0.7)):
        alone = Spec(source, {"K": value}).run().observables
        # Points of a sweep share their steps: those of an adaptive method are not those of one.
        close(sweep["r"][k, 0], alone["r"], 1e-5 if "dopri5" in source.text else 1e-9)
    laid_out = format_source(source)
    assert format_source(Source("mixed.dyn", laid_out)) == laid_out
    flat = Spec(Source("mixed.dyn", flat_text(source))).run()
    for name, values in run.states.items():
        close(flat.states[name], values)
    emitted_as_computed(spec, tmp_path / "mixed.py")


def emitted_as_computed(spec, path):
    """The rates of the emitted file in the order of its own states, where a file can hold it."""
    try:
        emit_files(path, spec.model, spec.network, spec.program)
    except SpecError as error:
        assert {item.code for item in error.diagnostics} == {"E401"}
        return
    place = importlib.util.spec_from_file_location(path.stem, path)
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    model, system_ = module.Mixed(), spec.build()
    y = model.initial()
    found, expected = model(torch.tensor(0.0, dtype=torch.float64), y), system_(0.0, y)
    pairs = [(found, expected)] if torch.is_tensor(y) else zip(found, expected, strict=True)
    for a, b in pairs:
        close(a.detach(), b.detach(), 1e-12)


def test_the_stages_of_a_delay_are_no_state_that_a_clause_could_mean():
    spec = in_text("""population p[4] { state x on real ~ normal(0, 1)
  drift near - x; dissipation 2; noise 0.1 }
readout near: p -> p { kernel x[j]; delay gamma(0.3, 2) }""")
    assert set(spec.model.states) == {"p.x", "near.late_x"}
    certify(spec).raise_if_failed()


def test_rates_stand_in_the_order_of_the_states():
    spec = in_text("""population p[3] { state x on real ~ normal(0, 1); drift near - x }
coupling c: p -> p { state w on real = 1; drift x[j] - w; weight w; normalize size }
readout near: p -> p { kernel x[j]; delay gamma(0.3, 2) }""")
    field, retraction = spec.program.field, spec.program.retraction
    assert field is not None and retraction is not None
    assert [name for name, _ in field.outputs] == list(spec.model.states)
    assert [name for name, _ in retraction.outputs] == list(spec.model.states)


FORCES = [
    ("energy 1 / norm(x[j] - x[i])", ""),
    ("energy log(norm(x[j] - x[i]))", ""),
    ("kernel (x[j] - x[i]) / distance(x[i], x[j])^1.5", ""),
    ("kernel x[j] - x[i]; weight 1 / sqrt(dot(x[j] - x[i], x[j] - x[i]))", ""),
    ("kernel (x[j] - x[i]) / norm(x[j] - x[i])", "over causal(4) without self"),
]


@pytest.mark.parametrize(("force", "graph"), FORCES)
def test_forces_that_know_no_node_beside_itself_have_slopes(force, graph):
    spec = in_text(f"""population p[4] {{ state x on real(2) ~ normal(0, 1) }}
coupling c: p -> p {graph} {{ {force} }}""")
    certify(spec).raise_if_failed()
    built = spec.build()
    states = {"p.x": built.initial_states()["p.x"].requires_grad_()}
    (slope,) = torch.autograd.grad(built.rates(0.0, states)["p.x"].sum(), states["p.x"])
    assert torch.isfinite(slope).all()
