"""What Python users hold: load, build, and that equal text and seed give equal numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import dynattn
from dynattn.diagnostics.report import SpecError, UsageError

SPECS = Path(__file__).parents[1] / "specs"


def test_public_names():
    assert dir(dynattn) == ["Compilation", "Spec", "__version__", "compare", "evaluate", "load"]
    assert issubclass(dynattn.Spec, dynattn.Compilation)
    with pytest.raises(AttributeError, match="module 'dynattn' has no attribute 'lode'"):
        _ = dynattn.lode


def test_settings_reach_the_model():
    spec = dynattn.load(SPECS / "kuramoto.dyn", N=20, K=3.5)
    assert spec.model.sizes["N"] == 20
    assert float(dict(spec.build().named_buffers())["K"]) == 3.5


def test_an_unknown_setting():
    with pytest.raises(UsageError, match="E701"):
        _ = dynattn.load(SPECS / "kuramoto.dyn", k=3).model


def test_stages_are_made_once():
    spec = dynattn.load(SPECS / "synchronization.dyn")
    assert spec.model is spec.model
    assert spec.program is spec.program


def test_two_models_of_one_name_do_not_meet(tmp_path):
    text = "model m\npopulation p[3] { state x on real = 1; drift %s }\n"
    rates = []
    for drift in ("x", "2*x"):
        path = tmp_path / "m.dyn"
        path.write_text(text % drift)
        system = dynattn.load(path).build()
        rates.append(system.rates(0.0, system.initial_states())["p.x"].tolist())
    assert rates == [[1.0] * 3, [2.0] * 3]


def test_a_seed_fixes_every_draw():
    spec = dynattn.load(SPECS / "kuramoto.dyn", N=50)
    first, second, other = (spec.build(seed=seed).initial_states() for seed in (1, 1, 2))
    assert torch.equal(first["osc.theta"], second["osc.theta"])
    assert not torch.equal(first["osc.theta"], other["osc.theta"])


def test_the_seed_of_the_spec_is_the_default(tmp_path):
    path = tmp_path / "m.dyn"
    path.write_text(
        "model m\npopulation p[3] { state x on circle; drift 1 }\nsimulate { t 0 .. 1; seed 5 }\n"
    )
    spec = dynattn.load(path)
    assert spec.chosen_seed == 5
    assert replace(spec, seed=7).chosen_seed == 7


def test_dtype():
    spec = dynattn.load(SPECS / "synchronization.dyn")
    assert spec.build().initial_states()["unit.x"].dtype == torch.float64
    assert spec.build(dtype=torch.float32).initial_states()["unit.x"].dtype == torch.float32


def test_an_empty_folder_is_no_run(tmp_path):
    with pytest.raises(SpecError, match="is no run folder"):
        dynattn.load(tmp_path)
