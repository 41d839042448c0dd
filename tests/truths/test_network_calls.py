"""Variables, layers with arguments and repeats of a network, against plain numpy loops."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import dynattn
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit_files
from tests.truths.test_frustrated_synchronization import randomised

HEAD = """
model calls "Layers as functions"
param d = 6, n = 5, classes = 3, weights = 2, cycles = 3, gain = 0.7
input image: real[d]
"""
REUSED = """
layer pass(h: real[n]) { output tanh(linear(h, n)) }
network {
  h = tanh(linear(image, n))
  repeat cycles TIED { repeat weights { h = pass(h) } }
  output logits = linear(h, classes)
}
"""
NESTED = """
layer pass(h: real[n], b: real[n]) {
  param s[n] = 2
  output s * tanh(linear(h, n)) + gain * b
}
layer twice(h: real[n]) { let once = pass(h, h); output once + pass(h, b=once) }
network {
  h = linear(image, n)
  repeat 2 { h = pass(h, linear(h, n)); h = twice(pass(2*h, h)); h = sin(linear(h, n)) }
  h = h + twice(twice(h))
  output logits = linear(h, classes)
}
"""


def compiled(text: str, **options: Any) -> Any:
    return dynattn.Compilation(Source("calls.dyn", HEAD + text), options)


def arrays(system: Any) -> dict[str, numpy.ndarray]:
    return {name: value.detach().numpy() for name, value in system.named_parameters()}


def affine(found: dict[str, numpy.ndarray], name: str, x: Any) -> Any:
    return found[f"{name}.weight"] @ x + found[f"{name}.bias"]


@pytest.mark.parametrize("tied", [True, False])
def test_the_weight_sets_are_cycled(tied: bool) -> None:
    """0, 1, .., L_W - 1, 0, 1, ..: the same copies in each cycle where it is tied."""
    spec = compiled(REUSED.replace("TIED", "tied" if tied else ""))
    system = randomised(spec.build(), 3)
    found, image = arrays(system), numpy.random.default_rng(0).standard_normal(6)
    h = numpy.tanh(affine(found, "h.linear", image))
    for t in range(6):
        h = numpy.tanh(affine(found, f"pass.{t % 2 if tied else t}.linear", h))
    expected = affine(found, "logits.linear", h)
    numpy.testing.assert_allclose(system(torch.from_numpy(image)).detach(), expected, rtol=1e-12)
    sets = 2 if tied else 6
    count = sets * 5 * (5 + 1) + 5 * 6 + 5 + 3 * 5 + 3
    assert sum(value.size for value in found.values()) == count


def test_the_gradient_of_shared_weights_is_the_sum_over_their_uses() -> None:
    shared = randomised(compiled(REUSED.replace("TIED", "tied")).build(), 4)
    apart = compiled(REUSED.replace("TIED", "")).build()
    names = dict(shared.named_parameters())
    with torch.no_grad():
        for name, value in apart.named_parameters():
            layer, _, rest = name.partition(".")
            copy, _, inside = rest.partition(".")
            own = f"pass.{int(copy) % 2}.{inside}" if layer == "pass" else name
            value.copy_(names[own])
    image = torch.linspace(-1, 1, 6, dtype=torch.float64)
    for system in (shared, apart):
        system(image).square().sum().backward()
    copies = dict(apart.named_parameters())
    for k in range(2):
        whole = sum(copies[f"pass.{t}.linear.weight"].grad for t in range(k, 6, 2))
        torch.testing.assert_close(names[f"pass.{k}.linear.weight"].grad, whole)


def reference_of_nested(found: dict[str, numpy.ndarray], image: Any) -> Any:
    def passed(prefix: str, h: Any, b: Any) -> Any:
        return 2 * numpy.tanh(affine(found, f"{prefix}.linear", h)) + 0.7 * b

    def twice(copy: int, h: Any) -> Any:
        once = passed(f"twice.{copy}.once.pass", h, h)
        return once + passed(f"twice.{copy}.pass", h, once)

    h = affine(found, "h.linear", image)
    for k in range(2):
        h = passed(f"pass.{2 * k}", h, affine(found, f"h_2_pass.{k}.linear", h))
        h = twice(k, passed(f"pass.{2 * k + 1}", 2 * h, h))
        h = numpy.sin(affine(found, f"h_2.{k}.linear", h))
    h = h + twice(3, twice(2, h))
    return affine(found, "logits.linear", h)


def test_calls_inside_calls_and_layers_inside_layers() -> None:
    spec = compiled(NESTED)
    system = randomised(spec.build(), 5)
    image = numpy.random.default_rng(1).standard_normal((4, 6))
    found = system(torch.from_numpy(image)).detach().numpy()
    expected = [reference_of_nested(arrays(system), row) for row in image]
    numpy.testing.assert_allclose(found, expected, rtol=1e-11)


def test_every_array_has_a_use() -> None:
    """The layer that is only part of another has no weights of its own."""
    system = compiled(NESTED).build()
    system(torch.ones(6, dtype=torch.float64)).sum().backward()
    assert all(value.grad is not None for value in system.parameters())
    assert sum(name.endswith("linear.bias") for name, _ in system.named_parameters()) == 18


@pytest.mark.parametrize("text", [REUSED.replace("TIED", "tied"), NESTED])
def test_certified(text: str) -> None:
    certificate = certify(compiled(text))
    assert certificate.passed
    assert {item.check for item in certificate.differences} >= {"batch", "jacobian"}


@pytest.mark.parametrize("text", [REUSED.replace("TIED", "tied"), NESTED])
def test_the_emitted_file_agrees(text: str, tmp_path: Path) -> None:
    """A layer may be called pass, which is a word of Python."""
    spec = compiled(text)
    path = tmp_path / "model.py"
    emit_files(path, spec.model, spec.network, spec.program)
    place = importlib.util.spec_from_file_location("emitted", path)
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    image = torch.linspace(-1, 1, 12, dtype=torch.float64).view(2, 6)
    emitted, system = module.Calls(), spec.build()
    assert emitted.state_dict().keys() == system.state_dict().keys()
    torch.testing.assert_close(emitted(image), system(image), rtol=1e-13, atol=0.0)


def test_a_layer_in_another_may_stand_below_it() -> None:
    text = """
