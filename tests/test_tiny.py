"""Every room once, in a few seconds: what a commit runs."""

from __future__ import annotations

import numpy
import pytest

import dynattn
from dynattn.diagnostics.report import SpecError

SPEC = """model tiny "three oscillators that pull on each other"
param N = 3, K = 1.0
population osc[N] { state theta on circle; param omega ~ normal(0, 1); drift omega }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
simulate { t 0 .. 1 every 0.25 }
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "tiny.dyn"
    path.write_text(SPEC)
    return dynattn.load(path)


def test_text_to_model(spec):
    assert type(spec.tree.declarations[0]).__name__ == "ModelHeader"
    assert spec.model.sizes == {"N": 3, "K": 1}
    assert list(spec.model.states) == ["osc.theta"]


def test_every_mistake_at_once(tmp_path):
    path = tmp_path / "wrong.dyn"
    path.write_text(SPEC.replace("drift omega", "drift omga").replace("strength K", "strength J"))
    with pytest.raises(SpecError) as caught:
        _ = dynattn.load(path).model
    assert [item.code for item in caught.value.diagnostics] == ["E201", "E201"]


def test_module_against_the_formula(spec):
    system = spec.build()
    states = system.initial_states()
    theta = states["osc.theta"].numpy()
    omega = dict(system.named_buffers())["osc.omega"].numpy()
    expected = omega + numpy.sin(theta[None, :] - theta[:, None]).sum(1) / 3
    found = system.rates(0.0, states)["osc.theta"].numpy()
    assert numpy.abs(found - expected).max() < 1e-14


def test_module_against_the_reference(spec):
    from dynattn.lower.certify import certify

    assert certify(spec).passed


def test_simulation_and_measure(spec):
    from dynattn.analyse.order_parameter import kuramoto

    result = spec.run()
    assert result["osc.theta"].shape == (5, 3)
    assert numpy.abs(result["r"] - numpy.abs(kuramoto(result["osc.theta"]))).max() < 1e-12


def test_a_picture(spec, tmp_path):
    (picture, *_) = spec.graph(tmp_path / "tiny.svg", level="population")
    assert picture.read_text().lstrip().startswith("<?xml")


def test_text_data():
    from dynattn.learn.samples import SAMPLES, find_sample

    place = find_sample("tinyshakespeare.txt")
    assert place is not None
    assert place.stat().st_size == SAMPLES["tinyshakespeare.txt"].size


def test_the_command_line(spec, capsys):
    from dynattn.cli.main import run_command

    assert run_command(["compile", spec.source.path]) == 0
    law = "theta[i]' = omega[i] + (K/N) * sum_j sin(theta[j] - theta[i])\n"
    assert law in capsys.readouterr().out
