"""Statistics of layers in the log: against the same numbers by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.learn.folder import new_run
from dynattn.learn.layer_statistics import SAMPLES, coherence, layer_of
from dynattn.learn.metrics import read_metrics
from dynattn.learn.plan import Plan
from dynattn.learn.train import train
from tests.learn.small import small


def steady(folder: Path, *changes: tuple[str, str]) -> Compilation:
    return small(folder, ("dropout(embed(text, C), 0.1)", "embed(text, C)"), *changes)


def test_layers_are_told_from_the_names_of_parameters():
    names = ("attend.0.k.linear.weight", "attend.12.eta", "logits.linear.bias", "eta")
    assert [layer_of(name) for name in names] == ["attend.0", "attend.12", "logits", "eta"]


def test_norms_of_a_step_by_hand(tmp_path):
    """One step of plain gradient descent: it moves the weights by lr times their gradient."""
    plain = steady(
        tmp_path,
        ("adamw(lr=1e-2, weight_decay=0.1, decay=matrices)", "sgd(lr=0.5)"),
        ("  schedule  cosine(warmup=0.1, floor=0.1); clip 1.0\n", ""),
        ("steps 12", "steps 1"),
    )
    folder = new_run("small", tmp_path / "run")
    result = train(plain, folder, device="cpu", threads=1)
    (line,) = [line for line in read_metrics(folder.metrics) if line["kind"] == "train"]
    found = line["statistics"]["layers"]
    torch.manual_seed(3)
    start = plain.build(dtype=torch.float32)
    parts = {"x": ["x.embed.weight"], "logits": ["logits.linear.weight", "logits.linear.bias"]}
    after = dict(result.system.named_parameters())
    for layer, names in parts.items():
        weights = torch.cat([start.get_parameter(n).detach().flatten() for n in names])
        moved = torch.cat([after[n].detach().flatten() for n in names]) - weights
        size = float(weights.double().norm())
        assert found[layer]["weights"] == pytest.approx(size, rel=1e-5)
        assert found[layer]["update"] == pytest.approx(float(moved.norm()) / size, rel=1e-4)
        assert found[layer]["gradient"] == pytest.approx(float(moved.norm()) / 0.5, rel=1e-4)
    total = sum(own["gradient"] ** 2 for own in found.values()) ** 0.5
    assert line["gradient"] == pytest.approx(total, rel=1e-5)
    assert line["statistics"]["coherence"] == {}


def test_taking_statistics_changes_no_number(tmp_path, monkeypatch):
    logs = []
    for name, wanted in (("with", True), ("without", False)):
        monkeypatch.setattr(Plan, "watches", lambda plan, step, wanted=wanted: wanted)
        folder = new_run("small", tmp_path / name)
        train(small(tmp_path), folder, device="cpu", threads=1)
        lines = read_metrics(folder.metrics)
        assert any("statistics" in line for line in lines) is wanted
        logs.append([(line["loss"], line.get("gradient")) for line in lines])
    assert logs[0] == logs[1]


def test_a_hundred_updates_of_a_run_are_watched(tmp_path):
    folder = new_run("small", tmp_path / "run")
    result = train(steady(tmp_path, ("steps 12", "steps 201")), folder, device="cpu", threads=1)
    lines = [line for line in read_metrics(folder.metrics) if "statistics" in line]
    assert [line["step"] for line in lines] == list(range(3, 202, 3))
    assert result.statistics is not None
    assert json.loads(json.dumps(lines[-1]["statistics"]["layers"])).keys() == {"x", "logits"}


# ── coherence ──────────────────────────────────────────────────────────────────────────────────


def shipped(name: str) -> Compilation:
    path = Path(__file__).parents[2] / "specs" / f"{name}.dyn"
    return Compilation(Source(str(path), path.read_text()))


def order(angles: numpy.ndarray) -> float:
    return float(numpy.abs(numpy.exp(1j * angles).mean(1)).mean())


def test_coherence_is_the_order_parameter_of_the_phases():
    system = shipped("kuramoto_attention").build(dtype=torch.float32)
    text = torch.randint(256, (6, 20), generator=torch.Generator().manual_seed(2))
    found = coherence(system, [{"text": text}])
    state = "token.theta"
    layers = [f"{layer}.{k}" for k in range(3) for layer in ("attend", "mix")]
    assert list(found) == [f"{layer} {state}" for layer in ("start", *layers)]
    environment = system.eval().environment({"text": text[:SAMPLES]})
    last = environment[f"state {state}"].detach().numpy().astype(float)
    assert found[f"mix.2 {state}"] == pytest.approx(order(last), rel=1e-5)
    alike = coherence(system, [{"text": torch.full((2, 20), 7)}])
    assert alike[f"start {state}"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("name", "state"), [("akorn", "token.x"), ("group_attention", "token.x")])
def test_coherence_of_vectors_and_matrices(name, state):
    system = shipped(name).build(dtype=torch.float32)
    text = torch.randint(256, (3, 20), generator=torch.Generator().manual_seed(2))
    found = coherence(system, [{"text": text}])
    points = system.eval().environment({"text": text})[f"state {state}"].detach().numpy()
    mean = points.mean(1)
    if name == "akorn":
        expected = numpy.sqrt((mean**2).sum(-1)).mean()
    else:
        expected = numpy.linalg.norm(mean, axis=(-2, -1)).mean() / numpy.sqrt(mean.shape[-1])
    last = [key for key in found if key.endswith(state)][-1]
    assert found[last] == pytest.approx(float(expected), rel=1e-5)
    assert all(0 <= value <= 1 + 1e-6 for value in found.values())


def test_looking_leaves_the_module_as_it_was():
    system = shipped("oscillator_attention").build(dtype=torch.float32)
    call, state = system.white.call, torch.get_rng_state()
    inputs = {use.name: torch.randint(2, (2, 8) if use.axes else (2,))
              for use in system.model.inputs}  # fmt: skip
    torch.set_rng_state(state)
    found = coherence(system, [inputs])
    assert found and all(name.endswith(" attend.token.z") for name in found)
    assert (system.training, system.white.call) == (True, call)
    assert torch.equal(torch.get_rng_state(), state)


# ── numbers that are none ──────────────────────────────────────────────────────────────────────


def test_a_gradient_that_is_no_number_names_its_layer(tmp_path):
    """sqrt is 0 at 0, and its slope there is not finite."""
    broken = steady(
        tmp_path,
        ("dim T", "learn zero = 0\ndim T"),
        ("next(text))\n", "next(text)) + sqrt(zero)\n"),
    )
    folder = new_run("small", tmp_path / "run")
    with pytest.raises(NumericalError) as caught:
        train(broken, folder, device="cpu", threads=1)
    (found,) = caught.value.diagnostics
    assert found.code == "E580"
    assert found.message == "the gradient's norm is inf after 0 of 12 steps, first that of zero"