layer outer(h: real[n]) { output nested(h) + nested(h) }
layer nested(h: real[n]) { output linear(h, n) }
network { output y = outer(linear(image, n)) }
"""
    names = {name for name, _ in compiled(text).build().named_parameters()}
    assert "outer.0.nested.linear.weight" in names and "outer.0.nested_2.linear.weight" in names
    assert not any(name.startswith("nested") for name in names)


def test_a_switch_reaches_into_layers_and_arguments() -> None:
    text = """
param on = 1 in 0 .. 1
layer f(h: real[n], k: real[n]) { output on * tanh(h) + (1 - on) * linear(h, n) + k }
network { output y = f(linear(image, n), on * sin(linear(image, n))) }
"""
    with_switch = compiled(text, on=0).build()
    image = torch.linspace(-1, 1, 6, dtype=torch.float64)
    found = arrays(with_switch)
    first = affine(found, "y_f.linear", image.numpy())
    expected = affine(found, "f.0.linear", first)
    numpy.testing.assert_allclose(with_switch(image).detach(), expected, rtol=1e-12)
    assert "f.0.linear.weight" not in arrays(compiled(text).build())
    assert certify(compiled(text, on=0)).passed


def test_a_number_becomes_an_array_where_a_variable_holds_it() -> None:
    text = """
param on = 0 in 0 .. 1
network { h = 3; x = on * image + h; output y = sum_of(x) }
layer sum_of(x: real[d]) { output dot(x, x) }
"""
    system = compiled(text).build()
    assert float(system(torch.ones(6, dtype=torch.float64))) == pytest.approx(6 * 9)


@pytest.mark.parametrize("out", [4, 9])
def test_a_weight_may_start_as_a_multiple_of_an_orthogonal_matrix(out: int) -> None:
    text = f"network {{ output y = linear(image, {out}, init=orthogonal(1.1)) }}"
    weight = arrays(compiled(text).build())["y.linear.weight"]
    product = weight @ weight.T if out < 6 else weight.T @ weight
    numpy.testing.assert_allclose(product, 1.1**2 * numpy.eye(min(out, 6)), atol=1e-12)
    again = arrays(compiled(text).build(seed=1))["y.linear.weight"]
    assert not numpy.allclose(weight, again)
