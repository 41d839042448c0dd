"""The functions of networks against torch.nn modules, plain loops and closed forms."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn

import dynattn
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from dynattn.lower.emit_module import class_name
from dynattn.model.terms import walk
from tests.truths.test_frustrated_synchronization import randomised

HEAD = """
model functions "Functions of networks"
param V = 11, d = 6, n = 3, M = 4
dim T <= 9
input text: token(V)[T]
input frames: real[T, d]
input image: real[d]
input grid: real[M, d]
input verb: class(T)
input label: class(n)
input truth: class(2)
population cell[M] { learn r[d] ~ normal(0, 1) }
"""
SAMPLES, LENGTH = 5, 7


def compiled(body: str, train: str = "") -> Any:
    if train:
        body += f'\ntrain {{ data images("none.npz"); {train}; steps 1 }}'
    return dynattn.Compilation(Source("functions.dyn", HEAD + body))


def data(seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)

    def real(*shape: int) -> torch.Tensor:
        return torch.randn(SAMPLES, *shape, generator=g, dtype=torch.float64)

    def whole(below: int, *shape: int) -> torch.Tensor:
        return torch.randint(below, (SAMPLES, *shape), generator=g)

    return {
        "text": whole(11, LENGTH), "frames": real(LENGTH, 6), "image": real(6),
        "grid": real(4, 6), "verb": whole(LENGTH), "label": whole(3), "truth": whole(2),
    }  # fmt: skip


def built(body: str, train: str = "") -> Any:
    return randomised(compiled(body, train).build(), 2).eval()


def loaded(module: nn.Module, system: Any, names: dict[str, str]) -> nn.Module:
    """The torch module with the system's weights: its own name -> the system's."""
    arrays = dict(system.named_parameters())
    state = {own: arrays[name].detach() for own, name in names.items()}
    module.double().load_state_dict(state)
    return module


# ── learned functions ──────────────────────────────────────────────────────────────────────────


def test_layer_norm_is_that_of_torch() -> None:
    system = built("network { output y = layer_norm(frames) }")
    names = {"weight": "y.layer_norm.weight", "bias": "y.layer_norm.bias"}
    norm = loaded(nn.LayerNorm(6), system, names)
    torch.testing.assert_close(system(**data()), norm(data()["frames"]))


def test_layer_norm_starts_as_no_gain_and_no_bias() -> None:
    system = compiled("network { output y = layer_norm(image) }").build()
    x = data()["image"]
    rows = [(r - r.mean()) / numpy.sqrt(r.var() + 1e-5) for r in x.numpy()]
    numpy.testing.assert_allclose(system(**data()).detach(), rows, rtol=1e-12)


def test_mlp_is_linear_gelu_linear() -> None:
    system = built("network { output y = mlp(frames, hidden=4*d, out=n) }")
    names = {"0.weight": "up.weight", "0.bias": "up.bias", "2.weight": "down.weight",
             "2.bias": "down.bias"}  # fmt: skip
    names = {own: f"y.mlp.{name}" for own, name in names.items()}
    module = nn.Sequential(nn.Linear(6, 24), nn.GELU(), nn.Linear(24, 3))
    expected = loaded(module, system, names)(data()["frames"])
    torch.testing.assert_close(system(**data()), expected)


def test_two_functions_of_a_statement_have_weights_of_their_own() -> None:
    system = built("network { output y = layer_norm(mlp(layer_norm(image), hidden=2, out=d)) }")
    names = {name for name, _ in system.named_parameters()} - {"cell.r"}
    assert {"y.layer_norm.weight", "y.layer_norm_2.weight"} <= names and len(names) == 8


# ── dropout ────────────────────────────────────────────────────────────────────────────────────


def test_dropout_acts_in_training_alone_and_keeps_the_mean() -> None:
    system = built("network { output y = dropout(frames, 0.25) }")
    inputs = {"frames": torch.ones(1200, 9, 6, dtype=torch.float64)}
    assert torch.equal(system(**inputs), inputs["frames"])
    torch.manual_seed(1)
    found = system.train()(**inputs)
    torch.manual_seed(1)
    assert torch.equal(system(**inputs), found)
    assert set(found.unique().tolist()) == {0.0, 1 / 0.75}
    share = float((found == 0).double().mean())
    assert share == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / found.numel()))


def test_mlp_drops_after_the_activation_and_at_the_end() -> None:
    """With half of it dropped, about a half of what comes out is 0, and the rest varies."""
    system = built("network { output y = mlp(image, hidden=8, out=50, dropout=0.5) }").train()
    torch.manual_seed(0)
    found = torch.stack([system(**data())[0] for _ in range(200)])
    assert float((found == 0).double().mean()) == pytest.approx(0.5, abs=0.03)
    kept = [column[column != 0] for column in found.T]
    assert all(float(column.detach().std()) > 0 for column in kept)


# ── places ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [6, 5])
def test_sinusoidal_in_plain_loops(width: int) -> None:
    system = built(f"network {{ x = sinusoidal(T, {width}); output y = x }}")
    expected = numpy.empty((LENGTH, width))
    for place in range(LENGTH):
        for k in range(width):
            angle = place / 10000 ** (2 * (k // 2) / width)
            expected[place, k] = math.cos(angle) if k % 2 else math.sin(angle)
    found = system(**data()).detach().numpy()
    numpy.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_node_is_picked_per_sample() -> None:
    system = built("network { output y = frames[verb] }")
    given = data()
    rows = [given["frames"][k, int(v)] for k, v in enumerate(given["verb"])]
    assert torch.equal(system(**given), torch.stack(rows))
    shared = {**given, "frames": given["frames"][0]}
    rows = [given["frames"][0, int(v)] for v in given["verb"]]
    assert torch.equal(system(**shared), torch.stack(rows))


def test_flatten_goes_node_by_node_and_mean_runs_over_the_places() -> None:
    system = built("network { output y = [flatten(grid), mean(frames)] }")
    given = data()
    expected = [
        numpy.concatenate([given["grid"][k].reshape(-1), given["frames"][k].mean(0)])
        for k in range(SAMPLES)
    ]
    numpy.testing.assert_allclose(system(**given).detach(), expected, rtol=1e-12)


def test_an_input_runs_along_the_population_of_its_size() -> None:
    """``grid: real[M, d]`` has a value at each of the M cells: it adds to their own."""
    system = built("network { output y = mean(grid + r) }")
    expected = (data()["grid"] + system.get_parameter("cell.r")).mean(1)
    torch.testing.assert_close(system(**data()), expected)


# ── losses ─────────────────────────────────────────────────────────────────────────────────────

LOSSES = {
    "cross_entropy(a, label)": lambda o, i: nn.functional.cross_entropy(o["a"], i["label"]),
    "cross_entropy(w, next(text))": lambda o, i: nn.functional.cross_entropy(
        o["w"][:, :-1].reshape(-1, 11), i["text"][:, 1:].reshape(-1)
    ),
    "binary_cross_entropy(s, truth)": lambda o, i: nn.functional.binary_cross_entropy_with_logits(
        o["s"][:, 0], i["truth"].double()
    ),
    "accuracy(a, label)": lambda o, i: (o["a"].argmax(1) == i["label"]).double().mean(),
    "accuracy(w, next(text))": lambda o, i: (
        (o["w"][:, :-1].argmax(-1) == i["text"][:, 1:]).double().mean()
    ),
    "accuracy(s, truth)": lambda o, i: ((o["s"][:, 0] > 0) == (i["truth"] == 1)).double().mean(),
    "mean((a - 1)^2)": lambda o, i: ((o["a"] - 1) ** 2).mean(),
    "(w - 2)^2": lambda o, i: ((o["w"] - 2) ** 2).mean(),
    "sqrt(mean(w^2))": lambda o, i: (o["w"] ** 2).mean().sqrt(),
    "exp(cross_entropy(a, label))": lambda o, i: nn.functional.cross_entropy(
        o["a"], i["label"]
    ).exp(),
}
OUTPUTS = """
network {
  output a = linear(image, n)
  output w = linear(embed(text, d), V)
  output s = linear(frames[verb], 1)
}
"""


def test_losses_and_measures_in_plain_torch() -> None:
    train = f"loss {next(iter(LOSSES))}; record {', '.join(LOSSES)}"
    system = built(OUTPUTS, train)
    outputs, given = system(**data()), data()
    found = system.loss(**given)
    for label, rule in LOSSES.items():
        torch.testing.assert_close(found[label], rule(outputs, given), msg=label)
    torch.testing.assert_close(found["loss"], found["cross_entropy(a, label)"])
    assert 0 < float(found["accuracy(a, label)"]) < 1


def test_a_mean_of_a_mean_is_no_new_operation() -> None:
    training = compiled(OUTPUTS, "loss mean((a - 1)^2)").model.training
    assert training is not None and training.loss.op == "average"
    assert [item.op for item in walk(training.loss)].count("average") == 1


# ── all of it together ─────────────────────────────────────────────────────────────────────────

WHOLE = """
layer feed(x: real[T, d]) { output x + mlp(layer_norm(x), hidden=2*d, out=d, dropout=0.1) }
network {
  x = dropout(embed(text, d) + sinusoidal(T, d), 0.1) + linear(frames, d)
  repeat 2 { x = feed(x); x = x + linear(mean(x), d) + tanh(linear(image, d)) }
  z = linear(flatten(grid), d)
  output y = linear([layer_norm(x)[verb], z], 1)
}
"""


def test_certified() -> None:
    train = "loss binary_cross_entropy(y, truth); record accuracy(y, truth), mean(y^2)"
    certificate = certify(compiled(WHOLE, train))
    assert certificate.passed
    assert {item.check for item in certificate.differences} >= {"batch", "jacobian", "gradient"}
    sequence = "network { output w = linear(layer_norm(embed(text, d)), V) }"
    train = "loss cross_entropy(w, next(text)); record accuracy(w, next(text)), (w - 1)^2"
    assert certify(compiled(sequence, train)).passed


def test_the_emitted_file_agrees(tmp_path: Path) -> None:
    spec = compiled(WHOLE, "loss binary_cross_entropy(y, truth); record accuracy(y, truth)")
    path = tmp_path / "model.py"
    emit_files(path, spec.model, spec.network, spec.program)
    place = importlib.util.spec_from_file_location("emitted", path)
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    emitted, system = getattr(module, class_name("functions"))().eval(), spec.build().eval()
    given = data()
    read = {k: v for k, v in given.items() if k not in ("label", "truth")}
    torch.testing.assert_close(emitted(**read), system(**given), rtol=1e-13, atol=0.0)
    for label, value in emitted.loss(**given).items():
        torch.testing.assert_close(value, system.loss(**given)[label], rtol=1e-13, atol=0.0)
    torch.manual_seed(3)
    dropped = emitted.train()(**read)
    torch.manual_seed(3)
    torch.testing.assert_close(dropped, system.train()(**given), rtol=1e-13, atol=0.0)
